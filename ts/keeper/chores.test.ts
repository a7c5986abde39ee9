// What keepers do for everybody else, on a real chain: after an outage, and without getting into each other's way.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LocalBeacon } from "../beacon/local.ts";
import { auditOf, currentRoundOf, fund, Holder } from "../operator/testing.ts";
import { admitKeeperSync } from "../sdk/actions/admitKeeper.ts";
import { commitValuesSync } from "../sdk/actions/commitValues.ts";
import { joinCommittee } from "../sdk/actions/joinCommittee.ts";
import { firstRound, startOf } from "../sdk/clock.ts";
import { Audits, Beacon, Holdings, Market, Oracle, Pool } from "../sdk/contracts.ts";
import { pay } from "../sdk/pay.ts";
import { read } from "../sdk/read.ts";
import { localAccount, localKey } from "../testing/anvil.ts";
import { LocalChain } from "../testing/deploy.ts";
import { eventually } from "../testing/eventually.ts";
import { keeperConfig } from "./config.ts";
import { KeeperService } from "./run.ts";
import { encodePages, pledge } from "./values.ts";

const OPERATOR = 1;
/** Two that run, and one that is a test's own. */
const [KEEPERS, FORGETFUL] = [[2, 3], 4];
const closing: (() => Promise<unknown>)[] = [];
const keepers: KeeperService[] = [];
let chain: LocalChain;
let beaconUrl: string;
let holder: Holder;

beforeAll(async () => {
  // The first epoch begins when the keepers have their seats.
  chain = await LocalChain.start({ roundLength: 600, parameters: { genesis: Math.floor(Date.now() / 1000) + 3_600 } });
  const now = async () => Number((await chain.client().getBlock()).timestamp);
  const beacon = new LocalBeacon({ seed: "holdfast", genesis: 1, period: 3, now });
  beaconUrl = await beacon.listen();
  closing.push(
    () => beacon.close(),
    () => chain.stop(),
  );
  await fund(chain, OPERATOR);
  for (const index of [...KEEPERS, FORGETFUL]) {
    await fund(chain, index);
    const wallet = chain.client(index);
    await admitKeeperSync(chain.client(), { deployment: chain.deployment, keeper: wallet.account.address });
    await pay(wallet, joinCommittee, { deployment: chain.deployment });
  }
  await chain.toRound(firstRound(1));
  holder = await Holder.open(chain, OPERATOR);
  closing.push(() => holder.close());
});
afterAll(async () => {
  for (let close = closing.pop(); close !== undefined; close = closing.pop()) await close();
});

async function startKeeper(index: number): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-keeper-"));
  const config = keeperConfig.parse({
    rpcUrl: chain.rpcUrl,
    key: { privateKey: localKey(index) },
    deployment: chain.deploymentFile,
    dataDir,
    beaconUrls: [beaconUrl],
    localSources: true,
    turnMs: 8_000,
    pollingIntervalMs: 50,
  });
  const service = await KeeperService.start(config, { log: pino({ level: process.env.LOG ?? "silent" }) });
  keepers.push(service);
  closing.push(
    () => rm(dataDir, { recursive: true, force: true }),
    () => service.stop(),
  );
}

/** A counter of all keepers together. */
async function count(name: string, label?: string): Promise<number> {
  let sum = 0;
  for (const { registry } of keepers) {
    const { values } = await registry.getSingleMetric(`holdfast_keeper_${name}`)!.get();
    for (const { value, labels } of values) if (label === undefined || Object.values(labels)[0] === label) sum += value;
  }
  return sum;
}

const settledThrough = (epoch: number) =>
  read(chain.client(), chain.deployment, Pool, "settledThrough", [holder.operatorId, epoch]);
const isFrozen = async (epoch: number) =>
  (await read(chain.client(), chain.deployment, Pool, "epochFees", [epoch])).frozen;

test("H-EPOCH: after an outage of all, every ended epoch is settled and frozen in order, each thing by one keeper", async () => {
  await holder.goLive(3);
  await holder.proves();
  await holder.service.stop();
  await chain.toRound(firstRound(4) + 6);
  expect([await settledThrough(1), await isFrozen(1)]).toEqual([false, false]);

  const from = await chain.client().getBlockNumber();
  for (const index of KEEPERS) await startKeeper(index);
  await eventually(async () => expect(await settledThrough(3)).toBe(true));
  for (const epoch of [1, 2, 3]) await eventually(async () => expect(await isFrozen(epoch)).toBe(true));
  await eventually(async () =>
    expect([await count("chores_total", "settle"), await count("chores_total", "freeze")]).toEqual([3, 3]),
  );
  expect(await count("duty_failures_total")).toBe(0);
  expect(await revertedSince(from)).toEqual([]);
}, 120_000);

/** Transactions that failed on the chain after a block. */
async function revertedSince(block: bigint): Promise<string[]> {
  const client = chain.client();
  const reverted: string[] = [];
  for (let number = block + 1n; number <= (await client.getBlockNumber()); number++) {
    for (const hash of (await client.getBlock({ blockNumber: number })).transactions) {
      const { status, from, to } = await client.getTransactionReceipt({ hash });
      if (status === "reverted") reverted.push(`${from} to ${to}`);
    }
  }
  return reverted;
}

test("H-ORC-3: a keeper that commits and does not reveal loses part of its bond, whoever notices", async () => {
  const { deployment } = chain;
  const wallet = chain.client(FORGETFUL);
  const keeper = wallet.account.address;
  const domain = { chainId: wallet.chain.id, oracle: deployment.contracts.Oracle, keeper, epoch: 4 };
  const { link } = pledge(encodePages(new Map()), domain);
  await chain.toRound(firstRound(5));
  await commitValuesSync(wallet, { deployment, epoch: 4, link, pages: 1 });
  await chain.toRound(firstRound(5) + 2);
  await eventually(async () => {
    const { bond, fullBond } = await read(wallet, deployment, Oracle, "keeper", [keeper]);
    expect(bond).toBeLessThan(fullBond);
  });
  const { pages } = await read(wallet, deployment, Oracle, "commitment", [4, localAccount(FORGETFUL).address]);
  expect(pages).toBe(0);
});

test("an absent operator's audit moves on; after seven bad rounds the operator is ejected, its audit returned and its slot open again", async () => {
  const { deployment } = chain;
  await holder.start();
  await holder.goLive(3);
  await holder.proves();
  await holder.service.stop();

  const started = await currentRoundOf(chain);
  await auditOf(chain, holder.orderId);
  const audit = () => read(chain.client(), deployment, Audits, "audit", [holder.orderId, 0]);
  const { due } = await audit();
  for (let round = started + 1; round <= due + 1; round++) await chain.seedRound(round);
  await eventually(async () => expect((await audit()).due).toBe(due + 2));
  await eventually(async () => expect(await count("chores_total", "roll")).toBe(1));

  for (let round = due + 2; round <= started + 7; round++) await chain.seedRound(round);
  expect(await count("chores_total", "eject")).toBe(0);
  await chain.seedRound(started + 8);
  await eventually(async () => expect(await count("chores_total", "eject")).toBe(1));
  await eventually(async () => expect(await count("chores_total", "unwind")).toBe(1));
  const { stamp } = await read(chain.client(), deployment, Holdings, "inventory", [holder.operatorId]);
  expect(stamp).toBe(0);
  const { operatorId } = await read(chain.client(), deployment, Market, "slot", [holder.orderId, 0]);
  expect(operatorId).toBe(0);
  // Where it had moved to when the operator was ejected.
  const { due: last } = await audit();
  for (let round = started + 9; round <= Math.max(started + 9, last + 1); round++) await chain.seedRound(round);
  await eventually(async () => expect((await audit()).fee).toBe(0n));
}, 120_000);

test("stopping does not wait for a transaction that no block takes", async () => {
  const client = chain.client();
  await client.setAutomine(false);
  const round = (await currentRoundOf(chain)) + 1;
  const [opens] = await read(client, chain.deployment, Beacon, "window", [round]);
  await chain.toRound(round, Number(opens) - startOf(chain.deployment, round));
  await eventually(async () => expect((await client.getTxpoolStatus()).pending).toBeGreaterThan(0));
  await Promise.all(keepers.map((keeper) => keeper.stop()));
  expect((await client.getTxpoolStatus()).pending).toBeGreaterThan(0);
  await client.setAutomine(true);
});
