import { setMaxListeners } from "node:events";
import type { Logger } from "pino";
import { holdfastErrorIn, messageOf } from "../errors.ts";

/** Pauses after a duty that failed, in ms: they double. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

interface Duty {
  running: Promise<void> | undefined;
  failures: number;
  /** Not before, in ms of `Date.now()`. */
  next: number;
}

export interface DutyHooks {
  /** A duty failed: the part of its name before the colon. */
  onFailure(kind: string): void;
  /** The pause of one that failed is over: time to look again at what is due. */
  onRetry(): void;
}

/**
 * What an agent has under way. Who asks for a duty again and again, block after block, gets it done once at a time, with growing pauses
 * while it fails; that it is done shows in the protocol's state, so nothing here must survive a restart.
 */
export class Duties {
  readonly #log: Logger;
  readonly #duties = new Map<string, Duty>();
  readonly #hooks: DutyHooks;
  readonly #stopping = new AbortController();

  constructor(log: Logger, hooks: DutyHooks) {
    this.#log = log;
    this.#hooks = hooks;
    setMaxListeners(0, this.signal); // one a transfer under way
  }

  /** Ends duties that wait for something when the agent stops. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  isRunning(name: string): boolean {
    return this.#duties.get(name)?.running !== undefined;
  }

  /** Starts a duty, unless it is under way or failed a moment ago. @param name "kind:subject". */
  start(name: string, work: () => Promise<void>): void {
    const duty = this.#duties.get(name) ?? { running: undefined, failures: 0, next: 0 };
    if (this.signal.aborted || duty.running !== undefined || Date.now() < duty.next) return;
    this.#duties.set(name, duty);
    duty.running = work()
      .then(
        () => void this.#duties.delete(name),
        (error) => this.#failed(name, duty, error),
      )
      .finally(() => {
        duty.running = undefined;
      });
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled([...this.#duties.values()].map(({ running }) => running));
  }

  #failed(name: string, duty: Duty, error: unknown): void {
    if (this.signal.aborted) return;
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** duty.failures++, LONGEST_PAUSE_MS);
    duty.next = Date.now() + pause;
    setTimeout(() => this.signal.aborted || this.#hooks.onRetry(), pause).unref();
    this.#hooks.onFailure(name.slice(0, name.indexOf(":")));
    this.#log.warn(
      { duty: name, failures: duty.failures, reason: messageOf(error), facts: holdfastErrorIn(error)?.facts },
      "a duty failed; it is tried again",
    );
  }
}
