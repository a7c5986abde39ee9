// The operator as people run it: the command in a process of its own, killed without warning and started again.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { EXIT } from "../errors.ts";
import { fund, publishSample } from "../operator/testing.ts";
import { Catalog, Holdings, Market } from "../sdk/contracts.ts";
import { commitmentArgs, contentKey } from "../sdk/manifest.ts";
import { read } from "../sdk/read.ts";
import { localAccount, localKey } from "../testing/anvil.ts";
import { LocalChain } from "../testing/deploy.ts";
import { createTorrent } from "../torrent/index.ts";
import { sampleBytes } from "../wire/testing.ts";

const UPLOADER = 0;
const OPERATOR = 1;
const soon = { timeout: 30_000, interval: 100 };
let chain: LocalChain;
let dataDir: string;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
  dataDir = await mkdtemp(join(tmpdir(), "holdfast-cli-operator-"));
  await fund(chain, OPERATOR);
});
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await rm(dataDir, { recursive: true, force: true });
  await chain.stop();
});

function environment(account: number) {
  const { rpcUrl, deploymentFile } = chain;
  return {
    ...process.env,
    HOLDFAST_RPC_URL: rpcUrl,
    HOLDFAST_DEPLOYMENT: deploymentFile,
    HOLDFAST_KEY_PRIVATE_KEY: localKey(account),
  };
}

/** Runs a command to its end. @returns what it prints as JSON */
async function holdfast(account: number, ...args: string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, ["ts/cli/bin.mjs", "--json", ...args], {
    env: environment(account),
  });
  return JSON.parse(stdout);
}

function startOperator(...more: string[]): ChildProcess {
  const args = [
    "operator",
    "run",
    "--data-dir",
    dataDir,
    "--listen",
    "127.0.0.1:0",
    "--capacity-chunks",
    "4",
    "--local-sources",
  ];
  const env = { ...environment(OPERATOR), HOLDFAST_POLLING_INTERVAL_MS: "50" };
  const child = spawn(process.execPath, ["ts/cli/bin.mjs", ...args, ...more], { env, stdio: "ignore" });
  children.add(child);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

const slot = (orderId: number) => read(chain.client(), chain.deployment, Market, "slot", [orderId, 0]);
const isClean = (round: number) => read(chain.client(), chain.deployment, Holdings, "isClean", [1, round]);
const nonce = () => chain.client().getTransactionCount({ address: localAccount(OPERATOR).address });

test("an operator killed at every step goes on where it was, and does nothing twice", {
  timeout: 120_000,
}, async () => {
  const published = await publishSample(chain, 1_000_000, 1);
  const opened = await holdfast(UPLOADER, "order", "open", String(published.contentId), "--replicas", "1");
  const { orderId, startEpoch } = opened;
  const round = startEpoch * 30;
  let child = startOperator("--register");
  await vi.waitFor(async () => expect((await slot(orderId)).acceptedIn).toBe(round), soon);
  await kill(child);
  await published.close(); // what was fetched must not be asked for again

  child = startOperator();
  await chain.seedRound(round + 1);
  await vi.waitFor(async () => expect((await slot(orderId)).liveFrom).toBe(round + 2), soon);
  await kill(child);

  child = startOperator();
  await chain.seedRound(round + 2);
  await vi.waitFor(async () => expect(await isClean(round + 2)).toBe(true), soon);
  await kill(child);
  // approve, register, accept, activate, prove: each once.
  expect(await nonce()).toBe(5);

  child = startOperator();
  await chain.seedRound(round + 3);
  await vi.waitFor(async () => expect(await isClean(round + 3)).toBe(true), soon);
  expect(await nonce()).toBe(6);
  const status = await holdfast(OPERATOR, "operator", "status", "1");
  expect(status).toMatchObject({ id: 1, capacityChunks: 4, provenThisRound: true, badInARow: "0" });
  expect(status.slots).toMatchObject([{ order: orderId, replica: 0, chunks: 1 }]);
  const shown = await holdfast(UPLOADER, "order", "show", String(orderId));
  expect(shown.replicas).toMatchObject([{ replica: 0, status: "live", operator: 1 }]);

  const exit = once(child, "exit");
  child.kill("SIGTERM");
  expect(await exit).toEqual([EXIT.ok, null]);

  // With no agent to take the replica again.
  const reported = await holdfast(OPERATOR, "operator", "report-loss", String(orderId), "0");
  expect(reported).toEqual({ orderId, replica: 0 });
  expect((await slot(orderId)).operatorId).toBe(0);
});

test("content publish checks the data against the torrent, and publishes what others can fetch", async () => {
  const data = join(dataDir, "to-publish.bin");
  await writeFile(data, sampleBytes(200_000, 2));
  const { bytes, commitment } = await createTorrent(data);
  const torrentFile = join(dataDir, "to-publish.torrent");
  await writeFile(torrentFile, bytes);
  const args = ["content", "publish", torrentFile, "--peer", "127.0.0.1:6881", "--data"];
  await expect(holdfast(UPLOADER, ...args, join(dataDir, "store"))).rejects.toThrow("the data is not the torrent's");
  const { contentId } = await holdfast(UPLOADER, ...args, data);
  const key = contentKey(commitmentArgs(commitment));
  expect(await read(chain.client(), chain.deployment, Catalog, "contentOf", [key])).toBe(contentId);
  await expect(holdfast(UPLOADER, ...args, data)).rejects.toThrow("Catalog_AlreadyPublished");
});

test("without a key, a command says where to put one", async () => {
  const { HOLDFAST_KEY_PRIVATE_KEY, ...env } = environment(UPLOADER);
  const failure = await promisify(execFile)(process.execPath, ["ts/cli/bin.mjs", "order", "open", "1"], { env }).catch(
    (e) => e,
  );
  expect(failure.code).toBe(EXIT.config);
  expect(failure.stderr).toContain("give the key in one place");
});
