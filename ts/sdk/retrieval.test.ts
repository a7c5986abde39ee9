import { getAddress } from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LocalChain } from "../testing/deploy.ts";
import { allow } from "./actions.ts";
import { read } from "./call.ts";
import { accountOf, authorise, deposit, earmark, requestRelease, requestWithdrawal } from "./retrieval.ts";

let chain: LocalChain;
const OPERATOR = getAddress(`0x${"0a".repeat(20)}`);
const KEY = getAddress(`0x${"0b".repeat(20)}`);

beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
}, 300_000);
afterAll(() => chain?.stop());

test("a deposit is one transaction, by permit; what was allowed before is used up first", async () => {
  const wallet = chain.client();
  const { address } = wallet.account;
  const sent = async (what: () => Promise<void>) => {
    const before = await wallet.getTransactionCount({ address });
    await what();
    return (await wallet.getTransactionCount({ address })) - before;
  };
  const allowance = () =>
    read(wallet, chain.deployment, "Asset", "allowance", [address, chain.deployment.contracts.Retrieval]);
  expect(await sent(() => deposit(wallet, chain.deployment, 100n))).toBe(1);
  expect(await allowance()).toBe(0n);
  await allow(wallet, chain.deployment, "Retrieval", 50n);
  expect(await sent(() => deposit(wallet, chain.deployment, 50n, OPERATOR))).toBe(1);
  expect(await allowance()).toBe(0n);
  expect((await accountOf(wallet, chain.deployment, address)).balance).toBe(100n);
  expect((await accountOf(wallet, chain.deployment, OPERATOR)).balance).toBe(50n);
});

test("an account tells what is set aside, what comes back and when, and which keys sign", async () => {
  const wallet = chain.client();
  const { deployment } = chain;
  const expiry = Number((await wallet.getBlock()).timestamp) + 86_400 * 365;
  await deposit(wallet, deployment, 1_000n);
  await earmark(wallet, deployment, OPERATOR, 300n);
  await authorise(wallet, deployment, { key: KEY, expiry, ceiling: 7n });
  const until = await requestRelease(wallet, deployment, OPERATOR, 200n);
  const later = await requestWithdrawal(wallet, deployment, 10n);
  const account = await accountOf(wallet, deployment, wallet.account.address);
  expect(account).toMatchObject({
    thaw: { amount: 10n, until: later },
    earmarks: [{ operator: OPERATOR, amount: 300n, thaw: { amount: 200n, until } }],
    keys: [{ key: KEY, expiry, ceiling: 7n, spent: 0n }],
    up: 0n,
    down: 0n,
  });
});
