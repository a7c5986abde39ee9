import { type Address, bytesToHex, getAddress } from "viem";
import { WAD } from "../sdk/constants.ts";
import type { ContentState, OperatorState, ProtocolState } from "../service/state.ts";
import { type PeerAddress, parseEndpoint } from "../torrent/endpoint.ts";

/** Somebody who holds a content on chain and can be paid for it. */
export interface Operator {
  readonly id: number;
  /** Who is paid. */
  readonly address: Address;
  /** Where it says to be found: not to be trusted. */
  readonly endpoint: PeerAddress | undefined;
  /** Reputation x reliability, 0 to 1. */
  readonly standing: number;
}

/** A content in the catalog and who holds it. */
export interface Listing {
  readonly content: ContentState;
  readonly operators: readonly Operator[];
}

/**
 * Finds a torrent in the catalog. Anybody may publish an infohash with roots that are not its own: of several contents the one that most
 * operators hold is meant, and of equal ones the first.
 *
 * @param infohash 32 bytes
 * @param round the one under way
 */
export function findContent(state: ProtocolState, infohash: Uint8Array, round: number): Listing | undefined {
  const wanted = bytesToHex(infohash);
  const listings = [...state.contents.values()]
    .filter(({ commitment }) => commitment.infohash === wanted)
    .map((content) => ({ content, operators: operatorsOf(state, content.id, round) }));
  return listings.sort((a, b) => b.operators.length - a.operators.length || a.content.id - b.content.id)[0];
}

/** Standing for the money, by which operators are ranked. @param price in wei per MiB; nothing counts as one wei */
export function worthOf({ standing }: Operator, price: bigint): number {
  return standing / Math.max(1, Number(price));
}

/** Who holds a content live, best standing first. */
function operatorsOf(state: ProtocolState, contentId: number, round: number): Operator[] {
  return state
    .holdersOf(contentId, round)
    .filter(({ stamp }) => stamp === undefined)
    .map((operator) => ({
      id: operator.id,
      address: getAddress(operator.payout),
      endpoint: parseEndpoint(operator.endpoint),
      standing: standingOf(operator),
    }))
    .sort((a, b) => b.standing - a.standing || a.id - b.id);
}

function standingOf({ reputation, reliability }: OperatorState): number {
  return Number((reputation * reliability) / WAD) / 1e18;
}
