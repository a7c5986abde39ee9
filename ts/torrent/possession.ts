import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { DamagedBlockError, TorrentError } from "./errors.ts";
import type { DataFolder } from "./folder.ts";
import type { Torrent } from "./metainfo.ts";
import { scan } from "./scan.ts";
import {
  BLOCK,
  BLOCK_LEVELS,
  BLOCK_WORDS,
  blockLevels,
  depthOf,
  HASH,
  hashPair,
  parents,
  RootBuilder,
  zeroRoot,
} from "./trees.ts";

/** A word of a content with its path, leaf to root (H-TREE-1). */
export interface WordProof {
  readonly word: Buffer;
  readonly path: readonly Buffer[];
}

export interface WorkOptions {
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a pass over a copy found. */
export interface DataCheck {
  readonly dataRoot: Buffer;
  /** Whether every file's tree has the root its torrent says. */
  readonly whole: boolean;
  /** Files that are not what the torrent says, missing ones included. */
  readonly damaged: readonly string[];
}

const MAGIC = Buffer.from("holdfast possession 1\n\0\0", "latin1");
/** magic 24, infohash 32, dataRoot 32, blocks 8: the header. */
const HEADER = 96;
const STEP = 4096 * HASH;

/** The possession tree of a content above its blocks, and the BEP 52 hashes of its blocks, in a file beside the data: 96 bytes for each
 * 16 KiB, 0.6% of it. With it a proof reads one block of the data and a hash for each level. */
export class PossessionCache {
  readonly torrent: Torrent;
  readonly dataRoot: Buffer;
  readonly #file: FileHandle;
  readonly #layout: Layout;

  private constructor(torrent: Torrent, dataRoot: Buffer, file: FileHandle) {
    this.torrent = torrent;
    this.dataRoot = dataRoot;
    this.#file = file;
    this.#layout = new Layout(torrent.blocks);
  }

  /** Reads the copy in `folder` once, checks it against the torrent and writes the cache: whole or not at all.
   * @throws DamagedBlockError for the first file that is not what the torrent says. */
  static async build(folder: DataFolder, path: string, options: WorkOptions = {}): Promise<PossessionCache> {
    const { torrent } = folder;
    const layout = new Layout(torrent.blocks);
    const temporary = `${path}.building`;
    const file = await open(temporary, "w+");
    try {
      const check = await pass(folder, options, async (block, possession, blockHashes) => {
        await file.write(possession, 0, possession.length, layout.level(0) + block * HASH);
        await file.write(blockHashes, 0, blockHashes.length, layout.hashes + block * HASH);
      });
      const bad = check.damaged[0];
      if (bad !== undefined) {
        const entry = torrent.files.find((f) => f.path.join("/") === bad)!;
        throw new DamagedBlockError(entry.firstBlock, bad, "the file is not what the torrent says");
      }
      for (let level = 1; level <= layout.depth; level++) await raise(file, layout, level);
      const header = Buffer.alloc(HEADER);
      MAGIC.copy(header);
      header.set(torrent.infohashV2, 24);
      header.set(check.dataRoot, 56);
      header.writeBigUInt64BE(BigInt(torrent.blocks), 88);
      await file.write(header, 0, HEADER, 0);
      await file.sync();
      await rename(temporary, path);
      return new PossessionCache(torrent, check.dataRoot, file);
    } catch (error) {
      await file.close();
      await rm(temporary, { force: true });
      throw error;
    }
  }

  /** Opens a cache built before. @returns null if there is none, or it is another content's or not whole: build it again. */
  static async open(torrent: Torrent, path: string): Promise<PossessionCache | null> {
    const file = await open(path, "r").catch(() => null);
    if (!file) return null;
    const header = Buffer.alloc(HEADER);
    const { bytesRead } = await file.read(header, 0, HEADER, 0);
    const layout = new Layout(torrent.blocks);
    const ours =
      bytesRead === HEADER &&
      header.subarray(0, 24).equals(MAGIC) &&
      header.subarray(24, 56).equals(torrent.infohashV2) &&
      header.readBigUInt64BE(88) === BigInt(torrent.blocks) &&
      (await file.stat()).size === layout.end;
    if (!ours) {
      await file.close();
      return null;
    }
    return new PossessionCache(torrent, Buffer.from(header.subarray(56, 88)), file);
  }

  /** Proves one word. The proof is checked before it is returned, so a damaged copy is found here and not on chain.
   * @param leaf of the possession tree: block * 512 + word.
   * @throws DamagedBlockError if the block is missing or not what it was. */
  async prove(folder: DataFolder, leaf: number): Promise<WordProof> {
    const block = Math.floor(leaf / BLOCK_WORDS);
    const data = await folder.readBlock(block);
    const levels = blockLevels(data);
    const word = leaf % BLOCK_WORDS;
    const path: Buffer[] = [];
    for (let level = 0; level < BLOCK_LEVELS; level++) {
      const sibling = (word >> level) ^ 1;
      path.push(levels[level]!.subarray(sibling * HASH, (sibling + 1) * HASH));
    }
    let node = levels[BLOCK_LEVELS]!;
    if (!(await this.#node(0, block)).equals(node)) {
      throw new DamagedBlockError(
        block,
        this.torrent.files[folder.fileOf(block)]!.path.join("/"),
        "the block is not what it was",
      );
    }
    const uncles = await Promise.all(
      Array.from({ length: this.#layout.depth }, (_, level) => this.#node(level, Math.floor(block / 2 ** level) ^ 1)),
    );
    for (const [level, uncle] of uncles.entries()) {
      node = Math.floor(block / 2 ** level) & 1 ? hashPair(uncle, node) : hashPair(node, uncle);
      path.push(uncle);
    }
    if (!node.equals(this.dataRoot)) throw new TorrentError("the cache is damaged: delete it, and it is built again");
    return { word: levels[0]!.subarray(word * HASH, (word + 1) * HASH), path };
  }

  /** BEP 52 hashes of `count` blocks of the content from `block` on. */
  async blockHashes(block: number, count: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(count * HASH);
    await this.#file.read(buffer, 0, buffer.length, this.#layout.hashes + block * HASH);
    return buffer;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #node(level: number, index: number): Promise<Buffer> {
    if (index >= this.#layout.count(level)) return zeroRoot(BLOCK_LEVELS + level);
    const buffer = Buffer.allocUnsafe(HASH);
    await this.#file.read(buffer, 0, HASH, this.#layout.level(level) + index * HASH);
    return buffer;
  }
}

/** Reads a copy once and compares every file's tree with the torrent's; a missing or short file is damaged, and the rest goes on.
 * For a copy that is whole the dataRoot is the content's. */
export function checkData(folder: DataFolder, options: WorkOptions = {}): Promise<DataCheck> {
  return pass(folder, options, async () => {});
}

async function pass(
  folder: DataFolder,
  { onProgress, signal }: WorkOptions,
  sink: (block: number, possession: Uint8Array, blockHashes: Uint8Array) => Promise<void>,
): Promise<DataCheck> {
  const { torrent } = folder;
  const data = new RootBuilder(BLOCK_LEVELS);
  const damaged: string[] = [];
  let done = 0;
  for (const file of torrent.files) {
    if (!file.piecesRoot) continue;
    const tree = new RootBuilder();
    try {
      for await (const segment of scan([{ path: folder.pathOf(file), length: file.length }], {
        pieceLength: BLOCK,
        signal,
      })) {
        tree.push(segment.blockHashes);
        data.push(segment.possession);
        await sink(file.firstBlock + segment.offset / BLOCK, segment.possession, segment.blockHashes);
        done += segment.length;
        onProgress?.(done, torrent.length);
      }
      if (!tree.root().equals(file.piecesRoot)) damaged.push(file.path.join("/"));
    } catch (error) {
      if (!(error instanceof Error && error.name === "TorrentError")) throw error;
      damaged.push(file.path.join("/"));
    }
  }
  return { dataRoot: damaged.length ? Buffer.alloc(HASH) : data.root(), whole: damaged.length === 0, damaged };
}

/** Writes one level of the tree from the one below it. */
async function raise(file: FileHandle, layout: Layout, level: number): Promise<void> {
  const below = layout.count(level - 1) * HASH;
  const buffer = Buffer.allocUnsafe(Math.min(STEP, below));
  for (let at = 0; at < below; at += STEP) {
    const nodes = buffer.subarray(0, Math.min(STEP, below - at));
    await file.read(nodes, 0, nodes.length, layout.level(level - 1) + at);
    const up = parents(nodes, BLOCK_LEVELS + level - 1);
    await file.write(up, 0, up.length, layout.level(level) + at / 2);
  }
}

/** Where things stand in a cache file: the levels of the tree from the blocks' roots up, then the blocks' BEP 52 hashes. */
class Layout {
  readonly depth: number;
  readonly hashes: number;
  readonly end: number;
  readonly #starts: number[] = [];
  readonly #counts: number[] = [];

  constructor(blocks: number) {
    this.depth = depthOf(blocks);
    let at = HEADER;
    for (let level = 0; level <= this.depth; level++) {
      const count = Math.ceil(blocks / 2 ** level);
      this.#starts.push(at);
      this.#counts.push(count);
      at += count * HASH;
    }
    this.hashes = at;
    this.end = at + blocks * HASH;
  }

  level(level: number): number {
    return this.#starts[level]!;
  }

  count(level: number): number {
    return this.#counts[level]!;
  }
}
