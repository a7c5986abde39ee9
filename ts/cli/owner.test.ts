import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { parseEther, toHex } from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";
import { register } from "../sdk/actions/register.ts";
import { Asset, Market, Operators } from "../sdk/contracts.ts";
import { publishContent } from "../sdk/flows/publishContent.ts";
import { pay } from "../sdk/pay.ts";
import { read } from "../sdk/read.ts";
import { localKey } from "../testing/anvil.ts";
import { LocalChain } from "../testing/deploy.ts";

let chain: LocalChain;
beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
});
afterAll(() => chain.stop());

/** As the account that owns the asset, and every operator here. */
async function holdfast(...args: readonly string[]): Promise<Record<string, unknown>> {
  const where = ["--json", "--rpc-url", chain.rpcUrl, "--deployment", chain.deploymentFile];
  const env = { ...process.env, HOLDFAST_KEY_PRIVATE_KEY: localKey(0) };
  const { stdout } = await promisify(execFile)(process.execPath, ["ts/cli/bin.mjs", ...args, ...where], { env });
  return JSON.parse(stdout);
}

test("an owner changes keys, capacity and endpoint, adds stake, leaves, and takes the stake home", async () => {
  const wallet = chain.client();
  const { deployment } = chain;
  const owner = wallet.account.address;
  const [prover, payout] = [chain.client(1).account.address, chain.client(2).account.address];
  const terms = { capacityChunks: 10, payout: owner, prover: owner, endpoint: "192.0.2.7:6881" };
  const { operatorId: id } = await pay(wallet, register, { deployment, ...terms });
  const operator = () => read(wallet, deployment, Operators, "operator", [id]);
  const { stake } = await operator();

  const keys = ["--prover", prover, "--payout", payout, "--prover-chunks", "5"];
  const set = await holdfast("operator", "set", `${id}`, ...keys, "--capacity-chunks", "8");
  expect(set).toMatchObject({ changed: ["capacity", "keys"], prover, payout });
  expect(await operator()).toMatchObject({ owner, prover, payout, proverChunks: 5, capacityChunks: 8 });
  expect(await holdfast("operator", "set", `${id}`, "--payout", payout)).toMatchObject({ changed: [] });
  await expect(holdfast("operator", "set", `${id}`, "--endpoint", "nowhere")).rejects.toThrow(/Not host:port/);

  expect(await holdfast("operator", "add-stake", `${id}`, "7")).toMatchObject({ stake: `${stake + 7n}` });
  await chain.toRound(31);
  await holdfast("operator", "exit", `${id}`);
  await expect(holdfast("operator", "withdraw", `${id}`)).rejects.toThrow(/Operators_Thawing/);
  await chain.toRound(31 + 6 * 30);
  const to = chain.client(3).account.address;
  expect(await holdfast("operator", "withdraw", `${id}`, "--to", to)).toMatchObject({ amount: `${stake + 7n}` });
  expect(await read(wallet, deployment, Asset, "balanceOf", [to])).toBe(stake + 7n);
});

test("an uploader cancels a replica nobody holds, withdraws what it would have cost, and cannot audit what nobody holds", async () => {
  const wallet = chain.client();
  const { deployment } = chain;
  const commitment = {
    infohash: toHex(1, { size: 32 }),
    filesRoot: toHex(2, { size: 32 }),
    dataRoot: toHex(3, { size: 32 }),
  };
  const { contentId } = await publishContent(wallet, {
    deployment,
    commitment: { ...commitment, blocks: 700, fileCount: 1 },
    name: "a set",
    sources: [],
  });
  const start = (await read(wallet, deployment, Market, "currentEpoch", [])) + 1;
  const forNobody = holdfast("order", "open", `${contentId}`, "--operator", "99");
  await expect(forNobody).rejects.toThrow(/there is no operator 99/);
  const { orderId } = await holdfast("order", "open", `${contentId}`, "--replicas", "3", "--start", `${start}`);
  const deposit = await read(wallet, deployment, Market, "accounted", []);
  const third = `${deposit / 3n}`;
  await expect(holdfast("order", "audit", `${orderId}`, "0")).rejects.toThrow(/Audits_NotLive/);
  const cancelled = await holdfast("order", "cancel", `${orderId}`, "1");
  expect(cancelled).toMatchObject({ replicas: [1], withdrawable: third });
  expect(await holdfast("order", "withdraw", `${orderId}`)).toMatchObject({ amount: third });
  expect(await read(wallet, deployment, Market, "accounted", [])).toBe((deposit / 3n) * 2n);
});

test.each(["0", "-1", "1.5", "1e18", "x", `${parseEther("10000000000000")}0`])("%s is no amount", async (text) => {
  await expect(holdfast("operator", "add-stake", "1", text)).rejects.toThrow(/Not an amount of the asset/);
});
