import { Command } from "commander";
import { epochOf, indexOf, middleOf, ROUNDS, roundAt, startOf } from "../sdk/clock.ts";
import { Oracle } from "../sdk/contracts.ts";
import { gradeOf } from "../sdk/grade.ts";
import { read } from "../sdk/read.ts";
import type { ProtocolState } from "../service/state.ts";
import { type ChainOptions, openChain, readState, withChain } from "./chain.ts";
import { percent, plainTable, print } from "./output.ts";

/** An operator, as `holdfast status` tells of it. */
export interface OperatorStatus {
  readonly operator: number;
  readonly endpoint: string;
  /** WAD. */
  readonly reputation: bigint;
  /** WAD. */
  readonly reliability: bigint;
  readonly grade: string;
  /** Chunks of 8 MiB live now, and offered. */
  readonly chunks: number;
  readonly capacityChunks: number;
  /** Slots accepted and not activated yet. */
  readonly reserved: number;
  /** Asset wei. */
  readonly stake: bigint;
  /** Of the round under way; "idle" when nothing is due of it. */
  readonly round: "proven" | "due" | "void" | "idle";
  /** When what is due is too late, in Unix seconds; null when nothing is due. */
  readonly deadline: number | null;
  readonly auditsOpen: number;
  readonly state: "active" | "leaving" | "ejected";
}

/** `holdfast status`: the network at a glance. */
export function statusCommand(): Command {
  return withChain(new Command("status"))
    .description("the network: where its clock stands, and every operator's standing and next deadline")
    .action((_, command: Command) => status(command.optsWithGlobals()));
}

async function status(options: ChainOptions): Promise<void> {
  const { deployment, client } = await openChain(options);
  const { state, now } = await readState(client, deployment);
  if (now < deployment.genesis) {
    const starts = timeOf(deployment.genesis);
    return print(options, { genesis: deployment.genesis, operators: [] }, `the first round starts at ${starts}`);
  }
  const round = roundAt(deployment, now);
  const epoch = epochOf(round);
  const keepers = await read(client, deployment, Oracle, "committee", [epoch]);
  const seed = state.seeds.has(round) ? "seeded" : now < middleOf(deployment, round) ? "waiting for its seed" : "void";
  const end = startOf(deployment, round + 1);
  const clock = { round, epoch, roundOfEpoch: indexOf(round), seed, roundEnds: end };
  const operators = operatorsOf(state, round, { seed, end });
  const counts = {
    contents: state.contents.size,
    orders: state.orders.size,
    openReplicas: openReplicas(state, epoch),
    keepers,
  };
  const text = [
    `epoch ${epoch}, round ${indexOf(round)} of ${ROUNDS} (${round}): ${seed}, ends ${timeOf(end)}`,
    `contents ${counts.contents}, orders ${counts.orders}, open replicas ${counts.openReplicas}, keepers ${keepers.length}`,
    tableOf(operators),
  ];
  print(options, { ...clock, ...counts, operators }, text.join("\n"));
}

/** Every operator in `round`; the clock says whether the round has its seed, and when it ends. */
export function operatorsOf(
  state: ProtocolState,
  round: number,
  { seed, end }: { readonly seed: "seeded" | "waiting for its seed" | "void"; readonly end: number },
): OperatorStatus[] {
  return [...state.operators.values()].map((operator) => {
    const { id, endpoint, reputation, reliability, capacityChunks, stake, stamp, exitRequested, proven } = operator;
    const slots = state.slotsOf(id, round);
    const live = slots.filter(({ liveFrom }) => liveFrom !== undefined && liveFrom <= round);
    const audits = state.auditsOf(id);
    const isDue = live.length > 0 && stamp === undefined;
    const progress = !isDue ? "idle" : proven.has(round) ? "proven" : seed === "void" ? "void" : "due";
    const owes = progress === "due" || audits.some(({ due }) => due === round);
    return {
      operator: id,
      endpoint,
      reputation,
      reliability,
      grade: gradeOf(reliability),
      chunks: live.reduce((sum, { order }) => sum + order.chunks, 0),
      capacityChunks,
      reserved: slots.filter(({ liveFrom }) => liveFrom === undefined).length,
      stake,
      round: progress,
      deadline: owes ? end : null,
      auditsOpen: audits.length,
      state: stamp !== undefined ? "ejected" : exitRequested !== undefined ? "leaving" : "active",
    };
  });
}

function openReplicas({ orders }: ProtocolState, epoch: number): number {
  let open = 0;
  for (const { startEpoch, epochs, slots, cancelled } of orders.values()) {
    if (startEpoch + epochs <= epoch) continue;
    open += slots.filter((slot, replica) => slot === undefined && !cancelled.has(replica)).length;
  }
  return open;
}

function tableOf(operators: readonly OperatorStatus[]): string {
  const head = ["operator", "endpoint", "reputation", "reliability", "grade", "chunks", "round", "until", "audits", ""];
  const table = plainTable(head);
  for (const { operator, endpoint, reputation, reliability, grade, ...rest } of operators) {
    const chunks = `${rest.chunks} of ${rest.capacityChunks}${rest.reserved === 0 ? "" : `, ${rest.reserved} reserved`}`;
    const until = rest.deadline === null ? "" : timeOf(rest.deadline);
    const standing = [percent(reputation), percent(reliability), grade];
    // What an operator says of itself goes to a terminal: no control characters.
    const where = endpoint.slice(0, 64).replace(/\p{C}/gu, "?");
    const remark = rest.state === "active" ? "" : rest.state;
    table.push([operator, where, ...standing, chunks, rest.round, until, rest.auditsOpen, remark]);
  }
  return table.toString();
}

function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000", "");
}
