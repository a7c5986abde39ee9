import { createHash } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { DamagedBlockError, DamagedCacheError } from "./errors.ts";
import type { DataFolder } from "./folder.ts";
import type { Torrent } from "./metainfo.ts";
import { BLOCK_LEVELS, BLOCK_WORDS, depthOf, HASH, merklePath, nodeAt, padBlock, parents } from "./trees.ts";
import { verify, type WorkOptions } from "./verify.ts";

/** A word of a content with its path, leaf to root (H-TREE-1). */
export interface WordProof {
  readonly word: Buffer;
  readonly path: readonly Buffer[];
}

const MAGIC = Buffer.from("holdfast possession 1\n\0\0", "latin1");
/** magic 24, infohash 32, dataRoot 32, blocks 8, SHA-256 of these 32: the header. */
const HEADER = 128;
const CHECKED = HEADER - HASH;
/** Nodes that one read of the cache brings: as many as words in a block, so that each brings nine levels of a path. */
const PAGE = BLOCK_WORDS;
/** Bytes of a level worked on at a time while it is built. */
const STEP = 64 * PAGE * HASH;

/** Every ninth level of a content's possession tree from its blocks' roots up, and the BEP 52 hashes of its blocks, in a file beside the
 * data: 64 bytes and a little for each 16 KiB, 0.4% of it. A proof reads one block of the data, and one page of 16 KiB for every nine
 * levels above it. */
export class PossessionCache {
  readonly torrent: Torrent;
  readonly dataRoot: Buffer;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #layout: CacheLayout;

  private constructor(torrent: Torrent, dataRoot: Buffer, path: string, file: FileHandle) {
    this.torrent = torrent;
    this.dataRoot = dataRoot;
    this.#path = path;
    this.#file = file;
    this.#layout = cacheLayout(torrent.blocks);
  }

  /** Reads the copy in `folder` once, checks it against the torrent and writes the cache: whole or not at all.
   * @throws DamagedBlockError for the first piece that is not what the torrent says. */
  static async build(folder: DataFolder, path: string, options: WorkOptions = {}): Promise<PossessionCache> {
    const { torrent } = folder;
    const layout = cacheLayout(torrent.blocks);
    const temporary = `${path}.building`;
    const file = await open(temporary, "w+");
    try {
      const { dataRoot, pieces } = await verify(folder, options, async (block, roots, blockHashes) => {
        await writeAt(file, roots, layout.levels[0]!.start + block * HASH);
        await writeAt(file, blockHashes, layout.hashes + block * HASH);
      });
      const [bad] = pieces;
      if (bad !== undefined) throw new DamagedBlockError(bad.block, bad.file, bad.why);
      for (let level = 1; level < layout.levels.length; level++) await raise(file, layout, level);
      await writeAt(file, headerOf(torrent, dataRoot!), 0);
      await file.sync();
      await rename(temporary, path);
      return new PossessionCache(torrent, dataRoot!, path, file);
    } catch (error) {
      await file.close();
      await rm(temporary, { force: true });
      throw error;
    }
  }

  /** Opens a cache built before. @returns null if there is none, or it is another content's or not whole: build it again. */
  static async open(torrent: Torrent, path: string): Promise<PossessionCache | null> {
    const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return null;
      throw error;
    });
    if (!file) return null;
    const { size } = await file.stat();
    const header = Buffer.alloc(HEADER);
    await file.read(header, 0, HEADER, 0);
    const dataRoot = header.subarray(56, 88);
    const ours = size === cacheLayout(torrent.blocks).end && header.equals(headerOf(torrent, dataRoot));
    if (ours) return new PossessionCache(torrent, dataRoot, path, file);
    await file.close();
    return null;
  }

  /** Proves one word. The proof is checked before it is returned, so a damaged copy is found here and not on chain.
   * @param leaf of the possession tree: block * 512 + word.
   * @throws DamagedBlockError if the block is missing or not what it was; the cache was found sound then.
   * @throws DamagedCacheError */
  async prove(folder: DataFolder, leaf: number): Promise<WordProof> {
    const block = Math.floor(leaf / BLOCK_WORDS);
    const words = padBlock(await folder.readBlock(block));
    const word = leaf % BLOCK_WORDS;
    const inBlock = merklePath(words, word, BLOCK_LEVELS);

    const path = [...inBlock.path];
    const { levels, depth } = this.#layout;
    let blockRoot: Buffer | undefined;
    let below: Buffer | undefined;
    for (const [i, { start, count }] of levels.entries()) {
      const index = Math.floor(block / PAGE ** i);
      const first = index - (index % PAGE);
      const page = await this.#read(start + first * HASH, Math.min(PAGE, count - first));
      const node = nodeAt(page, index - first)!;
      if (below !== undefined && !below.equals(node)) throw new DamagedCacheError(this.#path);
      blockRoot ??= node;
      const height = BLOCK_LEVELS * i;
      const up = merklePath(page, index - first, Math.min(BLOCK_LEVELS, depth - height), BLOCK_LEVELS + height);
      path.push(...up.path);
      below = up.root;
    }
    if (!below!.equals(this.dataRoot)) throw new DamagedCacheError(this.#path);
    if (!inBlock.root.equals(blockRoot!))
      throw new DamagedBlockError(
        block,
        this.torrent.files[folder.fileOf(block)]!.path.join("/"),
        "the block is not what it was",
      );
    return { word: nodeAt(words, word)!, path };
  }

  /** BEP 52 hashes of `count` blocks of the content from `block` on.
   * @throws DamagedCacheError */
  async blockHashes(block: number, count: number): Promise<Buffer> {
    return this.#read(this.#layout.hashes + block * HASH, count);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #read(start: number, count: number): Promise<Buffer> {
    const nodes = await readAt(this.#file, start, count);
    if (nodes === null) throw new DamagedCacheError(this.#path);
    return nodes;
  }
}

/** Where things stand in a cache file. */
export interface CacheLayout {
  /** Levels of the tree above the blocks' roots. */
  readonly depth: number;
  /** Every ninth level, the lowest being the blocks' roots: the byte it starts at, and its nodes. The last one fits a page. */
  readonly levels: readonly { readonly start: number; readonly count: number }[];
  /** The byte where the blocks' BEP 52 hashes start. */
  readonly hashes: number;
  /** Bytes of the file. */
  readonly end: number;
}

export function cacheLayout(blocks: number): CacheLayout {
  const levels = [{ start: HEADER, count: blocks }];
  for (let last = levels[0]!; last.count > PAGE; last = levels.at(-1)!) {
    levels.push({ start: last.start + last.count * HASH, count: Math.ceil(last.count / PAGE) });
  }
  const { start, count } = levels.at(-1)!;
  const hashes = start + count * HASH;
  return { depth: depthOf(blocks), levels, hashes, end: hashes + blocks * HASH };
}

export function headerOf(torrent: Torrent, dataRoot: Uint8Array): Buffer {
  const header = Buffer.alloc(HEADER);
  header.set(MAGIC);
  header.set(torrent.infohashV2, 24);
  header.set(dataRoot, 56);
  header.writeBigUInt64BE(BigInt(torrent.blocks), 88);
  header.set(createHash("sha256").update(header.subarray(0, CHECKED)).digest(), CHECKED);
  return header;
}

/** Writes one kept level from the one below it: a node for each of its pages. */
async function raise(file: FileHandle, layout: CacheLayout, level: number): Promise<void> {
  const { start, count } = layout.levels[level - 1]!;
  for (let at = 0; at < count; at += STEP / HASH) {
    let nodes = (await readAt(file, start + at * HASH, Math.min(STEP / HASH, count - at)))!;
    for (let height = 0; height < BLOCK_LEVELS; height++) nodes = parents(nodes, BLOCK_LEVELS * level + height);
    await writeAt(file, nodes, layout.levels[level]!.start + (at / PAGE) * HASH);
  }
}

/** `count` nodes; null if the file ends before. */
async function readAt(file: FileHandle, start: number, count: number): Promise<Buffer | null> {
  const nodes = Buffer.allocUnsafe(count * HASH);
  const { bytesRead } = await file.read(nodes, 0, nodes.length, start);
  return bytesRead === nodes.length ? nodes : null;
}

async function writeAt(file: FileHandle, bytes: Uint8Array, start: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await file.write(bytes, at, bytes.length - at, start + at)).bytesWritten;
  }
}
