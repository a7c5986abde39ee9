import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address, Hex } from "viem";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createLogger } from "../service/log.ts";
import { numberKey, openStore, type Store, type Table, table, type Write } from "../store/store.ts";
import { Anvil, type LocalClient } from "../testing/anvil.ts";
import { add, counterAbi, deployCounter } from "../testing/counter.ts";
import { RpcProxy } from "../testing/rpc-proxy.ts";
import { encodeCall } from "./call.ts";
import { type ChainClient, connect } from "./connection.ts";
import { LogFollower, type LogFollowerOptions } from "./log-follower.ts";
import { storeJournal } from "./store-journal.ts";

let anvil: Anvil;
let proxy: RpcProxy;
let chain: LocalClient;
let client: ChainClient;
let counter: Address;
let fromBlock: bigint;
let folder: string;
let store: Store;
let totals: Table<bigint>;
let lines: string[];

beforeAll(async () => {
  anvil = await Anvil.start();
  proxy = await RpcProxy.start(anvil.rpcUrl);
  chain = anvil.client(0);
});

afterAll(async () => {
  await proxy.stop();
  await anvil.stop();
});

beforeEach(async () => {
  lines = [];
  folder = await mkdtemp(join(tmpdir(), "holdfast-logs-"));
  store = await openStore(folder);
  totals = table<bigint>(store, "totals");
  client = await connect({ rpcUrl: proxy.rpcUrl, chainId: 31337, log: logger(), pollingIntervalMs: 20 });
  counter = await deployCounter(chain);
  fromBlock = await chain.getBlockNumber();
});

afterEach(async () => {
  proxy.intercept = () => undefined;
  await store.close();
  await rm(folder, { recursive: true });
});

const logger = () => createLogger({ name: "test", level: "trace", pretty: false, write: (line) => lines.push(line) });

/** A consumer that keeps each event's total under its place on the chain. */
function follow(options: Partial<LogFollowerOptions<typeof counterAbi, readonly Write[]>> = {}) {
  return new LogFollower<typeof counterAbi, readonly Write[]>({
    client,
    journal: storeJournal(store, "counter", client.chain.id),
    log: logger(),
    name: "counter",
    addresses: [counter],
    abi: counterAbi,
    fromBlock,
    onLogs: (logs) =>
      logs.map(({ blockNumber, logIndex, args }) => {
        const key = `${numberKey(blockNumber)}/${numberKey(logIndex)}`;
        return { type: "put", sublevel: totals, key, value: args.total } as const;
      }),
    onRollback: async (block) => {
      const undone = await totals.keys({ gte: numberKey(block + 1n) }).all();
      return undone.map((key) => ({ type: "del", sublevel: totals, key }) as const);
    },
    ...options,
  });
}

async function send(amount: bigint): Promise<void> {
  const { to, data } = encodeCall(add(counter, amount));
  await chain.waitForTransactionReceipt({ hash: await chain.sendTransaction({ to, data }) });
}

const seen = () => totals.values().all();

/** The plain reference: all there is on the chain now. */
async function onChain(): Promise<bigint[]> {
  const events = await chain.getContractEvents({ address: counter, abi: counterAbi, fromBlock, strict: true });
  return events.map(({ args }) => args.total);
}

test("takes every event once, in order, over restarts", async () => {
  for (const amount of [1n, 2n, 3n]) await send(amount);
  await follow({ maxRange: 2 }).catchUp();
  expect(await seen()).toEqual([1n, 3n, 6n]);
  await send(4n);
  const ranges: unknown[] = [];
  const again = follow({
    onLogs: (logs, range) => {
      ranges.push([logs.length, range]);
      return [];
    },
  });
  const next = (await again.last())!.number + 1n;
  await again.catchUp();
  expect(ranges).toEqual([[1, { fromBlock: next, toBlock: await chain.getBlockNumber() }]]);
  expect(await again.step()).toBe(false);
});

test("writes what the consumer says together with the cursor, or not at all", async () => {
  await send(1n);
  const follower = follow({
    onLogs: () => {
      throw new Error("the consumer failed");
    },
  });
  await expect(follower.catchUp()).rejects.toThrow("the consumer failed");
  expect(await follower.last()).toBeUndefined();
  await follow().catchUp();
  expect(await seen()).toEqual([1n]);
});

test("rolls back to the common ancestor of a reorganised chain, and takes the other branch", async () => {
  await send(1n);
  const id = await chain.snapshot();
  const ancestor = await chain.getBlockNumber();
  const rollbacks: bigint[] = [];
  const options = {
    onRollback: async (block: bigint) => {
      rollbacks.push(block);
      const undone = await totals.keys({ gte: numberKey(block + 1n) }).all();
      return undone.map((key) => ({ type: "del", sublevel: totals, key }) as const);
    },
  };
  const follower = follow(options);
  await follower.catchUp();
  for (const amount of [2n, 3n]) {
    await send(amount);
    await follower.catchUp();
  }
  expect(await seen()).toEqual([1n, 3n, 6n]);

  await chain.revert({ id });
  await chain.increaseTime({ seconds: 3600 });
  await follower.catchUp();
  expect(rollbacks).toEqual([]); // A shorter chain may only be a node that is behind.
  for (const amount of [10n, 20n, 30n]) await send(amount);
  await follower.catchUp();
  expect(rollbacks).toEqual([ancestor]);
  expect(await seen()).toEqual([1n, 11n, 31n, 61n]);
  expect(lines.filter((line) => line.includes("the chain was reorganised"))).toHaveLength(1);
});

test("starts over when a reorganisation is deeper than what it remembers", async () => {
  const id = await chain.snapshot();
  await send(1n);
  fromBlock = await chain.getBlockNumber();
  const follower = follow();
  await follower.catchUp();
  await chain.revert({ id });
  await chain.increaseTime({ seconds: 3600 });
  for (const amount of [5n, 6n]) await send(amount);
  await follower.catchUp();
  expect(await seen()).toEqual(await onChain());
  expect(await seen()).toEqual([5n, 11n]);
});

test("is not deceived by a reorganisation while it looks", async () => {
  const id = await chain.snapshot();
  await send(1n);
  const follower = follow();
  await follower.catchUp();
  await send(2n);
  const next = `0x${(await chain.getBlockNumber()).toString(16)}`;
  proxy.intercept = async ({ method, params }) => {
    if (method !== "eth_getBlockByNumber" || params[0] !== next) return undefined;
    proxy.intercept = () => undefined;
    await chain.revert({ id });
    await chain.increaseTime({ seconds: 3600 });
    for (const amount of [5n, 6n]) await send(amount);
  };
  await follower.catchUp();
  expect(await seen()).toEqual(await onChain());
  expect(await seen()).toEqual([5n, 11n]);
});

test("comes to what is on the chain, whatever reorganisations, restarts and time warps come", async () => {
  const random = randomFrom(7);
  for (let i = 0; i < 40; i++) {
    const dice = random(10);
    if (dice < 5) await send(BigInt(random(100)));
    else if (dice < 6) await chain.mine({ blocks: 1 + random(3) });
    else if (dice < 7) await chain.increaseTime({ seconds: random(100_000) });
    else if (dice < 8) {
      const length = Number((await chain.getBlockNumber()) - fromBlock);
      if (length > 0) await reorganise(1 + random(Math.min(length, 6)));
    } else await follow({ maxRange: 1 + random(4) }).catchUp();
  }
  await chain.mine({ blocks: 1 });
  await follow().catchUp();
  expect(await seen()).toEqual(await onChain());
});

test("asks for fewer blocks when that many are too much for the RPC, and for more again", async () => {
  await send(1n);
  await chain.mine({ blocks: 40 });
  await send(2n);
  const spans: number[] = [];
  proxy.intercept = ({ method, params }) => {
    if (method !== "eth_getLogs") return undefined;
    const [{ fromBlock: from, toBlock: to }] = params as [{ fromBlock: Hex; toBlock: Hex }];
    const span = Number(BigInt(to) - BigInt(from)) + 1;
    spans.push(span);
    return span > 10 ? { error: { code: -32602, message: "query exceeds max block range" } } : undefined;
  };
  await follow().catchUp();
  expect(await seen()).toEqual([1n, 3n]);
  expect(spans[0]).toBeGreaterThan(40);
  expect(spans.filter((span) => span <= 10).length).toBeGreaterThan(4);
});

test("an error at a single block is an error", async () => {
  proxy.intercept = ({ method }) => (method === "eth_getLogs" ? { error: { code: -32602, message: "no" } } : undefined);
  await expect(follow().catchUp()).rejects.toThrow();
});

test("leaves out what an RPC adds of other contracts", async () => {
  await send(1n);
  const other = await deployCounter(chain);
  const [log] = await client.request({ method: "eth_getLogs", params: [{ address: counter, fromBlock: "0x0" }] });
  proxy.intercept = ({ method }) =>
    method === "eth_getLogs" ? { result: [log, { ...log, address: other }] } : undefined;
  const batches: number[] = [];
  await follow({
    onLogs: (logs) => {
      batches.push(logs.length);
      return [];
    },
  }).catchUp();
  expect(batches).toEqual([1]);
});

/** Replaces the last blocks by as many empty ones and one more. */
async function reorganise(depth: number): Promise<void> {
  await chain.request({ method: "anvil_reorg", params: [depth, []] } as never);
  await chain.mine({ blocks: 1 });
}

function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
