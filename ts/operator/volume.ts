import { randomUUID } from "node:crypto";
import { mkdir, open, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { EXIT, HoldfastError } from "../errors.ts";
import { DURABLE, type Store, type Table, table } from "../store/store.ts";
import { syncFolder } from "../torrent/index.ts";

/** Data cannot be looked at because the place it is in is not there: that says nothing about the data. */
export class AbsentDataError extends HoldfastError {
  override readonly name = "AbsentDataError";

  constructor(message: string, folder: string, hint: string) {
    super(message, { facts: { folder }, hint, exitCode: EXIT.retryable });
  }
}

/** At the root of the folder. */
const IDENTITY = ".holdfast-volume";
const KEY = "contents";

/**
 * The folder that an operator's contents are in, known by a file in it whose text the store remembers. A disk that is not mounted leaves
 * an empty folder behind, or none, or another disk's: none of these may pass for a loss, and nothing is written into them.
 */
export class Volume {
  readonly folder: string;
  readonly #remembered: Table<string>;
  #identity: string | undefined;

  private constructor(folder: string, remembered: Table<string>, identity: string | undefined) {
    [this.folder, this.#remembered, this.#identity] = [resolve(folder), remembered, identity];
  }

  static async open(folder: string, store: Store): Promise<Volume> {
    const remembered = table<string>(store, "volumes");
    return new Volume(folder, remembered, await remembered.get(KEY));
  }

  /** Whether the store knows of no volume yet. */
  get isNew(): boolean {
    return this.#identity === undefined;
  }

  /** Takes the folder as it is for the operator's from now on. */
  async claim(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const identity = (await this.#read()) ?? (await this.#write());
    await this.#remembered.put(KEY, identity, DURABLE);
    this.#identity = identity;
  }

  /** Looks whether it is there, and says what is wrong if it is not. */
  async absence(): Promise<AbsentDataError | undefined> {
    const identity = await this.#read().catch((error: Error) => error);
    if (identity !== undefined && identity === this.#identity) return undefined;
    const [why, of] =
      identity instanceof Error
        ? [`it cannot be read: ${identity.message}`, "repair or mount it"]
        : identity === undefined
          ? ["the folder is missing or empty", "mount it"]
          : ["another operator's or an older volume is there", "mount the right one"];
    return new AbsentDataError(
      `the data volume is not there: ${why}`,
      this.folder,
      `${of}, and the operator goes on; if its data is gone for good, start it once with --new-volume`,
    );
  }

  /** @throws AbsentDataError */
  async require(): Promise<void> {
    const absence = await this.absence();
    if (absence !== undefined) throw absence;
  }

  /** @returns undefined if there is none */
  async #read(): Promise<string | undefined> {
    try {
      return (await readFile(join(this.folder, IDENTITY), "utf8")).trim();
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
      throw error;
    }
  }

  async #write(): Promise<string> {
    const identity = randomUUID();
    const file = await open(join(this.folder, IDENTITY), "wx");
    try {
      await file.writeFile(`${identity}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await syncFolder(this.folder);
    return identity;
  }
}
