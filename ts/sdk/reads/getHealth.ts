import type { Client } from "viem";
import { epochOf, firstRound, ROUNDS } from "../clock.ts";
import { Beacon, Holdings, Market } from "../contracts.ts";
import type { OnDeployment } from "../deployment.ts";
import { eventsOf } from "../events.ts";
import { batch, newestBlock, query } from "../query.ts";
import { getOrder, type Order, type OrderSlot } from "./getOrder.ts";

/** Why a slot ended early (IMarket.Ending), in its order. */
export const ENDINGS = ["audit failed", "loss reported", "ejected", "content stamped"] as const;

export interface ReplicaHealth extends OrderSlot {
  /** Rounds that its holder owed while it was live here and that have ended, void ones left out. */
  readonly due: number;
  /** Of those, proven in full: over all that the holder holds. */
  readonly clean: number;
  /** Non-void rounds in a row, up to the last one ended, without a clean one; at 7 the holder can be ejected. */
  readonly badInARow: number;
  /** Its holder was ejected: `unwind` moves the money. */
  readonly isEjected: boolean;
}

/** A slot of the order that ended early. */
export interface Loss {
  readonly replica: number;
  readonly operatorId: number;
  readonly why: (typeof ENDINGS)[number];
  /** The first round without it. */
  readonly from: number;
  /** Asset wei. */
  readonly slashed: bigint;
}

export interface Health {
  readonly order: Order;
  /** Replicas live now whose holder has not been ejected. */
  readonly held: number;
  /** Replicas paid for: all but those given up. */
  readonly wanted: number;
  /** By replica. */
  readonly replicas: readonly ReplicaHealth[];
  /** Oldest first. */
  readonly losses: readonly Loss[];
}

export interface GetHealthParameters extends OnDeployment {
  readonly orderId: number;
}

/**
 * How well an order is kept: who holds each replica, what they proved, what was lost.
 *
 * @throws ContractRevert: Market_UnknownOrder
 * @example
 * const { held, wanted, losses } = await getHealth(client, { deployment, orderId: 7 });
 */
export async function getHealth(client: Client, { deployment, orderId }: GetHealthParameters): Promise<Health> {
  const at = { blockNumber: await newestBlock(client) };
  const [order, ended] = await Promise.all([
    getOrder(client, { deployment, orderId, ...at }),
    eventsOf(client, deployment, Market, "SlotEnded", { orderId }),
  ]);
  const [round] = await batch(client, [query(deployment, Market, "currentRound", [])], at);
  const until = Math.min(round - 1, order.lastRound);
  const epochs: number[] = [];
  for (let epoch = epochOf(order.firstRound); epoch <= epochOf(until); epoch++) epochs.push(epoch);
  const seeded = await batch(
    client,
    epochs.map((epoch) => query(deployment, Beacon, "seededMask", [epoch])),
    at,
  );

  const health = async (slot: OrderSlot): Promise<ReplicaHealth> => {
    const { operatorId, liveFrom } = slot;
    if (operatorId === 0 || liveFrom === 0) return { ...slot, due: 0, clean: 0, badInARow: 0, isEjected: false };
    const [tallies, [bad, { stamp }]] = await Promise.all([
      batch(
        client,
        epochs.map((epoch) => query(deployment, Holdings, "tally", [operatorId, epoch])),
        at,
      ),
      batch(
        client,
        [
          query(deployment, Holdings, "badInARow", [operatorId]),
          query(deployment, Holdings, "inventory", [operatorId]),
        ],
        at,
      ),
    ]);
    let [due, clean] = [0, 0];
    for (const [i, epoch] of epochs.entries()) {
      const { idle, clean: proven } = tallies[i]!;
      const owed = seeded[i]! & ~idle & roundsIn(epoch, liveFrom, until);
      due += bits(owed);
      clean += bits(owed & proven);
    }
    return { ...slot, due, clean, badInARow: Number(bad), isEjected: stamp !== 0 && liveFrom <= stamp };
  };
  const replicas = await Promise.all(order.slots.map(health));
  return {
    order,
    replicas,
    held: replicas.filter(({ status, isEjected }) => status === "live" && !isEjected).length,
    wanted: replicas.filter(({ status }) => status !== "cancelled").length,
    losses: ended.map(({ args: { replica, operatorId, ending, from, slashed } }) => {
      return { replica, operatorId, why: ENDINGS[ending]!, from, slashed };
    }),
  };
}

/** A mask of an epoch's rounds from `first` to `last`. */
function roundsIn(epoch: number, first: number, last: number): number {
  let mask = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const round = firstRound(epoch) + i;
    if (round >= first && round <= last) mask |= 1 << i;
  }
  return mask;
}

function bits(mask: number): number {
  let count = 0;
  for (let rest = mask >>> 0; rest !== 0; rest &= rest - 1) count++;
  return count;
}
