import { DamagedBlockError } from "../torrent/errors.ts";
import type { DataFolder } from "../torrent/folder.ts";
import { answerHashRequest, type HashRequest, isSane } from "../torrent/hash-request.ts";
import type { Torrent } from "../torrent/metainfo.ts";
import { hashBlocks } from "../torrent/segment.mjs";
import { BLOCK, depthOf, HASH, levelsOf, parents } from "../torrent/trees.ts";
import { Bitfield } from "./bitfield.ts";
import { blocksOf, Layout, type PlacedFile, pieceLevel } from "./layout.ts";
import type { Source } from "./upload.ts";
import { hashesMatch, layerKey } from "./verify.ts";

/** A content to serve. */
export interface Content {
  readonly torrent: Torrent;
  readonly folder: DataFolder;
  /** Pieces that are there; all of them when not given. One that is lost is cleared in it. */
  readonly has?: Bitfield | undefined;
  /** Block hashes kept beside the data (`PossessionCache`). Without them a question about blocks reads and hashes their piece. */
  readonly cache?: { blockHashes(block: number, count: number): Promise<Uint8Array> } | undefined;
}

/** A piece that was thought to be there and is not. */
export interface Loss {
  readonly torrent: Torrent;
  readonly piece: number;
  readonly error: DamagedBlockError;
}

/** Most bytes of data that one hash request may make us read, unless a single piece is more. */
const MAX_HASHED = 16 << 20;

/** Of a piece that is hashed so many bytes are in memory at once: a piece may be large, and everybody may ask. */
const READ = 256 * 1024;

/** Layers of a file's tree over some of its pieces, from the blocks up. */
interface Lower {
  readonly firstBlock: number;
  readonly levels: readonly Uint8Array[];
}

const NO_LAYERS: Lower = { firstBlock: 0, levels: [] };

/** Serves a torrent from its folder. */
export class TorrentSource implements Source {
  readonly layout: Layout;
  readonly has: Bitfield;

  readonly #content: Content;
  readonly #onLoss: (loss: Loss) => void;
  readonly #files: ReadonlyMap<string, PlacedFile>;
  /** The layers from the pieces up, by pieces root. */
  readonly #upper = new Map<string, readonly Uint8Array[]>();

  constructor(content: Content, onLoss: (loss: Loss) => void) {
    const { torrent } = content;
    this.layout = new Layout(torrent.pieceLength, torrent.files);
    this.has = content.has ?? Bitfield.full(this.layout.pieceCount);
    this.#content = content;
    this.#onLoss = onLoss;
    this.#files = new Map(this.layout.files.map((file) => [layerKey(file.piecesRoot), file]));
  }

  async read(piece: number, begin: number, length: number): Promise<Uint8Array | undefined> {
    const { file, offset, length: size } = this.layout.piece(piece);
    const data = await this.#data(piece, offset + begin, Math.min(length, Math.max(0, size - begin)), file);
    return data === undefined || data.length === length ? data : Buffer.concat([data], length);
  }

  async hashes(request: HashRequest): Promise<Uint8Array | undefined> {
    const file = this.#files.get(layerKey(request.piecesRoot));
    if (file === undefined || !isSane(request, blocksOf(file))) return undefined;
    // What lies below the pieces' nodes is made of the pieces asked about; what lies above is in the piece layer.
    const split = file.pieceCount > 1 ? pieceLevel(this.layout.pieceLength) : depthOf(blocksOf(file));
    const upper = file.pieceCount > 1 ? this.#upperLayers(file, split) : [];
    if (upper === undefined) return undefined;
    const lower = request.baseLayer < split ? await this.#lowerLayers(file, split, request) : NO_LAYERS;
    if (lower === undefined) return undefined;
    const answer = answerHashRequest(request, blocksOf(file), (layer, index, count) => {
      const first = layer < split ? index - lower.firstBlock / 2 ** layer : index;
      const nodes = layer < split ? lower.levels[layer]! : upper[layer - split]!;
      return nodes.subarray(first * HASH, (first + count) * HASH);
    });
    return answer ?? undefined;
  }

  /** The layers below `split` over the pieces that the request touches. */
  async #lowerLayers(file: PlacedFile, split: number, request: HashRequest): Promise<Lower | undefined> {
    const span = request.length * 2 ** request.baseLayer * BLOCK;
    const { pieceLength } = this.layout;
    const first = Math.floor((request.index * 2 ** request.baseLayer * BLOCK) / pieceLength);
    const last = Math.min(file.pieceCount, first + Math.ceil(span / pieceLength));
    if (last - first > 1 && (last - first) * pieceLength > MAX_HASHED) return undefined;
    const blocks: Uint8Array[] = [];
    for (let piece = file.firstPiece + first; piece < file.firstPiece + last; piece++) {
      const hashes = await this.#blockHashes(piece);
      if (hashes === undefined) return undefined;
      blocks.push(hashes);
    }
    const levels: Buffer[] = [Buffer.concat(blocks)];
    while (levels.length < split) levels.push(parents(levels.at(-1)!, levels.length - 1));
    return { firstBlock: (first * pieceLength) / BLOCK, levels };
  }

  /** Hashes of a piece's blocks, if they are what the torrent says: a wrong answer would look like a lie. */
  async #blockHashes(index: number): Promise<Uint8Array | undefined> {
    const { torrent, cache } = this.#content;
    const piece = this.layout.piece(index);
    const right = (hashes: Uint8Array) => hashesMatch(hashes, piece, torrent.pieceLength, torrent.pieceLayers);
    const { firstBlock, path } = torrent.files[piece.file.index]!;
    const first = firstBlock + piece.offset / BLOCK;
    const kept = await cache?.blockHashes(first, Math.ceil(piece.length / BLOCK)).catch(() => undefined);
    if (kept !== undefined && right(kept)) return kept;
    // No cache, or a damaged one, which says nothing about the data.
    const parts: Uint8Array[] = [];
    for (let at = 0; at < piece.length; at += READ) {
      const data = await this.#data(index, piece.offset + at, Math.min(READ, piece.length - at), piece.file);
      if (data === undefined) return undefined;
      parts.push(hashBlocks(data));
    }
    const hashes = Buffer.concat(parts);
    if (right(hashes)) return hashes;
    this.#lose(index, new DamagedBlockError(first, path.join("/"), "the piece is not what the torrent says"));
    return undefined;
  }

  async #data(piece: number, offset: number, length: number, file: PlacedFile): Promise<Buffer | undefined> {
    try {
      return await this.#content.folder.read(file.index, offset, length);
    } catch (error) {
      if (error instanceof DamagedBlockError) this.#lose(piece, error);
      return undefined; // of anything else, such as too many open files, the data is not to blame
    }
  }

  #upperLayers(file: PlacedFile, split: number): readonly Uint8Array[] | undefined {
    const key = layerKey(file.piecesRoot);
    const layer = this.#content.torrent.pieceLayers.get(key);
    if (layer === undefined) return undefined;
    const upper = this.#upper.get(key) ?? levelsOf(layer, split);
    this.#upper.set(key, upper);
    return upper;
  }

  #lose(piece: number, error: DamagedBlockError): void {
    if (!this.has.get(piece)) return;
    this.has.clear(piece);
    this.#onLoss({ torrent: this.#content.torrent, piece, error });
  }
}
