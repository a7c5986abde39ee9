import { join } from "node:path";
import type { Address } from "viem";
import { describe, expect, test } from "vitest";
import { encode } from "../torrent/bencode.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { Bitfield } from "../wire/bitfield.ts";
import type { PeerError } from "../wire/errors.ts";
import type { Extension } from "../wire/extensions.ts";
import { fetchTorrent } from "../wire/fetch.ts";
import { hashFiles, hashFolder, makeSample, type Sample, sampleBytes, seed, temporaryFolder } from "../wire/testing.ts";
import type { Unchoker } from "../wire/unchoker.ts";
import { cost, MEBIBYTE } from "./credit.ts";
import {
  announceTerms,
  decodePayMessage,
  encodePayMessage,
  HF_PAY,
  type PayMessage,
  type Payment,
  type Terms,
} from "./hf-pay.ts";
import { Ledger } from "./ledger.ts";
import type { Payer } from "./payer.ts";
import {
  CONTENT,
  DOMAIN,
  OPERATOR,
  openTestStore,
  PAYER,
  PRICE,
  payerFor,
  payingWith,
  RICH,
  SESSION,
  STRANGER,
  sell,
  TERMS,
} from "./testing.ts";

const FILES = { "a.bin": sampleBytes(6 * MEBIBYTE, 1) };
/** Much later than anything a payer here signs, and signed by nobody. */
const LATER = { cumulativeAmount: 10n ** 15n, cumulativeBytes: 1e12, signature: `0x${"11".repeat(64)}1b` } as const;
const VOUCHER = { payer: PAYER.address, operator: OPERATOR, contentId: CONTENT, ...LATER };
const sample = () => makeSample(FILES, 262_144);
const LIMITS = { stallMs: 1_000, retryMs: 50, attempts: 2, idleMs: 5_000 };

/** Fetches all of it, paying, and checks it. @returns the folder */
async function buy(content: Sample, peers: PeerAddress[], payer: Payer): Promise<void> {
  const folder = await temporaryFolder();
  await fetchTorrent({ torrent: content.torrent, peers, folder, limits: LIMITS, ...payingWith(payer) });
  expect(await hashFolder(join(folder, "sample"))).toEqual(hashFiles(content.files));
}

/** A seeder that serves well and says of money what a test tells it to. */
async function swindle(
  content: Sample,
  terms: Partial<Terms>,
  answer: (payment: Payment) => PayMessage | Uint8Array | undefined,
  { offer = {}, has }: { offer?: Partial<PayMessage>; has?: Bitfield } = {},
) {
  const payments: Payment[] = [];
  const said = { type: "offer", contentId: CONTENT, price: PRICE, window: MEBIBYTE, ...offer } as PayMessage;
  const extension = (): Extension => {
    let say: (payload: Uint8Array) => void;
    return {
      name: HF_PAY,
      announces: announceTerms({ ...TERMS, ...terms }),
      onReady: (send) => {
        say = send;
        send(encodePayMessage(said));
      },
      onMessage: (payload) => {
        const payment = decodePayMessage(payload) as Payment;
        payments.push(payment);
        const message = answer(payment);
        if (message !== undefined) say(message instanceof Uint8Array ? message : encodePayMessage(message));
      },
    };
  };
  const seeder = await seed(content, {
    extensions: () => [extension()],
    ...(has === undefined ? {} : { has }),
  });
  return { seeder, payments };
}

describe("a payer", () => {
  test("takes from two operators at once, and its receipt says what each gave and got", async () => {
    const content = await sample();
    const other = { ...TERMS, operator: DOMAIN.contract, price: 2n * PRICE };
    const shops = [await sell(content), await sell(content, { terms: other })];
    const payer = await payerFor(content);
    await buy(
      content,
      shops.map(({ seeder }) => seeder),
      payer,
    );
    const { receipt } = payer;
    expect(receipt.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(6 * MEBIBYTE);
    expect(receipt.map(({ averagePrice }) => averagePrice).sort()).toEqual([PRICE, 2n * PRICE]);
    expect(receipt.reduce((sum, { paid }) => sum + paid, 0n)).toBe(payer.spent);
    for (const { ledger } of shops) {
      const [entry] = ledger.redeemable();
      const line = receipt.find(({ operator }) => operator === entry!.voucher.operator)!;
      await expect.poll(() => ledger.redeemable()[0]!.voucher.cumulativeAmount).toBe(line.paid);
    }
  });

  test("goes on where it and the operator were, after both started anew", async () => {
    const content = await sample();
    const [books, wallet] = [await openTestStore(), await openTestStore()];
    const first = await sell(content, { ledger: await Ledger.open(books, TERMS) });
    await buy(content, [first.seeder], await payerFor(content, { store: wallet }));
    const bytesOf = ({ ledger }: typeof first) => ledger.get(PAYER.address, CONTENT)?.voucher.cumulativeBytes;
    await expect.poll(() => bytesOf(first)).toBeGreaterThanOrEqual(6 * MEBIBYTE);
    await first.seeder.close();

    const second = await sell(content, { ledger: await Ledger.open(books, TERMS) });
    const payer = await payerFor(content, { store: wallet });
    await buy(content, [second.seeder], payer);
    expect(second.refusals).toEqual([]);
    expect(payer.receipt).toMatchObject([{ bytes: 6 * MEBIBYTE }]);
    await expect.poll(() => bytesOf(second)).toBeGreaterThanOrEqual(12 * MEBIBYTE);
  });

  test("that lost its records is told by the operator, and believes its own signature", async () => {
    const content = await sample();
    const { seeder, refusals } = await sell(content);
    await buy(content, [seeder], await payerFor(content));
    const payer = await payerFor(content);
    await buy(content, [seeder], payer);
    expect(refusals).toMatchObject([{ reason: "stale" }]);
    const [line] = payer.receipt;
    expect(line).toMatchObject({ bytes: 6 * MEBIBYTE, ended: undefined, averagePrice: PRICE });
  });

  test("that lost its session key too believes the old one's signature, if it is told of it", async () => {
    const content = await sample();
    const known = async () => RICH;
    const { seeder } = await sell(content, { meansOf: known });
    await buy(content, [seeder], await payerFor(content));
    const ended = async (formerKeys: Address[]) => {
      const payer = await payerFor(content, { signer: STRANGER, formerKeys });
      await buy(content, [seeder], payer);
      return payer.receipt[0]!.ended;
    };
    expect(await ended([])).toBe("stale");
    expect(await ended([SESSION.address])).toBeUndefined();
  });

  test("H-RET-1: spends no more than its budget, and the rest comes from a free seeder", async () => {
    const content = await sample();
    const { seeder } = await sell(content);
    const free = await seed(content);
    const budget = cost(MEBIBYTE, PRICE);
    const payer = await payerFor(content, { budget });
    await buy(content, [seeder, free], payer);
    expect(payer.spent).toBeLessThanOrEqual(budget);
  });

  test("H-RET-1: goes no further than it may with an operator, and gets no more from one that serves only who pays", async () => {
    const content = await sample();
    const unchoker: Unchoker = { choose: (interested) => interested.filter(({ meter }) => meter?.bid !== undefined) };
    const { seeder, ledger } = await sell(content, { seeder: { unchoker } });
    const reach = cost(MEBIBYTE, PRICE);
    const payer = await payerFor(content, { reach: async () => reach });
    await expect(buy(content, [seeder], payer)).rejects.toThrow();
    expect(payer.receipt).toMatchObject([{ ended: "earmark used up", lost: 0 }]);
    expect(ledger.get(PAYER.address, CONTENT)!.voucher.cumulativeAmount).toBe(reach);
    expect(payer.receipt[0]!.bytes).toBeLessThanOrEqual(2 * MEBIBYTE);
  });

  test("comes back as a free peer to an operator that it pays no more", async () => {
    const content = await sample();
    const { seeder, ledger } = await sell(content);
    const reach = cost(MEBIBYTE, PRICE);
    const ended: string[] = [];
    const payer = await payerFor(content, { reach: async () => reach, onEnded: (_, why) => ended.push(why) });
    await buy(content, [seeder], payer);
    expect(ended).toEqual(["earmark used up"]);
    expect(payer.receipt).toMatchObject([{ paid: reach, averagePrice: PRICE, bytes: 6 * MEBIBYTE }]);
    expect(ledger.get(PAYER.address, CONTENT)!.voucher.cumulativeAmount).toBe(reach);
  });

  test("pays an operator from when it is told to, and until then takes what it gives for free", async () => {
    const content = await sample();
    const { seeder, ledger } = await sell(content);
    const offers: bigint[] = [];
    const payer: Payer = await payerFor(content, {
      onOffer: (operator, price) => {
        offers.push(price);
        setTimeout(() => payer.begin(operator), 20);
      },
    });
    await buy(content, [seeder], payer);
    expect(offers).toEqual([PRICE]);
    const [line] = payer.receipt;
    expect(line!.bytes).toBe(6 * MEBIBYTE);
    expect(line!.paid).toBeLessThanOrEqual(cost(6 * MEBIBYTE, PRICE) + 1n);
    await expect.poll(() => ledger.get(PAYER.address, CONTENT)?.voucher.cumulativeAmount).toBe(line!.paid);
  });

  test.each<[string, Partial<Terms>, Partial<PayMessage>]>([
    ["of another chain", { chainId: 1 }, {}],
    ["of another contract", { contract: OPERATOR }, {}],
    ["about another content", {}, { contentId: CONTENT + 1 }],
    ["above its price", {}, { price: 11n * PRICE }],
  ])("pays nothing for an offer %s", async (_, terms, offer) => {
    const content = await sample();
    const { seeder, payments } = await swindle(content, terms, () => undefined, { offer });
    const payer = await payerFor(content);
    await buy(content, [seeder], payer);
    expect(payments).toEqual([]);
    expect(payer.spent).toBe(0n);
  });

  test("loses one window to an operator that asks for more and more", async () => {
    const content = await sample();
    const has = new Bitfield(24);
    const { seeder, payments } = await swindle(content, {}, () => ({ type: "refusal", reason: "credit" }), { has });
    const payer = await payerFor(content);
    await expect(buy(content, [seeder], payer)).rejects.toThrow();
    expect(payments.length).toBeGreaterThan(1);
    expect(payments.at(-1)!.voucher.cumulativeBytes).toBeLessThanOrEqual(MEBIBYTE);
    expect(payer.receipt).toMatchObject([{ bytes: 0, lost: MEBIBYTE }]);
  });

  test.each([
    ["is refused", { type: "refusal", reason: "funds" }, "funds"],
    ["is shown a later voucher that it never signed", { type: "refusal", reason: "stale", last: LATER }, "stale"],
  ] as const)("stops paying when it %s, and says why", async (_, message, ended) => {
    const content = await sample();
    const { seeder, payments } = await swindle(content, {}, () => message);
    const payer = await payerFor(content);
    await buy(content, [seeder], payer);
    expect(payments.length).toBeLessThan(3);
    expect(payer.receipt).toMatchObject([{ ended }]);
  });

  test.each<[string, Uint8Array]>([
    ["a voucher", encodePayMessage({ type: "voucher", domain: DOMAIN, bid: 1n, voucher: VOUCHER })],
    [
      "a message that is too long",
      encode(
        new Map<string, number | Uint8Array>([
          ["msg_type", 0],
          ["x", Buffer.alloc(2_000)],
        ]),
      ),
    ],
    [
      "an offer without a price",
      encode(
        new Map([
          ["msg_type", 0],
          ["content", 1],
        ]),
      ),
    ],
  ])("leaves an operator that sends %s, and the download goes on from others", async (_, message) => {
    const content = await sample();
    const { seeder } = await swindle(content, {}, () => message);
    const gone: PeerError[] = [];
    const payer = await payerFor(content);
    const folder = await temporaryFolder();
    const peers = [seeder, await seed(content)];
    const onPeerGone = (_: PeerAddress, reason: PeerError) => gone.push(reason);
    await fetchTorrent({ torrent: content.torrent, peers, folder, limits: LIMITS, onPeerGone, ...payingWith(payer) });
    expect(gone).toContainEqual(expect.objectContaining({ fault: "malformed" }));
  });
});

test("an operator that could not ask the chain for a while is paid once it can, though it has choked us meanwhile", async () => {
  const content = await sample();
  let until = 0;
  const shop = await sell(content, {
    meansOf: async () => {
      if (Date.now() < until) throw new Error("no RPC");
      if (until > 0) return RICH;
      until = Date.now() + 1_500;
      setTimeout(() => void shop.accountant.redeemed(PAYER.address, CONTENT, 0n)); // has what was asked forgotten
      return RICH;
    },
  });
  const payer = await payerFor(content);
  await buy(content, [shop.seeder], payer);
  expect(shop.refusals).toContainEqual(expect.objectContaining({ reason: "unavailable" }));
  expect(payer.receipt).toMatchObject([{ bytes: 6 * MEBIBYTE, ended: undefined }]);
}, 15_000);
