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
const MAX_THREADS = 8;
/** Segments a thread is given at once, so that it never waits for this one; and those hashed ahead of what is yielded, for each thread. */
const QUEUED = 2;
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

interface Job {
  readonly segment: Segment;
  resolve(hashes: SegmentHashes): void;
  reject(error: unknown): void;
}

const THREADS = Math.min(availableParallelism(), MAX_THREADS);
/** The process's hashing threads, for every scan: started when first needed, and kept, since a start takes as long as hashing 30 MiB. */
const threads: HashThread[] = [];
const waiting: Job[] = [];

function hashOnThread(segment: Segment): Promise<SegmentHashes> {
  while (threads.length < THREADS) threads.push(new HashThread());
  return new Promise((resolve, reject) => {
    waiting.push({ segment, resolve, reject });
    dispatch();
  });
}

/** Gives waiting segments to the threads with the least to do: one on a busy core holds none up. */
function dispatch(): void {
  while (waiting.length > 0) {
    const idlest = threads.reduce((a, b) => (b.jobs.length < a.jobs.length ? b : a));
    if (idlest.jobs.length >= QUEUED) return;
    idlest.run(waiting.shift()!);
  }
}

/** A worker thread that hashes the segments it is given, one after the other. Without any it does not keep the process alive. */
class HashThread {
  readonly jobs: Job[] = [];
  readonly #worker = new Worker(new URL("./segment.mjs", import.meta.url), { execArgv: [] });

  constructor() {
    this.#worker.on("message", (hashes: SegmentHashes) => {
      this.jobs.shift()!.resolve(hashes);
      if (this.jobs.length === 0) this.#worker.unref();
      dispatch();
    });
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(new Error("a hashing thread ended")));
  }

  run(job: Job): void {
    this.jobs.push(job);
    this.#worker.ref();
    this.#worker.postMessage(job.segment);
  }

  /** The next scan starts another in its place; what waits for a thread when the last one ends fails with it. */
  #fail(error: unknown): void {
    const at = threads.indexOf(this);
    if (at >= 0) threads.splice(at, 1);
    for (const job of this.jobs.splice(0)) job.reject(error);
    if (threads.length === 0) for (const job of waiting.splice(0)) job.reject(error);
  }
}
