import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import type { AbstractBatchOperation, AbstractSublevel } from "abstract-level";
import { ClassicLevel } from "classic-level";
import { EXIT, HoldfastError } from "../errors.ts";
import { decodeJson, encodeJson } from "./json.ts";

/** An agent's durable state: a LevelDB of JSON values (bigints included) under string keys. */
export type Store = ClassicLevel<string, unknown>;

/** A namespace of a store, with keys and values of its own. */
export type Table<V> = AbstractSublevel<Store, string | Buffer | Uint8Array, string, V> & {
  // LevelDB's options, which a sublevel passes on.
  put(key: string, value: V, options?: { readonly sync?: boolean }): Promise<void>;
  del(key: string, options?: { readonly sync?: boolean }): Promise<void>;
};

/** One write of a batch; name its table as `sublevel`: `{ type: "put", sublevel: table, key, value }`. */
export type Write = AbstractBatchOperation<Store, string, unknown>;

/** Waits until the write is on disk: for what must be known after a crash, before the irreversible step that follows. */
export const DURABLE = { sync: true } as const;

const json = <V>() => ({
  name: "json-bigint",
  format: "utf8" as const,
  encode: encodeJson,
  decode: (text: string) => decodeJson(text) as V,
});

/**
 * Opens the store in `folder`, making it if there is none. One process at a time: the lock dies with its process, however it dies.
 *
 * @throws StoreError when another instance has it open, or its files are damaged
 * @example
 * const store = await openStore("/var/lib/holdfast/operator");
 * const slots = table<Slot>(store, "slots");
 * await slots.put("7/0", { chunks: 12, deposit: 5n }, DURABLE);
 * await store.batch([{ type: "put", sublevel: slots, key: "8/0", value }, { type: "del", sublevel: slots, key: "7/0" }], DURABLE);
 */
export async function openStore(folder: string): Promise<Store> {
  const location = resolve(folder);
  await mkdir(location, { recursive: true, mode: 0o700 }).catch((cause) => {
    throw new StoreError(`cannot make the folder ${location}: ${cause.message}`, { cause });
  });
  const store: Store = new ClassicLevel(location, { keyEncoding: "utf8", valueEncoding: json() });
  try {
    await store.open();
    return store;
  } catch (error) {
    throw explain(location, error as Error);
  }
}

/** The table of that name: its keys are apart from every other table's. */
export function table<V>(store: Store, name: string): Table<V> {
  return store.sublevel<string, V>(name, { keyEncoding: "utf8", valueEncoding: json<V>() });
}

/** A key that sorts as its number does, 0 to 2^64 - 1. */
export function numberKey(number: bigint | number): string {
  return number.toString().padStart(20, "0");
}

/** The store in a folder cannot be opened. */
export class StoreError extends HoldfastError {
  override readonly name = "StoreError";
}

function explain(location: string, error: Error): StoreError {
  const cause = (error.cause ?? error) as Error & { code?: string };
  if (cause.code === "LEVEL_LOCKED")
    return new StoreError(`another instance is using ${location}`, {
      hint: "stop it first, or give this one a data folder of its own",
      exitCode: EXIT.retryable,
      cause,
    });
  return new StoreError(`cannot open the store in ${location}: ${cause.message}`, { cause });
}
