import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { freezeSync } from "../sdk/actions/freeze.ts";
import { Asset, Audits, Holdings, Market } from "../sdk/contracts.ts";
import { read } from "../sdk/read.ts";
import { Health } from "../service/health.ts";
import { LocalChain } from "../testing/deploy.ts";
import { DataFolder } from "../torrent/index.ts";
import { Seeder } from "../wire/seeder.ts";
import type { OperatorConfigInput } from "./config.ts";
import type { OperatorService } from "./run.ts";
import {
  auditOf,
  contentsIn,
  fund,
  metricOf,
  orderOf,
  publishSample,
  spoil,
  startOperator as start,
} from "./testing.ts";

const closing: (() => Promise<unknown>)[] = [];
let chain: LocalChain;

beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
  for (const index of [1, 2, 3, 4, 5, 6, 7]) await fund(chain, index);
});
afterAll(() => chain.stop());
afterEach(async () => {
  for (let close = closing.pop(); close !== undefined; close = closing.pop()) await close();
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "holdfast-operator-"));
  closing.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function startOperator(
  index: number,
  dataDir: string,
  more: Partial<OperatorConfigInput> = {},
): Promise<OperatorService> {
  const service = await start(chain, index, dataDir, more);
  closing.push(() => service.stop());
  return service;
}

async function currentEpoch(): Promise<number> {
  return read(chain.client(), chain.deployment, Market, "currentEpoch", []);
}

async function currentRound(): Promise<number> {
  return read(chain.client(), chain.deployment, Market, "currentRound", []);
}

const soon = { timeout: 15_000, interval: 50 };

test("an order is fetched, checked, accepted, activated and proven; damage is repaired, and reported when it cannot be", async () => {
  const published = await publishSample(chain, 3_000_000, 1);
  closing.push(published.close);
  const dataDir = await folder();
  const operator = await startOperator(1, dataDir, { maxLossShare: 1, repairRounds: 1 });
  const round = await currentRound();
  const orderId = await orderOf(chain, published.contentId, [operator.operatorId]);
  const slot = () => operator.state.orders.get(orderId)?.slots[0];
  const proven = () => operator.state.operators.get(operator.operatorId)!.proven;

  await vi.waitFor(() => expect(slot()).toMatchObject({ operatorId: operator.operatorId, acceptedIn: round }), soon);
  await chain.seedRound(round + 1);
  await vi.waitFor(() => expect(slot()?.liveFrom).toBe(round + 2), soon);
  await chain.seedRound(round + 2);
  await vi.waitFor(() => expect(proven()).toContain(round + 2), soon);

  const data = join(dataDir, "contents", published.infohash, published.created.torrent.name);
  await spoil(data);
  await chain.seedRound(round + 3);
  await vi.waitFor(() => expect(proven()).toContain(round + 3), soon);

  const before = await metricOf(operator, "duty_failures_total", "prove");
  await published.seeder.close();
  await spoil(data);
  await chain.seedRound(round + 4);
  await vi.waitFor(
    async () => expect(await metricOf(operator, "duty_failures_total", "prove")).toBeGreaterThan(before),
    soon,
  );
  await chain.toRound(round + 5);
  await vi.waitFor(() => expect(slot()).toBeUndefined(), soon);
  expect(proven()).not.toContain(round + 4);
  const { lostHalves } = await read(chain.client(), chain.deployment, Holdings, "tally", [operator.operatorId, 1]);
  expect(lostHalves).toBe(1);
});

test("H-TREE-3: a publication that is not what its torrent and data are is never accepted", async () => {
  const lie = await publishSample(chain, 100_000, 2, true);
  closing.push(lie.close);
  const truth = await publishSample(chain, 100_000, 3);
  closing.push(truth.close);
  const operator = await startOperator(6, await folder());
  const lieId = await orderOf(chain, lie.contentId, [operator.operatorId]);
  const truthId = await orderOf(chain, truth.contentId, [operator.operatorId]);
  await vi.waitFor(() => expect(operator.state.orders.get(truthId)?.slots[0]).toBeDefined(), soon);
  expect(operator.state.orders.get(lieId)!.slots[0]).toBeUndefined();
});

test("data that another client keeps is adopted where it is, and an audit of it answered", async () => {
  const published = await publishSample(chain, 500_000, 4);
  closing.push(published.close);
  await published.seeder.close();
  const dataDir = await folder();
  const adopt = [{ torrent: published.torrentFile, data: published.data }];
  const operator = await startOperator(2, dataDir, { adopt });
  const orderId = await orderOf(chain, published.contentId, [operator.operatorId]);
  const slot = () => operator.state.orders.get(orderId)?.slots[0];
  await vi.waitFor(() => expect(slot()?.operatorId).toBe(operator.operatorId), soon);
  expect(await contentsIn(dataDir)).toEqual([]);
  const round = await currentRound();
  await chain.seedRound(round + 1);
  await vi.waitFor(() => expect(slot()?.liveFrom).toBe(round + 2), soon);

  await chain.toRound(round + 2);
  await auditOf(chain, orderId);
  await chain.seedRound(round + 3);
  await vi.waitFor(() => expect(operator.state.operators.get(operator.operatorId)!.proven).toContain(round + 3), soon);
  await vi.waitFor(() => expect(operator.state.auditsOf(operator.operatorId)).toEqual([]), soon);
  const payout = chain.client(2).account.address;
  expect(await read(chain.client(), chain.deployment, Audits, "credit", [payout])).toBeGreaterThan(0n);
});

test("an order for one copy goes to one of two operators, and what the other one fetched is no loss", async () => {
  const operators = [await startOperator(3, await folder()), await startOperator(4, await folder())];
  const everyone = operators.map(({ operatorId }) => operatorId);
  const published = await publishSample(chain, 200_000, 5);
  closing.push(published.close);
  const orders: number[] = [];
  for (let i = 0; i < 2; i++) orders.push(await orderOf(chain, published.contentId, everyone));
  const holders = () => orders.map((id) => operators[0]!.state.orders.get(id)?.slots[0]?.operatorId);
  await vi.waitFor(() => expect(holders().toSorted()).toEqual(everyone.toSorted()), soon);
});

test("H-EPOCH-3: an epoch that ended is settled and, once frozen, claimed to the payout address", async () => {
  const published = await publishSample(chain, 100_000, 6);
  closing.push(published.close);
  const payout = chain.client(9).account.address;
  const dataDir = await folder();
  const operator = await startOperator(5, dataDir, { payout });
  const me = () => operator.state.operators.get(operator.operatorId)!;
  const epoch = await currentEpoch();
  const orderId = await orderOf(chain, published.contentId, [operator.operatorId]);
  await vi.waitFor(() => expect(operator.state.orders.get(orderId)?.slots[0]).toBeDefined(), soon);
  const round = await currentRound();
  await chain.seedRound(round + 1);
  await vi.waitFor(() => expect(operator.state.orders.get(orderId)?.slots[0]?.liveFrom).toBe(round + 2), soon);
  await chain.seedRound(round + 2);
  await vi.waitFor(() => expect(me().proven).toContain(round + 2), soon);

  await chain.toRound((epoch + 1) * 30 + 2);
  await vi.waitFor(() => expect(me().weighed).toContain(epoch), soon);
  await chain.toRound((epoch + 1) * 30 + 5);
  await freezeSync(chain.client(), { deployment: chain.deployment, epoch });
  await vi.waitFor(() => expect(me().paid).toContain(epoch), soon);
  expect(await read(chain.client(), chain.deployment, Asset, "balanceOf", [payout])).toBeGreaterThan(0n);

  const kept = () => contentsIn(dataDir);
  expect(await kept()).toEqual([published.infohash]);
  await chain.toRound((epoch + 2) * 30);
  await vi.waitFor(async () => expect(await kept()).toEqual([]), soon);
});

test("a content that nobody gives holds up no other, and is had when somebody does", async () => {
  const operator = await startOperator(7, await folder(), { parallelFetches: 1, fetchIdle: "1s" });
  const [mute, given] = [await publishSample(chain, 100_000, 7), await publishSample(chain, 100_000, 8)];
  closing.push(mute.close, given.close);
  const { port } = mute.seeder;
  await mute.seeder.close();
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket.on("error", () => {}))).listen(port, "127.0.0.1");
  const taken = (orderId: number) => () => expect(operator.state.orders.get(orderId)?.slots[0]).toBeDefined();
  const muteId = await orderOf(chain, mute.contentId, [operator.operatorId]);
  await vi.waitFor(() => expect(sockets).not.toEqual([]), soon);
  const givenId = await orderOf(chain, given.contentId, [operator.operatorId]);
  await vi.waitFor(taken(givenId), soon);
  expect(operator.state.orders.get(muteId)!.slots[0]).toBeUndefined();

  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => silent.close(resolve));
  const seeder = await Seeder.listen({ host: "127.0.0.1", port });
  closing.push(() => seeder.close());
  seeder.add({ torrent: mute.created.torrent, folder: new DataFolder(dirname(mute.data), mute.created.torrent) });
  await vi.waitFor(taken(muteId), soon);
});

test("a chain that is silent for too long makes the operator unhealthy, until there is a block again", async () => {
  const health = new Health();
  const service = await start(chain, 1, await folder(), { chainSilence: "400ms" }, { health });
  closing.push(() => service.stop());
  await vi.waitFor(() => expect(health.faults().join()).toMatch(/no new block for \d+ s/), soon);
  const metrics = await service.registry.metrics();
  expect(metrics).toMatch(/^holdfast_chain_head_age_seconds -?\d/m);
  expect(metrics).toMatch(/^holdfast_chain_silence_seconds \d/m);
  await chain.client().mine({ blocks: 1 });
  await vi.waitFor(() => expect(health.faults()).toEqual([]), soon);
});
