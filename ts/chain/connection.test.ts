import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { EXIT, exitCodeOf, formatError, messageOf } from "../errors.ts";
import { createLogger } from "../service/log.ts";
import { Anvil, type LocalClient } from "../testing/anvil.ts";
import { eventually } from "../testing/eventually.ts";
import { RpcProxy } from "../testing/rpc-proxy.ts";
import { type ConnectionOptions, connect } from "./connection.ts";

let anvil: Anvil;
let proxy: RpcProxy;
let chain: LocalClient;
let lines: string[];

beforeAll(async () => {
  anvil = await Anvil.start();
  chain = anvil.client();
});

afterAll(() => anvil.stop());

beforeEach(async () => {
  lines = [];
  proxy = await RpcProxy.start(anvil.rpcUrl);
});

afterEach(() => proxy.stop().catch(() => {}));

const open = (options: Partial<ConnectionOptions> = {}) => {
  const log = createLogger({ name: "test", pretty: false, write: (line) => lines.push(line) });
  return connect({ rpcUrl: proxy.rpcUrl, chainId: 31337, log, pollingIntervalMs: 20, ...options });
};

test("a wrong chain is refused, naming both", async () => {
  const wrong = open({ chainId: 1 });
  const host = new URL(proxy.rpcUrl).host;
  await expect(wrong).rejects.toThrow(`the RPC at ${host} serves chain 31337, but chain 1 is configured`);
  await expect(wrong).rejects.toMatchObject({ exitCode: EXIT.config });
});

test("an RPC that comes back as another chain is not used", async () => {
  const client = await open();
  await proxy.stop();
  const number = client.getBlockNumber().catch((error) => error);
  await eventually(() => expect(lines.join("")).toContain("the RPC is away"));
  proxy.intercept = ({ method }) => (method === "eth_chainId" ? { result: "0x1" } : undefined);
  await proxy.resume();
  expect(messageOf(await number)).toContain("serves chain 1, but chain 31337 is configured");
});

test("who has no patience is told that the RPC is away, and may try again", async () => {
  await proxy.stop();
  const error = await open({ patienceMs: 100 }).catch((reason) => reason);
  expect(messageOf(error)).toBe(`the RPC at ${new URL(proxy.rpcUrl).host} is away`);
  expect(exitCodeOf(error)).toBe(EXIT.retryable);
});

test("rate limits, by HTTP and in JSON, are waited out", async () => {
  const client = await open();
  const answers = [{ status: 429 }, { error: { code: -32005, message: "limit exceeded" } }, { status: 503 }];
  proxy.intercept = ({ method }) => (method === "eth_blockNumber" ? answers.shift() : undefined);
  expect(await client.getBlockNumber()).toBe(await chain.getBlockNumber());
  expect(answers).toEqual([]);
});

test("a request that an RPC fails at while it is there for others fails", async () => {
  const client = await open();
  proxy.intercept = ({ method }) => (method === "eth_blockNumber" ? { status: 500 } : undefined);
  await expect(client.getBlockNumber()).rejects.toThrow();
  expect(await client.getGasPrice()).toBeGreaterThan(0n);
});

test("a refused key is a wrong configuration, and no message has it", async () => {
  proxy.intercept = () => ({ status: 401 });
  const error = await open({ rpcUrl: `${proxy.rpcUrl}/v3/SECRET?key=SECRET` }).catch((reason) => reason);
  expect(messageOf(error)).toBe(`the RPC at ${new URL(proxy.rpcUrl).host} refuses: HTTP 401`);
  expect(exitCodeOf(error)).toBe(EXIT.config);
  createLogger({ name: "test", pretty: false, write: (line) => lines.push(line) }).error({ err: error }, "failed");
  expect(formatError(error) + lines.join("")).not.toContain("SECRET");
});

test("a connection that is given up ends its requests", async () => {
  const giveUp = new AbortController();
  const client = await open({ signal: giveUp.signal });
  proxy.intercept = () => "silence";
  const number = client.getBlockNumber();
  setTimeout(() => giveUp.abort(), 50);
  await expect(number).rejects.toThrow(/abort/i);
});
