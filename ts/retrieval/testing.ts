// Payers, operators and their books for the tests of this directory.

import { type Address, getAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { onTestFinished } from "vitest";
import { openStore, type Store } from "../store/store.ts";
import type { Seeder, SeederOptions } from "../wire/seeder.ts";
import { type Sample, seed, temporaryFolder } from "../wire/testing.ts";
import { Accountant, type AccountantOptions, type Means, type RefusedPayment } from "./accountant.ts";
import { MEBIBYTE } from "./credit.ts";
import type { Terms } from "./hf-pay.ts";
import { Ledger } from "./ledger.ts";
import { Payer, type PayerOptions } from "./payer.ts";
import { byBid } from "./unchoker.ts";
import type { Domain } from "./voucher.ts";

const key = (n: number) => privateKeyToAccount(`0x${n.toString(16).padStart(64, "0")}`);

export const PAYER = key(1);
export const SESSION = key(2);
export const STRANGER = key(3);
export const OPERATOR: Address = getAddress(`0x${"0a".repeat(20)}`);
export const DOMAIN: Domain = { chainId: 31337, contract: getAddress(`0x${"0c".repeat(20)}`) };
export const CONTENT = 7;
export const PRICE = 1_000_000n;
export const TERMS: Terms = { ...DOMAIN, operator: OPERATOR, price: PRICE, window: MEBIBYTE };

/** What a payer with a session key and plenty of money looks like on chain. */
export const RICH: Means = { funds: 10n ** 18n, paid: 0n, key: { expiry: 4e9, ceiling: 10n ** 18n, spent: 0n } };

export async function openTestStore(): Promise<Store> {
  const store = await openStore(await temporaryFolder());
  onTestFinished(() => store.close());
  return store;
}

export interface Shop {
  readonly seeder: Seeder;
  readonly ledger: Ledger;
  readonly accountant: Accountant;
  readonly refusals: RefusedPayment[];
}

/** A seeder of ours that sells `sample`, to payers with the means given. */
export async function sell(
  sample: Sample,
  options: Partial<AccountantOptions> & { seeder?: Partial<SeederOptions> } = {},
): Promise<Shop> {
  const ledger = options.ledger ?? (await Ledger.open(await openTestStore(), DOMAIN));
  const refusals: RefusedPayment[] = [];
  const accountant = new Accountant({
    terms: TERMS,
    meansOf: async () => RICH,
    contentOf: () => CONTENT,
    rechoke: () => seeder.rechoke(),
    graceMs: 200,
    onRefusal: (refusal) => refusals.push(refusal),
    ...options,
    ledger,
  });
  const seeder: Seeder = await seed(sample, {
    unchoker: byBid(8),
    extensions: accountant.extensions,
    ...options.seeder,
  });
  return { seeder, ledger, accountant, refusals };
}

/** A payer with a session key, and a store of its own. */
export async function payerFor(sample: Sample, options: Partial<PayerOptions> = {}): Promise<Payer> {
  return new Payer({
    domain: DOMAIN,
    payer: PAYER.address,
    signer: SESSION,
    contentId: CONTENT,
    pieceLength: sample.torrent.pieceLength,
    maxPrice: 10n * PRICE,
    budget: 10n ** 18n,
    reach: async () => 10n ** 18n,
    store: await openTestStore(),
    ...options,
  });
}

/** What a download needs to pay. */
export const payingWith = (payer: Payer) => ({
  extensions: payer.extensions,
  onVerified: payer.onVerified,
  beforeLeaving: payer.settle,
});
