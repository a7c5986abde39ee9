import { hash as sha256 } from "node:crypto";
import { TorrentError } from "./errors.ts";
import type { Torrent } from "./metainfo.ts";
import { CHUNK_BLOCKS, depthOf, merklePath, rootOf } from "./trees.ts";

/** What the chain knows of a content. Hashes are 32 bytes. */
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
  return rootOf(rows(torrent));
}

export function fileCount(torrent: Torrent): number {
  return torrent.files.filter((file) => file.piecesRoot).length;
}

/** The path of one file's row to filesRoot, leaf to root. @param index among the files that are not empty. */
export function fileProof(torrent: Torrent, index: number): readonly Buffer[] {
  const count = fileCount(torrent);
  if (!(index >= 0 && index < count)) throw new TorrentError("no such row in the file table", { index, rows: count });
  return merklePath(rows(torrent), index, depthOf(count)).path;
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
