import { pieceLayer } from "../torrent/metainfo.ts";
import { hashBlocks } from "../torrent/segment.mjs";
import { HASH } from "../torrent/trees.ts";
import type { Piece } from "./layout.ts";

/** Piece layers by pieces root, as a parsed torrent has them. */
export type PieceLayers = ReadonlyMap<string, Uint8Array>;

export function layerKey(piecesRoot: Uint8Array): string {
  return Buffer.from(piecesRoot).toString("hex");
}

/** Whether `data` is the piece that its file's pieces root or piece layer commits to. Without the layer nothing is. */
export function pieceMatches(data: Uint8Array, piece: Piece, pieceLength: number, layers: PieceLayers): boolean {
  return hashesMatch(hashBlocks(data), piece, pieceLength, layers);
}

/** The same for the hashes of the piece's blocks, concatenated. */
export function hashesMatch(blocks: Uint8Array, piece: Piece, pieceLength: number, layers: PieceLayers): boolean {
  const { file, offset } = piece;
  const at = (offset / pieceLength) * HASH;
  const layer = file.pieceCount === 1 ? file.piecesRoot : layers.get(layerKey(file.piecesRoot));
  return layer !== undefined && pieceLayer(blocks, file.length, pieceLength).equals(layer.subarray(at, at + HASH));
}
