import type { Logger } from "pino";
import type { Call } from "../chain/call.ts";
import type { ChainClient } from "../chain/connection.ts";
import { ContractRevert } from "../chain/revert.ts";
import { call, read } from "../sdk/call.ts";
import { epochOf, indexOf } from "../sdk/clock.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { lastRoundOf, type ProtocolState, slotKey } from "../sdk/state.ts";
import type { Duties } from "../service/duties.ts";
import type { KeeperMetrics } from "./metrics.ts";

export interface ChoreParts {
  readonly deployment: Deployment;
  readonly client: ChainClient;
  readonly state: ProtocolState;
  readonly metrics: KeeperMetrics;
  readonly log: Logger;
  readonly duties: Duties;
  readonly send: (what: Call, key: string) => Promise<void>;
}

/** Rounds of the next epoch: tallying and settling begin, freezing and claiming begin (Settlement). */
const [SETTLE, FREEZE] = [2, 5];
/** Rounds in a row without a proof after which an operator may be ejected (Holdings.BAD_ROUNDS). */
const BAD_ROUNDS = 7;

/**
 * What the protocol leaves to anybody: tallies, settling, freezing, claims and keepers' pay; lapsed reservations, audits that must move
 * or close, operators to be ejected and unwound. Each is asked of the chain first and is nothing when somebody else was faster.
 */
export class Chores {
  readonly #parts: ChoreParts;
  /** What is done for good, or not ours to do any more. */
  readonly #done = new Set<string>();

  constructor(parts: ChoreParts) {
    this.#parts = parts;
  }

  onRound(round: number): void {
    this.#reservations(round);
    this.#audits(round);
    this.#ejections(round);
    const ended = epochOf(round) - 1;
    if (ended < 1) return;
    if (indexOf(round) >= SETTLE) this.#settle(ended);
    if (indexOf(round) >= FREEZE) this.#freeze(ended);
  }

  // ---- The end of an epoch ----

  #settle(epoch: number): void {
    const { client, deployment, duties, state } = this.#parts;
    if (this.#done.has(`settle:${epoch}`)) return;
    duties.start(`settle:${epoch}`, async () => {
      const { counted, pages, talliedPages } = await read(client, deployment, "Oracle", "session", [epoch]);
      for (let page = 0; counted && page < pages; page++) {
        if ((talliedPages >> BigInt(page)) & 1n) continue;
        await this.#try("tally", call(deployment, "Oracle", "tally", [epoch, BigInt(page)]), `tally:${epoch}:${page}`);
      }
      for (const keeper of await read(client, deployment, "Oracle", "committee", [epoch])) {
        const {
          pages: promised,
          revealed,
          link,
        } = await read(client, deployment, "Oracle", "commitment", [epoch, keeper]);
        if (revealed === promised || BigInt(link) === 0n) continue;
        await this.#try(
          "forfeit",
          call(deployment, "Oracle", "forfeit", [epoch, keeper]),
          `forfeit:${epoch}:${keeper}`,
        );
      }
      let open = 0;
      for (const { id } of state.operators.values()) {
        if (await read(client, deployment, "Pool", "settledThrough", [id, epoch])) continue;
        const settled = await this.#try(
          "settle",
          call(deployment, "Settlement", "settle", [id, epoch]),
          `settle:${id}:${epoch}`,
        );
        if (!settled) open++;
      }
      if (open === 0) this.#done.add(`settle:${epoch}`);
    });
  }

  #freeze(epoch: number): void {
    const { client, deployment, duties, state } = this.#parts;
    if (this.#done.has(`freeze:${epoch}`)) return;
    duties.start(`freeze:${epoch}`, async () => {
      if (!(await read(client, deployment, "Pool", "epochFees", [epoch])).frozen)
        await this.#try("freeze", call(deployment, "Settlement", "freeze", [epoch]), `freeze:${epoch}`);
      const fees = await read(client, deployment, "Pool", "epochFees", [epoch]);
      if (!fees.frozen) return;
      for (let seat = 0; fees.unpaidKeepers >> seat !== 0; seat++) {
        if (((fees.unpaidKeepers >> seat) & 1) === 0) continue;
        await this.#try(
          "pay",
          call(deployment, "Settlement", "payKeeper", [epoch, BigInt(seat)]),
          `pay:${epoch}:${seat}`,
        );
      }
      for (const { id } of state.operators.values()) {
        const share = await read(client, deployment, "Pool", "share", [id, epoch]);
        if (share.fees * BigInt(share.merit) === 0n) continue;
        await this.#try("claim", call(deployment, "Settlement", "claim", [id, epoch]), `claim:${id}:${epoch}`);
      }
      this.#done.add(`freeze:${epoch}`);
    });
  }

  // ---- Every round ----

  #reservations(round: number): void {
    const { client, deployment, duties, state } = this.#parts;
    for (const order of state.orders.values()) {
      for (const [replica, slot] of order.slots.entries()) {
        if (slot === undefined || slot.liveFrom !== undefined || round <= slot.acceptedIn + 3) continue;
        const key = `release:${slotKey(order.id, replica)}:${slot.acceptedIn}`;
        duties.start(`${key}:${round}`, async () => {
          if (!(await read(client, deployment, "Market", "isLapsed", [order.id, replica]))) return;
          await this.#try("release", call(deployment, "Market", "release", [order.id, replica]), key);
        });
      }
    }
  }

  #audits(round: number): void {
    const { client, deployment, duties, state } = this.#parts;
    for (const { orderId, replica, operatorId, due } of state.audits.values()) {
      if (due >= round) continue;
      const key = `${slotKey(orderId, replica)}:${due}`;
      duties.start(`audit:${key}`, async () => {
        const answered = await read(client, deployment, "Holdings", "isClean", [operatorId, due]);
        const action = answered ? "close" : "roll";
        await this.#try(action, call(deployment, "Audits", action, [orderId, replica]), `${action}:${key}`);
      });
    }
  }

  #ejections(round: number): void {
    const { client, deployment, duties, state } = this.#parts;
    for (const { id, proven, stamp } of state.operators.values()) {
      const held = state.slotsOf(id, round).filter(({ liveFrom }) => liveFrom !== undefined);
      if (stamp !== undefined) {
        for (const { order, replica, acceptedIn } of state.slotsOf(id, stamp)) {
          const key = `unwind:${slotKey(order.id, replica)}:${acceptedIn}`;
          if (lastRoundOf(order) < stamp) continue;
          duties.start(key, async () => {
            await this.#try("unwind", call(deployment, "Market", "unwind", [order.id, replica]), key);
          });
        }
        continue;
      }
      const recent = Array.from({ length: BAD_ROUNDS }, (_, i) => round - 1 - i);
      if (held.length === 0 || recent.some((past) => proven.has(past))) continue;
      duties.start(`eject:${id}:${round}`, async () => {
        if ((await read(client, deployment, "Holdings", "badInARow", [id])) < BigInt(BAD_ROUNDS)) return;
        await this.#try("eject", call(deployment, "Audits", "eject", [id]), `eject:${id}:${round}`);
      });
    }
  }

  /** Does a chore. What reverts is not to be done now, or somebody did it: the next block shows. @returns whether it was done. */
  async #try(chore: string, what: Call, key: string): Promise<boolean> {
    const { log, metrics } = this.#parts;
    try {
      await this.#parts.send(what, key);
      metrics.chores.inc({ chore });
      log.info({ chore, key }, "a chore is done");
      return true;
    } catch (error) {
      if (!(error instanceof ContractRevert)) throw error;
      log.debug({ chore, key, reason: error.message }, "nothing to do");
      return false;
    }
  }
}
