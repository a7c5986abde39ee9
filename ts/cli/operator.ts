import { Command, Option } from "commander";
import type { Address } from "viem";
import { HoldfastError } from "../errors.ts";
import { operatorConfig } from "../operator/config.ts";
import { OperatorService } from "../operator/run.ts";
import { register } from "../sdk/actions/register.ts";
import { reportLossSync } from "../sdk/actions/reportLoss.ts";
import { epochOf, roundAt } from "../sdk/clock.ts";
import { MAX_CAPACITY } from "../sdk/constants.ts";
import { Holdings, Operators } from "../sdk/contracts.ts";
import { pay } from "../sdk/pay.ts";
import { read } from "../sdk/read.ts";
import { loadConfig } from "../service/config.ts";
import { createLogger, LOG_LEVELS } from "../service/log.ts";
import { runService } from "../service/service.ts";
import { lastEpochOf, type ProtocolState } from "../service/state.ts";
import { type ChainOptions, flagsOf, openChain, openWallet, readState, withChain, withKey } from "./chain.ts";
import { addressOption, amount, endpointOption, integer } from "./options.ts";
import { percent, plainTable, print } from "./output.ts";
import { ownerCommands } from "./owner.ts";

interface RunOptions extends ChainOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly listen?: string;
  readonly endpoint?: string;
  readonly capacityChunks?: number;
  readonly operatorId?: number;
  readonly localSources?: true;
  readonly price?: bigint;
  readonly payments: boolean;
  readonly statusPort?: number;
  readonly register?: true;
  readonly newVolume?: true;
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

interface RegisterOptions extends ChainOptions {
  readonly capacityChunks: number;
  readonly endpoint: string;
  readonly payout?: Address;
  readonly prover?: Address;
}

/** `holdfast operator …`: the agent, and what its owner does by hand. */
export function operatorCommand(): Command {
  const running = withKey(new Command("run"))
    .description("run an operator's agent until it is stopped")
    .option("--config <file>", "its configuration, JSON; options and HOLDFAST_… variables go over it")
    .option("--data-dir <folder>", "where its contents and its store are")
    .option("--listen <ip:port>", "where peers are served (default: 0.0.0.0:6881)")
    .option("--endpoint <host:port>", "where peers and keepers find it, for --register (default: where it listens)")
    .option("--capacity-chunks <n>", "chunks of 8 MiB offered, for --register", integer(1, MAX_CAPACITY))
    .option("--operator-id <n>", "which of the key's operators, if it has several", integer(1, 2 ** 32 - 1))
    .option("--local-sources", "contents may come from files of this machine and private addresses")
    .option("--price <amount>", "what peers pay for a MiB, of the asset (default: the reference price)", amount)
    .option("--no-payments", "serve all peers for free")
    .option("--status-port <n>", "of /health, /ready and /metrics; 0 serves none (default: 0)", integer(0, 65_535))
    .option("--register", "register an operator for the key, if it has none: this stakes its capacity")
    .option("--new-volume", "its data folder is another one from now on: what it held is to be fetched again")
    .addOption(new Option("--log-level <level>", "what is logged").choices([...LOG_LEVELS]).default("info"))
    .action((_, command: Command) => run(command.optsWithGlobals()));
  const registering = withKey(new Command("register"))
    .description("register an operator, with a stake for the capacity it offers")
    .requiredOption("--capacity-chunks <n>", "chunks of 8 MiB offered", integer(1, MAX_CAPACITY))
    .requiredOption("--endpoint <host:port>", "where peers and keepers find it", endpointOption)
    .option("--payout <address>", "receives rewards (default: the key's address)", addressOption)
    .option("--prover <address>", "the key that proves every day (default: the key itself)", addressOption)
    .action((_, command: Command) => registerOperator(command.optsWithGlobals()));
  const showing = withChain(new Command("status"))
    .description("an operator's standing, and what it holds")
    .argument("<operator>", "its number", integer(1, 2 ** 32 - 1))
    .action((operatorId: number, _, command: Command) => status(operatorId, command.optsWithGlobals()));
  const losing = withKey(new Command("report-loss"))
    .description(
      "give up a slot whose data cannot be had again: half of what a failed audit of it would cost is slashed",
    )
    .argument("<order>", "its order", integer(1, 2 ** 40 - 1))
    .argument("<replica>", "its replica", integer(0, 15))
    .action((orderId: number, replica: number, _, command: Command) =>
      reportLoss(orderId, replica, command.optsWithGlobals()),
    );
  const operator = new Command("operator").description("hold contents, prove them, and be paid");
  for (const command of [running, registering, showing, losing, ...ownerCommands()]) operator.addCommand(command);
  return operator;
}

async function run(options: RunOptions): Promise<void> {
  const { config: file, dataDir, listen, endpoint, capacityChunks, operatorId, localSources, statusPort } = options;
  const retrieval = {
    ...(options.price !== undefined && { pricePerMiB: `${options.price} wei` }),
    ...(!options.payments && { enabled: false }),
  };
  const flags = { dataDir, listen, endpoint, capacityChunks, operatorId, localSources, statusPort, retrieval };
  const given = { ...flagsOf(options), ...flags };
  const config = await loadConfig(operatorConfig, { flags: given, ...(file !== undefined && { file }) });
  const log = createLogger({ name: "operator", level: options.logLevel });
  const service = { log, statusPort: config.statusPort };
  process.exitCode = await runService(service, async ({ registry, health, signal, waitFor }) => {
    const ready = waitFor("the chain and the library");
    const operator = await OperatorService.start(config, {
      log,
      registry,
      health,
      signal,
      register: options.register ?? false,
      newVolume: options.newVolume ?? false,
    });
    ready();
    await operator.finished.finally(() => operator.stop());
  });
}

async function registerOperator(options: RegisterOptions): Promise<void> {
  const { capacityChunks, endpoint } = options;
  const { deployment, wallet } = await openWallet(options);
  const { payout = wallet.account.address, prover = wallet.account.address } = options;
  const terms = { capacityChunks, endpoint, payout, prover };
  const { operatorId } = await pay(wallet, register, { deployment, ...terms });
  print(
    options,
    { operatorId, ...terms },
    `registered operator ${operatorId}: ${capacityChunks} chunks at ${endpoint}`,
  );
}

async function reportLoss(orderId: number, replica: number, options: ChainOptions): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  await reportLossSync(wallet, { deployment, orderId, replica });
  print(options, { orderId, replica }, `replica ${replica} of order ${orderId} is reported lost`);
}

async function status(operatorId: number, options: ChainOptions): Promise<void> {
  const { deployment, client } = await openChain(options);
  const { state, now } = await readState(client, deployment);
  const operator = state.operators.get(operatorId);
  if (operator === undefined) throw new HoldfastError(`there is no operator ${operatorId}`);
  const round = roundAt(deployment, now);
  const [[chunks, stake], badInARow] = await Promise.all([
    read(client, deployment, Operators, "reservedNow", [operatorId]),
    read(client, deployment, Holdings, "badInARow", [operatorId]),
  ]);
  const slots = state.slotsOf(operatorId, round).map(({ order, replica, liveFrom }) => ({
    order: order.id,
    replica,
    content: order.contentId,
    chunks: order.chunks,
    lastEpoch: lastEpochOf(order),
    liveFrom,
  }));
  const { proven, settled, weighed, paid, payouts, ...standing } = operator;
  const earned = [...payouts].map((payout) => ({ payout, ...earningsOf(state, payout) }));
  const facts = {
    ...standing,
    round,
    epoch: epochOf(round),
    provenThisRound: proven.has(round),
    badInARow,
    reserved: { chunks, stake },
    settled: [...settled],
    paid: [...paid],
    slots,
    retrieval: earned,
  };
  const table = plainTable(["order", "replica", "content", "chunks", "to epoch", "live from round"]);
  for (const { order, replica, content, chunks, lastEpoch, liveFrom } of slots) {
    table.push([order, replica, content, chunks, lastEpoch, liveFrom ?? "reserved"]);
  }
  const text = [
    `operator ${operatorId} at ${operator.endpoint}: reputation ${percent(operator.reputation)}, reliability ${percent(operator.reliability)}`,
    `${chunks} of ${operator.capacityChunks} chunks reserved; stake ${operator.stake} asset wei, ${stake} of it reserved`,
    `round ${round} ${proven.has(round) ? "proven" : "not proven (yet)"}; ${badInARow} bad rounds in a row`,
    ...earned.map(
      ({ payout, credited, collectable }) =>
        `peers paid ${credited} asset wei to ${payout}, ${collectable} of it to be collected`,
    ),
    table.toString(),
  ];
  print(options, facts, text.join("\n"));
}

function earningsOf({ earnings }: ProtocolState, payout: Address) {
  const { credited, collected } = earnings.get(payout) ?? { credited: 0n, collected: 0n };
  return { credited, collected, collectable: credited - collected };
}
