import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { type Bencode, encode } from "./bencode.ts";
import { type Commitment, commitmentOf } from "./commitment.ts";
import { TorrentError } from "./errors.ts";
import { checkComponent, checkPieceLength, MAX_FILES, parseTorrent, pieceLayer, type Torrent } from "./metainfo.ts";
import { type ScanFile, scan } from "./scan.ts";
import { trackerUrls } from "./trackers.ts";
import { BLOCK, BLOCK_LEVELS, depthOf, RootBuilder, rootOf } from "./trees.ts";

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

/** Makes a hybrid (or v2-only) torrent of a file or folder, reading the data once, and the content's commitment with it.
 * @throws TorrentError before any data is read if the names, sizes or options cannot be a torrent's. */
export async function createTorrent(path: string, options: CreateOptions = {}): Promise<Created> {
  const root = await realpath(path).catch(() => null);
  if (root === null) throw new TorrentError("no such file or folder", { path });
  const name = options.name ?? basename(resolve(path));
  checkComponent(name);
  const info = await stat(root);
  const files = info.isFile() ? [{ path: root, length: info.size, parts: [name] }] : await list(root);
  const total = files.reduce((sum, file) => sum + file.length, 0);
  if (total === 0) throw new TorrentError("nothing to make a torrent of: no data", { path: root });
  const pieceLength = options.pieceLength ?? defaultPieceLength(total);
  checkPieceLength(pieceLength, files);
  const hybrid = !options.v2Only;
  const trackers = options.trackers ?? [];
  if (trackerUrls(trackers).length < new Set(trackers).size)
    throw new TorrentError("not the URLs of at most 64 trackers", { trackers: trackers.join(" ") });

  const data = new RootBuilder(BLOCK_LEVELS);
  const v1: Uint8Array[] = [];
  const roots: (Buffer | null)[] = files.map(() => null);
  const layers = new Map<string, Uint8Array>();
  // Padding is for files that another one with data follows.
  const withData = files.map((file, index) => ({ ...file, index })).filter((file) => file.length > 0);
  let layer: Buffer[] = [];
  for await (const segment of scan(withData, {
    pieceLength,
    v1: hybrid,
    onProgress: options.onProgress,
    signal: options.signal,
  })) {
    const file = withData[segment.file]!;
    if (segment.unreadable) throw new TorrentError("cannot read a file", { path: file.path, why: segment.unreadable });
    data.push(segment.possession);
    v1.push(segment.v1);
    layer.push(pieceLayer(segment.blockHashes, file.length, pieceLength));
    if (segment.offset + segment.length < file.length) continue;
    const nodes = Buffer.concat(layer);
    const piecesRoot = rootOf(nodes, depthOf(pieceLength / BLOCK));
    roots[file.index] = piecesRoot;
    if (file.length > pieceLength) layers.set(piecesRoot.toString("latin1"), nodes);
    layer = [];
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
  if (trackers.length > 0) {
    top.set("announce", trackers[0]!);
    top.set(
      "announce-list",
      trackers.map((tracker) => [tracker]),
    );
  }
  const bytes = encode(top);
  const torrent = parseTorrent(bytes);
  return { bytes, torrent, commitment: commitmentOf(torrent, data.root()) };
}

/** From 750 to 1500 pieces if there is enough data, at least a block and at most 16 MiB each. */
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
      // Node reads what is no UTF-8 as U+FFFD.
      if (entry.name.includes("\ufffd")) throw new TorrentError("a file name is not UTF-8", { path: here });
      checkComponent(entry.name);
      if (entry.isDirectory()) await descend(here, [...parts, entry.name]);
      else if (entry.isFile())
        files.push({ path: here, length: (await stat(here)).size, parts: [...parts, entry.name] });
      else
        throw new TorrentError("neither a file nor a folder: links and devices cannot be in a torrent", { path: here });
      if (files.length > MAX_FILES) throw new TorrentError("too many files", { most: MAX_FILES });
    }
  })(root, []);
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
