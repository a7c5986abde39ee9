import { availableParallelism } from "node:os";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { hashSegment, type Segment, type SegmentHashes } from "./segment.mjs";

/** A file to hash, in the content's order. */
export interface ScanFile {
  readonly path: string;
  readonly length: number;
}

export interface ScanOptions {
  readonly pieceLength: number;
  /** Also SHA-1 pieces, each file but the last padded to a whole piece (BEP 47). */
  readonly v1?: boolean;
  /** Bytes hashed so far, of all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes hashed at a time, or a piece if that is longer. */
const SEGMENT = 4 * 1024 * 1024;
/** Below this, starting workers costs more than they save. */
const PARALLEL_FROM = 48 * 1024 * 1024;
const MAX_LANES = 8;

/** Hashes files in one pass on all cores, holding two segments' hashes a core in memory. Yields each segment's in the order of the data;
 * one that cannot be read says so and the rest goes on. */
export async function* scan(files: readonly ScanFile[], options: ScanOptions): AsyncGenerator<SegmentHashes> {
  const { onProgress, signal } = options;
  const total = files.reduce((sum, file) => sum + file.length, 0);
  const segments = segmentsOf(files, options);
  const lanes = total < PARALLEL_FROM ? [] : Array.from({ length: laneCount() }, () => new Lane());
  const run = async (segment: Segment, index: number) => {
    if (lanes.length > 0) return lanes[index % lanes.length]!.run(segment);
    await setImmediate(); // Others on this thread get their turn between segments.
    return hashSegment(segment);
  };

  const running: Promise<SegmentHashes>[] = [];
  let [done, started] = [0, 0];
  try {
    while (true) {
      while (running.length < Math.max(1, lanes.length * 2)) {
        const next = segments.next();
        if (next.done) break;
        const job = run(next.value, started++);
        job.catch(() => {}); // It is awaited in its turn, which may never come.
        running.push(job);
      }
      const job = running.shift();
      if (job === undefined) return;
      signal?.throwIfAborted();
      const hashes = await job;
      done += hashes.length;
      onProgress?.(done, total);
      yield hashes;
    }
  } finally {
    for (const lane of lanes) lane.close();
  }
}

function laneCount(): number {
  return Math.min(availableParallelism(), MAX_LANES);
}

function* segmentsOf(files: readonly ScanFile[], { pieceLength, v1 = false }: ScanOptions): Generator<Segment> {
  const size = Math.max(SEGMENT, pieceLength);
  for (const [file, { path, length }] of files.entries()) {
    const padLast = file < files.length - 1;
    for (let offset = 0; offset < length; offset += size) {
      yield { file, path, offset, length: Math.min(size, length - offset), pieceLength, v1, padLast };
    }
  }
}

/** A worker thread that hashes the segments it is given, one after the other. */
class Lane {
  readonly #worker = new Worker(new URL("./segment.mjs", import.meta.url), { execArgv: [] });
  readonly #waiting: { resolve: (hashes: SegmentHashes) => void; reject: (error: unknown) => void }[] = [];

  constructor() {
    this.#worker.on("message", (hashes: SegmentHashes) => this.#waiting.shift()!.resolve(hashes));
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(new Error("a hashing thread ended")));
  }

  run(segment: Segment): Promise<SegmentHashes> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(segment);
    });
  }

  close(): void {
    void this.#worker.terminate();
  }

  #fail(error: unknown): void {
    for (const job of this.#waiting.splice(0)) job.reject(error);
  }
}
