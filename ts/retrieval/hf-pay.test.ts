import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decode, encode } from "../torrent/bencode.ts";
import type { Dictionary } from "../wire/extensions.ts";
import { affordable, cost, creditWindow, MEBIBYTE } from "./credit.ts";
import { announceTerms, decodePayMessage, encodePayMessage, type PayMessage, readTerms } from "./hf-pay.ts";
import { CONTENT, DOMAIN, OPERATOR, PAYER, PRICE, SESSION, STRANGER, TERMS } from "./testing.ts";
import { MAX_AMOUNT, type SignedVoucher, signVoucher, type Voucher, voucherSigner } from "./voucher.ts";

const VOUCHER: Voucher = {
  payer: PAYER.address,
  operator: OPERATOR,
  contentId: CONTENT,
  cumulativeAmount: 15_625n,
  cumulativeBytes: 16_384,
};
const signed = await signVoucher(SESSION, DOMAIN, VOUCHER);

/** The examples of docs/hf-pay.md, by name. */
const EXAMPLES = new Map(
  [...readFileSync("docs/hf-pay.md", "utf8").matchAll(/```hex (\w+)\n([^`]+)```/g)].map(([, name, hex]) => [
    name!,
    Buffer.from(hex!.replaceAll(/\s/g, ""), "hex"),
  ]),
);

describe("docs/hf-pay.md shows", () => {
  test.each<[string, PayMessage]>([
    ["offer", { type: "offer", contentId: CONTENT, price: PRICE, window: MEBIBYTE }],
    ["voucher", { type: "voucher", domain: DOMAIN, voucher: signed, bid: PRICE }],
    ["credit", { type: "refusal", reason: "credit" }],
    ["stale", { type: "refusal", reason: "stale", last: signed }],
  ])("%s as it is sent and read", (name, message) => {
    expect(Buffer.from(encodePayMessage(message))).toEqual(EXAMPLES.get(name));
    expect(encodePayMessage(decodePayMessage(EXAMPLES.get(name)!)!)).toEqual(EXAMPLES.get(name));
  });

  test("the terms as they are announced and read", () => {
    expect(Buffer.from(encode(announceTerms(TERMS)))).toEqual(EXAMPLES.get("terms"));
    expect(readTerms(decode(EXAMPLES.get("terms")!) as Dictionary)).toEqual(TERMS);
  });
});

test("messages and reasons that a later version adds are ignored", () => {
  expect(decodePayMessage(encode(new Map([["msg_type", 3]])))).toBeUndefined();
  expect(
    decodePayMessage(
      encode(
        new Map([
          ["msg_type", 2],
          ["reason", 99],
        ]),
      ),
    ),
  ).toBeUndefined();
});

test("H-RET-1: whoever changes anything in a voucher gets a stranger's address", async () => {
  expect(await voucherSigner(DOMAIN, signed)).toBe(SESSION.address);
  const changes: Partial<Voucher>[] = [
    { payer: OPERATOR },
    { operator: PAYER.address },
    { contentId: 8 },
    { cumulativeAmount: 15_626n },
    { cumulativeBytes: 16_385 },
  ];
  for (const change of changes) expect(await voucherSigner(DOMAIN, { ...signed, ...change })).not.toBe(SESSION.address);
  expect(await voucherSigner({ ...DOMAIN, chainId: 1 }, signed)).not.toBe(SESSION.address);
  expect(await voucherSigner({ ...DOMAIN, contract: OPERATOR }, signed)).not.toBe(SESSION.address);
});

test("a signature that the contract would not take is no signature", async () => {
  const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const [r, s, v] = [signed.signature.slice(2, 66), signed.signature.slice(66, 130), signed.signature.slice(130)];
  const high = (N - BigInt(`0x${s}`)).toString(16).padStart(64, "0");
  const other = v === "1b" ? "1c" : "1b";
  const forms = [`0x${r}${high}${other}`, `0x${r}${s}${v === "1b" ? "00" : "01"}`, `0x${r}${s}`, "0x"] as const;
  for (const signature of forms) expect(await voucherSigner(DOMAIN, { ...signed, signature })).toBeUndefined();
  const zero: SignedVoucher = { ...signed, signature: `0x${"00".repeat(64)}1b` };
  expect(await voucherSigner(DOMAIN, zero)).toBeUndefined();
});

test("nothing is signed that the contract could not pay", async () => {
  const most = { ...VOUCHER, cumulativeAmount: MAX_AMOUNT };
  expect(await voucherSigner(DOMAIN, await signVoucher(STRANGER, DOMAIN, most))).toBe(STRANGER.address);
  for (const wrong of [
    { cumulativeAmount: MAX_AMOUNT + 1n },
    { cumulativeAmount: 0n },
    { cumulativeBytes: 0 },
    { contentId: -1 },
  ]) {
    await expect(signVoucher(SESSION, DOMAIN, { ...VOUCHER, ...wrong })).rejects.toThrow(RangeError);
  }
});

test("prices are rounded in the operator's favour, and what is affordable never costs more", () => {
  for (const price of [1n, 3n, PRICE, 10n ** 18n]) {
    for (const amount of [0n, 1n, 999n, 10n ** 9n, MAX_AMOUNT]) {
      const bytes = affordable(amount, price);
      if (bytes < Number.MAX_SAFE_INTEGER) {
        expect(cost(bytes, price)).toBeLessThanOrEqual(amount);
        expect(cost(bytes + 1, price)).toBeGreaterThan(amount);
      }
    }
  }
  expect(affordable(0n, 0n)).toBe(0);
  expect(cost(1, 1n)).toBe(1n);
});

test("a window is the offer's, then half of what was paid, and ends at 64 MiB", () => {
  const windows = [0, 2, 3, 100, 10_000].map((history) => creditWindow(MEBIBYTE, history * MEBIBYTE) / MEBIBYTE);
  expect(windows).toEqual([1, 1, 1.5, 50, 64]);
  expect(creditWindow(256 * MEBIBYTE, 0)).toBe(256 * MEBIBYTE);
});
