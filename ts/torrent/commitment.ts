import { hash as sha256 } from "node:crypto";
import type { Torrent } from "./metainfo.ts";
import { CHUNK_BLOCKS, depthOf, HASH, levelsOf, zeroRoot } from "./trees.ts";

/** What the chain knows of a content (protocol section 2). Hashes are 32 bytes. */
export interface Commitment {
  readonly infohash: Uint8Array;
  readonly filesRoot: Uint8Array;
  readonly dataRoot: Uint8Array;
  readonly blocks: number;
  /** Files that are not empty. */
  readonly fileCount: number;
}

/** Chunks of 8 MiB that a content counts for. */
export function chunksOf(blocks: number): number {
  return Math.ceil(blocks / CHUNK_BLOCKS);
}

/** Leaves of the file table: sha256(piecesRoot ++ firstBlock ++ length), 96 bytes, integers as 32 bytes big-endian. Empty files have no row.
 * 96 bytes and never 64, so that a leaf cannot pass for a node. */
function rows(torrent: Torrent): Buffer {
  const leaves: Buffer[] = [];
  for (const file of torrent.files) {
    if (!file.piecesRoot) continue;
    const row = Buffer.alloc(96);
    row.set(file.piecesRoot);
    row.writeBigUInt64BE(BigInt(file.firstBlock), 56);
    row.writeBigUInt64BE(BigInt(file.length), 88);
    leaves.push(sha256("sha256", row, "buffer"));
  }
  return Buffer.concat(leaves);
}

/** Root of the file table: a pure function of the .torrent (H-TREE-3). */
export function filesRoot(torrent: Torrent): Buffer {
  return levelsOf(rows(torrent)).at(-1)!;
}

export function fileCount(torrent: Torrent): number {
  return torrent.files.filter((file) => file.piecesRoot).length;
}

/** The path of one file's row to filesRoot, leaf to root. @param index among the files that are not empty. */
export function fileProof(torrent: Torrent, index: number): Buffer[] {
  const levels = levelsOf(rows(torrent));
  return levels.slice(0, depthOf(levels[0]!.length / HASH)).map((level, height) => {
    const sibling = (index >> height) ^ 1;
    return sibling * HASH < level.length ? level.subarray(sibling * HASH, (sibling + 1) * HASH) : zeroRoot(height);
  });
}

export function commitmentOf(torrent: Torrent, dataRoot: Uint8Array): Commitment {
  return {
    infohash: torrent.infohashV2,
    filesRoot: filesRoot(torrent),
    dataRoot,
    blocks: torrent.blocks,
    fileCount: fileCount(torrent),
  };
}
