// How long the proof of a round takes an operator of 1 TiB: five words of a content that long, from its cache. Data and cache are sparse
// files, but for the pages read, so what is timed is the work and the system's cache, not a disk's seeks.
import { createHash, randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BLOCK,
  BLOCK_WORDS,
  DataFolder,
  encode,
  HASH,
  PossessionCache,
  parseInfo,
  zeroRoot,
} from "../torrent/index.ts";
import { cacheLayout, headerOf } from "../torrent/possession.ts";
import { BLOCK_LEVELS } from "../torrent/trees.ts";

const LENGTH = 2 ** 40;
const K = 5;
const ROUNDS = 20;

/** Zeros all over: so every node of a level is the same, and only the pages on the way of the words drawn need be written. */
const leaf = new Map<string, number | Uint8Array>([
  ["length", LENGTH],
  ["pieces root", createHash("sha256").digest()],
]);
const torrent = parseInfo(
  encode(
    new Map<string, Parameters<typeof encode>[0]>([
      ["file tree", new Map([["data", new Map([["", leaf]])]])],
      ["meta version", 2],
      ["name", "data"],
      ["piece length", 2 ** 24],
    ]),
  ),
);

const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
try {
  const data = await open(join(folder, "data"), "w");
  await data.truncate(LENGTH);
  await data.close();

  const layout = cacheLayout(torrent.blocks);
  const leaves = Array.from(
    { length: K * ROUNDS },
    () => randomInt(torrent.blocks) * BLOCK_WORDS + randomInt(BLOCK_WORDS),
  );
  const file = await open(join(folder, "cache"), "w");
  await file.truncate(layout.end);
  await file.write(headerOf(torrent, zeroRoot(BLOCK_LEVELS + layout.depth)), 0);
  for (const [level, { start, count }] of layout.levels.entries()) {
    const page = Buffer.alloc(Math.min(BLOCK_WORDS, count) * HASH, zeroRoot(BLOCK_LEVELS * (level + 1)));
    for (const leaf of leaves) {
      const index = Math.floor(leaf / BLOCK_WORDS / BLOCK_WORDS ** level);
      await file.write(page, 0, page.length, start + (index - (index % BLOCK_WORDS)) * HASH);
    }
  }
  await file.close();

  const copy = new DataFolder(folder, torrent);
  const cache = (await PossessionCache.open(torrent, join(folder, "cache")))!;
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (const leaf of leaves.slice(round * K, (round + 1) * K)) await cache.prove(copy, leaf);
    times.push(performance.now() - start);
  }
  await cache.close();
  await copy.close();
  times.sort((a, b) => a - b);
  console.log(`${K} words of ${LENGTH / 2 ** 40} TiB, depth ${BLOCK_LEVELS + layout.depth}, ${ROUNDS} rounds`);
  console.log(
    `median ${times[ROUNDS / 2]!.toFixed(1)} ms, slowest ${times.at(-1)!.toFixed(1)} ms (required: at most 20)`,
  );
  console.log(
    `cache  ${((layout.end / (torrent.blocks * BLOCK)) * 100).toFixed(2)}% of the data (required: at most 0.8)`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
