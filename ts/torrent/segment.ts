import { createHash, hash as sha256 } from "node:crypto";
import { open } from "node:fs/promises";
import { parentPort } from "node:worker_threads";
import { TorrentError } from "./errors.ts";
import { BLOCK, blockRoots, HASH } from "./trees.ts";

/** A stretch of one file that begins a piece. */
export interface Segment {
  readonly file: number;
  readonly path: string;
  readonly offset: number;
  readonly length: number;
  readonly pieceLength: number;
  readonly v1: boolean;
  /** Whether the file's last piece is hashed as if padded to its full length. */
  readonly padLast: boolean;
}

export interface SegmentHashes {
  readonly file: number;
  readonly offset: number;
  readonly length: number;
  /** BEP 52 hashes of its blocks. */
  readonly blockHashes: Uint8Array;
  /** Roots of its blocks in the possession tree. */
  readonly possession: Uint8Array;
  /** SHA-1 of its pieces; empty unless asked for. */
  readonly v1: Uint8Array;
}

/** Small enough to stay in the cache while it is hashed three times. */
const STEP = 32 * BLOCK;

/** Reads a segment once and hashes it for both trees and for v1. */
export async function hashSegment(segment: Segment): Promise<SegmentHashes> {
  const { file, path, offset, length, pieceLength, v1, padLast } = segment;
  const blocks = Math.ceil(length / BLOCK);
  const blockHashes = Buffer.allocUnsafe(blocks * HASH);
  const possession = Buffer.allocUnsafe(blocks * HASH);
  const pieces: Buffer[] = [];
  let piece = createHash("sha1");
  const handle = await open(path).catch((error: Error) => {
    throw new TorrentError("cannot read a file", { path, why: error.message });
  });
  try {
    const buffer = Buffer.allocUnsafe(Math.min(STEP, blocks * BLOCK));
    for (let at = 0; at < length; at += STEP) {
      const want = Math.min(STEP, length - at);
      const data = buffer.subarray(0, want);
      for (let read = 0; read < want; ) {
        const { bytesRead } = await handle.read(data, read, want - read, offset + at + read);
        if (bytesRead === 0) throw new TorrentError("a file is shorter than it was", { path });
        read += bytesRead;
      }
      const here = Math.ceil(want / BLOCK);
      for (let i = 0; i < here; i++) {
        blockHashes.set(sha256("sha256", data.subarray(i * BLOCK, (i + 1) * BLOCK), "buffer"), (at / BLOCK + i) * HASH);
      }
      const padded = buffer.subarray(0, here * BLOCK);
      padded.fill(0, want);
      possession.set(blockRoots(padded), (at / BLOCK) * HASH);
      for (let from = 0; v1 && from < want; ) {
        const filled = (at + from) % pieceLength;
        const take = Math.min(pieceLength - filled, want - from);
        piece.update(data.subarray(from, from + take));
        from += take;
        const whole = filled + take === pieceLength;
        if (!whole && at + from < length) continue;
        if (!whole && padLast) piece.update(Buffer.alloc(pieceLength - filled - take));
        pieces.push(piece.digest());
        piece = createHash("sha1");
      }
    }
  } finally {
    await handle.close();
  }
  return { file, offset, length, blockHashes, possession, v1: Buffer.concat(pieces) };
}

// As a worker: one segment after another, answers in the order of the questions.
let previous: Promise<unknown> = Promise.resolve();
parentPort?.on("message", (segment: Segment) => {
  previous = previous.then(async () => {
    try {
      parentPort!.postMessage({ hashes: await hashSegment(segment) });
    } catch (error) {
      parentPort!.postMessage({ error });
    }
  });
});
