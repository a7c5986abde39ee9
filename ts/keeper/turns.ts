import { setTimeout as sleep } from "node:timers/promises";
import { type Address, keccak256, stringToHex } from "viem";
import type { ChainClient } from "../chain/connection.ts";
import { epochOf } from "../sdk/clock.ts";
import { Oracle } from "../sdk/contracts.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { read } from "../sdk/read.ts";

export interface TurnsParts {
  readonly deployment: Deployment;
  readonly client: ChainClient;
  readonly account: Address;
  /** How long each keeper leaves to the one before it, in ms; shorter where rounds are short. */
  readonly turnMs: number;
}

/** Turns in a round at least, so that a full committee of nine has had its turns in a quarter of it. */
const TURNS = 40;

/**
 * Whose turn it is, for what any keeper may do and one must: each piece of work begins with another seat, and the others follow one after
 * the other. So keepers do not race each other into reverts, and what one leaves undone the next one does.
 */
export class Turns {
  readonly #parts: TurnsParts;
  readonly #turnMs: number;
  /** Of the epoch in `#epoch`. */
  #committee: readonly Address[] = [];
  #epoch = 0;

  constructor(parts: TurnsParts) {
    this.#parts = parts;
    this.#turnMs = Math.min(parts.turnMs, (parts.deployment.roundLength * 1000) / TURNS);
  }

  /** Resolves when it is this keeper's turn: ask then whether the work is still to be done. @throws when aborted */
  async wait(work: string, round: number, signal: AbortSignal): Promise<void> {
    const rank = rankOf(await this.#committeeOf(epochOf(round)), this.#parts.account, work, round);
    if (rank > 0) await sleep(rank * this.#turnMs, undefined, { signal });
  }

  /** The seats of an epoch under way do not change. */
  async #committeeOf(epoch: number): Promise<readonly Address[]> {
    if (epoch !== this.#epoch) {
      this.#committee = await read(this.#parts.client, this.#parts.deployment, Oracle, "committee", [epoch]);
      this.#epoch = epoch;
    }
    return this.#committee;
  }
}

/** How many keepers have their turn before this one: another order for each piece of work and each round; who has no seat comes last. */
export function rankOf(committee: readonly Address[], keeper: Address, work: string, round: number): number {
  const seats = committee.length;
  const seat = committee.findIndex((address) => address.toLowerCase() === keeper.toLowerCase());
  if (seat === -1) return seats;
  const first = Number((BigInt(keccak256(stringToHex(work))) + BigInt(round)) % BigInt(seats));
  return (seat - first + seats) % seats;
}
