import { expect, test } from "vitest";
import { openStore } from "../store/store.ts";
import { temporaryFolder } from "../wire/testing.ts";
import { Ledger } from "./ledger.ts";
import { OPERATOR, openTestStore, PAYER, SESSION, STRANGER, TERMS } from "./testing.ts";
import type { SignedVoucher } from "./voucher.ts";

const voucher = (contentId: number, cumulativeAmount: bigint, payer = PAYER.address): SignedVoucher => ({
  payer,
  operator: OPERATOR,
  contentId,
  cumulativeAmount,
  cumulativeBytes: 16_384,
  signature: "0x00",
});

test("a voucher that was accepted is there after a restart; of several in one write the last", async () => {
  const folder = await temporaryFolder();
  const store = await openStore(folder);
  const ledger = await Ledger.open(store, TERMS);
  const writes = [1n, 2n, 3n].map((amount) => ledger.accept(voucher(7, amount), SESSION.address, 0n));
  await Promise.all([...writes, ledger.accept(voucher(8, 9n), SESSION.address, 0n)]);
  await store.close();

  const again = await openStore(folder);
  const reopened = await Ledger.open(again, TERMS);
  expect(reopened.redeemable().map((entry) => entry.voucher)).toEqual([voucher(7, 3n), voucher(8, 9n)]);
  const elsewhere = await Ledger.open(again, { ...TERMS, chainId: 1 });
  expect(elsewhere.redeemable()).toEqual([]);
  const paidElsewhere = await Ledger.open(again, { ...TERMS, operator: STRANGER.address });
  expect(paidElsewhere.get(PAYER.address, 7)).toBeUndefined();
  await again.close();
});

test("what is outstanding is what was promised and not paid, by payer and by key", async () => {
  const ledger = await Ledger.open(await openTestStore(), TERMS);
  await ledger.accept(voucher(1, 100n), SESSION.address, 30n);
  await ledger.accept(voucher(2, 50n), PAYER.address, 0n);
  await ledger.accept(voucher(1, 7n, STRANGER.address), STRANGER.address, 0n);
  expect(ledger.outstanding(PAYER.address)).toBe(120n);
  expect(ledger.outstanding(PAYER.address, SESSION.address)).toBe(70n);
  await ledger.redeemed(PAYER.address, 1, 100n);
  await ledger.redeemed(PAYER.address, 1, 60n); // an older answer changes nothing
  await ledger.redeemed(PAYER.address, 99, 1n);
  expect(ledger.outstanding(PAYER.address)).toBe(50n);
  expect(ledger.redeemable().map((entry) => entry.voucher)).toEqual([
    voucher(2, 50n),
    voucher(1, 7n, STRANGER.address),
  ]);
  expect(ledger.redeemable(STRANGER.address).length).toBe(1);
});

test("a write that fails is an error to those who wait for it", async () => {
  const store = await openStore(await temporaryFolder());
  const ledger = await Ledger.open(store, TERMS);
  await store.close();
  await expect(ledger.accept(voucher(1, 1n), SESSION.address, 0n)).rejects.toThrow();
});
