import { expect, test } from "vitest";
import { WAD } from "../sdk/constants.ts";
import type { ContentState, OperatorState, OrderState, SlotState } from "../service/state.ts";
import { ProtocolState } from "../service/state.ts";
import { choose, type Policy, type Room } from "./policy.ts";

const address = "0x0000000000000000000000000000000000000001";
const ROUND = 40; // of epoch 1, which ends with round 59
const everything: Policy = { maxChunks: 1000, minFee: 0n, deny: new Set() };
const plenty: Room = { chunks: 1000, stake: 10n ** 20n, diskBytes: 2 ** 50 };

function hash(n: number): `0x${string}` {
  return `0x${n.toString(16).padStart(64, "0")}`;
}

const me = { id: 7, reputation: WAD / 2n, reliability: WAD } as OperatorState;

/** A state with these orders, each of a content of its own number. */
function stateOf(...orders: Partial<OrderState>[]): ProtocolState {
  const contracts = {} as never;
  const state = new ProtocolState({ contracts, chainId: 1, fromBlock: 0, genesis: 1, roundLength: 60 });
  for (const [i, given] of orders.entries()) {
    const id = i + 1;
    const { contentId = id } = given;
    const terms = { startEpoch: 1, epochs: 1, minReputation: 0, minReliability: 0, incumbentOrder: 0, designated: [] };
    const prices = { chunks: 4, feePerChunkRound: 10n, stakePerChunk: 100n, slashBps: 10_000 };
    const sets = { slots: [undefined, undefined], cancelled: new Set<number>(), barred: new Set<number>() };
    state.orders.set(id, { id, contentId, uploader: address, ...terms, ...prices, ...sets, ...given });
    const commitment = { infohash: hash(contentId), dataRoot: hash(1000 + contentId) };
    state.contents.set(contentId, { id: contentId, commitment, chunks: 4, bonded: true } as ContentState);
  }
  return state;
}

function chosen(state: ProtocolState, { policy = everything, room = plenty, round = ROUND, operator = me } = {}) {
  return choose(state, operator, policy, room, round, () => false).map(({ order, replica }) => [order.id, replica]);
}

const slot = (operatorId: number, liveFrom?: number): SlotState => ({ operatorId, acceptedIn: 31, liveFrom });

test("the best paid come first, and each operator goes for a replica of its own", () => {
  const state = stateOf({}, { feePerChunkRound: 20n });
  expect(chosen(state)).toEqual([
    [2, 1],
    [1, 1],
  ]);
  expect(chosen(state, { operator: { ...me, id: 8 } })).toEqual([
    [2, 0],
    [1, 0],
  ]);
});

test("replicas that are held, reserved or given up are not open", () => {
  const state = stateOf({ slots: [slot(1, 32), undefined] }, { slots: [slot(1), undefined], cancelled: new Set([1]) });
  expect(chosen(state)).toEqual([[1, 1]]);
});

test.each([
  ["too large for the policy", {}, { policy: { ...everything, maxChunks: 3 } }],
  ["paid too little", {}, { policy: { ...everything, minFee: 11n } }],
  ["on the deny list", {}, { policy: { ...everything, deny: new Set([hash(1).slice(2)]) } }],
  ["for others", { designated: [1, 2] }, {}],
  ["one it let lapse", { barred: new Set([7]) }, {}],
  ["for a better reputation", { minReputation: 51 }, {}],
  ["for a better reliability", { minReliability: 90 }, { operator: { ...me, reliability: WAD / 2n } }],
  ["in its last rounds", {}, { round: 57 }],
  ["more than its spare chunks", {}, { room: { ...plenty, chunks: 3 } }],
  ["more than its spare stake", {}, { room: { ...plenty, stake: 399n } }],
  ["more than its disk has room for", {}, { room: { ...plenty, diskBytes: 4 * 2 ** 23 - 1 } }],
  ["asked while it leaves", {}, { operator: { ...me, exitRequested: 39 } }],
  ["asked while it is ejected", {}, { operator: { ...me, stamp: 39 } }],
])("an order %s is not chosen", (_, order, asked) => {
  expect(chosen(stateOf(order), asked)).toEqual([]);
  expect(chosen(stateOf({}))).toEqual([[1, 1]]);
});

test("the same data is not held twice at a time, and can be held again after", () => {
  const state = stateOf({ slots: [slot(7, 32), undefined] }, { contentId: 1 }, { contentId: 1, startEpoch: 2 });
  expect(chosen(state)).toEqual([[3, 1]]);
});

test("a renewal is for its incumbent's own replica, in the three rounds before it starts, and for anyone after", () => {
  const old = { slots: [slot(7, 32), slot(1, 32)] };
  const state = stateOf(old, { contentId: 1, startEpoch: 2, incumbentOrder: 1 });
  expect(chosen(state, { round: 56 })).toEqual([]);
  expect(chosen(state, { round: 57 })).toEqual([[2, 0]]);
  expect(chosen(state, { round: 57, operator: { ...me, id: 8 } })).toEqual([]);
  expect(chosen(state, { round: 60, operator: { ...me, id: 8 } })).toEqual([[2, 0]]);
});
