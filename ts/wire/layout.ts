import type { HashRequest } from "../torrent/hash-request.ts";
import { BLOCK, depthOf } from "../torrent/trees.ts";

/** A file as BEP 52 commits to it: what an on-chain file row says is enough. */
export interface FileShape {
  /** 32 bytes; null for an empty file, which has no tree. */
  readonly piecesRoot: Uint8Array | null;
  /** Bytes. */
  readonly length: number;
}

/** A file and where it lies among the pieces. */
export interface PlacedFile {
  readonly piecesRoot: Uint8Array;
  /** Bytes. */
  readonly length: number;
  /** Place in the list the layout was made of. */
  readonly index: number;
  readonly firstPiece: number;
  readonly pieceCount: number;
}

/** A piece: a range of one file, since in v2 every file begins a piece. */
export interface Piece {
  readonly file: PlacedFile;
  /** Bytes from the file's start. */
  readonly offset: number;
  /** Bytes of data; at a file's end less than the torrent's piece length. */
  readonly length: number;
}

/**
 * Which piece holds what. v2 numbers pieces file by file, in torrent order, without the empty ones; the pad files of a
 * hybrid make its v1 numbering the same.
 */
export class Layout {
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** Without the empty ones, which have no pieces. */
  readonly files: readonly PlacedFile[];
  /** Bytes of data. */
  readonly length: number;

  /** @param pieceLength bytes, a power of two of at least a block */
  constructor(pieceLength: number, files: readonly FileShape[]) {
    let pieces = 0;
    const placed: PlacedFile[] = [];
    for (const [index, { piecesRoot, length }] of files.entries()) {
      const pieceCount = Math.ceil(length / pieceLength);
      if (piecesRoot !== null) placed.push({ index, piecesRoot, length, firstPiece: pieces, pieceCount });
      pieces += pieceCount;
    }
    this.pieceLength = pieceLength;
    this.pieceCount = pieces;
    this.files = placed;
    this.length = placed.reduce((sum, { length }) => sum + length, 0);
  }

  piece(index: number): Piece {
    let low = 0;
    let high = this.files.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.files[middle]!.firstPiece <= index) low = middle;
      else high = middle - 1;
    }
    const file = this.files[low]!;
    const offset = (index - file.firstPiece) * this.pieceLength;
    return { file, offset, length: Math.min(this.pieceLength, file.length - offset) };
  }
}

/** The layer of a file's tree whose nodes each cover a piece. */
export function pieceLevel(pieceLength: number): number {
  return depthOf(pieceLength / BLOCK);
}

export function blocksOf({ length }: { readonly length: number }): number {
  return Math.ceil(length / BLOCK);
}

/** The request for the hash of one block of a file, proven up to its pieces root. A file of one block has none: the hash is the root. */
export function leafRequest(file: PlacedFile, block: number): HashRequest {
  const depth = depthOf(blocksOf(file));
  return { piecesRoot: file.piecesRoot, baseLayer: 0, index: block - (block % 2), length: 2, proofLayers: depth - 1 };
}

/** Hashes in one request: what BEP 52 recommends and every client answers. */
const LAYER_STEP = 512;

/** The requests for a file's whole piece layer, each proven up to its pieces root; none for a file of one piece. */
export function layerRequests(file: PlacedFile, pieceLength: number): HashRequest[] {
  if (file.pieceCount === 1) return [];
  const baseLayer = pieceLevel(pieceLength);
  const proofLayers = depthOf(blocksOf(file)) - baseLayer - 1;
  const requests: HashRequest[] = [];
  for (let index = 0; index < file.pieceCount; index += LAYER_STEP) {
    const length = Math.min(LAYER_STEP, 2 ** Math.max(1, depthOf(file.pieceCount - index)));
    requests.push({ piecesRoot: file.piecesRoot, baseLayer, index, length, proofLayers });
  }
  return requests;
}
