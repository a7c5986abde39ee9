import { getAddress } from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LocalChain } from "../testing/deploy.ts";
import { authoriseSync } from "./actions/authorise.ts";
import { earmarkSync } from "./actions/earmark.ts";
import { requestReleaseSync } from "./actions/requestRelease.ts";
import { requestWithdrawalSync } from "./actions/requestWithdrawal.ts";
import { Asset } from "./contracts.ts";
import { addDeposit } from "./flows/addDeposit.ts";
import { allow } from "./pay.ts";
import { read } from "./read.ts";
import { getPayer } from "./reads/getPayer.ts";

let chain: LocalChain;
const OPERATOR = getAddress(`0x${"0a".repeat(20)}`);
const KEY = getAddress(`0x${"0b".repeat(20)}`);

beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
}, 300_000);
afterAll(() => chain?.stop());

test("a deposit is one transaction, by permit; what was allowed before is used up first", async () => {
  const wallet = chain.client();
  const { deployment } = chain;
  const { address } = wallet.account;
  const sent = async (what: () => Promise<unknown>) => {
    const before = await wallet.getTransactionCount({ address });
    await what();
    return (await wallet.getTransactionCount({ address })) - before;
  };
  const allowance = () =>
    read(wallet, chain.deployment, Asset, "allowance", [address, chain.deployment.contracts.Retrieval]);
  expect(await sent(() => addDeposit(wallet, { deployment, amount: 100n }))).toBe(1);
  expect(await allowance()).toBe(0n);
  await allow(wallet, { deployment, spender: "Retrieval", amount: 50n });
  expect(await sent(() => addDeposit(wallet, { deployment, amount: 50n, payer: OPERATOR }))).toBe(1);
  expect(await allowance()).toBe(0n);
  expect((await getPayer(wallet, { deployment, payer: address })).balance).toBe(100n);
  expect((await getPayer(wallet, { deployment, payer: OPERATOR })).balance).toBe(50n);
});

test("an account tells what is set aside, what comes back and when, and which keys sign", async () => {
  const wallet = chain.client();
  const { deployment } = chain;
  const expiry = Number((await wallet.getBlock()).timestamp) + 86_400 * 365;
  await addDeposit(wallet, { deployment, amount: 1_000n });
  await earmarkSync(wallet, { deployment, operator: OPERATOR, amount: 300n });
  await authoriseSync(wallet, { deployment, key: KEY, expiry, ceiling: 7n });
  const { until } = await requestReleaseSync(wallet, { deployment, operator: OPERATOR, amount: 200n });
  const { until: later } = await requestWithdrawalSync(wallet, { deployment, amount: 10n });
  const account = await getPayer(wallet, { deployment, payer: wallet.account.address });
  expect(account).toMatchObject({
    thaw: { amount: 10n, until: later },
    earmarks: [{ operator: OPERATOR, amount: 300n, thaw: { amount: 200n, until } }],
    keys: [{ key: KEY, expiry, ceiling: 7n, spent: 0n }],
    up: 0n,
    down: 0n,
  });
});
