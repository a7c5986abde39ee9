// A paid operator as people run it, killed without warning again and again while it serves and redeems.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseEther } from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../errors.ts";
import { currentRoundOf, fund, orderOf, Patron, publishSample } from "../operator/testing.ts";
import { openTestStore } from "../retrieval/testing.ts";
import { Market, Operators, Retrieval } from "../sdk/contracts.ts";
import { read } from "../sdk/read.ts";
import { localAccount, localKey } from "../testing/anvil.ts";
import { LocalChain } from "../testing/deploy.ts";
import { eventually } from "../testing/eventually.ts";
import { RawPeer, temporaryFolder } from "../wire/testing.ts";

const [OPERATOR, PAYER] = [1, 2];
const BYTES = 48 << 20;
const KILLS = 4;
let chain: LocalChain;
let dataDir: string;
let child: ChildProcess | undefined;

beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
  dataDir = await mkdtemp(join(tmpdir(), "holdfast-payments-"));
  await fund(chain, OPERATOR);
  const blocks = setInterval(() => chain.client().mine({ blocks: 1 }), 500);
  return () => clearInterval(blocks);
}, 300_000);
afterAll(async () => {
  child?.kill("SIGKILL");
  await rm(dataDir, { recursive: true, force: true });
  await chain.stop();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function startOperator(port: number): ChildProcess {
  const args = ["operator", "run", "--data-dir", dataDir, "--listen", `127.0.0.1:${port}`, "--capacity-chunks", "16"];
  const env = {
    ...process.env,
    HOLDFAST_RPC_URL: chain.rpcUrl,
    HOLDFAST_DEPLOYMENT: chain.deploymentFile,
    HOLDFAST_KEY_PRIVATE_KEY: localKey(OPERATOR),
    HOLDFAST_POLLING_INTERVAL_MS: "50",
    HOLDFAST_RETRIEVAL_REDEEM_EVERY: "50ms",
    HOLDFAST_RETRIEVAL_WORTH: "1",
  };
  const more = ["--local-sources", "--register", "--price", "0.01 ether"];
  return spawn(process.execPath, ["ts/cli/bin.mjs", ...args, ...more], { env, stdio: "ignore" });
}

async function end(signal: "SIGKILL" | "SIGTERM"): Promise<unknown> {
  const exit = once(child!, "exit");
  child!.kill(signal);
  const [code] = await exit;
  return code;
}

test("H-RET-1: an operator killed at any moment loses no voucher, and is paid for none twice", {
  timeout: 300_000,
}, async () => {
  const { deployment } = chain;
  const operator = localAccount(OPERATOR).address;
  const publication = await publishSample(chain, BYTES, 1);
  const { contentId } = publication;
  const port = await freePort();
  child = startOperator(port);
  await eventually(async () => {
    expect(await read(chain.client(), deployment, Operators, "operator", [1])).toMatchObject({ payout: operator });
  });
  const orderId = await orderOf(chain, contentId, [1]);
  const slot = () => read(chain.client(), deployment, Market, "slot", [orderId, 0]);
  await eventually(async () => expect((await slot()).operatorId).toBe(1));
  const round = await currentRoundOf(chain);
  await chain.seedRound(round + 1);
  await eventually(async () => expect((await slot()).liveFrom).toBe(round + 2));
  await publication.seeder.close();

  const funds = parseEther("2");
  const store = await openTestStore();
  const patron = await Patron.open(chain, PAYER, publication, { store, funds, earmarkFor: operator });
  const folder = await temporaryFolder();
  const paid = async () => {
    const args = [patron.address, operator, BigInt(contentId)] as const;
    return (await read(chain.client(), deployment, Retrieval, "channel", args)).paid;
  };
  const buy = () => patron.buy({ host: "127.0.0.1", port }, folder);
  for (let kills = 1; kills <= KILLS; kills++) {
    // In the middle of a download, or of redeeming what came of it.
    const before = patron.promised;
    const buying = buy().catch(() => {});
    await eventually(() => expect(patron.promised).toBeGreaterThan(before));
    await sleep(40 * kills);
    await end("SIGKILL");
    await buying;
    child = startOperator(port);
    await eventually(() => RawPeer.join({ host: "127.0.0.1", port }, publication.created.torrent));
  }
  await buy();
  const got = await readFile(join(folder, publication.created.torrent.name));
  expect(got.equals(await readFile(publication.data))).toBe(true);
  await eventually(async () => expect(await paid()).toBe(patron.promised));
  expect(await end("SIGTERM")).toBe(EXIT.ok);

  const redeemed = await chain.client().getContractEvents({
    ...{ address: deployment.contracts.Retrieval, abi: Retrieval.abi, eventName: "Redeemed", strict: true },
    ...{ args: { operator }, fromBlock: 0n },
  });
  expect(redeemed.reduce((sum, { args }) => sum + args.amount, 0n)).toBe(patron.promised);
  expect(redeemed.every(({ args }) => args.amount > 0n && args.shortfall === 0n)).toBe(true);
});
