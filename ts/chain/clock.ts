import { setTimeout as sleep } from "node:timers/promises";
import type { ChainClient } from "./connection.ts";

/**
 * The chain's time: the timestamp of its latest block, which is what contracts go by. It stands still between blocks, and on a
 * local chain it jumps.
 */
export class Clock {
  readonly #client: ChainClient;
  #now: number;

  private constructor(client: ChainClient, now: number) {
    this.#client = client;
    this.#now = now;
  }

  static async open(client: ChainClient): Promise<Clock> {
    const clock = new Clock(client, 0);
    await clock.refresh();
    return clock;
  }

  /** Unix seconds, as of the last refresh. */
  now(): number {
    return this.#now;
  }

  /** Unix seconds of the latest block. */
  async refresh(): Promise<number> {
    this.#now = Number((await this.#client.getBlock()).timestamp);
    return this.#now;
  }

  /** Resolves with the time at the first block seen at or after `time` (Unix seconds); looks every polling interval. */
  async until(time: number, signal?: AbortSignal): Promise<number> {
    while ((await this.refresh()) < time) await sleep(this.#client.pollingInterval, undefined, signal && { signal });
    return this.#now;
  }
}
