import { BLOCK, depthOf, HASH, hashBlock, hashPair, rootOf, zeroRoot } from "../torrent/trees.ts";
import { type Piece, pieceLayer } from "./layout.ts";

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
  if (file.pieceCount === 1) return rootOf(blocks).equals(file.piecesRoot);
  const at = (offset / pieceLength) * HASH;
  const committed = layers.get(layerKey(file.piecesRoot))?.subarray(at, at + HASH);
  return committed !== undefined && subtreeRoot(blocks, pieceLayer(pieceLength)).equals(committed);
}

/** Hashes of 16 KiB blocks, concatenated; the last may be short. */
export function hashBlocks(data: Uint8Array): Buffer {
  const hashes = Buffer.allocUnsafe(Math.ceil(data.length / BLOCK) * HASH);
  for (let i = 0; i * BLOCK < data.length; i++)
    hashes.set(hashBlock(data.subarray(i * BLOCK, (i + 1) * BLOCK)), i * HASH);
  return hashes;
}

/** The node of `layer` over these block hashes and the padding after them. */
function subtreeRoot(blocks: Uint8Array, layer: number): Buffer {
  let node = rootOf(blocks);
  for (let at = depthOf(blocks.length / HASH); at < layer; at++) node = hashPair(node, zeroRoot(at));
  return node;
}
