import type { ChainClient } from "../chain/connection.ts";
import { claim } from "../sdk/actions/claim.ts";
import { forfeit } from "../sdk/actions/forfeit.ts";
import { freeze } from "../sdk/actions/freeze.ts";
import { payKeeper } from "../sdk/actions/payKeeper.ts";
import { settle } from "../sdk/actions/settle.ts";
import { tally } from "../sdk/actions/tally.ts";
import { epochOf, indexOf } from "../sdk/clock.ts";
import { CARRY, FREEZE_ROUND, PAGE, SETTLE_ROUND } from "../sdk/constants.ts";
import { Oracle, Pool } from "../sdk/contracts.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { isRevert } from "../sdk/errors.ts";
import { read } from "../sdk/read.ts";
import { lastEpochOf, type ProtocolState } from "../service/state.ts";
import type { Errands } from "./errands.ts";

export interface EpochsParts {
  readonly deployment: Deployment;
  readonly client: ChainClient;
  readonly state: ProtocolState;
  readonly errands: Errands;
}

/** Epochs that are looked through for commitments not kept: a bond is gone soon after its keeper is. */
const FORFEITS = 12;
/** Epochs that one errand settles or freezes before others have their turn; it goes on at the next block. */
const EPOCHS_AT_ONCE = 4;

/**
 * The ends of epochs: values tallied and forfeited, operators settled, fees frozen, shares and keepers paid. After an outage all epochs that
 * have ended are due, oldest first, as the contracts ask.
 */
export class Epochs {
  readonly #parts: EpochsParts;
  /** By operator: all up to this epoch is settled. */
  readonly #settled = new Map<number, number>();
  /** Epochs done with: of the kind before the colon. */
  readonly #done = new Set<string>();
  /** By claim: the round in which it was refused. A low reputation keeps a share for months. */
  readonly #refused = new Map<string, number>();

  constructor(parts: EpochsParts) {
    this.#parts = parts;
  }

  onRound(round: number): void {
    const ended = epochOf(round) - 1;
    const index = indexOf(round);
    const settling = index >= SETTLE_ROUND ? ended : ended - 1;
    const freezing = index >= FREEZE_ROUND ? ended : ended - 1;
    for (let epoch = Math.max(1, settling - FORFEITS + 1); epoch <= settling; epoch++) this.#values(epoch, round);
    for (const id of this.#parts.state.operators.keys()) this.#settle(id, settling, round);
    this.#freeze(freezing, round);
    for (const epoch of this.#parts.state.frozen) this.#payKeepers(epoch, round);
    this.#claim(round);
  }

  /** Tallies an epoch's pages (keepers are scored by it until freezing begins), and takes the forfeits of commitments not kept. */
  #values(epoch: number, round: number): void {
    const { client, deployment, errands } = this.#parts;
    const name = `values:${epoch}`;
    if (this.#done.has(name)) return;
    errands.start(name, round, async () => {
      const { counted, pages } = await read(client, deployment, Oracle, "session", [epoch]);
      for (let page = 0; counted && page < pages; page++) await this.#tally(epoch, page);
      for (const keeper of await read(client, deployment, Oracle, "committee", [epoch])) {
        const made = await read(client, deployment, Oracle, "commitment", [epoch, keeper]);
        if (made.revealed === made.pages) continue;
        const what = forfeit.call({ deployment, epoch, keeper });
        await errands.attempt("forfeit", what, `forfeit:${epoch}:${keeper}`);
      }
      this.#done.add(name);
    });
  }

  async #tally(epoch: number, page: number): Promise<void> {
    const { client, deployment, errands } = this.#parts;
    const { counted, pages, talliedPages } = await read(client, deployment, Oracle, "session", [epoch]);
    if (!counted || page >= pages || (talliedPages >> BigInt(page)) & 1n) return;
    await errands.attempt("tally", tally.call({ deployment, epoch, page }), `tally:${epoch}:${page}`);
  }

  #settle(id: number, through: number, round: number): void {
    const { client, deployment, errands, state } = this.#parts;
    if ((this.#settled.get(id) ?? 0) >= through) return;
    const isSettled = (epoch: number) => read(client, deployment, Pool, "settledThrough", [id, epoch]);
    errands.start(`settle:${id}`, round, async () => {
      if (await isSettled(through)) return void this.#settled.set(id, through);
      let epoch = Math.max(this.#settled.get(id) ?? 0, ...state.operators.get(id)!.settled) + 1;
      for (let left = EPOCHS_AT_ONCE; epoch <= through && left > 0; epoch++) {
        if (!(await isSettled(epoch))) {
          if (!(await this.#settleOne(id, epoch))) return;
          left--;
        }
        this.#settled.set(id, epoch);
      }
    });
  }

  /** @returns whether the epoch is settled now */
  async #settleOne(id: number, epoch: number): Promise<boolean> {
    const { client, deployment, errands } = this.#parts;
    const what = settle.call({ deployment, operatorId: id, epoch });
    const trySettle = () => errands.attempt("settle", what, `settle:${id}:${epoch}`);
    let refusal = await trySettle();
    if (isRevert(refusal, "Settlement_NotTallied")) {
      const page = Math.floor((id - 1) / PAGE);
      // What stands in for medians that are missing must be tallied, too.
      for (let back = 0; back <= CARRY && back < epoch; back++) await this.#tally(epoch - back, page);
      refusal = await trySettle();
    }
    return refusal === undefined || read(client, deployment, Pool, "settledThrough", [id, epoch]);
  }

  #freeze(through: number, round: number): void {
    const { deployment, errands, state } = this.#parts;
    const due = this.#unfrozen(through);
    if (due.length === 0) return;
    errands.start("freeze:epochs", round, async () => {
      for (const epoch of this.#unfrozen(through).slice(0, EPOCHS_AT_ONCE)) {
        const refusal = await errands.attempt("freeze", freeze.call({ deployment, epoch }), `freeze:${epoch}`);
        // A later one was closed before it, which only goes when nothing was live in it.
        if (isRevert(refusal, "EpochSchedule_NotNext")) this.#done.add(`freeze:${epoch}`);
        else if (refusal !== undefined && !state.frozen.has(epoch)) return;
      }
    });
  }

  /** Epochs up to `through` that wait to be frozen, oldest first; those that no order reaches have nothing to freeze. */
  #unfrozen(through: number): number[] {
    const { state } = this.#parts;
    const reached = new Set<number>();
    for (const order of state.orders.values()) {
      for (let epoch = order.startEpoch; epoch <= Math.min(lastEpochOf(order), through); epoch++) reached.add(epoch);
    }
    return [...reached]
      .filter((epoch) => !state.frozen.has(epoch) && !this.#done.has(`freeze:${epoch}`))
      .sort((a, b) => a - b);
  }

  #payKeepers(epoch: number, round: number): void {
    const { client, deployment, errands } = this.#parts;
    const name = `pay:${epoch}`;
    if (this.#done.has(name)) return;
    errands.start(name, round, async () => {
      const { unpaidKeepers } = await read(client, deployment, Pool, "epochFees", [epoch]);
      for (let seat = 0; unpaidKeepers >> seat !== 0; seat++) {
        if (((unpaidKeepers >> seat) & 1) === 0) continue;
        const what = payKeeper.call({ deployment, epoch, seat });
        await errands.attempt("pay", what, `pay:${epoch}:${seat}`);
      }
      this.#done.add(name);
    });
  }

  #claim(round: number): void {
    const { deployment, errands, state } = this.#parts;
    for (const { id, weighed, paid } of state.operators.values()) {
      for (const epoch of weighed) {
        const name = `claim:${id}:${epoch}`;
        if (paid.has(epoch) || !state.frozen.has(epoch) || this.#refused.get(name) === round) continue;
        errands.start(name, round, async () => {
          if (paid.has(epoch)) return;
          const refusal = await errands.attempt("claim", claim.call({ deployment, operatorId: id, epoch }), name);
          if (refusal !== undefined) this.#refused.set(name, round);
        });
      }
    }
  }
}
