import { type Store, type Table, table } from "../store/store.ts";
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

/** The samples of each epoch, on disk: a keeper that is started again goes on counting. */
export class Samples {
  readonly #table: Table<Count>;

  constructor(store: Store) {
    this.#table = table<Count>(store, "samples");
  }

  async add(
    epoch: number,
    operatorId: number,
    { answered, quick }: { answered: boolean; quick: boolean },
  ): Promise<void> {
    const key = keyOf(epoch, operatorId);
    const count = (await this.#table.get(key)) ?? NONE;
    await this.#table.put(key, {
      probes: count.probes + 1,
      answered: count.answered + Number(answered),
      quick: count.quick + Number(quick),
    });
  }

  /** By operator: what there is to say of an epoch. */
  async metrics(epoch: number): Promise<Map<number, Metrics>> {
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
