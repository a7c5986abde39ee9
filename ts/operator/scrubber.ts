import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { ContentState } from "../service/state.ts";
import { type Store, type Table, table } from "../store/store.ts";
import { BLOCK } from "../torrent/index.ts";
import type { OperatorMetrics } from "./metrics.ts";
import type { Prover } from "./prover.ts";

export interface ScrubSettings {
  /** In which everything held is read once, in ms. */
  readonly periodMs: number;
  /** Bytes a second, at most: what is held may be more than a period allows. */
  readonly maxRate: number;
}

export interface ScrubberParts {
  readonly store: Store;
  readonly prover: Prover;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
  /** What is held and is to be read, each data once. */
  readonly contents: () => readonly ContentState[];
  /** Whether a content's data cannot be looked at now. */
  readonly isAbsent: (content: ContentState) => Promise<boolean>;
  /** Told of a content with a bad block. */
  readonly onDamage: (content: ContentState) => void;
}

/** How far it has come: blocks before this one, and contents before this one in the order of infohashes, were read in this pass. */
interface Position {
  readonly infohash: string;
  readonly block: number;
  /** When the last full pass ended, in Unix ms. */
  readonly passedAt?: number;
}

const START: Position = { infohash: "", block: 0 };
const KEY = "position";
/** Blocks read at a time, and for how long that should last, in ms: few enough not to be felt, and no timer for each block. */
const MAX_BLOCKS = 64;
const STEP_MS = 10_000;
/** Longest pause, in ms: timers end at 24 days. */
const MAX_PAUSE_MS = 86_400_000;

/**
 * Reads everything held, slowly and for ever, and finds rot before a challenge does. It asks of each block what the chain could ask, a
 * word with its path to the dataRoot, which hashes all of the block and what the cache keeps above it.
 */
export class Scrubber {
  readonly #settings: ScrubSettings;
  readonly #parts: ScrubberParts;
  readonly #positions: Table<Position>;

  constructor(settings: ScrubSettings, parts: ScrubberParts) {
    [this.#settings, this.#parts] = [settings, parts];
    this.#positions = table<Position>(parts.store, "scrub");
  }

  /** Goes on where it was, until aborted or nothing is held. */
  async run(signal: AbortSignal): Promise<void> {
    const { contents, metrics } = this.#parts;
    let position = (await this.#positions.get(KEY)) ?? START;
    while (!signal.aborted) {
      metrics.lastPass.set((position.passedAt ?? 0) / 1000);
      const sorted = [...contents()].sort((a, b) => (infohashOf(a) < infohashOf(b) ? -1 : 1));
      if (sorted.length === 0) return;
      const rate = this.#rate(sorted);
      const content = sorted.find((held) => firstUnread(held, position) < held.commitment.blocks);
      let pause = STEP_MS;
      if (content !== undefined) {
        const block = firstUnread(content, position);
        const wanted = Math.max(1, Math.min(MAX_BLOCKS, Math.floor((rate * STEP_MS) / 1000 / BLOCK)));
        const end = Math.min(content.commitment.blocks, block + wanted);
        const next = await this.#read(content, block, end);
        if (next !== undefined) pause = ((end - block) * BLOCK * 1000) / rate;
        position = { ...position, ...next };
      } else {
        position = { ...START, passedAt: Date.now() };
        pause = 0;
      }
      await this.#positions.put(KEY, position);
      await sleep(Math.min(pause, MAX_PAUSE_MS), undefined, { signal }).catch(() => {});
    }
  }

  /** Bytes a second. */
  #rate(contents: readonly ContentState[]): number {
    const blocks = contents.reduce((sum, { commitment }) => sum + commitment.blocks, 0);
    return Math.min(this.#settings.maxRate, (blocks * BLOCK * 1000) / this.#settings.periodMs);
  }

  /** Reads blocks from `block` to `end`. @returns where to go on; undefined if the data is not there to be read */
  async #read(content: ContentState, block: number, end: number): Promise<Position | undefined> {
    const { isAbsent, log, metrics, onDamage, prover } = this.#parts;
    const infohash = infohashOf(content);
    const bad = await prover.badBlocks(content, block, end);
    if (bad.length > 0 && (await isAbsent(content))) return undefined;
    metrics.scrubbed.inc((end - block) * BLOCK);
    if (bad.length === 0) return { infohash, block: end };
    metrics.badBlocks.inc(bad.length);
    log.error({ contentId: content.id, infohash, blocks: bad }, "bad blocks are found");
    onDamage(content); // which has all of it checked
    return { infohash, block: content.commitment.blocks };
  }
}

function infohashOf({ commitment }: ContentState): string {
  return commitment.infohash;
}

/** The block of a content that a pass goes on with; none after its last. */
function firstUnread(content: ContentState, { infohash, block }: Position): number {
  const own = infohashOf(content);
  if (own === infohash) return block;
  return own < infohash ? content.commitment.blocks : 0;
}
