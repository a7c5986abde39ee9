import { mkdir, open, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, onTestFinished, test } from "vitest";
import { commitmentArgs } from "../sdk/manifest.ts";
import type { ContentState } from "../service/state.ts";
import { openStore } from "../store/store.ts";
import { eventually } from "../testing/eventually.ts";
import { temporaryFolder } from "../testing/folders.ts";
import { BLOCK, createTorrent } from "../torrent/index.ts";
import { sampleBytes } from "../wire/testing.ts";
import { Library } from "./library.ts";
import { OperatorMetrics } from "./metrics.ts";
import { Prover } from "./prover.ts";
import { Scrubber } from "./scrubber.ts";
import { Volume } from "./volume.ts";

const BLOCKS = 300;
const MIB = 1 << 20;

/** A library that holds contents of BLOCKS blocks, adopted from `folder`, and scrubbers of it. */
async function makeHolder(count: number) {
  const root = await temporaryFolder();
  const folder = join(root, "data");
  await mkdir(folder);
  const store = await openStore(join(root, "store"));
  onTestFinished(() => store.close());
  const volume = await Volume.open(join(root, "contents"), store);
  await volume.claim();
  const contents: ContentState[] = [];
  const adopt: { torrent: string; data: string }[] = [];
  for (let id = 1; id <= count; id++) {
    const data = join(folder, `${id}.bin`);
    await writeFile(data, sampleBytes(BLOCKS * BLOCK, id));
    const { torrent, commitment, bytes } = await createTorrent(data);
    await writeFile(`${data}.torrent`, bytes);
    adopt.push({ torrent: `${data}.torrent`, data });
    const manifest = { name: torrent.name, sources: [] } as unknown as ContentState["manifest"];
    contents.push({
      id,
      commitment: commitmentArgs(commitment),
      chunks: 1,
      manifest,
      bonded: true,
      stamp: undefined,
      blocked: false,
    });
  }
  const options = { volume, adopt, reach: { local: true }, fetchIdleMs: 1_000 };
  const library = await Library.open(root, store, options);
  onTestFinished(() => library.close());
  for (const content of contents) await library.hold(content, []);

  const log = pino({ level: "silent" });
  const prover = new Prover(library, (id) => contents[id - 1]!, log);
  /** Scrubs for as long as `work` takes. @returns what it counted, and the contents it found damaged */
  const scrub = async (maxRate: number, work: (value: (name: string) => Promise<number>) => Promise<void>) => {
    const [registry, stopping, damaged] = [new Registry(), new AbortController(), new Set<number>()];
    const metrics = new OperatorMetrics(registry);
    const parts = {
      ...{ store, prover, metrics, log },
      contents: () => contents.filter(({ id }) => !damaged.has(id)),
      isAbsent: async ({ commitment }: ContentState) => !!(await library.absence(commitment.infohash.slice(2))),
      onDamage: ({ id }: ContentState) => void damaged.add(id),
    };
    const value = async (name: string) =>
      (await registry.getSingleMetric(`holdfast_operator_${name}`)!.get()).values[0]!.value;
    const running = new Scrubber({ periodMs: 1, maxRate }, parts).run(stopping.signal);
    try {
      await work(value);
    } finally {
      stopping.abort();
      await running;
    }
    return { damaged, scrubbed: await value("scrubbed_bytes_total"), bad: await value("scrub_bad_blocks_total") };
  };
  return { folder, scrub };
}

/** Changes one byte of a file, behind everybody's back. */
async function rot(path: string, at: number): Promise<void> {
  const file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  await file.write(Buffer.of(byte[0]! ^ 1), 0, 1, at);
  await file.close();
}

test("reads everything once, goes on after a restart where it was, and says when a pass is over", async () => {
  const { scrub } = await makeHolder(2);
  const first = await scrub(4 * MIB, async (value) => {
    await eventually(async () => expect(await value("scrubbed_bytes_total")).toBeGreaterThan(BLOCKS * BLOCK));
    expect(await value("scrub_last_pass_timestamp_seconds")).toBe(0);
  });
  const before = Date.now() / 1000;
  let passedAt = 0;
  const second = await scrub(4 * MIB, async (value) => {
    await eventually(async () => expect(await value("scrub_last_pass_timestamp_seconds")).toBeGreaterThan(before));
    passedAt = await value("scrub_last_pass_timestamp_seconds");
  });
  // What the pass after it has read by then is one step at most.
  expect(first.scrubbed + second.scrubbed - 2 * BLOCKS * BLOCK).toBeLessThanOrEqual(MIB);
  expect(first.scrubbed + second.scrubbed).toBeGreaterThanOrEqual(2 * BLOCKS * BLOCK);
  expect([first.bad, second.bad]).toEqual([0, 0]);
  await scrub(MIB, async (value) => {
    await eventually(async () => expect(await value("scrub_last_pass_timestamp_seconds")).toBe(passedAt));
  });
});

test("finds one byte that rotted, and goes on with other contents", async () => {
  const { folder, scrub } = await makeHolder(2);
  await rot(join(folder, "1.bin"), 217 * BLOCK + 5_000);
  const { damaged, bad } = await scrub(1024 * MIB, (value) =>
    eventually(async () => expect(await value("scrub_last_pass_timestamp_seconds")).toBeGreaterThan(0)),
  );
  expect([...damaged]).toEqual([1]);
  expect(bad).toBe(1);
});

test("does not call data rotten that is not there", async () => {
  const { folder, scrub } = await makeHolder(1);
  await rename(join(folder, "1.bin"), join(folder, "aside"));
  const { damaged, bad, scrubbed } = await scrub(1024 * MIB, () => new Promise((resolve) => setTimeout(resolve, 300)));
  expect({ damaged: [...damaged], bad, scrubbed }).toEqual({ damaged: [], bad: 0, scrubbed: 0 });
});
