/** A torrent, its data or a proof over it is not what it should be. `facts` name where. */
export class TorrentError extends Error {
  override readonly name = "TorrentError";
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(message: string, facts: Record<string, unknown> = {}) {
    const known = Object.entries(facts).filter(([, value]) => value !== undefined);
    const list = known.map(([key, value]) => `${key} ${value}`);
    super(list.length ? `${message} (${list.join(", ")})` : message);
    this.facts = facts;
  }
}

/** A block that a proof or a peer needs is missing or is not what was checked in: the copy is damaged. */
export class DamagedBlockError extends TorrentError {
  /** Block of the content, counted over its files. */
  readonly block: number;
  /** Path of the file in the torrent. */
  readonly file: string;

  constructor(block: number, file: string, why: string) {
    super(`damaged data: ${why}`, { block, file });
    this.block = block;
    this.file = file;
  }
}

/** The cache beside the data is not what was written. It says nothing about the data: delete it, and build it again. */
export class DamagedCacheError extends TorrentError {
  constructor(path: string) {
    super("the cache is damaged: delete it and build it again", { path });
  }
}
