import { DURABLE, type Store, type Table, table, type Write } from "../store/store.ts";

/** A slot's chunks of 8 MiB, by a key that is its own for ever. */
export type Chunks = ReadonlyMap<string, number>;

interface Row {
  readonly round: number;
  readonly chunks: number;
}

/**
 * What was reported lost, written down before it is reported. It bounds what is given up within a round: whatever goes wrong on a machine,
 * it does not report away most of the stake on its own.
 */
export class LossLedger {
  readonly #store: Store;
  readonly #rows: Table<Row>;
  readonly #maxShare: number;
  readonly #known: Map<string, Row>;

  private constructor(store: Store, rows: Table<Row>, maxShare: number, known: Map<string, Row>) {
    [this.#store, this.#rows, this.#maxShare, this.#known] = [store, rows, maxShare, known];
  }

  /** @param maxShare of the chunks held, 0 to 1, that a round's reports may come to */
  static async open(store: Store, maxShare: number): Promise<LossLedger> {
    const rows = table<Row>(store, "losses");
    return new LossLedger(store, rows, maxShare, new Map(await rows.iterator().all()));
  }

  /** Whether `lost` may be reported in `round`, after what was reported in it already. @param live what is held still */
  allows(round: number, lost: Chunks, live: Chunks): boolean {
    const reported = [...this.#known].flatMap(([slot, row]) =>
      row.round === round ? [[slot, row.chunks] as const] : [],
    );
    return sum([...reported, ...lost]) <= this.#maxShare * sum([...reported, ...live]);
  }

  /** Counts at once. Resolves when it is on disk. */
  async note(round: number, lost: Chunks): Promise<void> {
    const fresh = [...lost].map(([slot, chunks]) => [slot, { round, chunks }] as const);
    const old = [...this.#known].filter(([, row]) => row.round < round).map(([slot]) => slot);
    for (const slot of old) this.#known.delete(slot);
    for (const [slot, row] of fresh) this.#known.set(slot, row);
    const sublevel = this.#rows;
    await this.#store.batch(
      [
        ...old.map((key): Write => ({ type: "del", sublevel, key })),
        ...fresh.map(([key, value]): Write => ({ type: "put", sublevel, key, value })),
      ],
      DURABLE,
    );
  }
}

/** Each slot once. */
function sum(entries: readonly (readonly [string, number])[]): number {
  return [...new Map(entries).values()].reduce((total, chunks) => total + chunks, 0);
}
