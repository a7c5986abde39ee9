import { afterAll, beforeAll, expect, test } from "vitest";
import { connect } from "../chain/connection.ts";
import { register } from "../sdk/actions/register.ts";
import { pay } from "../sdk/pay.ts";
import { createLogger } from "../service/log.ts";
import { openStore } from "../store/store.ts";
import { LocalChain } from "../testing/deploy.ts";
import { eventually } from "../testing/eventually.ts";
import { temporaryFolder } from "../testing/folders.ts";
import { RpcProxy } from "../testing/rpc-proxy.ts";
import { Mirror } from "./mirror.ts";

let chain: LocalChain;
let proxy: RpcProxy;
beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
  proxy = await RpcProxy.start(chain.rpcUrl);
});
afterAll(async () => {
  await proxy.stop();
  await chain.stop();
});

test("follows the chain until it is told to stop, through an outage and through errors", async () => {
  const lines: string[] = [];
  const log = createLogger({ name: "test", level: "trace", pretty: false, write: (line) => lines.push(line) });
  const client = await connect({ rpcUrl: proxy.rpcUrl, chainId: 31337, log, pollingIntervalMs: 20 });
  const store = await openStore(await temporaryFolder());
  const mirror = await Mirror.open({ client, deployment: chain.deployment, store, log });
  const stop = new AbortController();
  const heads: bigint[] = [];
  const running = mirror.run(({ number }) => heads.push(number), stop.signal);

  const wallet = chain.client();
  const payout = wallet.account.address;
  const terms = { capacityChunks: 1, payout, prover: payout, endpoint: "192.0.2.7:6881" };
  const join = () => pay(wallet, register, { deployment: chain.deployment, ...terms });
  const known = (operators: number) => eventually(() => expect(mirror.state.operators.size).toBe(operators));
  await join();
  await known(1);
  await proxy.stop();
  await join();
  await eventually(() => expect(lines.join("")).toContain("the RPC is away"));
  await proxy.resume();
  await known(2);
  proxy.intercept = ({ method }) =>
    method === "eth_getBlockByNumber" ? { error: { code: -32000, message: "header not found" } } : undefined;
  await eventually(() => expect(lines.join("")).toContain("cannot read the chain"));
  proxy.intercept = () => undefined;
  await join();
  await known(3);
  expect(heads).toEqual([...heads].sort((a, b) => Number(a - b)));
  stop.abort();
  await running;
  await store.close();
});
