import { createHash } from "node:crypto";
import { type Decoded, decode } from "./bencode.ts";
import { TorrentError } from "./errors.ts";
import { trackerUrls } from "./trackers.ts";
import { BLOCK, depthOf, HASH, parents, rootOf, zeroRoot } from "./trees.ts";

export interface TorrentFile {
  /** Components below the torrent's name; one component, the name itself, in a single-file torrent. */
  readonly path: readonly string[];
  /** Bytes. */
  readonly length: number;
  /** BEP 52 `pieces root`; null for an empty file, which has no tree and no row in the file table. */
  readonly piecesRoot: Uint8Array | null;
  /** Blocks of the files before it: every file starts a new block. */
  readonly firstBlock: number;
  readonly blocks: number;
}

export interface Torrent {
  readonly name: string;
  /** SHA-1 of `info`, for hybrids; null for v2-only. */
  readonly infohashV1: Uint8Array | null;
  /** SHA-256 of `info`. */
  readonly infohashV2: Uint8Array;
  /** The raw info dictionary, as hashed. */
  readonly info: Uint8Array;
  readonly pieceLength: number;
  /** Bytes of all files, without padding. */
  readonly length: number;
  /** Blocks of 16 KiB of all files. */
  readonly blocks: number;
  readonly files: readonly TorrentFile[];
  /** Whether the data is one file called `name` rather than a folder. */
  readonly singleFile: boolean;
  /** Hex pieces root to concatenated piece hashes, for files longer than a piece. Empty when only the info dictionary is known. */
  readonly pieceLayers: ReadonlyMap<string, Uint8Array>;
  readonly trackers: readonly string[];
  readonly private: boolean;
}

export const MAX_TORRENT_BYTES = 64 * 1024 * 1024;
export const MAX_FILES = 200_000;
const MAX_PIECE_LENGTH = 256 * 1024 * 1024;
const MAX_LENGTH = 2 ** 50;

type Dictionary = Map<string, Decoded>;

/** Pieces of all files, as in libtorrent: what a peer's bitfield has to hold. */
const MAX_PIECES = 0x200000;

/** Reads a v2 or hybrid .torrent (BEP 52) and checks all that can be checked without the data.
 * @throws TorrentError naming what is wrong. */
export function parseTorrent(bytes: Uint8Array): Torrent {
  if (bytes.length > MAX_TORRENT_BYTES)
    throw new TorrentError("torrent too large", { bytes: bytes.length, most: MAX_TORRENT_BYTES });
  const spans = new Map<string, [number, number]>();
  const top = decode(bytes, spans);
  if (!(top instanceof Map)) throw new TorrentError("not a torrent: no dictionary");
  const span = spans.get("info");
  if (!span) throw new TorrentError("not a torrent: no info dictionary");
  const torrent = parseInfo(bytes.subarray(...span));
  const layers = top.get("piece layers") ?? new Map();
  if (!(layers instanceof Map)) throw new TorrentError("bad piece layers");
  return { ...torrent, pieceLayers: checkLayers(torrent, layers), trackers: trackersOf(top) };
}

/** Reads an info dictionary alone, as peers send it (BEP 9): no piece layers, no trackers. */
export function parseInfo(info: Uint8Array): Torrent {
  const d = decode(info);
  if (!(d instanceof Map)) throw new TorrentError("bad info dictionary");
  const version = d.get("meta version");
  if (version === undefined && d.has("pieces")) {
    throw new TorrentError(
      "a v1-only torrent: its hashes are SHA-1, which the protocol cannot verify. Make a v2 or hybrid torrent of the data",
    );
  }
  if (version !== 2) throw new TorrentError("unknown meta version", { version: String(version) });
  const name = text(d.get("name"), "name");
  checkComponent(name);
  const pieceLength = integer(d.get("piece length"), "piece length");
  const tree = d.get("file tree");
  if (!(tree instanceof Map) || tree.size === 0) throw new TorrentError("no file tree");
  const files = walk(tree);
  checkPieceLength(pieceLength, files);
  const last = files.at(-1)!;
  const [length, blocks] = [files.reduce((sum, file) => sum + file.length, 0), last.firstBlock + last.blocks];
  if (length === 0) throw new TorrentError("no data: every file is empty");
  if (length > MAX_LENGTH) throw new TorrentError("data too large", { length });
  const hybrid = d.has("pieces");
  const singleFile =
    files.length === 1 && last.path.length === 1 && last.path[0] === name && !(hybrid && d.has("files"));
  const torrent: Torrent = {
    name,
    infohashV1: hybrid ? createHash("sha1").update(info).digest() : null,
    infohashV2: createHash("sha256").update(info).digest(),
    info,
    pieceLength,
    length,
    blocks,
    files,
    singleFile,
    pieceLayers: new Map(),
    trackers: [],
    private: d.get("private") === 1,
  };
  if (hybrid) checkHybrid(torrent, d);
  return torrent;
}

function walk(tree: Dictionary): TorrentFile[] {
  const files: TorrentFile[] = [];
  const seen = new Set<string>();
  let blocks = 0;
  (function descend(node: Dictionary, path: string[]): void {
    for (const [key, child] of node) {
      const component = text(Buffer.from(key, "latin1"), "file name");
      checkComponent(component);
      if (!(child instanceof Map) || child.size === 0)
        throw new TorrentError("bad file tree", { path: [...path, component].join("/") });
      const here = [...path, component];
      // Names that a case-folding file system takes for one would overwrite each other.
      const folded = here.join("/").normalize("NFC").toLowerCase();
      if (seen.has(folded)) throw new TorrentError("two files with one name", { path: here.join("/") });
      seen.add(folded);
      const leaf = child.get("");
      if (leaf === undefined) {
        descend(child, here);
        continue;
      }
      if (child.size !== 1 || !(leaf instanceof Map))
        throw new TorrentError("both a file and a folder", { path: here.join("/") });
      if (files.length >= MAX_FILES) throw new TorrentError("too many files", { most: MAX_FILES });
      // BEP 47: a link could point anywhere, and padding has no place in a v2 file tree.
      const attributes = leaf.get("attr");
      if (attributes instanceof Uint8Array && /[lp]/.test(Buffer.from(attributes).toString("latin1")))
        throw new TorrentError("a link or a pad file", { path: here.join("/") });
      const length = integer(leaf.get("length"), "file length");
      if (length > MAX_LENGTH) throw new TorrentError("file too large", { path: here.join("/"), length });
      const root = leaf.get("pieces root") ?? null;
      if (length === 0 ? root !== null : !(root instanceof Uint8Array) || root.length !== HASH) {
        throw new TorrentError("bad pieces root", { path: here.join("/") });
      }
      const count = Math.ceil(length / BLOCK);
      files.push({ path: here, length, piecesRoot: root as Uint8Array | null, firstBlock: blocks, blocks: count });
      blocks += count;
    }
  })(tree, []);
  return files;
}

/** The v1 side of a hybrid must describe the same bytes: same files in the same order, each padded to a whole piece (BEP 47); behind the
 * last one padding is optional. */
function checkHybrid(torrent: Torrent, info: Dictionary): void {
  const { files, pieceLength } = torrent;
  const pieces = info.get("pieces");
  const count = files.reduce((sum, { length }) => sum + Math.ceil(length / pieceLength), 0);
  if (!(pieces instanceof Uint8Array) || pieces.length !== count * 20)
    throw new TorrentError("hybrid: wrong number of v1 pieces");
  const listed = info.get("files");
  const differs = (file: TorrentFile | undefined): never => {
    throw new TorrentError("hybrid: the v1 and v2 sides list different files", { path: file?.path.join("/") });
  };
  if (listed === undefined) {
    const [file] = files;
    if (!torrent.singleFile || info.get("length") !== file!.length) differs(file);
    return;
  }
  if (!Array.isArray(listed)) throw new TorrentError("hybrid: bad v1 file list");
  let [offset, next] = [0, 0];
  for (const entry of listed) {
    if (!(entry instanceof Map)) throw new TorrentError("hybrid: bad v1 file list");
    const length = integer(entry.get("length"), "v1 length");
    const attributes = entry.get("attr");
    const gap = (pieceLength - (offset % pieceLength)) % pieceLength;
    if (attributes instanceof Uint8Array && attributes.includes(0x70)) {
      if (length !== gap) throw new TorrentError("hybrid: v1 padding of the wrong length", { offset });
    } else {
      const file = files[next++];
      const path = entry.get("path");
      if (!file || !Array.isArray(path) || length !== file.length || path.length !== file.path.length) differs(file);
      if (!file!.path.every((part, i) => part === text((path as Decoded[])[i], "v1 path"))) differs(file);
      if (length && gap) throw new TorrentError("hybrid: a v1 file does not start a piece", { offset });
    }
    offset += length;
  }
  if (next !== files.length) differs(files[next]);
}

/** Piece hashes of a stretch of a file that begins a piece, from its blocks' hashes. A file's last piece is padded to a whole one, unless
 * it is the only one: then to the next power of two (BEP 52). */
export function pieceLayer(blockHashes: Uint8Array, fileLength: number, pieceLength: number): Buffer {
  const blocks = Math.ceil(Math.min(fileLength, pieceLength) / BLOCK);
  let nodes = Buffer.from(blockHashes.buffer, blockHashes.byteOffset, blockHashes.length);
  for (let level = 0; level < depthOf(blocks); level++) nodes = parents(nodes, level);
  return nodes;
}

/** @throws TorrentError unless a torrent of these files can have pieces of that length. */
export function checkPieceLength(pieceLength: number, files: readonly { readonly length: number }[]): void {
  const powerOfTwo = Number.isInteger(Math.log2(pieceLength));
  if (!powerOfTwo || pieceLength < BLOCK || pieceLength > MAX_PIECE_LENGTH)
    throw new TorrentError("piece length is not a power of two from 16 KiB to 256 MiB", { pieceLength });
  const pieces = files.reduce((sum, { length }) => sum + Math.ceil(length / pieceLength), 0);
  if (pieces > MAX_PIECES) throw new TorrentError("too many pieces: they must be longer", { pieces, most: MAX_PIECES });
}

/** Every file longer than a piece needs its layer, and every layer must hash to its file's root. */
function checkLayers(torrent: Torrent, given: Dictionary): Map<string, Uint8Array> {
  const layers = new Map<string, Uint8Array>();
  const level = depthOf(torrent.pieceLength / BLOCK);
  for (const file of torrent.files) {
    if (file.length <= torrent.pieceLength) continue;
    const root = Buffer.from(file.piecesRoot!);
    const key = root.toString("hex");
    if (layers.has(key)) continue;
    const layer = given.get(root.toString("latin1"));
    const path = file.path.join("/");
    if (!(layer instanceof Uint8Array)) throw new TorrentError("piece layer missing", { path });
    if (layer.length !== Math.ceil(file.length / torrent.pieceLength) * HASH)
      throw new TorrentError("piece layer of the wrong length", { path });
    if (!layerRoot(layer, level).equals(root))
      throw new TorrentError("piece layer does not hash to the pieces root", { path });
    layers.set(key, layer);
  }
  if (given.size !== layers.size) throw new TorrentError("a piece layer of no file");
  return layers;
}

/** The pieces root over a layer of nodes of the given level, padded as BEP 52 says. */
export function layerRoot(layer: Uint8Array, level: number): Buffer {
  return layer.length > 0 ? rootOf(layer, level) : zeroRoot(level);
}

/** Where to announce (BEP 3, 12). No reason to refuse the torrent, whatever it is. */
function trackersOf(top: Dictionary): string[] {
  const tiers = top.get("announce-list");
  const listed = [top.get("announce"), ...(Array.isArray(tiers) ? tiers.flat(1) : [])];
  const urls = listed
    .filter((value) => value instanceof Uint8Array)
    .map((value) => Buffer.from(value).toString("latin1"));
  return trackerUrls(urls);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function text(value: Decoded | undefined, what: string): string {
  if (!(value instanceof Uint8Array)) throw new TorrentError(`no ${what}`);
  try {
    return utf8.decode(value);
  } catch {
    throw new TorrentError(`${what} is not UTF-8`);
  }
}

function integer(value: Decoded | undefined, what: string): number {
  if (typeof value !== "number" || value < 0) throw new TorrentError(`bad ${what}`);
  return value;
}

/** A name that could leave the folder, or that some file system reads as something else, is refused. */
export function checkComponent(name: string): void {
  const bad =
    name === "" ||
    name === "." ||
    name === ".." ||
    /[/\\<>:"|?*]/.test(name) ||
    [...name].some((c) => c < " " || (c >= "\u007f" && c <= "\u009f")) ||
    /[. ]$/.test(name) ||
    /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(name) ||
    Buffer.byteLength(name) > 255;
  if (bad) throw new TorrentError("unsafe file name", { name: JSON.stringify(name.slice(0, 80)) });
}
