import { describe, expect, test } from "vitest";
import { encode } from "../torrent/bencode.ts";
import { BLOCK } from "../torrent/trees.ts";
import type { PeerError } from "../wire/errors.ts";
import { makeSample, RawPeer, sampleBytes } from "../wire/testing.ts";
import type { Means } from "./accountant.ts";
import { cost, MEBIBYTE } from "./credit.ts";
import { encodePayMessage, MAX_MESSAGE, type Reason } from "./hf-pay.ts";
import { Ledger } from "./ledger.ts";
import {
  CONTENT,
  DOMAIN,
  OPERATOR,
  openTestStore,
  PAYER,
  PRICE,
  RawPayer,
  RICH,
  SESSION,
  STRANGER,
  sell,
  TERMS,
  type VoucherChange,
} from "./testing.ts";

const sample = () => makeSample({ "a.bin": sampleBytes(6 * MEBIBYTE, 1) }, 262_144);
/** All of the content, in blocks. */
const ALL = (6 * MEBIBYTE) / BLOCK;

describe("H-RET-1: a voucher is refused, and nothing is sent for it, when it", () => {
  const now = Date.now() / 1000;
  const rich = (key: Partial<Means["key"]>): Means => ({ ...RICH, key: { ...RICH.key!, ...key } });
  const elsewhere = "0x00000000000000000000000000000000000000ff";
  test.each<[string, Reason, VoucherChange, Means?]>([
    ["is said to be of another chain", "domain", { domain: { ...DOMAIN, chainId: 1 } }],
    ["is said to be of another contract", "domain", { domain: { ...DOMAIN, contract: elsewhere } }],
    ["is for another operator", "domain", { operator: elsewhere }],
    ["is for another content", "domain", { contentId: CONTENT + 1 }],
    ["was signed for another chain", "signature", { signAs: { chainId: 1 } }],
    ["was signed for another contract", "signature", { signAs: { contract: elsewhere } }],
    ["was signed for another operator", "signature", { signAs: { operator: elsewhere } }],
    ["was signed for another content", "signature", { signAs: { contentId: 8 } }],
    ["was signed for another payer", "signature", { signAs: { payer: elsewhere } }],
    ["was signed for a smaller amount", "signature", { signAs: { cumulativeAmount: 1n } }],
    ["was signed for fewer bytes", "signature", { signAs: { cumulativeBytes: 1 } }],
    ["is a stranger's", "signature", { signer: STRANGER }],
    ["pays for less than a block", "stale", { cumulativeBytes: BLOCK - 1 }],
    ["is not above what the contract has paid", "stale", {}, { ...RICH, paid: cost(BLOCK, PRICE) }],
    ["pays less than its price", "price", { cumulativeAmount: cost(BLOCK, PRICE) - 1n }],
    ["bids less than is asked", "price", { bid: PRICE - 1n }],
    ["pays less than it bids", "price", { bid: PRICE + 1_000n }],
    ["is of a key that has expired", "key", {}, rich({ expiry: now - 1 })],
    ["is of a key that expires too soon to redeem", "key", {}, rich({ expiry: now + 600 })],
    ["is above the key's ceiling", "key", {}, rich({ ceiling: 10n ** 18n, spent: 10n ** 18n - 1n })],
    ["is above the payer's funds", "funds", {}, { ...RICH, funds: cost(BLOCK, PRICE) - 1n }],
  ])("%s", async (_, reason, change, means = RICH) => {
    const content = await sample();
    const meansOf = async (_: unknown, __: unknown, key?: string) =>
      key === SESSION.address ? means : { ...means, key: undefined };
    const { seeder, ledger, refusals } = await sell(content, { meansOf });
    const payer = await RawPayer.join(seeder, content);
    await payer.pay(change);
    await expect.poll(() => payer.refusals).toMatchObject([{ reason }]);
    expect(refusals).toMatchObject([{ reason, host: "127.0.0.1", payer: PAYER.address }]);
    expect(ledger.redeemable()).toEqual([]);
  });

  test("comes again, or is an older one: the refusal brings the one that counts", async () => {
    const content = await sample();
    const { seeder, ledger } = await sell(content);
    const payer = await RawPayer.join(seeder, content);
    const good = await payer.pay({ cumulativeBytes: 3 * BLOCK });
    await expect.poll(() => ledger.get(PAYER.address, CONTENT)?.voucher).toEqual(good);
    await payer.pay({ cumulativeBytes: 3 * BLOCK });
    await expect.poll(() => payer.refusals.length).toBe(1); // of those that come while one is judged only the last counts
    await payer.pay({ cumulativeBytes: 2 * BLOCK });
    await expect.poll(() => payer.refusals.length).toBe(2);
    const { cumulativeAmount, cumulativeBytes, signature } = good;
    expect(payer.refusals[1]).toEqual({
      type: "refusal",
      reason: "stale",
      last: { cumulativeAmount, cumulativeBytes, signature },
    });
    expect(ledger.get(PAYER.address, CONTENT)?.voucher).toEqual(good);
  });

  test("comes while the chain cannot be asked; it is taken later", async () => {
    const content = await sample();
    let asked = 0;
    const meansOf = async () => (asked++ === 0 ? Promise.reject(new Error("no RPC")) : RICH);
    const { seeder, ledger } = await sell(content, { meansOf });
    const payer = await RawPayer.join(seeder, content);
    await payer.pay();
    await expect.poll(() => payer.refusals).toMatchObject([{ reason: "unavailable" }]);
    const again = await payer.pay();
    await expect.poll(() => ledger.get(PAYER.address, CONTENT)?.voucher).toEqual(again);
  });

  test("makes the payer's channels together promise more than its funds", async () => {
    const content = await sample();
    const ledger = await Ledger.open(await openTestStore(), TERMS);
    const elsewhere = {
      payer: PAYER.address,
      operator: OPERATOR,
      contentId: 1,
      cumulativeAmount: 10n ** 6n,
      cumulativeBytes: 1,
    };
    await ledger.accept({ ...elsewhere, signature: "0x00" }, SESSION.address, 0n);
    const { seeder } = await sell(content, { ledger, meansOf: async () => ({ ...RICH, funds: 10n ** 6n }) });
    const payer = await RawPayer.join(seeder, content);
    await payer.pay();
    await expect.poll(() => payer.refusals).toMatchObject([{ reason: "funds" }]);
  });
});

test("a voucher of another key takes over what the last one owes: its key must be good for all of it", async () => {
  const content = await sample();
  const ceiling = cost(4 * BLOCK, PRICE);
  const meansOf = async (_: unknown, __: unknown, key?: string) =>
    key === undefined ? { ...RICH, key } : { ...RICH, key: { ...RICH.key!, ceiling } };
  const { seeder, ledger } = await sell(content, { meansOf });
  const payer = await RawPayer.join(seeder, content);
  const good = await payer.pay({ signer: PAYER, cumulativeBytes: 8 * BLOCK });
  await expect.poll(() => ledger.get(PAYER.address, CONTENT)?.voucher).toEqual(good);
  await payer.pay({ signer: SESSION, cumulativeBytes: 9 * BLOCK });
  await expect.poll(() => payer.refusals).toMatchObject([{ reason: "key" }]);
  expect(ledger.get(PAYER.address, CONTENT)?.voucher).toEqual(good);

  await ledger.redeemed(PAYER.address, CONTENT, cost(6 * BLOCK, PRICE));
  const next = await payer.pay({ signer: SESSION, cumulativeBytes: 10 * BLOCK });
  await expect.poll(() => ledger.get(PAYER.address, CONTENT)?.voucher).toEqual(next);
});

test("what the contract has just paid is not counted twice, though the operator has yet to hear of it", async () => {
  const content = await sample();
  const [earmark, paid] = [cost(10 * BLOCK, PRICE), cost(6 * BLOCK, PRICE)];
  const meansOf = async (_: unknown, __: unknown, key?: string) =>
    key === undefined ? { funds: earmark - paid, paid } : { ...RICH, funds: earmark };
  const { seeder, ledger } = await sell(content, { meansOf });
  const payer = await RawPayer.join(seeder, content);
  await payer.pay({ cumulativeBytes: 6 * BLOCK });
  await expect.poll(() => ledger.outstanding(PAYER.address)).toBe(paid);
  const all = await payer.pay({ signer: PAYER, cumulativeBytes: 10 * BLOCK });
  await expect.poll(() => ledger.get(PAYER.address, CONTENT)?.voucher).toEqual(all);
  await payer.pay({ signer: PAYER, cumulativeBytes: 11 * BLOCK });
  await expect.poll(() => payer.refusals).toMatchObject([{ reason: "funds" }]);
});

test("the last voucher counts, though the payer hangs up behind it", async () => {
  const content = await sample();
  const { seeder, ledger } = await sell(content);
  const payer = await RawPayer.join(seeder, content);
  await payer.pay();
  const last = await payer.pay({ cumulativeBytes: 3 * BLOCK });
  payer.peer.socket.end();
  await expect.poll(() => ledger.get(PAYER.address, CONTENT)?.voucher).toEqual(last);
});

describe("credit", () => {
  test("a payer gets one window beyond what it paid, is told, choked, and served again once it pays", async () => {
    const content = await sample();
    const { seeder } = await sell(content);
    const payer = await RawPayer.join(seeder, content);
    await payer.pay();
    await expect.poll(() => payer.choked).toBe(false);
    await expect.poll(() => seeder.peers[0]?.meter?.bid).toBe(PRICE);
    payer.request(ALL);
    await expect.poll(() => payer.choked, { timeout: 5_000 }).toBe(true);
    expect(payer.received).toBeLessThanOrEqual(MEBIBYTE + BLOCK);
    expect(payer.received).toBeGreaterThan(MEBIBYTE - 262_144);
    expect(payer.refusals).toMatchObject([{ reason: "credit" }]);

    await payer.pay({ signer: STRANGER, cumulativeBytes: 4 * MEBIBYTE, signAs: { cumulativeBytes: 1 } });
    await expect.poll(() => payer.refusals.length).toBe(2);
    expect(payer.choked).toBe(true);

    await payer.pay({ cumulativeBytes: 6 * MEBIBYTE });
    await expect.poll(() => payer.choked).toBe(false);
    const before = payer.received;
    payer.request(64, 128);
    await expect.poll(() => payer.received).toBe(before + MEBIBYTE);
  });

  test("a debt stays when the payer comes back", async () => {
    const content = await sample();
    const { seeder } = await sell(content);
    const first = await RawPayer.join(seeder, content);
    await first.pay();
    await expect.poll(() => seeder.peers[0]?.meter?.bid).toBe(PRICE);
    first.request(ALL);
    await expect.poll(() => first.refusals.length).toBe(1);
    first.peer.socket.destroy();
    await expect.poll(() => seeder.peers.length).toBe(0);

    const second = await RawPayer.join(seeder, content);
    await second.pay({ cumulativeBytes: 2 * BLOCK });
    await expect.poll(() => seeder.peers[0]?.meter?.bid).toBe(PRICE);
    second.request(ALL);
    await expect.poll(() => second.refusals.length).toBe(1);
    expect(first.received + second.received).toBeLessThanOrEqual(MEBIBYTE + 2 * BLOCK);
  });

  test("a debt stays when the payer has the contract pay more than we were promised", async () => {
    const content = await sample();
    const paid = cost(BLOCK, PRICE) + 1n;
    const meansOf = async (_: unknown, __: unknown, key?: string) =>
      key === undefined ? { ...RICH, key, paid } : RICH; // by the session key's time the contract had paid nothing
    const { seeder } = await sell(content, { meansOf });
    const payer = await RawPayer.join(seeder, content);
    await payer.pay();
    await expect.poll(() => seeder.peers[0]?.meter?.bid).toBe(PRICE);
    payer.request(ALL);
    await expect.poll(() => payer.choked, { timeout: 5_000 }).toBe(true);
    await payer.pay({
      signer: PAYER,
      cumulativeBytes: 2 * BLOCK,
      cumulativeAmount: paid + cost(BLOCK, PRICE),
    });
    await expect.poll(() => payer.choked).toBe(false);
    payer.request(ALL);
    await expect.poll(() => payer.choked, { timeout: 5_000 }).toBe(true);
    expect(payer.received).toBeLessThanOrEqual(MEBIBYTE + 2 * BLOCK);
  });

  test("what was admitted for free and never sent is no credit", async () => {
    const content = await makeSample({ "a.bin": sampleBytes(32 * MEBIBYTE, 1) }, 262_144);
    const { seeder } = await sell(content);
    const first = await RawPayer.join(seeder, content);
    await expect.poll(() => first.choked).toBe(false);
    first.peer.socket.pause(); // reads nothing: what was admitted waits at the seeder
    first.request(1_600);
    await expect
      .poll(
        async () => {
          const sent = seeder.peers[0]!.uploaded;
          await new Promise((resolve) => setTimeout(resolve, 200));
          return sent > 0 && seeder.peers[0]!.uploaded === sent;
        },
        { timeout: 5_000 },
      )
      .toBe(true);
    expect(seeder.peers[0]!.uploaded).toBeLessThan(1_600 * BLOCK);
    await first.pay();
    await expect.poll(() => seeder.peers[0]?.meter?.bid).toBe(PRICE);
    first.peer.socket.destroy();
    await expect.poll(() => seeder.peers.length).toBe(0);

    const second = await RawPayer.join(seeder, content);
    await second.pay({ cumulativeBytes: 2 * BLOCK });
    await expect.poll(() => seeder.peers[0]?.meter?.bid).toBe(PRICE);
    second.request(ALL);
    await expect.poll(() => second.refusals.length).toBe(1);
    expect(second.received).toBeLessThanOrEqual(MEBIBYTE + 2 * BLOCK);
  });

  test("two connections of one payer share one window", async () => {
    const content = await sample();
    const { seeder } = await sell(content);
    const payers = [await RawPayer.join(seeder, content), await RawPayer.join(seeder, content)];
    await payers[0]!.pay();
    await expect.poll(() => seeder.peers[0]?.meter?.bid).toBe(PRICE);
    await payers[1]!.pay({ cumulativeBytes: 2 * BLOCK });
    await expect.poll(() => seeder.peers[1]?.meter?.bid).toBe(PRICE);
    for (const payer of payers) payer.request(ALL);
    await expect.poll(() => payers.every(({ choked }) => choked), { timeout: 5_000 }).toBe(true);
    expect(payers[0]!.received + payers[1]!.received).toBeLessThanOrEqual(MEBIBYTE + 2 * BLOCK);
  });

  test("ends where the payer's funds end", async () => {
    const content = await sample();
    const { seeder } = await sell(content, { meansOf: async () => ({ ...RICH, funds: cost(8 * BLOCK, PRICE) }) });
    const payer = await RawPayer.join(seeder, content);
    await payer.pay();
    await expect.poll(() => seeder.peers[0]?.meter?.bid).toBe(PRICE);
    payer.request(8);
    await expect.poll(() => payer.received).toBe(8 * BLOCK);
    payer.request(1, 8);
    await expect.poll(() => payer.refusals).toMatchObject([{ reason: "credit" }]);
    expect(payer.received).toBe(8 * BLOCK);
  });

  test.each([
    ["lost its books", false],
    ["has old ones", true],
  ])("an operator that %s counts only what a voucher adds to what the contract paid", async (_, old) => {
    const content = await sample();
    const paid = cost(MEBIBYTE, PRICE);
    const { seeder, ledger } = await sell(content, { meansOf: async () => ({ ...RICH, paid }) });
    const voucher = {
      payer: PAYER.address,
      operator: OPERATOR,
      contentId: CONTENT,
      cumulativeAmount: 1n,
      cumulativeBytes: 1,
    };
    if (old) await ledger.accept({ ...voucher, signature: "0x00" }, SESSION.address, 0n);
    const payer = await RawPayer.join(seeder, content);
    const bytes = 1_000 * MEBIBYTE + BLOCK;
    await payer.pay({ cumulativeBytes: bytes, cumulativeAmount: paid + cost(BLOCK, PRICE) });
    await expect.poll(() => seeder.peers[0]?.meter?.bid).toBe(PRICE);
    payer.request(ALL);
    await expect.poll(() => payer.refusals.length, { timeout: 5_000 }).toBe(1);
    expect(payer.received).toBeLessThanOrEqual(MEBIBYTE + BLOCK);
  });
});

describe("a seeder hangs up on a peer that", () => {
  const good = { contentId: CONTENT, price: PRICE, window: MEBIBYTE };
  const text = (s: string) => Buffer.from(s, "latin1");
  test.each<[string, Uint8Array]>([
    ["sends no dictionary", text("i5e")],
    ["sends an endless one", text("d8:msg_typei1e")],
    [
      "sends more than a message may have",
      encode(
        new Map([
          ["msg_type", 1],
          ["x", 0],
        ]),
      ).length > 0
        ? Buffer.concat([
            encode(
              new Map<string, number | Uint8Array>([
                ["msg_type", 1],
                ["x", Buffer.alloc(MAX_MESSAGE)],
              ]),
            ),
          ])
        : text(""),
    ],
    ["sends data behind a message", Buffer.concat([encode(new Map([["msg_type", 2]])), text("x")])],
    ["sends a voucher without a payer", text("d8:msg_typei1ee")],
    ["sends a negative type", text("d8:msg_typei-1ee")],
    ["sends a text for a type", text("d8:msg_type1:1e")],
    ["makes an offer", encodePayMessage({ type: "offer", ...good })],
    ["refuses", encodePayMessage({ type: "refusal", reason: "price" })],
  ])("%s", async (_, payload) => {
    const content = await sample();
    const reasons: PeerError[] = [];
    const { seeder } = await sell(content, { seeder: { onPeerGone: ({ reason }) => reasons.push(reason) } });
    const payer = await RawPayer.join(seeder, content);
    payer.raw(payload);
    await expect
      .poll(() => reasons)
      .toMatchObject([{ fault: "malformed", message: expect.stringMatching(/hf_pay|dictionary/) }]);
  });

  test("sends bad vouchers again and again", async () => {
    const content = await sample();
    const reasons: PeerError[] = [];
    const { seeder } = await sell(content, { seeder: { onPeerGone: ({ reason }) => reasons.push(reason) } });
    const payer = await RawPayer.join(seeder, content);
    while (reasons.length === 0) {
      const { length } = payer.refusals;
      await payer.pay({ contentId: 1 });
      await expect.poll(() => payer.refusals.length + reasons.length).toBeGreaterThan(length);
    }
    expect(reasons).toMatchObject([{ fault: "flood" }]);
    expect(payer.refusals.length).toBeLessThan(20);
  });
});

test("a peer that says nothing of hf_pay, and one that never pays, are free peers", async () => {
  const content = await sample();
  const { seeder } = await sell(content);
  const silent = await RawPeer.join(seeder, content.torrent);
  silent.send({ type: "interested" });
  expect(await silent.next("unchoke")).toBeDefined();
  const idle = await RawPayer.join(seeder, content);
  await expect.poll(() => idle.choked).toBe(false);
  idle.request(ALL);
  await expect.poll(() => idle.received, { timeout: 10_000 }).toBe(6 * MEBIBYTE);
  expect(idle.terms).toEqual(TERMS);
  expect(idle.offer).toEqual({ type: "offer", contentId: CONTENT, price: PRICE, window: MEBIBYTE });
});
