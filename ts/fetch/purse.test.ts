import { stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fund } from "../operator/testing.ts";
import { cost, MEBIBYTE } from "../retrieval/credit.ts";
import { requestReleaseSync } from "../sdk/actions/requestRelease.ts";
import { revokeSync } from "../sdk/actions/revoke.ts";
import { Retrieval } from "../sdk/contracts.ts";
import { addDeposit } from "../sdk/flows/addDeposit.ts";
import { read } from "../sdk/read.ts";
import { getPayer } from "../sdk/reads/getPayer.ts";
import { temporaryFolder } from "../testing/folders.ts";
import { fetchContent } from "./fetch.ts";
import { preparePayment } from "./payment.ts";
import { Purse } from "./purse.ts";
import { Market, PRICE } from "./testing.ts";

const SIZE = 6 * MEBIBYTE;
/** Enough for either of two operators to serve all of it, at twice the price. */
const BUDGET = 4n * cost(SIZE, PRICE);
const DAY = 86_400;
let market: Market;

beforeAll(async () => {
  market = await Market.open(SIZE, [PRICE, 2n * PRICE]);
}, 300_000);
afterAll(() => market?.close());

/** A payer with money in its wallet: a local account that has not been used before. */
async function payer(account: number) {
  await fund(market.chain, account);
  const { client: clientOf, deployment } = market.chain;
  const wallet = clientOf.call(market.chain, account);
  const purse = await Purse.open(await temporaryFolder(), wallet, deployment, wallet.account.address);
  return { wallet, purse };
}

describe("a purse", () => {
  test("H-RET-1: is filled by the wallet in one go, pays operators on chain with a session key, and they are paid by the contract", async () => {
    const { wallet, purse } = await payer(4);
    const { deployment } = market.chain;
    const { torrent } = market.publication.created;
    const listing = await market.listing();
    expect(listing.operators.map(({ id }) => id)).toEqual([1, 2]);
    const peers = listing.operators.map(({ endpoint }) => endpoint!);
    const said: string[] = [];
    const paying = await preparePayment({
      ...{ purse, listing, maxPrice: 4n * PRICE, seats: 4, budget: BUDGET },
      funding: { wallet, peers, keySeconds: 30 * DAY },
      say: (what) => said.push(what),
    });
    expect(said).toHaveLength(4); // a deposit, an earmark each, a session key
    const account = await getPayer(wallet, { deployment, payer: wallet.account.address });
    expect(account).toMatchObject({ balance: 0n, keys: [{ key: purse.signer.address, ceiling: BUDGET, spent: 0n }] });
    expect(account.earmarks.map(({ amount }) => amount)).toEqual([BUDGET / 2n, BUDGET / 2n]);

    const folder = await temporaryFolder();
    const receipt = await fetchContent({ torrent, folder, peers, paying });
    await market.expectWhole(folder);
    expect(receipt).toMatchObject({ complete: true, bytes: SIZE, contentId: listing.content.id });
    expect(receipt.spent).toBeGreaterThan(0n);
    // What is left can be promised, no more.
    const again = await purse.paying(listing, { maxPrice: PRICE });
    expect(again.budget).toBe(BUDGET - receipt.spent);
    expect([...again.reach.values()]).toEqual([BUDGET / 2n, BUDGET / 2n]);

    for (const { operator, operatorId, averagePrice, paid } of receipt.operators) {
      expect(averagePrice).toBe(BigInt(operatorId!) * PRICE);
      expect(await market.refusedBy(operatorId!)).toBe(0);
      // An operator redeems at once when the payer takes its money home.
      await requestReleaseSync(wallet, { deployment, operator, amount: 1n });
      const channel = [wallet.account.address, operator, BigInt(listing.content.id)] as const;
      await market.withBlocks(async () => {
        expect((await read(wallet, deployment, Retrieval, "channel", channel)).paid).toBe(paid);
      });
    }
    await purse.close();
  });

  test("filled again, adds what is missing and nothing else", async () => {
    const { wallet, purse } = await payer(5);
    const { deployment } = market.chain;
    const listing = await market.listing();
    const operators = listing.operators.map(({ address }) => address);
    await addDeposit(wallet, { deployment, amount: 100n });
    const said: string[] = [];
    const fill = (budget: bigint) =>
      purse.fund(wallet, listing.content.id, { budget, operators, keySeconds: 30 * DAY }, (what) => said.push(what));
    await fill(1_000n);
    expect(said[0]).toBe("deposited 900 wei");
    await fill(1_000n);
    expect(said).toHaveLength(4);
    await fill(1_500n);
    expect(said.slice(4)[0]).toBe("deposited 500 wei");
    const account = await getPayer(wallet, { deployment, payer: wallet.account.address });
    expect(account).toMatchObject({ balance: 0n, keys: [{ ceiling: 1_500n }] });
    await purse.close();
  });

  test("does not authorise a key again that was revoked: its successor is made", async () => {
    const { wallet, purse } = await payer(8);
    const { deployment } = market.chain;
    const listing = await market.listing();
    const operators = listing.operators.map(({ address }) => address);
    const fill = () =>
      purse.fund(wallet, listing.content.id, { budget: 10n, operators, keySeconds: 30 * DAY }, () => {});
    await fill();
    const first = purse.signer.address;
    await revokeSync(wallet, { deployment, key: first });
    await fill();
    expect(purse.signer.address).not.toBe(first);
    const keys = new Map(
      (await getPayer(wallet, { deployment, payer: wallet.account.address })).keys.map((k) => [k.key, k]),
    );
    expect(keys.get(purse.signer.address)).toMatchObject({ ceiling: 10n });
    expect(await purse.paying(listing, { maxPrice: PRICE })).toMatchObject({ budget: 10n });
    await purse.close();
  });

  test("says why nobody can be paid", async () => {
    const { wallet, purse } = await payer(6);
    const listing = await market.listing();
    const paying = () => purse.paying(listing, { maxPrice: PRICE });
    await expect(paying()).rejects.toThrow("no session key");
    const operators = listing.operators.map(({ address }) => address);
    const parts = { budget: 10n ** 21n, operators, keySeconds: 30 * DAY };
    await expect(purse.fund(wallet, listing.content.id, parts, () => {})).rejects.toThrow("too little of the asset");
    const funding = { wallet, peers: [], keySeconds: DAY };
    const asked = { purse, listing, maxPrice: PRICE, seats: 1, budget: 1n, funding, say: () => {} };
    await expect(preparePayment(asked)).rejects.toThrow("no operator offers content 1");
    await purse.close();
  });

  test("keeps its session key to itself, and belongs to one process at a time", async () => {
    const folder = await temporaryFolder();
    const wallet = market.chain.client(7);
    const { address } = wallet.account;
    const { deployment } = market.chain;
    const purse = await Purse.open(folder, wallet, deployment, address);
    await expect(Purse.open(folder, wallet, deployment, address)).rejects.toThrow("another instance");
    expect(await Purse.payers(folder, deployment)).toEqual([address]);
    expect(await Purse.keyOf(folder, deployment, address)).toBe(purse.signer.address);
    const place = join(folder, "purses", `31337-${deployment.contracts.Retrieval.toLowerCase()}`, address);
    expect((await stat(join(place, "session.key"))).mode & 0o777).toBe(0o600);
    expect((await stat(place)).mode & 0o777).toBe(0o700);
    await purse.close();
    await Purse.forgetKey(folder, deployment, address);
    const next = await Purse.open(folder, wallet, deployment, address);
    expect(next.signer.address).not.toBe(purse.signer.address);
    await next.close();
  });
});
