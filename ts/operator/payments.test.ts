// What peers pay an operator, and what becomes of it: real vouchers over real sockets, redeemed on a real chain.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Address, parseEther } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { cost } from "../retrieval/credit.ts";
import { Ledger } from "../retrieval/ledger.ts";
import { openTestStore, RawPayer, STRANGER, type VoucherChange } from "../retrieval/testing.ts";
import { signVoucher } from "../retrieval/voucher.ts";
import { redeemSync } from "../sdk/actions/redeem.ts";
import { releaseEarmarkSync } from "../sdk/actions/releaseEarmark.ts";
import { requestReleaseSync } from "../sdk/actions/requestRelease.ts";
import { revokeSync } from "../sdk/actions/revoke.ts";
import { setKeysSync } from "../sdk/actions/setKeys.ts";
import { Asset, Operators, Retrieval } from "../sdk/contracts.ts";
import { addDeposit } from "../sdk/flows/addDeposit.ts";
import { read } from "../sdk/read.ts";
import { openStore } from "../store/store.ts";
import { describeWith } from "../testing/clients.ts";
import { LocalChain } from "../testing/deploy.ts";
import { eventually } from "../testing/eventually.ts";
import { Libtorrent } from "../testing/libtorrent.ts";
import { temporaryFolder } from "../wire/testing.ts";
import { currentRoundOf, fund, Holder, metricOf, Patron } from "./testing.ts";

/** Per MiB; all of the content costs more than a hundred times the gas. */
const PRICE = parseEther("0.1");
const [WORTH_IT, NEVER] = [{ worth: 20 }, { worth: 1e6 }];
const closing: (() => Promise<unknown>)[] = [];
let chain: LocalChain;
/** Every test has an operator, and payers, of its own. */
let account = 1;

beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600, anvil: ["--accounts", "60"] });
  // Agents look with each block.
  const blocks = setInterval(() => chain.client().mine({ blocks: 1 }), 1_000);
  return () => {
    clearInterval(blocks);
    return chain.stop();
  };
}, 300_000);
afterEach(async () => {
  for (let close = closing.pop(); close !== undefined; close = closing.pop()) await close();
});

type Selling = Partial<{ worth: number; trust: number; enabled: boolean; redeemEvery: string }>;
const config = (retrieval: Selling) => ({
  retrieval: { pricePerMiB: `${PRICE} wei`, redeemEvery: "100ms", ...retrieval },
});

/** An operator with a content live, its clients' address and who is paid. */
async function open(retrieval: Selling) {
  const index = account++;
  await fund(chain, index);
  const holder = await Holder.open(chain, index, () => config(retrieval));
  closing.push(() => holder.close());
  await holder.goLive();
  return { holder, index, payee: holder.state.payout };
}

async function patron(holder: Holder, more: { funds?: bigint; earmarkFor?: Address } = {}) {
  return Patron.open(chain, account++, holder.publication, { store: await openTestStore(), ...more });
}

/** Fetches all of it, paying. */
async function buy(payer: Patron, { service, publication }: Holder): Promise<void> {
  const folder = await temporaryFolder();
  await payer.buy(service.address, folder);
  const got = await readFile(join(folder, publication.created.torrent.name));
  expect(got.equals(await readFile(publication.data))).toBe(true);
}

const paidOf = async (payer: Address, { publication, state }: Holder, payee = state.payout) => {
  const args = [payer, payee, BigInt(publication.contentId)] as const;
  return (await read(chain.client(), chain.deployment, Retrieval, "channel", args)).paid;
};
const balanceOf = (of: Address) => read(chain.client(), chain.deployment, Asset, "balanceOf", [of]);

async function events(name: "Redeemed" | "Collected", operator: Address) {
  return chain.client().getContractEvents({
    ...{ address: chain.deployment.contracts.Retrieval, abi: Retrieval.abi, eventName: name, strict: true },
    ...{ args: { operator }, fromBlock: 0n },
  });
}

test("what peers promised is redeemed when it is worth its gas, and collected, less the take", async () => {
  const { holder, payee } = await open(WORTH_IT);
  const payer = await patron(holder, { earmarkFor: payee });
  const before = await balanceOf(payee);
  await buy(payer, holder);
  expect(payer.promised).toBe(cost(600_000, PRICE));
  await eventually(async () => expect(await paidOf(payer.address, holder)).toBe(payer.promised));
  const take = payer.promised / 20n;
  await eventually(async () => {
    const gained = (await balanceOf(payee)) - before;
    expect(gained).toBeGreaterThan(payer.promised - take - 10n); // the take is rounded up, batch by batch
    expect(gained).toBeLessThanOrEqual(payer.promised - take);
  });
  // The agent learns of each from the event.
  await eventually(async () => expect(await metricOf(holder.service, "vouchers_wei")).toBe(0));
  await eventually(async () => expect(await metricOf(holder.service, "collectable_wei")).toBe(0));
  expect(await metricOf(holder.service, "redeemed_wei_total")).toBe(Number(payer.promised));
  expect(await metricOf(holder.service, "uploaded_bytes_total")).toBe(600_000);
});

test("what is sent to a peer counts as paid for from its first good voucher on", async () => {
  const { holder, payee } = await open(NEVER);
  const payer = await patron(holder, { earmarkFor: payee });
  const sent = (to: string) => metricOf(holder.service, "uploaded_bytes_total", to);
  const raw = await RawPayer.join(holder.service.address, { torrent: holder.publication.created.torrent });
  await expect.poll(() => raw.choked).toBe(false);
  raw.request(1);
  await expect.poll(() => raw.received).toBe(16_384);
  await raw.pay({
    ...{ payer: payer.address, signer: payer.signer, operator: payee, contentId: holder.publication.contentId },
    ...{ domain: payer.payer.options.domain, cumulativeAmount: cost(16_384, PRICE), bid: PRICE },
  });
  await eventually(async () => expect(await metricOf(holder.service, "vouchers_wei")).toBeGreaterThan(0));
  raw.request(1);
  await expect.poll(() => raw.received).toBe(2 * 16_384);
  expect([await sent("free"), await sent("paying")]).toEqual([16_384, 16_384]);
});

test("vouchers that are not worth it stay; when the agent stops it takes what is", async () => {
  const { holder, payee } = await open(NEVER);
  const payer = await patron(holder, { earmarkFor: payee });
  await buy(payer, holder);
  await eventually(async () => expect(await metricOf(holder.service, "vouchers_wei")).toBe(Number(payer.promised)));
  await holder.service.stop();
  expect(await paidOf(payer.address, holder)).toBe(0n);

  await holder.start(config({ redeemEvery: "1h", ...WORTH_IT }));
  await eventually(async () => expect(await paidOf(payer.address, holder)).toBe(payer.promised));
  const folder = await temporaryFolder();
  const other = await patron(holder, { earmarkFor: payee });
  await other.buy(holder.service.address, folder); // long before it is looked at again
  await holder.service.stop();
  expect(await paidOf(other.address, holder)).toBe(other.promised);
});

test("a payer's vouchers are redeemed before its money goes home, worth or not", async () => {
  const { holder, payee } = await open(NEVER);
  const [leaver, stayer] = [await patron(holder, { earmarkFor: payee }), await patron(holder, { earmarkFor: payee })];
  await buy(leaver, holder);
  await buy(stayer, holder);
  await requestReleaseSync(leaver.wallet, { deployment: chain.deployment, operator: payee, amount: parseEther("1") });
  await eventually(async () => expect(await paidOf(leaver.address, holder)).toBe(leaver.promised));
  // What else is promised goes with it: it is cheaper now than later.
  await eventually(async () => expect(await paidOf(stayer.address, holder)).toBe(stayer.promised));
  await chain.toRound((await currentRoundOf(chain)) + 3);
  await releaseEarmarkSync(leaver.wallet, { deployment: chain.deployment, operator: payee });
  const { balance } = await read(chain.client(), chain.deployment, Retrieval, "account", [leaver.address]);
  expect(balance).toBe(parseEther("1") - leaver.promised);
});

test("money that goes home and leaves enough for what was promised hurries nobody", async () => {
  const { holder, payee } = await open(NEVER);
  const payer = await patron(holder, { earmarkFor: payee });
  await buy(payer, holder);
  await requestReleaseSync(payer.wallet, {
    deployment: chain.deployment,
    operator: payee,
    amount: parseEther("1") - payer.promised,
  });
  const { thaws } = holder.service.state;
  await eventually(() => expect(thaws.size).toBe(1));
  const smaller = { deployment: chain.deployment, operator: payee, amount: 1n };
  const { blockNumber } = (await requestReleaseSync(payer.wallet, smaller)).receipt;
  await eventually(async () => expect(holder.service.state.thaws.size).toBe(1));
  await requestReleaseSync(payer.wallet, { deployment: chain.deployment, operator: payee, amount: parseEther("1") });
  await eventually(async () => expect(await paidOf(payer.address, holder)).toBe(payer.promised));
  const [redeemed] = await events("Redeemed", payee);
  expect(redeemed!.blockNumber).toBeGreaterThan(blockNumber);
});

test("what is earmarked is redeemed though the session key's ceiling is used up elsewhere", async () => {
  const { holder, payee } = await open(NEVER);
  const payer = await patron(holder, { earmarkFor: payee });
  await buy(payer, holder);
  // The same key promises another operator all that its ceiling allows of the free deposit.
  const { deployment } = chain;
  const { wallet, signer, address } = payer;
  const keyOf = () => read(wallet, deployment, Retrieval, "sessionKey", [address, signer.address]);
  const { ceiling } = await keyOf();
  await addDeposit(wallet, { deployment, amount: ceiling });
  const domain = { chainId: deployment.chainId, contract: deployment.contracts.Retrieval };
  const { contentId } = holder.publication;
  const promise = { payer: address, cumulativeAmount: ceiling };
  const operator = STRANGER.address;
  const { signature } = await signVoucher(signer, domain, { ...promise, operator, contentId, cumulativeBytes: 1 });
  const voucher = { ...promise, contentId: BigInt(contentId), cumulativeBytes: 1n, signature };
  await redeemSync(wallet, { deployment, operator, vouchers: [voucher] });
  expect((await keyOf()).spent).toBe(ceiling);

  expect(await paidOf(address, holder)).toBe(0n);
  const amount = await read(wallet, deployment, Retrieval, "earmarkOf", [address, payee]);
  await requestReleaseSync(wallet, { deployment, operator: payee, amount });
  await eventually(async () => expect(await paidOf(address, holder)).toBe(payer.promised));
});

test("what a session key promised is redeemed when the key is revoked", async () => {
  const { holder, payee } = await open(NEVER);
  const payer = await patron(holder, { earmarkFor: payee });
  await buy(payer, holder);
  expect(await paidOf(payer.address, holder)).toBe(0n);
  await revokeSync(payer.wallet, { deployment: chain.deployment, key: payer.signer.address });
  await eventually(async () => expect(await paidOf(payer.address, holder)).toBe(payer.promised));
  // With a key that ends too soon it is a free peer.
  await buy(payer, holder);
  await expect.poll(() => metricOf(holder.service, "vouchers_refused_total", "key")).toBeGreaterThan(0);
});

describe("H-RET-2", () => {
  test("a payer that promised its deposit twice is served no more, and the others are redeemed", async () => {
    const { holder, payee } = await open({ ...NEVER, trust: 1 });
    const [cheat, honest] = [await patron(holder), await patron(holder, { earmarkFor: payee })];
    await buy(cheat, holder);
    await buy(honest, holder);
    // All of the cheat's deposit goes to another operator, whose voucher came first.
    const { deployment } = chain;
    const { signature, ...voucher } = await signVoucher(
      cheat.signer,
      { chainId: deployment.chainId, contract: deployment.contracts.Retrieval },
      {
        payer: cheat.address,
        operator: STRANGER.address,
        contentId: holder.publication.contentId,
        cumulativeAmount: parseEther("1"),
        cumulativeBytes: 1,
      },
    );
    const { contentId, cumulativeBytes, payer, cumulativeAmount } = voucher;
    const signed = { payer, cumulativeAmount, signature, contentId: BigInt(contentId) };
    const batch = [{ ...signed, cumulativeBytes: BigInt(cumulativeBytes) }];
    await redeemSync(chain.client(), { deployment, operator: STRANGER.address, vouchers: batch });

    await holder.service.stop();
    await holder.start(config({ ...WORTH_IT, trust: 1 }));
    await eventually(async () => expect(await paidOf(honest.address, holder)).toBe(honest.promised));
    expect(await paidOf(cheat.address, holder)).toBe(0n);
    await buy(cheat, holder);
    await expect.poll(() => metricOf(holder.service, "vouchers_refused_total", "funds")).toBeGreaterThan(0);
    expect(await paidOf(cheat.address, holder)).toBe(0n);
  });

  test("a hundred large promises of payers that have nothing hold up no small one that pays", async () => {
    const { holder, payee } = await open(NEVER);
    const payer = await patron(holder, { earmarkFor: payee });
    await buy(payer, holder);
    await holder.service.stop();
    const store = await openStore(join(holder.dataDir, "store"));
    const { chainId, contracts } = chain.deployment;
    const domain = { chainId, contract: contracts.Retrieval };
    const ledger = await Ledger.open(store, { ...domain, operator: payee });
    const { contentId } = holder.publication;
    const poor = Array.from({ length: 100 }, () => privateKeyToAccount(generatePrivateKey()));
    for (const signer of poor) {
      const promise = { cumulativeAmount: parseEther("1000"), cumulativeBytes: 16_384 };
      const voucher = { payer: signer.address, operator: payee, contentId, ...promise };
      await ledger.accept(await signVoucher(signer, domain, voucher), signer.address, 0n);
    }
    await store.close();
    await holder.start(config({ worth: 1 }));
    await eventually(async () => expect(await paidOf(payer.address, holder)).toBe(payer.promised));
    const redeemed = await events("Redeemed", payee);
    expect(redeemed.filter(({ args }) => args.amount > 0n)).toHaveLength(1);
  });
});

describe("a voucher is refused, and costs the operator nothing, when it is", () => {
  let holder: Holder;
  let payer: Patron;
  let payee: Address;
  beforeAll(async () => {
    // Not `open`: it is there for all of them.
    const index = account++;
    await fund(chain, index);
    holder = await Holder.open(chain, index, () => config(WORTH_IT));
    await holder.goLive();
    payee = holder.state.payout;
    const store = await openStore(await temporaryFolderOf(holder));
    payer = await Patron.open(chain, account++, holder.publication, { store, earmarkFor: payee });
    return async () => {
      await store.close();
      await holder.close();
    };
  });

  const temporaryFolderOf = async ({ dataDir }: Holder) => join(dataDir, "payer");
  const other = "0x00000000000000000000000000000000000000ff";
  test.each<[string, string, VoucherChange]>([
    ["for another operator", "domain", { operator: other }],
    ["for another content", "domain", { contentId: 4_000 }],
    ["for another chain", "domain", { domain: { chainId: 1, contract: other } }],
    ["signed by a stranger", "signature", { signer: STRANGER }],
    ["signed for another amount", "signature", { signAs: { cumulativeAmount: 1n } }],
    ["above the earmark", "funds", { cumulativeBytes: 1 << 24 }],
    ["below the price", "price", { cumulativeAmount: 1n }],
    ["of a payer without a deposit", "funds", { payer: STRANGER.address, signer: STRANGER }],
  ])("%s", async (_, reason, change) => {
    const { chainId, contracts } = chain.deployment;
    const domain = { chainId, contract: contracts.Retrieval };
    const { torrent } = holder.publication.created;
    const before = await metricOf(holder.service, "vouchers_refused_total", reason);
    const raw = await RawPayer.join(holder.service.address, { torrent });
    expect(raw.terms).toMatchObject({ ...domain, operator: payee, price: PRICE });
    const bytes = change.cumulativeBytes ?? 16_384;
    await raw.pay({
      ...{ payer: payer.address, operator: payee, contentId: holder.publication.contentId, signer: payer.signer },
      ...{ cumulativeAmount: cost(bytes, PRICE), bid: PRICE, domain },
      ...change,
    });
    await expect.poll(() => raw.refusals).toMatchObject([{ reason }]);
    expect(await metricOf(holder.service, "vouchers_refused_total", reason)).toBe(before + 1);
    expect(await events("Redeemed", payee)).toEqual([]);
  });
});

test("a payout address that changes is paid from then on, and what was promised to the old one is not lost", async () => {
  const { holder, index, payee } = await open(NEVER);
  const early = await patron(holder, { earmarkFor: payee });
  await buy(early, holder);
  const next = privateKeyToAccount(generatePrivateKey()).address;
  const { deployment } = chain;
  const { owner, prover, proverChunks } = await read(chain.client(), deployment, Operators, "operator", [
    holder.operatorId,
  ]);
  const keys = { operatorId: holder.operatorId, owner, prover, proverChunks, payout: next };
  await setKeysSync(chain.client(index), { deployment, ...keys });
  const late = await patron(holder, { earmarkFor: next });
  const { torrent } = holder.publication.created;
  await eventually(async () =>
    expect((await RawPayer.join(holder.service.address, { torrent })).terms.operator).toBe(next),
  );
  await buy(late, holder);
  await holder.service.stop();
  await holder.start(config(WORTH_IT));
  await eventually(async () => expect(await paidOf(early.address, holder, payee)).toBe(early.promised));
  await eventually(async () => expect(await paidOf(late.address, holder, next)).toBe(late.promised));
  await eventually(async () => expect(await balanceOf(next)).toBeGreaterThan((late.promised * 94n) / 100n));
});

test("without payments all are free peers, and what was promised before is redeemed", async () => {
  const { holder, payee } = await open(NEVER);
  const payer = await patron(holder, { earmarkFor: payee });
  await buy(payer, holder);
  const { promised } = payer;
  await holder.service.stop();
  await holder.start(config({ ...WORTH_IT, enabled: false }));
  await eventually(async () => expect(await paidOf(payer.address, holder)).toBe(promised));
  await buy(payer, holder);
  expect(payer.promised).toBe(promised);
});

describeWith("libtorrent", "a stock client", () => {
  test("downloads for free from an operator that is paid by another peer meanwhile", async () => {
    const { holder, payee } = await open(WORTH_IT);
    const payer = await patron(holder, { earmarkFor: payee });
    const { host, port } = holder.service.address;
    const folder = await temporaryFolder();
    const { torrentFile: torrent, data, created } = holder.publication;
    const stock = new Libtorrent({ torrent, folder, peers: [`${host}:${port}`] });
    onTestFinished(() => stock.close());
    await Promise.all([buy(payer, holder), stock.complete]);
    const got = await readFile(join(folder, created.torrent.name));
    expect(got.equals(await readFile(data))).toBe(true);
    expect(await metricOf(holder.service, "uploaded_bytes_total", "free")).toBeGreaterThanOrEqual(600_000);
    await eventually(async () => expect(await paidOf(payer.address, holder)).toBe(payer.promised));
  });
});
