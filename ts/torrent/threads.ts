import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Segment, SegmentHashes } from "./segment.mjs";

/** Bytes from which on threads save more than they cost to start. */
export const PARALLEL_FROM = 48 * 1024 * 1024;
const MAX_THREADS = 8;
export const THREADS = Math.min(availableParallelism(), MAX_THREADS);
/** Work a thread is given at once, so that it never waits for this one. */
const QUEUED = 2;

interface Job {
  readonly work: Segment | Uint8Array;
  resolve(hashes: SegmentHashes | Uint8Array): void;
  reject(error: unknown): void;
}

/** The process's hashing threads, for all its work: started when first needed, and kept, since a start takes as long as hashing 30 MiB. */
const threads: HashThread[] = [];
const waiting: Job[] = [];

/** What a segment hashes to; or the BEP 52 hashes of the blocks of `data`, which is shared memory and not to change meanwhile. */
export function hashOnThread(segment: Segment): Promise<SegmentHashes>;
export function hashOnThread(data: Uint8Array<SharedArrayBuffer>): Promise<Uint8Array>;
export function hashOnThread(work: Segment | Uint8Array): Promise<SegmentHashes | Uint8Array> {
  while (threads.length < THREADS) threads.push(new HashThread());
  return new Promise((resolve, reject) => {
    waiting.push({ work, resolve, reject });
    dispatch();
  });
}

/** Gives waiting work to the threads with the least to do: one on a busy core holds none up. */
function dispatch(): void {
  while (waiting.length > 0) {
    const idlest = threads.reduce((a, b) => (b.jobs.length < a.jobs.length ? b : a));
    if (idlest.jobs.length >= QUEUED) return;
    idlest.run(waiting.shift()!);
  }
}

/** A worker thread that hashes what it is given, one after the other. Without any it does not keep the process alive. */
class HashThread {
  readonly jobs: Job[] = [];
  readonly #worker = new Worker(new URL("./segment.mjs", import.meta.url), { execArgv: [] });

  constructor() {
    this.#worker.on("message", (hashes: SegmentHashes | Uint8Array) => {
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
    this.#worker.postMessage(job.work);
  }

  /** The next work starts another in its place; what waits for one when the last one ends fails with it. */
  #fail(error: unknown): void {
    const at = threads.indexOf(this);
    if (at >= 0) threads.splice(at, 1);
    for (const job of this.jobs.splice(0)) job.reject(error);
    if (threads.length === 0) for (const job of waiting.splice(0)) job.reject(error);
  }
}
