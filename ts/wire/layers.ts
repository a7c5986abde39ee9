import { type HashRequest, verifyHashes } from "../torrent/hash-request.ts";
import { HASH } from "../torrent/trees.ts";
import { blocksOf, type Layout, layerRequests, type PlacedFile } from "./layout.ts";
import { layerKey } from "./verify.ts";

/** A part of one file's piece layer, to be asked of a peer. */
export interface LayerJob {
  readonly file: PlacedFile;
  readonly request: HashRequest;
}

/** Collects the piece layers that a torrent came without. Each answer is proven up to its file's pieces root before it counts. */
export class LayerCollector {
  /** By pieces root, as a torrent has them; whole once `complete`. */
  readonly layers: ReadonlyMap<string, Buffer>;
  readonly #waiting: LayerJob[];
  #left: number;

  constructor(layout: Layout, missing: readonly PlacedFile[]) {
    // Files with the same bytes have the same root, and one layer.
    const files = new Map(missing.map((file) => [layerKey(file.piecesRoot), file]));
    this.layers = new Map([...files].map(([key, { pieceCount }]) => [key, Buffer.alloc(pieceCount * HASH)]));
    this.#waiting = [...files.values()].flatMap((file) =>
      layerRequests(file, layout.pieceLength).map((request) => ({ file, request })),
    );
    this.#left = this.#waiting.length;
  }

  get complete(): boolean {
    return this.#left === 0;
  }

  next(): LayerJob | undefined {
    return this.#waiting.pop();
  }

  /** The peer did not answer: the job is free for another. */
  release(job: LayerJob): void {
    this.#waiting.push(job);
  }

  /** False, and the job free again, when the hashes do not prove themselves. */
  accept(job: LayerJob, hashes: Uint8Array): boolean {
    const { file, request } = job;
    if (!verifyHashes(request, blocksOf(file), hashes)) {
      this.release(job);
      return false;
    }
    const real = Math.min(request.length, file.pieceCount - request.index);
    this.layers.get(layerKey(file.piecesRoot))!.set(hashes.subarray(0, real * HASH), request.index * HASH);
    this.#left--;
    return true;
  }
}
