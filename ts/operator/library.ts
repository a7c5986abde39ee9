import { mkdir, open, readFile, rename, rm, statfs } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { HoldfastError } from "../errors.ts";
import { commitmentArgs, contentKey } from "../sdk/manifest.ts";
import type { ContentState } from "../service/state.ts";
import { DURABLE, type Store, type Table, table } from "../store/store.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import {
  commitmentOf,
  DataFolder,
  encode,
  PossessionCache,
  parseInfo,
  parseTorrent,
  syncFolder,
  type Torrent,
} from "../torrent/index.ts";
import { DEFAULT_TIMEOUTS } from "../wire/connection.ts";
import { fetchMetadata, fetchTorrent } from "../wire/fetch.ts";
import { type Reach, reachable } from "../wire/reach.ts";
import { parseSources, readTorrentFile } from "../wire/sources.ts";
import { AbsentDataError, type Volume } from "./volume.ts";

/** A content whose every byte was checked, and what proves it. */
export interface Held {
  readonly torrent: Torrent;
  readonly cache: PossessionCache;
  /** Where the data is: the library's own, or the folder of another client that is never written to. */
  readonly parent: string;
  readonly adopted: boolean;
}

/** Data that another client keeps on this machine. */
export interface Adoption {
  /** Path of the .torrent. */
  readonly torrent: string;
  /** The torrent's file or folder, or the folder that holds it. */
  readonly data: string;
}

export interface LibraryOptions {
  readonly volume: Volume;
  readonly adopt?: readonly Adoption[];
  readonly reach: Reach;
  /** From which peers are called. */
  readonly localAddress?: string | undefined;
  /** A fetch that brings less than LEAST_BYTES in so long (ms), or no metadata, is given up for now. */
  readonly fetchIdleMs: number;
}

/** What is remembered of a content that was checked. */
interface Row {
  /** Undefined: in the library's own folder. */
  readonly adopted?: string;
}

/** What a fetch must bring in `fetchIdleMs` to go on. */
const LEAST_BYTES = 1 << 20;
/** Peers that cannot be reached must not hold up those that can: they are tried again with the next fetch. */
const ATTEMPTS = 2;
const TIMEOUTS = { ...DEFAULT_TIMEOUTS, connectMs: 5_000, handshakeMs: 5_000 };

/** The content on the chain is not what its torrent and data are: nobody can prove it. */
export class UnprovableContentError extends HoldfastError {
  override readonly name = "UnprovableContentError";
}

/**
 * The contents an operator has on its disk: fetched from peers or adopted from another client, checked against the chain, and ready to
 * be proven. What was checked is remembered in the store, so a restart begins where the last run stopped.
 *
 *     <dataDir>/torrents/<infohash>.torrent   contents/<infohash>/<name>   possession/<infohash>
 */
export class Library {
  /** Of what it fetches. */
  readonly volume: Volume;
  readonly #dataDir: string;
  readonly #rows: Table<Row>;
  readonly #options: LibraryOptions;
  readonly #held = new Map<string, Held>();
  /** Offered by the configuration, by infohash. */
  readonly #adoptable = new Map<string, { torrent: Torrent; data: string }>();

  private constructor(dataDir: string, store: Store, options: LibraryOptions) {
    this.volume = options.volume;
    this.#dataDir = resolve(dataDir);
    this.#rows = table<Row>(store, "contents");
    this.#options = options;
  }

  /** The volume must be there, or new. */
  static async open(dataDir: string, store: Store, options: LibraryOptions): Promise<Library> {
    const library = new Library(dataDir, store, options);
    for (const folder of ["torrents", "possession"]) await mkdir(join(library.#dataDir, folder), { recursive: true });
    for (const { torrent: path, data } of options.adopt ?? []) {
      const torrent = parseTorrent(await readFile(path));
      library.#adoptable.set(hex(torrent.infohashV2), { torrent, data });
    }
    for await (const [infohash, row] of library.#rows.iterator()) await library.#reopen(infohash, row);
    return library;
  }

  get(infohash: string): Held | undefined {
    return this.#held.get(infohash);
  }

  all(): Held[] {
    return [...this.#held.values()];
  }

  /** Whether its data is here, or on this machine for the taking. */
  has(infohash: string): boolean {
    return this.#held.has(infohash) || this.#adoptable.has(infohash);
  }

  /** Where another client keeps a content's data, if it is not the library's own. */
  adoptedFrom(infohash: string): string | undefined {
    const held = this.#held.get(infohash);
    if (held !== undefined) return held.adopted ? held.parent : undefined;
    return this.#adoptable.get(infohash)?.data;
  }

  /** Why a content's data cannot be looked at now, whether it is damaged or not: its volume is not there, or nothing of it is where
   * another client kept it. */
  async absence(infohash: string): Promise<AbsentDataError | undefined> {
    const place = this.adoptedFrom(infohash);
    const torrent = this.#held.get(infohash)?.torrent ?? this.#adoptable.get(infohash)?.torrent;
    if (place === undefined || torrent === undefined) return this.volume.absence();
    const folder = await DataFolder.find(torrent, place).catch(() => undefined);
    if (await folder?.isThere()) return undefined;
    return new AbsentDataError(
      `nothing of ${torrent.name} is where another client kept it`,
      place,
      "mount or restore it, and the operator goes on; taken out of `adopt`, a copy of it is fetched",
    );
  }

  /** Bytes free where the library keeps its contents. */
  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.volume.folder);
    return bavail * bsize;
  }

  /**
   * Brings a content here: adopted if it is on this machine, else fetched; all of it checked, against the torrent and the chain
   * (H-TREE-3), before it counts as held. Can be called again after any failure or restart: what was fetched stays.
   *
   * @param holders Peers besides those that the publication names.
   * @throws UnprovableContentError when chain and torrent do not agree: trying again is of no use
   */
  async hold(content: ContentState, holders: readonly PeerAddress[], signal?: AbortSignal): Promise<Held> {
    const infohash = content.commitment.infohash.slice(2);
    const held = this.#held.get(infohash);
    if (held !== undefined) {
      requireMatch(content, held.torrent, held.cache.dataRoot);
      return held;
    }
    return this.#adoptable.has(infohash) ? this.#adopt(content, signal) : this.#fetch(content, holders, signal);
  }

  /** Checks all of a damaged content again, and fetches what is missing; what is left of it can be proven meanwhile. Damaged data of
   * another client stays as it is: the library gets a copy of its own. */
  async repair(content: ContentState, holders: readonly PeerAddress[], signal: AbortSignal): Promise<Held> {
    const infohash = content.commitment.infohash.slice(2);
    if (this.#adoptable.has(infohash)) {
      try {
        return await this.#adopt(content, signal);
      } catch {
        signal.throwIfAborted();
        const absence = await this.absence(infohash);
        if (absence !== undefined) throw absence;
        this.#adoptable.delete(infohash);
      }
    }
    return this.#fetch(content, holders, signal);
  }

  /** A reader of a content's files; whoever asks closes it. */
  folderOf({ torrent, parent }: Pick<Held, "torrent" | "parent">): Promise<DataFolder> {
    return DataFolder.find(torrent, parent).catch(() => new DataFolder(parent, torrent));
  }

  /** Forgets a content, and deletes its data if the library fetched it. */
  async drop(infohash: string): Promise<void> {
    await this.volume.require();
    await this.#forget(infohash);
    await rm(this.#path("contents", infohash), { recursive: true, force: true });
    await rm(this.#path("torrents", `${infohash}.torrent`), { force: true });
  }

  async close(): Promise<void> {
    for (const { cache } of this.#held.values()) await cache.close();
    this.#held.clear();
  }

  async #adopt(content: ContentState, signal: AbortSignal | undefined): Promise<Held> {
    const { torrent, data } = this.#adoptable.get(content.commitment.infohash.slice(2))!;
    requireMatch(content, torrent);
    const folder = await DataFolder.find(torrent, data);
    try {
      return await this.#admit(content, torrent, folder, data, signal);
    } finally {
      await folder.close();
    }
  }

  async #fetch(content: ContentState, holders: readonly PeerAddress[], signal: AbortSignal | undefined): Promise<Held> {
    const infohash = content.commitment.infohash.slice(2);
    const sources = parseSources(content.manifest.sources, infohash);
    const { fetchIdleMs: idleMs, localAddress, reach } = this.#options;
    const peers = await reachable([...sources.peers, ...holders], reach);
    const known = await this.#metadata(infohash, sources.torrents, peers, signal);
    requireMatch(content, known);
    const parent = this.#path("contents", infohash);
    await this.volume.require();
    await mkdir(parent, { recursive: true });
    const torrent = await fetchTorrent({
      torrent: known,
      peers,
      folder: parent,
      signal,
      localAddress,
      timeouts: TIMEOUTS,
      limits: { attempts: ATTEMPTS, idleMs, leastBytes: LEAST_BYTES },
    });
    const path = this.#path("torrents", `${infohash}.torrent`);
    await writeDurably(path, torrentFile(torrent));
    const folder = new DataFolder(parent, torrent);
    try {
      return await this.#admit(content, torrent, folder, undefined, signal);
    } finally {
      await folder.close();
    }
  }

  /** The torrent: kept from before, from a .torrent that the publication names, or from peers. */
  async #metadata(
    infohash: string,
    places: readonly URL[],
    peers: readonly PeerAddress[],
    signal: AbortSignal | undefined,
  ): Promise<Torrent> {
    const { fetchIdleMs, localAddress, reach } = this.#options;
    const reasons: string[] = [];
    const kept = () => readFile(this.#path("torrents", `${infohash}.torrent`));
    const within = AbortSignal.any([AbortSignal.timeout(fetchIdleMs), ...(signal === undefined ? [] : [signal])]);
    for (const source of [kept, ...places.map((url) => () => readTorrentFile(url, reach, within))]) {
      try {
        const torrent = parseTorrent(await source());
        if (hex(torrent.infohashV2) === infohash) return torrent;
        reasons.push("a .torrent of something else");
      } catch (error) {
        signal?.throwIfAborted();
        if (source !== kept) reasons.push((error as Error).message);
      }
    }
    try {
      const from = { infohash: Buffer.from(infohash, "hex"), peers, localAddress, timeouts: TIMEOUTS };
      return parseInfo(await fetchMetadata({ ...from, signal: within, limits: { attempts: ATTEMPTS } }));
    } catch (cause) {
      signal?.throwIfAborted();
      throw new HoldfastError(`nobody gave the metadata of ${infohash}`, {
        facts: { tried: [...reasons, (cause as Error).message] },
        cause,
      });
    }
  }

  /** The one door: reads all the data, builds its possession cache, compares with the chain, and only then remembers it: on disk, since
   * promises are made next. */
  async #admit(
    content: ContentState,
    torrent: Torrent,
    folder: DataFolder,
    adopted: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Held> {
    const infohash = hex(torrent.infohashV2);
    const cache = await PossessionCache.build(folder, this.#path("possession", infohash), { signal });
    try {
      requireMatch(content, torrent, cache.dataRoot);
    } catch (error) {
      await cache.close();
      await this.drop(infohash);
      throw error;
    }
    await syncFolder(this.#path("possession", ""));
    await this.#rows.put(infohash, adopted === undefined ? {} : { adopted }, DURABLE);
    return this.#remember(infohash, {
      torrent,
      cache,
      parent: adopted ?? folder.parent,
      adopted: adopted !== undefined,
    });
  }

  async #remember(infohash: string, held: Held): Promise<Held> {
    const before = this.#held.get(infohash);
    this.#held.set(infohash, held);
    await before?.cache.close();
    return held;
  }

  /** After a restart: the cache was written only for data that was checked; proofs find out what happened to it since. */
  async #reopen(infohash: string, { adopted }: Row): Promise<void> {
    const offer = this.#adoptable.get(infohash);
    if (adopted !== undefined && offer?.data !== adopted) return this.#forget(infohash);
    const torrent = offer?.torrent ?? (await this.#keptTorrent(infohash));
    const cache = torrent && (await PossessionCache.open(torrent, this.#path("possession", infohash)));
    if (!torrent || !cache) return this.#forget(infohash);
    const parent = adopted ?? this.#path("contents", infohash);
    await this.#remember(infohash, { torrent, cache, parent, adopted: adopted !== undefined });
  }

  async #keptTorrent(infohash: string): Promise<Torrent | undefined> {
    try {
      return parseTorrent(await readFile(this.#path("torrents", `${infohash}.torrent`)));
    } catch {
      return undefined;
    }
  }

  async #forget(infohash: string): Promise<void> {
    await this.#held.get(infohash)?.cache.close();
    this.#held.delete(infohash);
    await this.#rows.del(infohash);
    await rm(this.#path("possession", infohash), { force: true });
  }

  #path(kind: "torrents" | "contents" | "possession", name: string): string {
    return join(this.#dataDir, kind, name);
  }
}

/** Compares what the torrent commits to with what the chain says; without a dataRoot, all that can be known before the data is here. */
function requireMatch({ id, commitment }: ContentState, torrent: Torrent, dataRoot?: Uint8Array): void {
  const found = commitmentArgs(commitmentOf(torrent, dataRoot ?? Buffer.from(commitment.dataRoot.slice(2), "hex")));
  if (contentKey(found) === contentKey(commitment)) return;
  throw new UnprovableContentError(
    `content ${id} on chain is not what its torrent ${dataRoot ? "and data are" : "says"}`,
    {
      facts: { chain: commitment, found },
    },
  );
}

/** Writes a file whole or not at all, and resolves when it is on disk. */
async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(`${path}.new`, "w");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  await syncFolder(dirname(path));
}

/** A .torrent of the info dictionary, byte for byte, and its piece layers. */
function torrentFile({ info, pieceLayers }: Torrent): Buffer {
  const layers = new Map([...pieceLayers].map(([root, layer]) => [Buffer.from(root, "hex").toString("latin1"), layer]));
  return Buffer.concat([
    Buffer.from("d4:info"),
    info,
    Buffer.from("12:piece layers"),
    encode(layers),
    Buffer.from("e"),
  ]);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
