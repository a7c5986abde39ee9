import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { hashSegment, type Segment, type SegmentHashes } from "./segment.ts";

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

/** Bytes a worker hashes at a time: its memory, whatever the size of the data. */
const SEGMENT = 8 * 1024 * 1024;
/** Below this, starting workers costs more than they save. */
const PARALLEL_FROM = 48 * 1024 * 1024;

/** Hashes files in one pass, in order, on all cores. Yields each segment's hashes in the order of the data. */
export async function* scan(files: readonly ScanFile[], options: ScanOptions): AsyncGenerator<SegmentHashes> {
  const { pieceLength, v1 = false, onProgress, signal } = options;
  const size = Math.max(SEGMENT, pieceLength);
  const total = files.reduce((sum, file) => sum + file.length, 0);
  const segments = (function* (): Generator<Segment> {
    for (const [file, { path, length }] of files.entries()) {
      const padLast = v1 && file < files.length - 1;
      for (let offset = 0; offset < length; offset += size) {
        yield { file, path, offset, length: Math.min(size, length - offset), pieceLength, v1, padLast };
      }
    }
  })();

  const lanes = total < PARALLEL_FROM ? 1 : Math.min(availableParallelism(), 8);
  const pool = lanes > 1 ? Array.from({ length: lanes }, () => new Lane()) : null;
  let done = 0;
  try {
    const running: Promise<SegmentHashes>[] = [];
    for (let next = 0; ; next++) {
      while (running.length < lanes * 2) {
        const { value, done: ended } = segments.next();
        if (ended) break;
        const job = pool ? pool[(next + running.length) % lanes]!.run(value) : hashSegment(value);
        job.catch(() => {});
        running.push(job);
      }
      const job = running.shift();
      if (!job) return;
      signal?.throwIfAborted();
      const hashes = await job;
      done += hashes.length;
      onProgress?.(done, total);
      yield hashes;
    }
  } finally {
    for (const lane of pool ?? []) lane.close();
  }
}

/** A worker thread that hashes the segments it is given, one after the other. */
class Lane {
  readonly #worker = new Worker(new URL("./segment.ts", import.meta.url), {
    execArgv: ["--import", import.meta.resolve("tsx")],
  });
  readonly #waiting: { resolve: (hashes: SegmentHashes) => void; reject: (error: Error) => void }[] = [];

  constructor() {
    this.#worker.on("message", ({ hashes, error }) => {
      const job = this.#waiting.shift()!;
      if (error) job.reject(error);
      else job.resolve(hashes);
    });
    this.#worker.on("error", (error) => {
      for (const job of this.#waiting.splice(0)) job.reject(error as Error);
    });
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
}
