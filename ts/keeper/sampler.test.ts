import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import type { Deployment } from "../sdk/deployment.ts";
import { commitmentArgs } from "../sdk/manifest.ts";
import { type ContentState, ProtocolState } from "../service/state.ts";
import { openStore } from "../store/store.ts";
import { parseEndpoint } from "../torrent/endpoint.ts";
import { checkData, commitmentOf } from "../torrent/index.ts";
import { formatMagnet } from "../torrent/magnet.ts";
import { dataOf, fakeSeed, makeSample, type Sample, sampleBytes, seed } from "../wire/testing.ts";
import { countPerNetwork, Sampler } from "./sampler.ts";
import { Samples } from "./samples.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (let close = closing.pop(); close !== undefined; close = closing.pop()) await close();
});

describe("what one minute's answers count for", () => {
  const answer = (operatorId: number, network: string, answered = true) => ({
    operatorId,
    network,
    answered,
    quick: answered,
  });
  const counted = (answers: readonly ReturnType<typeof answer>[], most = 1) =>
    countPerNetwork(answers, most)
      .map(({ operatorId }) => operatorId)
      .sort();

  test("one success a network, and which one is left to chance", () => {
    const answers = [answer(1, "192.0.2"), answer(2, "192.0.2"), answer(3, "192.0.3")];
    const seen = new Set(Array.from({ length: 200 }, () => counted(answers).join()));
    expect(seen).toEqual(new Set(["1,3", "2,3"]));
    expect(counted(answers, 2)).toEqual([1, 2, 3]);
  });

  test("every failure is its operator's, whoever succeeds beside it", () => {
    const answers = [
      answer(1, "192.0.2", false),
      answer(2, "192.0.2"),
      answer(3, "192.0.2", false),
      answer(4, "", false),
    ];
    expect(counted(answers)).toEqual([1, 2, 3, 4]);
  });
});

const ZERO = `0x${"00".repeat(20)}` as const;
const DEPLOYMENT = {
  chainId: 31337,
  fromBlock: 0,
  genesis: 1_000_000,
  roundLength: 3_600,
  contracts: { Market: ZERO } as Deployment["contracts"],
} satisfies Deployment;
const ROUND = 31;
const NOW = DEPLOYMENT.genesis + DEPLOYMENT.roundLength;

/** A sampler of a content that operators 1, 2, … hold at these endpoints; `samples` is what it writes to. */
async function samplerOf(
  sample: Sample,
  endpoints: readonly string[],
  { successesPerNetwork = 100, longReads = 0 } = {},
) {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-sampler-"));
  const store = await openStore(folder);
  closing.push(
    () => rm(folder, { recursive: true, force: true }),
    () => store.close(),
  );
  const data = dataOf(sample);
  const { dataRoot } = await checkData(data);
  await data.close();
  const commitment = commitmentArgs(commitmentOf(sample.torrent, dataRoot!));
  const sources = [formatMagnet({ infohashV2: sample.torrent.infohashV2, peers: [parseEndpoint(endpoints[0]!)!] })];
  const content = { id: 1, commitment, chunks: 1, bonded: true, manifest: { sources } } as unknown as ContentState;
  const state = new ProtocolState(DEPLOYMENT);
  state.contents.set(1, content);
  const slots = endpoints.map((_, i) => ({ operatorId: i + 1, acceptedIn: ROUND - 1, liveFrom: ROUND }));
  state.orders.set(1, { id: 1, contentId: 1, startEpoch: 1, epochs: 1, slots } as never);
  for (const [i, endpoint] of endpoints.entries()) state.operators.set(i + 1, { id: i + 1, endpoint } as never);
  const samples = new Samples(store);
  const sampler = new Sampler(
    {
      probesPerRound: 4,
      blocks: 1,
      longReads,
      quickMs: 500,
      unchokeMs: 2_000,
      successesPerNetwork,
      reach: { local: true },
    },
    { deployment: DEPLOYMENT, state, samples, log: pino({ level: "silent" }), onSample: () => {} },
  );
  const run = () => sampler.sample(content, NOW, new AbortController().signal);
  return { sampler, samples, content, state, run };
}

const FILES = { "a.bin": sampleBytes(300_001, 1), "b.bin": sampleBytes(9_000, 2) };
const RIGHT = { uptimeBps: 10_000, availabilityBps: expect.any(Number) };
const NOTHING = { uptimeBps: 0, availabilityBps: 0 };

test("holders are asked through the swarm, and each answer is checked against the roots on chain", async () => {
  const sample = await makeSample(FILES);
  const honest = await seed(sample);
  const liar = await fakeSeed(sample.torrent, sample.data, { block: (data) => Buffer.alloc(data.length) });
  const silent = await fakeSeed(sample.torrent, sample.data, { block: () => undefined });
  const endpoints = [honest, liar, silent].map(({ host, port }) => `${host}:${port}`);
  const { run, samples } = await samplerOf(sample, [...endpoints, "127.0.0.2:1", "no endpoint\n"]);
  await run();
  const metrics = await samples.metrics(1);
  expect(metrics.get(1)).toEqual(RIGHT);
  for (const id of [2, 3, 4, 5]) expect(metrics.get(id)).toEqual(NOTHING);
}, 30_000);

test("a longer read finds what one block would mostly miss", async () => {
  const sample = await makeSample({ "a.bin": sampleBytes(2_000_000, 1) });
  const spoiled = () => {
    let served = 0;
    return (data: Buffer) => (++served % 50 === 0 ? Buffer.alloc(data.length) : data);
  };
  const peers = [await seed(sample), await fakeSeed(sample.torrent, sample.data, { block: spoiled() })];
  const endpoints = peers.map(({ host, port }) => `${host}:${port}`);
  const { run, samples } = await samplerOf(sample, endpoints, { longReads: 1 });
  await run();
  expect((await samples.metrics(1)).get(1)).toEqual(RIGHT);
  expect((await samples.metrics(1)).get(2)).toEqual(NOTHING);
});

test("one copy behind two names on one network shows for one of them", async () => {
  const sample = await makeSample(FILES);
  const { host, port } = await seed(sample);
  const endpoint = `${host}:${port}`;
  const { run, samples } = await samplerOf(sample, [endpoint, endpoint], { successesPerNetwork: 1 });
  await run();
  expect([...(await samples.metrics(1)).values()]).toEqual([RIGHT]);
});

test("H-TREE-3: a publication whose file table is not its torrent's accuses nobody", async () => {
  const sample = await makeSample(FILES);
  const { host, port } = await seed(sample);
  const { run, samples, content } = await samplerOf(sample, [`${host}:${port}`]);
  Object.assign(content.commitment, { filesRoot: `0x${"07".repeat(32)}` });
  await expect(run()).rejects.toThrow("not the content's torrent");
  expect((await samples.metrics(1)).size).toBe(0);
});

test("each content is due at times of its own that nobody can foresee, at a steady rate; a leap of the clock brings no burst", async () => {
  const sample = await makeSample({ "a.bin": sampleBytes(1_000, 1) });
  const { sampler, state, content } = await samplerOf(sample, ["127.0.0.2:1"]);
  let [due, now] = [0, NOW];
  // 116 are expected; both bounds are more than five standard deviations away.
  for (; now < NOW + 29 * 3_600; now += 30) due += sampler.due(now).length;
  expect(due).toBeGreaterThan(60);
  expect(due).toBeLessThan(200);
  expect(sampler.due(now + 24 * 3_600).length).toBeLessThanOrEqual(1);
  state.orders.clear();
  expect(sampler.due(now + 48 * 3_600)).not.toContain(content);
});
