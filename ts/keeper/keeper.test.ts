import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LocalBeacon } from "../beacon/local.ts";
import { operatorConfig } from "../operator/config.ts";
import { OperatorService } from "../operator/run.ts";
import { fund, orderOf, publishSample } from "../operator/testing.ts";
import { admitKeeperSync } from "../sdk/actions/admitKeeper.ts";
import { joinCommittee } from "../sdk/actions/joinCommittee.ts";
import { firstRound, startOf } from "../sdk/clock.ts";
import { Asset, Beacon, Oracle, Pool } from "../sdk/contracts.ts";
import { pay } from "../sdk/pay.ts";
import { read } from "../sdk/read.ts";
import { localAccount, localKey } from "../testing/anvil.ts";
import { LocalChain } from "../testing/deploy.ts";

const [OPERATOR, KEEPER] = [1, 2];
const keeper = localAccount(KEEPER).address;
const closing: (() => Promise<unknown>)[] = [];
let chain: LocalChain;
let folder: string;
let configFile: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-keeper-"));
  // The first epoch begins when the keeper has its seat.
  chain = await LocalChain.start({ roundLength: 600, parameters: { genesis: Math.floor(Date.now() / 1000) + 3_600 } });
  const now = async () => Number((await chain.client().getBlock()).timestamp);
  const beacon = new LocalBeacon({ seed: "holdfast", genesis: 1, period: 3, now });
  const config = {
    rpcUrl: chain.rpcUrl,
    key: { privateKey: localKey(KEEPER) },
    deployment: chain.deploymentFile,
    dataDir: join(folder, "keeper"),
    beaconUrls: [await beacon.listen()],
    localSources: true,
    probesPerRound: 20,
    pollingIntervalMs: 50,
    statusPort: 0,
  };
  configFile = join(folder, "keeper.json");
  await writeFile(configFile, JSON.stringify(config));
  for (const account of [OPERATOR, KEEPER]) await fund(chain, account);
  closing.push(
    () => rm(folder, { recursive: true, force: true }),
    () => beacon.close(),
    () => chain.stop(),
  );
});
afterAll(async () => {
  for (let close = closing.pop(); close !== undefined; close = closing.pop()) await close();
});

/** `holdfast keeper run`, in a process of its own. */
function startKeeper(): ChildProcess {
  const args = ["ts/cli/bin.mjs", "keeper", "run", "--config", configFile, "--log-level", "warn"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  closing.push(() => stopKeeper(child, "SIGKILL"));
  return child;
}

async function stopKeeper(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }
  return child.exitCode;
}

/** Before the genesis, so that the seat is one of the first epoch. */
async function takeSeat(): Promise<void> {
  const { deployment } = chain;
  await admitKeeperSync(chain.client(), { deployment, keeper });
  const wallet = chain.client(KEEPER);
  await pay(wallet, joinCommittee, { deployment });
}

const ask = <T>(question: () => Promise<T>) => expect.poll(question, { timeout: 30_000, interval: 50 });
const seedOf = (round: number) => read(chain.client(), chain.deployment, Beacon, "seed", [round]);
const session = () => read(chain.client(), chain.deployment, Oracle, "session", [1]);
const commitment = () => read(chain.client(), chain.deployment, Oracle, "commitment", [1, keeper]);

/** Moves to a round's beacon, and waits until somebody has brought its seed. */
async function seededRound(round: number): Promise<void> {
  const [opens] = await read(chain.client(), chain.deployment, Beacon, "window", [round]);
  await chain.toRound(round, Number(opens) - startOf(chain.deployment, round));
  await ask(() => seedOf(round)).not.toBe(`0x${"00".repeat(32)}`);
}

test("H-ORC-3: a keeper that is killed between commitment and reveal reveals what it committed to, and is paid", async () => {
  await takeSeat();
  let child = startKeeper();
  const first = firstRound(1);
  await chain.toRound(first);
  const config = operatorConfig.parse({
    rpcUrl: chain.rpcUrl,
    key: { privateKey: localKey(OPERATOR) },
    deployment: chain.deploymentFile,
    dataDir: join(folder, "operator"),
    listen: "127.0.0.1:0",
    capacityChunks: 4,
    localSources: true,
    pollingIntervalMs: 50,
  });
  const operator = await OperatorService.start(config, { log: pino({ level: "silent" }), register: true });
  closing.push(() => operator.stop());
  const { operatorId, state } = operator;
  const published = await publishSample(chain, 1_000_000, 1);
  closing.push(published.close);
  const orderId = await orderOf(chain, published.contentId, [operatorId]);
  await ask(async () => state.orders.get(orderId)?.slots[0]?.operatorId).toBe(operatorId);
  await seededRound(first + 1);
  await ask(async () => state.orders.get(orderId)?.slots[0]?.liveFrom).toBe(first + 2);
  for (const round of [first + 2, first + 3, first + 4]) {
    await seededRound(round);
    await ask(async () => state.operators.get(operatorId)?.proven).toContain(round);
  }

  await chain.toRound(firstRound(2));
  await ask(async () => (await commitment()).pages).toBe(1);
  await stopKeeper(child, "SIGKILL");
  child = startKeeper();
  await chain.toRound(firstRound(2) + 1);
  await ask(async () => (await session()).counted).toBe(true);
  await chain.toRound(firstRound(2) + 2);
  await ask(async () => (await session()).talliedPages).toBe(1n);
  const metrics = await read(chain.client(), chain.deployment, Oracle, "metrics", [operatorId, 1]);
  expect(metrics).toEqual([true, true, 10_000, expect.any(Number)]);
  await ask(() => read(chain.client(), chain.deployment, Pool, "settledThrough", [operatorId, 1])).toBe(true);

  const before = await read(chain.client(), chain.deployment, Asset, "balanceOf", [keeper]);
  await chain.toRound(firstRound(2) + 5);
  await ask(() => read(chain.client(), chain.deployment, Asset, "balanceOf", [keeper])).toBeGreaterThan(before);
  await ask(async () => (await read(chain.client(), chain.deployment, Pool, "epochFees", [1])).unpaidKeepers).toBe(0);
  expect(await stopKeeper(child, "SIGTERM")).toBe(0);
}, 120_000);
