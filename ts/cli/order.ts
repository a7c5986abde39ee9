import Table from "cli-table3";
import { Command } from "commander";
import { HoldfastError } from "../errors.ts";
import { openOrder } from "../sdk/actions.ts";
import { read } from "../sdk/call.ts";
import { epochOf, roundAt } from "../sdk/clock.ts";
import { lastEpochOf, lastRoundOf, type OrderState, type ProtocolState } from "../sdk/state.ts";
import { type ChainOptions, openChain, openWallet, print, readState, withChain, withKey } from "./chain.ts";
import { collect, integer } from "./options.ts";

interface OpenOptions extends ChainOptions {
  readonly replicas: number;
  readonly epochs: number;
  readonly start?: number;
  readonly minReputation: number;
  readonly minReliability: number;
  readonly renew: number;
  readonly operator: readonly string[];
}

/** `holdfast order open|show|list`. */
export function orderCommand(): Command {
  const opening = withKey(new Command("open"))
    .description("pay for holding a content in several copies")
    .argument("<content>", "the content's number", integer(1, 2 ** 32 - 1))
    .option("--replicas <n>", "copies, each by another operator", integer(1, 16), 3)
    .option("--epochs <n>", "how long", integer(1, 12), 1)
    .option("--start <epoch>", "the epoch under way (default) or the next", integer(1, 2 ** 24 - 1))
    .option("--min-reputation <percent>", "of operators that may accept", integer(0, 100), 0)
    .option("--min-reliability <percent>", "of operators that may accept", integer(0, 100), 0)
    .option("--renew <order>", "an order of the same content that this one continues", integer(0, 2 ** 40 - 1), 0)
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
  return new Command("order")
    .description("open and look at orders to hold a content")
    .addCommand(opening)
    .addCommand(showing)
    .addCommand(listing);
}

async function open(contentId: number, options: OpenOptions): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const { replicas, epochs, minReputation, minReliability, renew: incumbentOrder } = options;
  const startEpoch = options.start ?? (await read(wallet, deployment, "Market", "currentEpoch", []));
  const terms = { contentId, replicas, epochs, startEpoch, minReputation, minReliability, incumbentOrder };
  const designated = options.operator.map(integer(1, 2 ** 32 - 1));
  const orderId = await openOrder(wallet, deployment, { ...terms, designated });
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
  const withdrawable = await read(client, deployment, "Market", "withdrawable", [orderId]);
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

async function list(options: ChainOptions & { readonly all?: boolean }): Promise<void> {
  const { deployment, client } = await openChain(options);
  const { state, now } = await readState(client, deployment);
  const round = roundAt(deployment, now);
  const orders = [...state.orders.values()]
    .filter((order) => options.all || lastRoundOf(order) >= round)
    .map((order) => describe(state, order, round));
  const table = new Table({
    head: ["order", "content", "name", "chunks", "epochs", "live", "reserved", "open"],
    style: { head: [], border: [] },
  });
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
