import { Command } from "commander";
import type { Address } from "viem";
import { HoldfastError } from "../errors.ts";
import { cancelOpenSync } from "../sdk/actions/cancelOpen.ts";
import { openAudit } from "../sdk/actions/openAudit.ts";
import { withdrawOrderSync } from "../sdk/actions/withdrawOrder.ts";
import { epochOf, roundAt } from "../sdk/clock.ts";
import { Audits, Market, Operators } from "../sdk/contracts.ts";
import { placeOrder } from "../sdk/flows/placeOrder.ts";
import { pay } from "../sdk/pay.ts";
import { read } from "../sdk/read.ts";
import { lastEpochOf, lastRoundOf, type OrderState, type ProtocolState } from "../service/state.ts";
import { type ChainOptions, openChain, openWallet, readState, withChain, withKey } from "./chain.ts";
import { addressOption, collect, integer } from "./options.ts";
import { plainTable, print } from "./output.ts";

interface OpenOptions extends ChainOptions {
  readonly replicas: number;
  readonly epochs: number;
  readonly start?: number;
  readonly minReputation: number;
  readonly minReliability: number;
  readonly renew?: number;
  readonly operator: readonly string[];
}

/** `holdfast order …`. */
export function orderCommand(): Command {
  const opening = withKey(new Command("open"))
    .description("pay for holding a content in several copies")
    .argument("<content>", "the content's number", integer(1, 2 ** 32 - 1))
    .option("--replicas <n>", "copies, each by another operator", integer(1, 16), 3)
    .option("--epochs <n>", "how long", integer(1, 12), 1)
    .option("--start <epoch>", "the epoch under way (default) or the next", integer(1, 2 ** 24 - 1))
    .option("--min-reputation <percent>", "of operators that may accept", integer(0, 100), 0)
    .option("--min-reliability <percent>", "of operators that may accept", integer(0, 100), 0)
    .option("--renew <order>", "an order of the same content that this one continues", integer(1, 2 ** 40 - 1))
    .option("--operator <number>", "only these operators may accept; may be repeated", collect, [])
    .action((contentId: number, _, command: Command) => open(contentId, command.optsWithGlobals()));
  const showing = withChain(new Command("show"))
    .description("one order and who holds it")
    .argument("<order>", "its number", integer(1, 2 ** 40 - 1))
    .action((orderId: number, _, command: Command) => show(orderId, command.optsWithGlobals()));
  const listing = withChain(new Command("list"))
    .description("orders that are not over")
    .option("--all", "those that are, too")
    .action((_, command: Command) => list(command.optsWithGlobals()));
  const cancelling = withKey(new Command("cancel"))
    .description("give up replicas that nobody holds: what they would have cost can be withdrawn")
    .argument("<order>", "its number", integer(1, 2 ** 40 - 1))
    .argument("<replica...>", "their numbers")
    .action((orderId: number, replicas: string[], _, command: Command) =>
      cancel(orderId, replicas.map(integer(0, 15)), command.optsWithGlobals()),
    );
  const withdrawing = withKey(new Command("withdraw"))
    .description("take back what an order cannot cost any more")
    .argument("<order>", "its number", integer(1, 2 ** 40 - 1))
    .option("--to <address>", "receives it (default: the uploader)", addressOption)
    .action((orderId: number, _, command: Command) => withdraw(orderId, command.optsWithGlobals()));
  const auditing = withKey(new Command("audit"))
    .description("pay to have a holder prove five words of its replica in the next round, or lose the slot")
    .argument("<order>", "its number", integer(1, 2 ** 40 - 1))
    .argument("<replica>", "which one", integer(0, 15))
    .action((orderId: number, replica: number, _, command: Command) =>
      audit(orderId, replica, command.optsWithGlobals()),
    );
  const order = new Command("order").description("orders to hold a content");
  for (const command of [opening, showing, listing, cancelling, withdrawing, auditing]) order.addCommand(command);
  return order;
}

async function open(contentId: number, options: OpenOptions): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const { replicas, epochs, minReputation, minReliability, renew: incumbentOrder = 0 } = options;
  const startEpoch = options.start ?? (await read(wallet, deployment, Market, "currentEpoch", []));
  const terms = { contentId, replicas, epochs, startEpoch, minReputation, minReliability, incumbentOrder };
  const designated = options.operator.map(integer(1, 2 ** 32 - 1));
  const stranger = Math.max(0, ...designated);
  if (stranger > (await read(wallet, deployment, Operators, "count", [])))
    throw new HoldfastError(`there is no operator ${stranger}`, {
      hint: "they are numbered from 1, in the order they registered",
    });
  const { orderId } = await placeOrder(wallet, { deployment, ...terms, designated });
  print(
    options,
    { orderId, ...terms, designated },
    `opened order ${orderId}: content ${contentId}, ${replicas} copies, epochs ${startEpoch} to ${startEpoch + epochs - 1}`,
  );
}

async function show(orderId: number, options: ChainOptions): Promise<void> {
  const { deployment, client } = await openChain(options);
  const { state, now } = await readState(client, deployment);
  const order = state.orders.get(orderId);
  if (order === undefined)
    throw new HoldfastError(`there is no order ${orderId}`, { hint: "holdfast order list shows those there are" });
  const facts = describe(state, order, roundAt(deployment, now));
  const withdrawable = await read(client, deployment, Market, "withdrawable", [orderId]);
  const text = [
    `order ${orderId}: content ${order.contentId} (${facts.name}), ${order.chunks} chunks, epochs ${order.startEpoch} to ${facts.lastEpoch}`,
    `fee ${order.feePerChunkRound} asset wei per chunk and round; ${withdrawable} asset wei can be withdrawn`,
    ...facts.replicas.map(
      ({ replica, operator, status }) =>
        `replica ${replica}: ${status}${operator === undefined ? "" : `, operator ${operator}`}`,
    ),
  ];
  print(options, { ...facts, withdrawable }, text.join("\n"));
}

async function cancel(orderId: number, replicas: readonly number[], options: ChainOptions): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  await cancelOpenSync(wallet, { deployment, orderId, replicas });
  const withdrawable = await read(wallet, deployment, Market, "withdrawable", [orderId]);
  const text = `order ${orderId}: cancelled ${replicas.join(", ")}; ${withdrawable} asset wei can be withdrawn`;
  print(options, { orderId, replicas, withdrawable }, text);
}

async function withdraw(orderId: number, options: ChainOptions & { readonly to?: Address }): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const { to = wallet.account.address } = options;
  const { amount } = await withdrawOrderSync(wallet, { deployment, orderId, to });
  print(options, { orderId, to, amount }, `${amount} asset wei of order ${orderId} sent to ${to}`);
}

async function audit(orderId: number, replica: number, options: ChainOptions): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const maxFee = await read(wallet, deployment, Audits, "auditFee", []);
  const { due, fee } = await pay(wallet, openAudit, { deployment, orderId, replica, maxFee });
  print(
    options,
    { orderId, replica, fee, due },
    `replica ${replica} of order ${orderId} is to be shown in round ${due}, for ${fee} asset wei`,
  );
}

async function list(options: ChainOptions & { readonly all?: boolean }): Promise<void> {
  const { deployment, client } = await openChain(options);
  const { state, now } = await readState(client, deployment);
  const round = roundAt(deployment, now);
  const orders = [...state.orders.values()]
    .filter((order) => options.all || lastRoundOf(order) >= round)
    .map((order) => describe(state, order, round));
  const table = plainTable(["order", "content", "name", "chunks", "epochs", "live", "reserved", "open"]);
  for (const { id, contentId, name, chunks, startEpoch, lastEpoch, replicas } of orders) {
    const count = (status: string) => replicas.filter((replica) => replica.status === status).length;
    table.push([
      id,
      contentId,
      name.slice(0, 40),
      chunks,
      `${startEpoch}-${lastEpoch}`,
      count("live"),
      count("reserved"),
      count("open"),
    ]);
  }
  print(options, { round, epoch: epochOf(round), orders }, table.toString());
}

type Status = "live" | "reserved" | "open" | "cancelled" | "over";

function describe(state: ProtocolState, order: OrderState, round: number) {
  const status = (replica: number): Status => {
    const slot = order.slots[replica];
    if (order.cancelled.has(replica)) return "cancelled";
    if (lastRoundOf(order) < round) return "over";
    return slot === undefined ? "open" : slot.liveFrom === undefined ? "reserved" : "live";
  };
  const { slots, cancelled, barred, ...terms } = order;
  return {
    ...terms,
    name: state.contents.get(order.contentId)?.manifest.name ?? "",
    lastEpoch: lastEpochOf(order),
    replicas: slots.map((slot, replica) => ({
      replica,
      status: status(replica),
      operator: slot?.operatorId,
      liveFrom: slot?.liveFrom,
    })),
  };
}
