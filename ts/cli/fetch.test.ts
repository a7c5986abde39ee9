// Downloads as people run them: the command in a process of its own, with operators on a chain and other clients in the swarm.
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../errors.ts";
import { Market, PRICE } from "../fetch/testing.ts";
import { fund } from "../operator/testing.ts";
import { cost, MEBIBYTE } from "../retrieval/credit.ts";
import { localAccount, localKey } from "../testing/anvil.ts";
import { describeWith } from "../testing/clients.ts";
import { temporaryFolder } from "../testing/folders.ts";
import { Libtorrent } from "../testing/libtorrent.ts";
import { Tracker } from "../testing/tracker.ts";
import { formatMagnet } from "../torrent/magnet.ts";
import { slowly } from "../wire/testing.ts";

const SIZE = 6 * MEBIBYTE;
const BUDGET = 2n * cost(SIZE, PRICE);
const PAYER = 4;
let market: Market;
/** The payer's. */
let state: string;
/** What it has paid in all tests, by operator. */
const paid = new Map<number, bigint>();

beforeAll(async () => {
  market = await Market.open(SIZE, [PRICE, PRICE]);
  await fund(market.chain, PAYER);
  state = await mkdtemp(join(tmpdir(), "holdfast-state-"));
}, 300_000);
afterAll(async () => {
  await market?.close();
  await rm(state, { recursive: true, force: true });
});

interface Surroundings {
  /** The wallet's local account. */
  readonly key?: number;
  /** Whether a chain is configured. Default: yes. */
  readonly chain?: boolean;
  /** Default: the payer's. */
  readonly stateDir?: string;
  /** Sends SIGINT once this is said. */
  readonly interruptAt?: RegExp;
}

/** Runs the command as a shell does. */
function holdfast(args: string[], { key, chain = true, stateDir = state, interruptAt }: Surroundings = {}) {
  const { HOLDFAST_RPC_URL, HOLDFAST_DEPLOYMENT, HOLDFAST_KEY_PRIVATE_KEY, ...env } = process.env;
  const { rpcUrl, deploymentFile } = market.chain;
  const given = {
    ...{ ...env, HOLDFAST_STATE_DIR: stateDir },
    ...(chain && { HOLDFAST_RPC_URL: rpcUrl, HOLDFAST_DEPLOYMENT: deploymentFile }),
    ...(key !== undefined && { HOLDFAST_KEY_PRIVATE_KEY: localKey(key) }),
  };
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const bin = join(import.meta.dirname, "bin.mjs");
    const child = execFile(
      process.execPath,
      [bin, ...args],
      { env: given, cwd: chain ? "." : stateDir },
      (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
    if (interruptAt === undefined) return;
    createInterface({ input: child.stderr! }).on("line", (line) => {
      if (interruptAt.test(line)) setTimeout(() => child.kill("SIGINT"), 1_500);
    });
  });
}

/** A receipt as it is on disk; what it says was paid is added up, by operator. */
async function receiptIn(file: string) {
  const receipt = JSON.parse(await readFile(file, "utf8"));
  for (const line of receipt.operators)
    paid.set(line.operatorId, (paid.get(line.operatorId) ?? 0n) + BigInt(line.paid));
  return receipt;
}

test("H-RET-1: the wallet fills a purse, the download pays from it, and the next one needs no wallet", async () => {
  const { torrentFile, contentId } = market.publication;
  const folder = await temporaryFolder();
  const args = ["fetch", torrentFile, "--local-sources", "--json", "-o"];
  const first = await holdfast([...args, folder, "--budget", String(2n * BUDGET)], { key: PAYER });
  expect(first).toMatchObject({ code: 0, stderr: "" });
  await market.expectWhole(folder);
  const receipt = JSON.parse(first.stdout);
  expect(receipt).toMatchObject({ complete: true, bytes: SIZE, contentId, unpaid: null });
  expect(receipt.operators).toMatchObject([{ averagePrice: String(PRICE) }, { averagePrice: String(PRICE) }]);
  const { file, ...written } = receipt;
  expect(await receiptIn(file)).toEqual(written);

  const again = await holdfast([...args, await temporaryFolder(), "--bid", String(2n * PRICE)]);
  const second = await receiptIn(JSON.parse(again.stdout).file);
  expect(second).toMatchObject({ unpaid: null });
  expect(second.operators[0].averagePrice).toBe(String(2n * PRICE));

  const shown = await holdfast(["retrieval", "show", "--json"]);
  const account = JSON.parse(shown.stdout);
  expect(account).toMatchObject({ payer: localAccount(PAYER).address, balance: "0" });
  expect(account.earmarks).toHaveLength(2);
  expect(account.keys).toMatchObject([{ ceiling: String(2n * BUDGET) }]);
});

test("H-RET-1: interrupted, it settles and keeps what is there; started again it goes on from there", async () => {
  const { torrentFile } = market.publication;
  const shops = await Promise.all(market.operators.map(({ address }) => slowly(address, 500_000)));
  const folder = await temporaryFolder();
  const peers = shops.flatMap(({ host, port }) => ["--peer", `${host}:${port}`]);
  // Another machine, that knows nothing of what this payer has promised.
  const stateDir = await temporaryFolder();
  const money = ["--budget", String(4n * BUDGET)];
  const stopped = await holdfast(["fetch", torrentFile, "-o", folder, ...money, ...peers], {
    ...{ key: PAYER, stateDir },
    interruptAt: /operator \d is paid \d+ wei per MiB/,
  });
  expect(stopped.code).toBe(EXIT.interrupted);
  expect(stopped.stdout).toContain("not complete");
  const [name] = await readdir(join(stateDir, "receipts"));
  const receipt = await receiptIn(join(stateDir, "receipts", name!));
  expect(receipt.bytes).toBeGreaterThan(0);
  expect(receipt.bytes).toBeLessThan(SIZE);
  // What it received is paid, and the operators have it, but for what was free until they were chosen.
  expect(BigInt(receipt.spent)).toBeGreaterThan(cost(receipt.bytes, PRICE) / 2n);
  for (const { operatorId, lost } of receipt.operators) {
    expect(lost).toBeLessThan(16_384);
    await market.expectPromised(operatorId, paid.get(operatorId)!);
  }

  const rest = await holdfast(["fetch", torrentFile, "-o", folder, "--local-sources", "--json"], { stateDir });
  const last = await receiptIn(JSON.parse(rest.stdout).file);
  expect(last).toMatchObject({ complete: true, bytes: SIZE - receipt.bytes, unpaid: null });
  await market.expectWhole(folder);
  for (const [operatorId, wei] of paid) await market.expectPromised(operatorId, wei);
});

test("without a chain it is a plain download from the peers and trackers that are named, and says so", async () => {
  const { created, seeder } = market.publication;
  const { infohashV2 } = created.torrent;
  const tracker = await Tracker.listen({ host: "127.0.0.1" });
  const stateDir = await temporaryFolder();
  const peer = { host: "127.0.0.1", port: seeder.port };
  const folder = await temporaryFolder();
  const link = formatMagnet({ infohashV2, peers: [peer], trackers: [`http://127.0.0.1:${tracker.port}/announce`] });
  const run = await holdfast(["fetch", link, "--local-sources", "-o", folder], { chain: false, stateDir });
  await tracker.close();
  expect(run).toMatchObject({ code: 0, stderr: expect.stringMatching(/^nobody is paid: .* is no deployment/) });
  expect(run.stdout).toContain(`for free: ${SIZE} bytes from 1 peer`);
  await market.expectWhole(folder);
  expect(tracker.heard.map(({ event }) => event)).toContain("completed");
});

test.each<[string, Surroundings, string[], string]>([
  ["no key is configured and no purse is here", {}, [], "no wallet's key is configured"],
  ["it is asked not to", { key: PAYER }, ["--free"], "--free was given"],
  ["nothing is set aside", { key: 5 }, [], "no session key"],
  ["the wallet is short", { key: 5 }, ["--budget", "1000 ether"], "has too little of the asset"],
  ["everybody asks for too much", { key: PAYER }, ["--budget", "1000", "--max-price", "1"], "no operator offers"],
])("downloads for free when %s, and says why", async (_, surroundings, flags, why) => {
  const folder = await temporaryFolder();
  const args = ["fetch", market.publication.torrentFile, "--local-sources", "-o", folder, "--json", ...flags];
  const run = await holdfast(args, { ...surroundings, stateDir: await temporaryFolder() });
  expect(run).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(run.stdout)).toMatchObject({ complete: true, spent: "0", unpaid: expect.stringContaining(why) });
  await market.expectWhole(folder);
});

test("says what is wrong with a link, a price, and a swarm in which nobody is", async () => {
  const { torrentFile } = market.publication;
  const wrong = [
    ["magnet:?xt=urn:btih:0101010101010101010101010101010101010101"],
    [torrentFile, "--bid", "2", "--max-price", "1"],
    [torrentFile, "--budget", "none"],
  ];
  for (const args of wrong) expect((await holdfast(["fetch", ...args])).code).toBe(EXIT.usage);
  const alone = await holdfast(["fetch", torrentFile, "--free"], { chain: false, stateDir: await temporaryFolder() });
  expect(alone).toMatchObject({ code: EXIT.retryable, stderr: expect.stringContaining("no peers were given") });
});

describeWith("libtorrent", "with libtorrent in the swarm", () => {
  test("comes from an operator that is paid and from libtorrent, that is not", async () => {
    const { torrentFile, data } = market.publication;
    const libtorrent = new Libtorrent({ torrent: torrentFile, folder: dirname(data), plain: true });
    const { port } = await libtorrent.complete;
    const folder = await temporaryFolder();
    const operator = await slowly(market.operators[0]!.address, 1_000_000);
    const other = await slowly({ host: "127.0.0.1", port }, 1_000_000);
    const peers = [operator, other].flatMap((peer) => ["--peer", `${peer.host}:${peer.port}`]);
    const run = await holdfast(["fetch", torrentFile, "-o", folder, "--json", ...peers]);
    await libtorrent.close();
    const receipt = JSON.parse(run.stdout);
    expect(receipt).toMatchObject({ complete: true, bytes: SIZE, operators: [{ operatorId: 1 }], free: { peers: 1 } });
    expect(receipt.free.bytes).toBeGreaterThan(MEBIBYTE);
    expect(receipt.operators[0].bytes).toBeGreaterThan(MEBIBYTE);
    await market.expectWhole(folder);
  });
});
