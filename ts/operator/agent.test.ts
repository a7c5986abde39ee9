import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { read } from "../sdk/call.ts";
import { localKey } from "../testing/anvil.ts";
import { LocalChain } from "../testing/deploy.ts";
import { type OperatorConfigInput, operatorConfig } from "./config.ts";
import { OperatorService } from "./run.ts";
import { fund, orderOf, publishSample } from "./testing.ts";

const log = pino({ level: process.env.LOG ?? "silent" });
const closing: (() => Promise<unknown>)[] = [];
let chain: LocalChain;

beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
  for (const index of [1, 2, 3, 4]) await fund(chain, index);
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
  const config = operatorConfig.parse({
    rpcUrl: chain.rpcUrl,
    key: { privateKey: localKey(index) },
    deployment: chain.deploymentFile,
    dataDir,
    listen: "127.0.0.1:0",
    capacityChunks: 8,
    localSources: true,
    pollingIntervalMs: 50,
    ...more,
  });
  const service = await OperatorService.start(config, { log, register: true });
  closing.push(() => service.stop());
  return service;
}

async function currentRound(): Promise<number> {
  return read(chain.client(), chain.deployment, "Market", "currentRound", []);
}

const soon = { timeout: 15_000, interval: 50 };

test("an order is fetched, checked, accepted, activated and proven; damage is repaired, and reported when it cannot be", async () => {
  const published = await publishSample(chain, 3_000_000, 1);
  closing.push(published.close);
  const dataDir = await folder();
  const operator = await startOperator(1, dataDir);
  const round = await currentRound();
  const orderId = await orderOf(chain, published.contentId, Math.floor(round / 30));
  const slot = () => operator.state.orders.get(orderId)?.slots[0];
  const proven = () => operator.state.operators.get(operator.operatorId)!.proven;

  await vi.waitFor(() => expect(slot()).toMatchObject({ operatorId: operator.operatorId, acceptedIn: round }), soon);
  await chain.seedRound(round + 1);
  await vi.waitFor(() => expect(slot()?.liveFrom).toBe(round + 2), soon);
  await chain.seedRound(round + 2);
  await vi.waitFor(() => expect(proven()).toContain(round + 2), soon);

  const data = join(dataDir, "contents", published.infohash, published.created.torrent.name);
  await spoil(data, 3_000_000);
  await chain.seedRound(round + 3);
  await vi.waitFor(() => expect(proven()).toContain(round + 3), soon);

  const before = await failures(operator, "prove");
  await published.seeder.close();
  await spoil(data, 3_000_000);
  await chain.seedRound(round + 4);
  await vi.waitFor(async () => expect(await failures(operator, "prove")).toBeGreaterThan(before), soon);
  await chain.toRound(round + 5);
  await vi.waitFor(() => expect(slot()).toBeUndefined(), soon);
  expect(proven()).not.toContain(round + 4);
  const { lostHalves } = await read(chain.client(), chain.deployment, "Holdings", "tally", [operator.operatorId, 1]);
  expect(lostHalves).toBe(1);
});

/** How often a kind of duty has failed. */
async function failures({ registry }: OperatorService, duty: string): Promise<number> {
  const metric = await registry.getSingleMetric("holdfast_operator_duty_failures_total")!.get();
  return metric.values.find(({ labels }) => labels.duty === duty)?.value ?? 0;
}

/** Writes over all of a file. */
async function spoil(path: string, length: number): Promise<void> {
  const file = await open(path, "r+");
  await file.write(Buffer.alloc(length), 0, length, 0);
  await file.close();
}
