import type { Logger } from "pino";
import type { Call } from "../chain/call.ts";
import { ContractRevert } from "../chain/revert.ts";
import type { Duties } from "../service/duties.ts";
import type { KeeperMetrics } from "./metrics.ts";
import type { Turns } from "./turns.ts";

export interface ErrandsParts {
  readonly duties: Duties;
  readonly turns: Turns;
  readonly metrics: KeeperMetrics;
  readonly log: Logger;
  readonly send: (what: Call, key: string) => Promise<void>;
}

/** Errands at work at a time; more may be waiting for their turn. */
const PARALLEL = 8;

/** How what anybody may do is done: in turns with the other keepers, a few at a time, and being too late is no failure. */
export class Errands {
  readonly #parts: ErrandsParts;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(parts: ErrandsParts) {
    this.#parts = parts;
  }

  /** Starts an errand unless it is under way. @param work Asks the chain what is left to do, and does it. */
  start(name: string, round: number, work: () => Promise<void>): void {
    const { duties, turns } = this.#parts;
    duties.start(name, async () => {
      await turns.wait(name, round, duties.signal);
      while (this.#running >= PARALLEL) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.#running++;
      try {
        duties.signal.throwIfAborted();
        await work();
      } finally {
        this.#running--;
        this.#waiting.shift()?.();
      }
    });
  }

  /** Does a chore. @returns the revert when it is not to be done now, or somebody else did it */
  async attempt(chore: string, what: Call, key: string): Promise<ContractRevert | undefined> {
    const { log, metrics, send } = this.#parts;
    try {
      await send(what, key);
    } catch (error) {
      if (!(error instanceof ContractRevert)) throw error;
      log.debug({ chore, key, reason: error.message }, "nothing to do");
      return error;
    }
    metrics.chores.inc({ chore });
    log.info({ chore, key }, "a chore is done");
    return undefined;
  }
}
