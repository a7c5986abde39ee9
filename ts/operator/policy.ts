import type { Hex } from "viem";
import { CHUNK_BYTES, LAST_ROUNDS, RENEWAL_ROUNDS, WAD } from "../sdk/constants.ts";
import {
  firstRoundOf,
  lastEpochOf,
  lastRoundOf,
  type OperatorState,
  type OrderState,
  type ProtocolState,
} from "../service/state.ts";

/** What an operator is willing to hold. */
export interface Policy {
  /** Largest content, in chunks of 8 MiB. */
  readonly maxChunks: number;
  /** Least fee, in asset wei per chunk and round. */
  readonly minFee: bigint;
  /** Infohashes that are never held, 32 bytes each in hex, lower case. */
  readonly deny: ReadonlySet<string>;
}

/** What an operator can take on now. */
export interface Room {
  /** Capacity not reserved. */
  readonly chunks: number;
  /** Stake not reserved, in asset wei. */
  readonly stake: bigint;
  readonly diskBytes: number;
}

/** A replica that an operator could accept. */
export interface Candidate {
  readonly order: OrderState;
  readonly replica: number;
}

/**
 * The replicas worth accepting in `round`, best paid first. A replica is picked by the operator's number, so that operators that
 * come to the same order at once do not all go for the same replica.
 *
 * @param held Infohashes that are on the disk already: they need no space.
 */
export function choose(
  state: ProtocolState,
  me: OperatorState,
  policy: Policy,
  room: Room,
  round: number,
  held: (infohash: Hex) => boolean,
): Candidate[] {
  if (me.exitRequested !== undefined || me.stamp !== undefined) return [];
  const candidates: Candidate[] = [];
  for (const order of state.orders.values()) {
    const replica = suitable(state, me, policy, order, round) ? openReplica(state, me, order, round) : undefined;
    if (replica !== undefined && fits(state, order, room, held)) candidates.push({ order, replica });
  }
  return candidates.sort(
    (a, b) => Number(b.order.feePerChunkRound - a.order.feePerChunkRound) || a.order.id - b.order.id,
  );
}

function suitable(state: ProtocolState, me: OperatorState, policy: Policy, order: OrderState, round: number): boolean {
  const content = state.contents.get(order.contentId);
  return (
    content !== undefined &&
    content.stamp === undefined &&
    round + LAST_ROUNDS <= lastRoundOf(order) &&
    order.chunks <= policy.maxChunks &&
    order.feePerChunkRound >= policy.minFee &&
    !policy.deny.has(content.commitment.infohash.slice(2)) &&
    (order.designated.length === 0 || order.designated.includes(me.id)) &&
    !order.barred.has(me.id) &&
    me.reputation >= (BigInt(order.minReputation) * WAD) / 100n &&
    me.reliability >= (BigInt(order.minReliability) * WAD) / 100n &&
    !holdsThen(state, me, order, content.commitment.dataRoot)
  );
}

/** Whether the same data is already held, or reserved, in the order's epochs. */
function holdsThen(state: ProtocolState, me: OperatorState, order: OrderState, dataRoot: Hex): boolean {
  return state
    .slotsOf(me.id, firstRoundOf(order))
    .some(
      (slot) =>
        state.contents.get(slot.order.contentId)?.commitment.dataRoot === dataRoot &&
        lastEpochOf(slot.order) >= order.startEpoch,
    );
}

function openReplica(state: ProtocolState, me: OperatorState, order: OrderState, round: number): number | undefined {
  const open = (replica: number) => order.slots[replica] === undefined && !order.cancelled.has(replica);
  const start = firstRoundOf(order);
  if (order.incumbentOrder !== 0 && round < start) {
    const incumbents = state.orders.get(order.incumbentOrder)?.slots ?? [];
    const mine = incumbents.findIndex((slot) => slot?.operatorId === me.id && slot.liveFrom !== undefined);
    return mine >= 0 && mine < order.slots.length && round >= start - RENEWAL_ROUNDS && open(mine) ? mine : undefined;
  }
  const replicas = [...order.slots.keys()].filter(open);
  return replicas[me.id % replicas.length];
}

function fits(state: ProtocolState, order: OrderState, room: Room, held: (infohash: Hex) => boolean): boolean {
  const { infohash } = state.contents.get(order.contentId)!.commitment;
  return (
    order.chunks <= room.chunks &&
    BigInt(order.chunks) * order.stakePerChunk <= room.stake &&
    (held(infohash) || order.chunks * CHUNK_BYTES <= room.diskBytes)
  );
}
