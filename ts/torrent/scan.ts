import { setImmediate } from "node:timers/promises";
import { hashSegment, type Segment, type SegmentHashes } from "./segment.mjs";
import { hashOnThread, PARALLEL_FROM, THREADS } from "./threads.ts";

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
/** Segments hashed ahead of what is yielded, for each thread. */
const AHEAD = 4;

/** Hashes files in one pass on all cores, holding a few segments' hashes a core in memory. Yields each segment's in the order of the data;
 * one that cannot be read says so and the rest goes on. */
export async function* scan(files: readonly ScanFile[], options: ScanOptions): AsyncGenerator<SegmentHashes> {
  const { onProgress, signal } = options;
  const total = files.reduce((sum, file) => sum + file.length, 0);
  const segments = segmentsOf(files, options);
  const parallel = total >= PARALLEL_FROM;
  const run = parallel ? hashOnThread : hashHere;

  const running: Promise<SegmentHashes>[] = [];
  let done = 0;
  while (true) {
    while (running.length < (parallel ? AHEAD * THREADS : 1)) {
      const next = segments.next();
      if (next.done) break;
      const job = run(next.value);
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
}

async function hashHere(segment: Segment): Promise<SegmentHashes> {
  await setImmediate(); // Others on this thread get their turn between segments.
  return hashSegment(segment);
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
