import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { type Bencode, encode } from "./bencode.ts";
import { type Commitment, commitmentOf } from "./commitment.ts";
import { TorrentError } from "./errors.ts";
import { MAX_FILES, parseTorrent, type Torrent } from "./metainfo.ts";
import { type ScanFile, scan } from "./scan.ts";
import { BLOCK, BLOCK_LEVELS, depthOf, HASH, RootBuilder, rootOf } from "./trees.ts";

export interface CreateOptions {
  /** Bytes, a power of two from 16 KiB. Default: what makes about a thousand pieces, 16 KiB to 16 MiB. */
  readonly pieceLength?: number | undefined;
  /** No v1 side: fewer clients can read it. */
  readonly v2Only?: boolean | undefined;
  readonly name?: string | undefined;
  readonly trackers?: readonly string[] | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Created {
  /** The .torrent. The same data and options give the same bytes. */
  readonly bytes: Uint8Array;
  readonly torrent: Torrent;
  readonly commitment: Commitment;
}

interface Found extends ScanFile {
  readonly parts: readonly string[];
}

/** Makes a hybrid (or v2-only) torrent of a file or folder, reading the data once, and the content's commitment with it. */
export async function createTorrent(path: string, options: CreateOptions = {}): Promise<Created> {
  const root = resolve(path);
  const info = await stat(root).catch(() => null);
  if (!info) throw new TorrentError("no such file or folder", { path: root });
  const name = options.name ?? basename(root);
  const files = info.isFile() ? [{ path: root, length: info.size, parts: [name] }] : await list(root);
  const total = files.reduce((sum, file) => sum + file.length, 0);
  if (total === 0) throw new TorrentError("nothing to make a torrent of: no data", { path: root });
  const pieceLength = options.pieceLength ?? defaultPieceLength(total);
  if (pieceLength < BLOCK || pieceLength & (pieceLength - 1))
    throw new TorrentError("piece length must be a power of two, at least 16384", { pieceLength });
  const hybrid = !options.v2Only;

  const data = new RootBuilder(BLOCK_LEVELS);
  const v1: Uint8Array[] = [];
  const roots: (Buffer | null)[] = files.map(() => null);
  const layers = new Map<string, Uint8Array>();
  const level = depthOf(pieceLength / BLOCK);
  // Padding is for files that another one with data follows.
  const withData = files.map((file, index) => ({ ...file, index })).filter((file) => file.length > 0);
  let tree = new RootBuilder();
  let layer: Buffer[] = [];
  for await (const segment of scan(withData, {
    pieceLength,
    v1: hybrid,
    onProgress: options.onProgress,
    signal: options.signal,
  })) {
    const file = withData[segment.file]!;
    data.push(segment.possession);
    v1.push(segment.v1);
    for (let at = 0; at < segment.blockHashes.length; at += (pieceLength / BLOCK) * HASH) {
      const piece = segment.blockHashes.subarray(at, at + (pieceLength / BLOCK) * HASH);
      if (file.length <= pieceLength) {
        tree.push(piece);
      } else {
        layer.push(pieceRoot(piece, level));
      }
    }
    if (segment.offset + segment.length < file.length) continue;
    if (layer.length) {
      const nodes = Buffer.concat(layer);
      roots[file.index] = rootOf(nodes, level);
      layers.set(roots[file.index]!.toString("latin1"), nodes);
    } else {
      roots[file.index] = tree.root();
    }
    [tree, layer] = [new RootBuilder(), []];
  }

  const single = info.isFile();
  const dictionary = new Map<string, Bencode>([
    ["file tree", fileTree(files, roots)],
    ["meta version", 2],
    ["name", name],
    ["piece length", pieceLength],
  ]);
  if (hybrid) {
    dictionary.set("pieces", Buffer.concat(v1));
    if (single) dictionary.set("length", total);
    else dictionary.set("files", v1Files(files, pieceLength));
  }
  const top = new Map<string, Bencode>([
    ["info", dictionary],
    ["piece layers", layers],
  ]);
  if (options.trackers?.length) {
    top.set("announce", options.trackers[0]!);
    top.set(
      "announce-list",
      options.trackers.map((tracker) => [tracker]),
    );
  }
  const bytes = encode(top);
  const torrent = parseTorrent(bytes);
  return { bytes, torrent, commitment: commitmentOf(torrent, data.root()) };
}

/** About a thousand pieces, at least a block and at most 16 MiB each. */
export function defaultPieceLength(total: number): number {
  let length = BLOCK;
  while (length < 16 * 1024 * 1024 && total / length > 1500) length *= 2;
  return length;
}

/** Files below a folder in the order of a bencoded file tree: by name, byte by byte, each folder's files where the folder stands. */
async function list(root: string): Promise<Found[]> {
  const files: Found[] = [];
  await (async function descend(folder: string, parts: string[]): Promise<void> {
    const entries = await readdir(folder, { withFileTypes: true });
    entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
    for (const entry of entries) {
      const here = join(folder, entry.name);
      if (entry.isDirectory()) await descend(here, [...parts, entry.name]);
      else if (entry.isFile())
        files.push({ path: here, length: (await stat(here)).size, parts: [...parts, entry.name] });
      else
        throw new TorrentError("neither a file nor a folder: links and devices cannot be in a torrent", { path: here });
      if (files.length > MAX_FILES) throw new TorrentError("too many files", { most: MAX_FILES });
    }
  })(root, []);
  if (!files.length) throw new TorrentError("an empty folder", { path: root });
  return files;
}

function fileTree(files: readonly Found[], roots: readonly (Buffer | null)[]): Map<string, Bencode> {
  const tree = new Map<string, Bencode>();
  for (const [index, file] of files.entries()) {
    let node = tree;
    for (const part of file.parts) {
      const key = Buffer.from(part).toString("latin1");
      if (!node.has(key)) node.set(key, new Map<string, Bencode>());
      node = node.get(key) as Map<string, Bencode>;
    }
    const leaf = new Map<string, Bencode>([["length", file.length]]);
    if (roots[index]) leaf.set("pieces root", roots[index]!);
    node.set("", leaf);
  }
  return tree;
}

/** The v1 list: each file with data but the last is followed by a pad file up to the next piece (BEP 47). */
function v1Files(files: readonly Found[], pieceLength: number): Bencode[] {
  const listed: Bencode[] = [];
  const last = files.findLastIndex((file) => file.length > 0);
  for (const [index, file] of files.entries()) {
    listed.push(
      new Map<string, Bencode>([
        ["length", file.length],
        ["path", [...file.parts]],
      ]),
    );
    const rest = file.length % pieceLength;
    if (!rest || index >= last) continue;
    const pad = pieceLength - rest;
    listed.push(
      new Map<string, Bencode>([
        ["attr", "p"],
        ["length", pad],
        ["path", [".pad", String(pad)]],
      ]),
    );
  }
  return listed;
}

/** Root of one piece's blocks; a piece cut short by the file's end is padded to a whole one. */
function pieceRoot(blockHashes: Uint8Array, level: number): Buffer {
  const full = 2 ** level * HASH;
  if (blockHashes.length === full) return rootOf(blockHashes);
  return rootOf(Buffer.concat([blockHashes, Buffer.alloc(full - blockHashes.length)]));
}
