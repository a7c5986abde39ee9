// @ts-check
// Plain JavaScript, because worker threads start without a TypeScript loader: at once, and under every runner.
import { createHash, hash } from "node:crypto";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { hashInto } from "@chainsafe/hashtree";

/** A stretch of one file that begins a piece.
 * @typedef {{
 *   readonly file: number,
 *   readonly path: string,
 *   readonly offset: number,
 *   readonly length: number,
 *   readonly pieceLength: number,
 *   readonly v1: boolean,
 *   readonly padLast: boolean,
 * }} Segment `file` is the place in the list that is scanned; `v1` asks for SHA-1 of the pieces, `padLast` to hash a file's last one as
 * if zeros filled it (BEP 47). */

/** What a segment hashes to, each concatenated: the BEP 52 hashes of its blocks; the roots of its blocks in the possession tree; the
 * SHA-1 of its pieces, empty unless asked for. `unreadable` says why data is missing; the hashes of blocks that are missing are zeros, which
 * no data has, and no possession roots are to be relied on.
 * @typedef {{
 *   readonly file: number,
 *   readonly offset: number,
 *   readonly length: number,
 *   readonly blockHashes: Uint8Array,
 *   readonly possession: Uint8Array,
 *   readonly v1: Uint8Array,
 *   readonly unreadable?: string,
 * }} SegmentHashes */

const BLOCK = 16_384;
const HASH = 32;
/** Small enough to stay in the processor's cache while it is hashed three times. */
const STEP = 4 * BLOCK;
/** The possession tree's lowest levels are hashed step by step, the others up to the blocks' roots for a batch of steps at once: fewer
 * calls. */
const STEP_LEVELS = 4;
const BATCH_LEVELS = 5;
const BATCH = STEP << STEP_LEVELS;

const buffer = Buffer.allocUnsafeSlow(STEP);
/** What a batch's steps hash to. */
const batch = Buffer.allocUnsafeSlow(BATCH >> STEP_LEVELS);
const between = Buffer.allocUnsafeSlow(STEP);

/** Reads a segment once and hashes it for both trees and for v1.
 * @param {Segment} segment
 * @returns {SegmentHashes} */
export function hashSegment({ file, path, offset, length, pieceLength, v1, padLast }) {
  const blocks = Math.ceil(length / BLOCK);
  const hashes = { blockHashes: Buffer.alloc(blocks * HASH), possession: Buffer.alloc(blocks * HASH) };
  /** @type {Uint8Array[]} */
  const pieces = [];
  let piece = createHash("sha1");
  let descriptor = -1;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    for (let at = 0; at < length; at += STEP) {
      const data = read(descriptor, offset + at, Math.min(STEP, length - at));
      hashBlocks(data, hashes.blockHashes, (at / BLOCK) * HASH);
      climb(padded(data.length), STEP_LEVELS, batch.subarray((at % BATCH) >> STEP_LEVELS));
      if ((at + STEP) % BATCH === 0 || at + STEP >= length) {
        const begin = at - (at % BATCH);
        const nodes = batch.subarray(0, (Math.ceil((at + data.length - begin) / BLOCK) * BLOCK) >> STEP_LEVELS);
        climb(nodes, BATCH_LEVELS, hashes.possession.subarray((begin / BLOCK) * HASH));
      }
      for (let from = 0; v1 && from < data.length; ) {
        const filled = (at + from) % pieceLength;
        const end = Math.min(from + pieceLength - filled, data.length);
        piece.update(data.subarray(from, end));
        const left = pieceLength - filled - (end - from);
        from = end;
        if (left > 0 && at + end < length) continue;
        if (padLast) pad(piece, left);
        pieces.push(piece.digest());
        piece = createHash("sha1");
      }
    }
  } catch (error) {
    const unreadable = /** @type {Error} */ (error).message;
    return { file, offset, length, ...hashes, v1: new Uint8Array(), unreadable };
  } finally {
    if (descriptor >= 0) closeSync(descriptor);
  }
  return { file, offset, length, ...hashes, v1: Buffer.concat(pieces) };
}

/** @param {number} descriptor @param {number} position @param {number} length */
function read(descriptor, position, length) {
  for (let done = 0; done < length; ) {
    const bytes = readSync(descriptor, buffer, done, length - done, position + done);
    if (bytes === 0) throw new Error(`the file ends at byte ${position + done}`);
    done += bytes;
  }
  return buffer.subarray(0, length);
}

/** BEP 52 hashes of 16 KiB blocks, concatenated; the last may be short.
 * @param {Uint8Array} data */
export function hashBlocks(data, out = Buffer.allocUnsafeSlow(Math.ceil(data.length / BLOCK) * HASH), offset = 0) {
  for (let at = 0; at < data.length; at += BLOCK, offset += HASH) {
    // A string costs less than a Buffer for each hash.
    out.write(hash("sha256", data.subarray(at, at + BLOCK), "binary"), offset, "binary");
  }
  return out;
}

/** The blocks that `length` bytes of the buffer are, the last one padded with zeros.
 * @param {number} length */
function padded(length) {
  return buffer.subarray(0, Math.ceil(length / BLOCK) * BLOCK).fill(0, length);
}

/** Hashes nodes up so many levels.
 * @param {Uint8Array} nodes @param {number} levels @param {Uint8Array} out begins with the result. */
function climb(nodes, levels, out) {
  for (let free = 0; levels > 0; levels--) {
    const size = nodes.length / 2;
    const parents = levels === 1 ? out.subarray(0, size) : between.subarray(free, free + size);
    hashInto(nodes, parents);
    free += size;
    nodes = parents;
  }
}

/** @param {import("node:crypto").Hash} piece @param {number} bytes */
function pad(piece, bytes) {
  const zeros = Buffer.alloc(Math.min(bytes, STEP));
  for (let left = bytes; left > 0; left -= STEP) piece.update(zeros.subarray(0, left));
}

parentPort?.on("message", (/** @type {Segment | Uint8Array} */ work) => {
  parentPort?.postMessage(work instanceof Uint8Array ? hashBlocks(work) : hashSegment(work));
});
