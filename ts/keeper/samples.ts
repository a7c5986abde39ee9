import { DURABLE, type Store, type Table, table, type Write } from "../store/store.ts";
import type { Metrics } from "./values.ts";

/** What a keeper counted about one operator in one epoch. */
export interface Count {
  readonly probes: number;
  /** Of those a block came, and it was right. */
  readonly answered: number;
  /** Of those its first byte came in time. */
  readonly quick: number;
}

const NONE: Count = { probes: 0, answered: 0, quick: 0 };

/** What one probe of an operator came to. */
export interface Outcome {
  readonly operatorId: number;
  readonly answered: boolean;
  readonly quick: boolean;
}

/** The samples of each epoch, on disk: a keeper that is started again goes on counting. */
export class Samples {
  readonly #store: Store;
  readonly #table: Table<Count>;
  /** One addition at a time, for each reads what it writes. */
  #adding: Promise<void> = Promise.resolve();

  constructor(store: Store) {
    this.#store = store;
    this.#table = table<Count>(store, "samples");
  }

  /** Counts outcomes, all or none. */
  add(epoch: number, outcomes: readonly Outcome[]): Promise<void> {
    const added = this.#adding.then(() => this.#add(epoch, outcomes));
    this.#adding = added.catch(() => {});
    return added;
  }

  async #add(epoch: number, outcomes: readonly Outcome[]): Promise<void> {
    const writes: Write[] = [];
    for (const { operatorId, answered, quick } of outcomes) {
      const key = keyOf(epoch, operatorId);
      const count = (await this.#table.get(key)) ?? NONE;
      const value: Count = {
        probes: count.probes + 1,
        answered: count.answered + Number(answered),
        quick: count.quick + Number(quick),
      };
      writes.push({ type: "put", sublevel: this.#table, key, value });
    }
    await this.#store.batch(writes, DURABLE);
  }

  /** By operator: what there is to say of an epoch. */
  async metrics(epoch: number): Promise<Map<number, Metrics>> {
    await this.#adding;
    const metrics = new Map<number, Metrics>();
    for await (const [key, { probes, answered, quick }] of this.#table.iterator({
      gte: keyOf(epoch, 0),
      lt: keyOf(epoch + 1, 0),
    })) {
      const [uptimeBps, availabilityBps] = [bps(answered, probes), bps(quick, probes)];
      metrics.set(Number(key.slice(11)), { uptimeBps, availabilityBps });
    }
    return metrics;
  }

  /** Forgets the epochs before `epoch`. */
  async prune(epoch: number): Promise<void> {
    await this.#table.clear({ lt: keyOf(epoch, 0) });
  }
}

function bps(part: number, whole: number): number {
  return Math.floor((part * 10_000) / whole);
}

/** Ten digits each, so that keys sort as numbers do. */
function keyOf(epoch: number, operatorId: number): string {
  return `${String(epoch).padStart(10, "0")}/${String(operatorId).padStart(10, "0")}`;
}
