import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import { type Address, type Hash, parseEther, parseGwei } from "viem";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { messageOf } from "../errors.ts";
import { createLogger } from "../service/log.ts";
import { openStore, type Store } from "../store/store.ts";
import { Anvil, type LocalClient, localAccount, localKey } from "../testing/anvil.ts";
import { add, addFrom, counterAbi, deployCounter, totalOf } from "../testing/counter.ts";
import { eventually } from "../testing/eventually.ts";
import { RpcProxy } from "../testing/rpc-proxy.ts";
import { encodeCall } from "./call.ts";
import { type ChainClient, connect } from "./connection.ts";
import { ContractRevert } from "./revert.ts";
import { DeadlinePassed, TransactionDropped, TransactionReplaced, TransactorClosed } from "./transaction-errors.ts";
import { Transactor, type TransactorOptions } from "./transactor.ts";

const CEILING = parseGwei("100");

let anvil: Anvil;
let proxy: RpcProxy;
let chain: LocalClient;
let client: ChainClient;
let counter: Address;
let store: Store;
let folder: string;
let lines: string[];
let transactor: Transactor;
/** A fresh sender a test: accounts 1 to 9 have funds. */
let sender = 0;

beforeAll(async () => {
  anvil = await Anvil.start();
  proxy = await RpcProxy.start(anvil.rpcUrl);
  chain = anvil.client(0);
  counter = await deployCounter(chain);
});

afterAll(async () => {
  await proxy.stop();
  await anvil.stop();
});

beforeEach(async () => {
  sender++;
  lines = [];
  folder = await mkdtemp(join(tmpdir(), "holdfast-transactor-"));
  store = await openStore(folder);
  const log = createLogger({ name: "test", level: "trace", pretty: false, write: (line) => lines.push(line) });
  client = await connect({ rpcUrl: proxy.rpcUrl, chainId: 31337, log, pollingIntervalMs: 20 });
  await chain.setBalance({ address: localAccount(sender).address, value: parseEther("10") });
  counter = await deployCounter(chain);
  transactor = await open();
});

afterEach(async () => {
  proxy.intercept = () => undefined;
  await chain.setAutomine(true);
  await transactor.close();
  await store.close();
  await rm(folder, { recursive: true });
  expect(lines.join("")).not.toContain(localKey(sender).slice(2));
});

async function open(options: Partial<TransactorOptions> = {}): Promise<Transactor> {
  const log = createLogger({ name: "test", level: "trace", pretty: false, write: (line) => lines.push(line) });
  const errors = counterAbi.filter(({ type }) => type === "error");
  const account = localAccount(sender);
  return Transactor.open({ client, account, store, log, errors, maxFeePerGas: CEILING, ...options });
}

async function reopen(options: Partial<TransactorOptions> = {}): Promise<void> {
  await transactor.close();
  transactor = await open(options);
}

/** What the node's pool has of the sender's, by nonce. */
async function pooled(): Promise<Record<string, { hash: Hash; maxFeePerGas: `0x${string}` }>> {
  const { pending } = await chain.getTxpoolContent();
  const { address } = localAccount(sender);
  const entry = Object.entries(pending).find(([owner]) => owner.toLowerCase() === address.toLowerCase());
  return (entry?.[1] ?? {}) as never;
}

const inPool = () => eventually(async () => expect(Object.keys(await pooled())).toHaveLength(1));
const sentCount = () => chain.getTransactionCount({ address: localAccount(sender).address });
const logged = (message: string) => lines.filter((line) => line.includes(message)).length;

describe("sending", () => {
  test("resolves with the receipt of a final transaction, and counts it", async () => {
    const registry = new Registry();
    await reopen({ registry });
    const receipt = await transactor.send(add(counter, 5n), { key: "a" });
    expect(receipt.status).toBe("success");
    expect(await totalOf(chain, counter)).toBe(5n);
    expect(transactor.pending).toBe(0);
    const metrics = await registry.metrics();
    expect(metrics).toContain('holdfast_transactions_total{call="Counter.add",outcome="success"} 1');
    expect(metrics).toContain(`holdfast_transaction_gas_total{call="Counter.add"} ${receipt.gasUsed}`);
  });

  test("sends the same key once: asked twice at once, again later, and after a restart", async () => {
    const [first, second] = await Promise.all([
      transactor.send(add(counter, 5n), { key: "a" }),
      transactor.send(add(counter, 5n), { key: "a" }),
    ]);
    const third = await transactor.send(add(counter, 5n), { key: "a" });
    await reopen();
    const fourth = await transactor.send(add(counter, 5n), { key: "a" });
    for (const receipt of [second, third, fourth]) expect(receipt).toEqual(first);
    expect(await sentCount()).toBe(1);
  });

  test("sends one after the other, the highest priority first, in the order of nonces", async () => {
    await chain.setAutomine(false);
    const first = transactor.send(add(counter, 1n), { key: "first" });
    await inPool();
    const later = [
      transactor.send(add(counter, 2n), { key: "low", priority: -1 }),
      transactor.send(add(counter, 3n), { key: "usual" }),
      transactor.send(add(counter, 4n), { key: "high", priority: 1 }),
    ];
    await inPool();
    await chain.setAutomine(true);
    await chain.mine({ blocks: 1 });
    await first;
    const [low, usual, high] = await Promise.all(later);
    expect(high!.blockNumber).toBeLessThan(usual!.blockNumber);
    expect(usual!.blockNumber).toBeLessThan(low!.blockNumber);
    expect(await totalOf(chain, counter)).toBe(10n);
  });

  test("waits for as many confirmations as it is told, while the next one goes ahead", async () => {
    await reopen({ confirmations: 3 });
    let final = false;
    const first = transactor.send(add(counter, 1n), { key: "a" }).finally(() => {
      final = true;
    });
    const second = transactor.send(add(counter, 2n), { key: "b" });
    await eventually(async () => expect(await totalOf(chain, counter)).toBe(3n));
    expect(final).toBe(false);
    await chain.mine({ blocks: 3 });
    const [a, b] = await Promise.all([first, second]);
    expect(b.blockNumber).toBe(a.blockNumber + 1n);
  });
});

describe("a call that a contract refuses", () => {
  test("is not sent, says the custom error with its values, and leaves its key free", async () => {
    const refused = transactor.send(add(counter, 101n), { key: "a" });
    await expect(refused).rejects.toThrow(ContractRevert);
    await expect(refused).rejects.toMatchObject({
      message: "Counter.add reverted: Counter_TooMuch",
      facts: { amount: 101n, most: 100n },
      errorName: "Counter_TooMuch",
      args: [101n, 100n],
    });
    expect(await sentCount()).toBe(0);
    await transactor.send(add(counter, 100n), { key: "a" });
    expect(await totalOf(chain, counter)).toBe(100n);
  });

  test("only when it is mined is reported with its transaction and reason, and leaves its key free", async () => {
    await chain.setAutomine(false);
    const late = transactor.send(addFrom(counter, 0n, 5n), { key: "a" });
    const settled = late.catch((error) => error);
    await inPool();
    // A block that is too dear for the transactor, with somebody else's change in it; then a cheap one.
    await chain.setNextBlockBaseFeePerGas({ baseFeePerGas: parseGwei("90") });
    const { to, data } = encodeCall(add(counter, 1n));
    await chain.sendTransaction({ to, data, maxFeePerGas: parseGwei("200"), maxPriorityFeePerGas: parseGwei("9") });
    await chain.mine({ blocks: 1 });
    await chain.setNextBlockBaseFeePerGas({ baseFeePerGas: 1n });
    await eventually(async () => {
      await chain.mine({ blocks: 1 });
      expect(transactor.pending).toBe(0);
    });
    expect(await settled).toBeInstanceOf(ContractRevert);
    expect(await settled).toMatchObject({ errorName: "Counter_TooMuch", args: [1n, 0n] });
    expect((await settled).facts.transaction).toMatch(/^0x[0-9a-f]{64}$/);
    await chain.setAutomine(true);
    await transactor.send(addFrom(counter, 1n, 5n), { key: "a" });
    expect(await totalOf(chain, counter)).toBe(6n);
  });
});

describe("fees", () => {
  test("of a stuck transaction are raised by an eighth at least, up to the ceiling and never above", async () => {
    await chain.setAutomine(false);
    await chain.setNextBlockBaseFeePerGas({ baseFeePerGas: parseGwei("1") });
    await chain.mine({ blocks: 1 });
    await reopen({ stuckAfterMs: 50, maxFeePerGas: parseGwei("6") });
    const sent = transactor.send(add(counter, 5n), { key: "a" });
    await inPool();
    const fees: bigint[] = [];
    await eventually(async () => {
      const [transaction] = Object.values(await pooled());
      const fee = BigInt(transaction!.maxFeePerGas);
      if (fee !== fees.at(-1)) fees.push(fee);
      expect((fee * 9n) / 8n).toBeGreaterThanOrEqual(parseGwei("6"));
    });
    expect(fees.length).toBeGreaterThan(1);
    for (const [i, fee] of fees.slice(1).entries()) expect(fee * 8n).toBeGreaterThanOrEqual(fees[i]! * 9n);
    expect(fees.at(-1)).toBeLessThanOrEqual(parseGwei("6"));
    await chain.mine({ blocks: 1 });
    expect((await sent).status).toBe("success");
    expect(await totalOf(chain, counter)).toBe(5n);
    expect(await sentCount()).toBe(1);
  });

  test("above the ceiling are waited out", async () => {
    await chain.setAutomine(false);
    await chain.setNextBlockBaseFeePerGas({ baseFeePerGas: parseGwei("500") });
    await chain.mine({ blocks: 1 });
    const sent = transactor.send(add(counter, 5n), { key: "a" });
    await eventually(() => expect(logged("fees are above the ceiling")).toBe(1));
    expect(await pooled()).toEqual({});
    await chain.setNextBlockBaseFeePerGas({ baseFeePerGas: parseGwei("1") });
    await chain.mine({ blocks: 1 });
    await inPool();
    await chain.setAutomine(true);
    await chain.mine({ blocks: 1 });
    await sent;
    expect(logged("fees are above the ceiling")).toBe(1);
  });

  test("that stay above it until the deadline mean that nothing is sent", async () => {
    await chain.setNextBlockBaseFeePerGas({ baseFeePerGas: parseGwei("500") });
    await chain.mine({ blocks: 1 });
    const { timestamp } = await chain.getBlock();
    const sent = transactor.send(add(counter, 5n), { key: "a", deadline: Number(timestamp) + 600 });
    const settled = sent.catch((error) => error);
    await eventually(() => expect(logged("fees are above the ceiling")).toBe(1));
    await chain.increaseTime({ seconds: 601 });
    await chain.setNextBlockBaseFeePerGas({ baseFeePerGas: parseGwei("500") });
    await chain.mine({ blocks: 1 });
    expect(await settled).toBeInstanceOf(DeadlinePassed);
    expect(await sentCount()).toBe(0);
    await chain.setNextBlockBaseFeePerGas({ baseFeePerGas: parseGwei("1") });
    await chain.mine({ blocks: 1 });
  });
});

describe("what a node does to transactions", () => {
  test("forgetting one: it is sent again", async () => {
    await chain.setAutomine(false);
    const sent = transactor.send(add(counter, 5n), { key: "a" });
    await inPool();
    const { hash } = Object.values(await pooled())[0]!;
    await chain.dropTransaction({ hash });
    await inPool();
    await chain.mine({ blocks: 1 });
    expect((await sent).transactionHash).toBe(hash);
  });

  test("mining another one of the same nonce: TransactionReplaced, and the key is free", async () => {
    await chain.setAutomine(false);
    const sent = transactor.send(add(counter, 5n), { key: "a" });
    const settled = sent.catch((error) => error);
    await inPool();
    const { to, data } = encodeCall(add(counter, 1n));
    const other = { to, data, nonce: 0, gas: 100_000n } as const;
    await anvil
      .client(sender)
      .sendTransaction({ ...other, maxFeePerGas: parseGwei("300"), maxPriorityFeePerGas: parseGwei("50") });
    await chain.mine({ blocks: 1 });
    expect(await settled).toBeInstanceOf(TransactionReplaced);
    expect(await totalOf(chain, counter)).toBe(1n);
    await chain.setAutomine(true);
    await transactor.send(add(counter, 5n), { key: "a" });
    expect(await totalOf(chain, counter)).toBe(6n);
  });

  test("refusing one for want of funds: TransactionDropped, and the key is free", async () => {
    await chain.setBalance({ address: transactor.address, value: 0n });
    const refused = transactor.send(add(counter, 5n), { key: "a" });
    await expect(refused).rejects.toThrow(TransactionDropped);
    await expect(refused).rejects.toThrow(/insufficient funds/i);
    await reopen();
    expect(transactor.pending).toBe(0);
    await chain.setBalance({ address: transactor.address, value: parseEther("1") });
    await transactor.send(add(counter, 5n), { key: "a" });
    expect(await totalOf(chain, counter)).toBe(5n);
  });

  test("refusing one, and mining it all the same: asking again finds it", async () => {
    let raw: Hash | undefined;
    proxy.intercept = ({ method, params }) => {
      if (method !== "eth_sendRawTransaction") return undefined;
      raw = params[0] as Hash;
      return { error: { code: -32000, message: "insufficient funds for gas * price + value" } };
    };
    await expect(transactor.send(add(counter, 5n), { key: "a" })).rejects.toThrow(TransactionDropped);
    proxy.intercept = () => undefined;
    await chain.sendRawTransaction({ serializedTransaction: raw! });
    await transactor.send(add(counter, 5n), { key: "a" });
    expect(await totalOf(chain, counter)).toBe(5n);
    expect(await sentCount()).toBe(1);
  });

  test("refusing one, and keeping it all the same: asking again waits for it", async () => {
    await chain.setAutomine(false);
    let raw: Hash | undefined;
    proxy.intercept = ({ method, params }) => {
      if (method !== "eth_sendRawTransaction") return undefined;
      raw = params[0] as Hash;
      return { error: { code: -32000, message: "insufficient funds for gas * price + value" } };
    };
    await expect(transactor.send(add(counter, 5n), { key: "a" })).rejects.toThrow(TransactionDropped);
    let follows = false;
    proxy.intercept = ({ method, params }) => {
      follows ||= method === "eth_getTransactionCount" && params[1] === "latest";
      return undefined;
    };
    const hash = await chain.sendRawTransaction({ serializedTransaction: raw! });
    const sent = transactor.send(add(counter, 5n), { key: "a" });
    await eventually(async () => expect(follows).toBe(true));
    await chain.mine({ blocks: 1 });
    expect((await sent).transactionHash).toBe(hash);
    await chain.mine({ blocks: 1 });
    expect(await totalOf(chain, counter)).toBe(5n);
  });

  test("undoing its block before it is final: it is sent again, once", async () => {
    await reopen({ confirmations: 2 });
    const id = await chain.snapshot();
    const sent = transactor.send(add(counter, 5n), { key: "a" });
    await eventually(async () => expect(await totalOf(chain, counter)).toBe(5n));
    await chain.setAutomine(false);
    await chain.revert({ id });
    expect(await totalOf(chain, counter)).toBe(0n);
    await inPool();
    await chain.mine({ blocks: 2 });
    expect((await sent).status).toBe("success");
    expect(await totalOf(chain, counter)).toBe(5n);
  });
});

describe("an RPC that goes away", () => {
  test("is waited for: what was asked for meanwhile is sent once it is back, logged once", async () => {
    await proxy.stop();
    const sent = [transactor.send(add(counter, 5n), { key: "a" }), transactor.send(add(counter, 6n), { key: "b" })];
    await eventually(() => expect(logged("the RPC is away")).toBe(1));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await proxy.resume();
    await Promise.all(sent);
    expect(await totalOf(chain, counter)).toBe(11n);
    expect(await sentCount()).toBe(2);
    expect(logged("the RPC is away")).toBe(1);
    expect(logged("the RPC is back")).toBe(1);
  });

  test("after it took a transaction, without an answer: the transaction is found, not sent anew", async () => {
    proxy.intercept = ({ method, params }) => {
      if (method !== "eth_sendRawTransaction") return undefined;
      proxy.intercept = () => undefined;
      void chain.sendRawTransaction({ serializedTransaction: params[0] as Hash });
      return { status: 502 };
    };
    await transactor.send(add(counter, 5n), { key: "a" });
    expect(await totalOf(chain, counter)).toBe(5n);
    expect(await sentCount()).toBe(1);
  });

  test("for good, by its answer, after a transaction was sent: asking again finds that one", async () => {
    await chain.setAutomine(false);
    const sent = transactor.send(add(counter, 5n), { key: "a" });
    const settled = sent.catch((error) => messageOf(error));
    await inPool();
    proxy.intercept = () => ({ status: 401 });
    expect(await settled).toContain("refuses: HTTP 401");
    proxy.intercept = () => undefined;
    const again = transactor.send(add(counter, 5n), { key: "a" });
    await chain.mine({ blocks: 1 });
    expect((await again).status).toBe("success");
    expect(await sentCount()).toBe(1);
  });

  test("failing in the middle does not lose track of what was sent", async () => {
    await chain.setAutomine(false);
    const sent = transactor.send(add(counter, 5n), { key: "a" });
    await inPool();
    let failures = 3;
    proxy.intercept = () => (failures-- > 0 ? { error: { code: -32603, message: "internal error" } } : undefined);
    await eventually(() => expect(failures).toBeLessThan(0));
    await chain.mine({ blocks: 1 });
    expect((await sent).status).toBe("success");
    expect(await sentCount()).toBe(1);
  });
});

describe("a restart", () => {
  test("takes up what was sent, without being asked, and gives its receipt to who asks", async () => {
    await chain.setAutomine(false);
    const sent = transactor.send(add(counter, 5n), { key: "a" });
    const settled = sent.catch((error) => error);
    await inPool();
    const { hash } = Object.values(await pooled())[0]!;
    await transactor.close();
    expect(await settled).toBeInstanceOf(TransactorClosed);

    transactor = await open();
    expect(transactor.pending).toBe(1);
    await chain.mine({ blocks: 1 });
    await eventually(() => expect(transactor.pending).toBe(0));
    expect((await transactor.send(add(counter, 5n), { key: "a" })).transactionHash).toBe(hash);
    expect(await sentCount()).toBe(1);
  });

  test.each(["written but not sent", "sent but not mined"])(
    "after kill -9 with a transaction %s sends it once",
    async (when) => {
      await chain.setAutomine(false);
      await transactor.close();
      await store.close();
      const unsent = when === "written but not sent";
      if (unsent) proxy.intercept = ({ method }) => (method === "eth_sendRawTransaction" ? "silence" : undefined);
      proxy.asked.length = 0;
      const child = sendInChild();
      if (unsent) await eventually(() => expect(proxy.asked).toContain("eth_sendRawTransaction"));
      else await eventually(async () => expect(await pooled()).not.toEqual({}));
      child.kill("SIGKILL");
      await once(child, "exit");
      proxy.intercept = () => undefined;

      expect(Object.keys(await pooled())).toHaveLength(unsent ? 0 : 1);
      store = await openStore(folder);
      transactor = await open();
      const sent = transactor.send(add(counter, 5n), { key: "a" });
      await inPool();
      await chain.mine({ blocks: 1 });
      await sent;
      await chain.mine({ blocks: 1 });
      expect(await totalOf(chain, counter)).toBe(5n);
      expect(await sentCount()).toBe(1);
    },
  );
});

/** Another process that sends "a" with the same store, key and RPC. */
function sendInChild() {
  const from = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const code = `
    const { connect } = await import(${from("./connection.ts")});
    const { Transactor } = await import(${from("./transactor.ts")});
    const { openStore } = await import(${from("../store/store.ts")});
    const { createLogger } = await import(${from("../service/log.ts")});
    const { localAccount } = await import(${from("../testing/anvil.ts")});
    const { add } = await import(${from("../testing/counter.ts")});
    const log = createLogger({ name: "child", level: "error" });
    const client = await connect({ rpcUrl: "${proxy.rpcUrl}", chainId: 31337, log, pollingIntervalMs: 20 });
    const store = await openStore(${JSON.stringify(folder)});
    const account = localAccount(${sender});
    const transactor = await Transactor.open({ client, account, store, log, maxFeePerGas: ${CEILING}n });
    await transactor.send(add("${counter}", 5n), { key: "a" });`;
  const args = ["--import", "tsx", "--input-type=module", "-e", code];
  return spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
}
