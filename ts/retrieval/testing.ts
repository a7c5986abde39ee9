// Payers, operators and their books for the tests of this directory.

import { type Address, getAddress, type LocalAccount } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { expect, onTestFinished } from "vitest";
import { openStore, type Store } from "../store/store.ts";
import { encode } from "../torrent/bencode.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { BLOCK } from "../torrent/trees.ts";
import { type Dictionary, readDictionary } from "../wire/extensions.ts";
import type { Message } from "../wire/messages.ts";
import type { Seeder, SeederOptions } from "../wire/seeder.ts";
import { RawPeer, type Sample, seed, temporaryFolder } from "../wire/testing.ts";
import { Accountant, type AccountantOptions, type Means, type RefusedPayment } from "./accountant.ts";
import { cost, MEBIBYTE } from "./credit.ts";
import {
  decodePayMessage,
  encodePayMessage,
  HF_PAY,
  type Offer,
  type Refusal,
  readTerms,
  type Terms,
} from "./hf-pay.ts";
import { Ledger } from "./ledger.ts";
import { Payer, type PayerOptions } from "./payer.ts";
import { byBid } from "./unchoker.ts";
import { type Domain, type SignedVoucher, signVoucher, type Voucher } from "./voucher.ts";

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
  const ledger = options.ledger ?? (await Ledger.open(await openTestStore(), TERMS));
  const refusals: RefusedPayment[] = [];
  const accountant = new Accountant({
    terms: TERMS,
    meansOf: async (_, __, key) => (key === SESSION.address ? RICH : { ...RICH, key: undefined }),
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

type Extended = Extract<Message, { type: "extended" }>;

/** A bare socket that pays as badly as a test tells it to. Interested from the start. */
export class RawPayer {
  readonly peer: RawPeer;
  /** What the seeder announced. */
  readonly terms: Terms;
  /** Bytes of blocks received. */
  received = 0;
  readonly refusals: Refusal[] = [];
  offer: Offer | undefined;
  choked = true;
  readonly #theirs: number;

  private constructor(peer: RawPeer, terms: Terms, theirs: number) {
    this.peer = peer;
    this.terms = terms;
    this.#theirs = theirs;
  }

  static async join(seeder: PeerAddress, { torrent }: Pick<Sample, "torrent">): Promise<RawPayer> {
    const peer = await RawPeer.join(seeder, torrent);
    const handshake = encode(new Map([["m", new Map([[HF_PAY, 9]])]]));
    peer.send({ type: "interested" }, { type: "extended", extension: 0, payload: handshake });
    const [theirs] = readDictionary((await peer.next("extended"))!.payload, 4_096);
    const payer = new RawPayer(peer, readTerms(theirs)!, (theirs.get("m") as Dictionary).get(HF_PAY) as number);
    void payer.#listen();
    await expect.poll(() => payer.offer).toBeDefined();
    return payer;
  }

  raw(payload: Uint8Array): void {
    this.peer.send({ type: "extended", extension: this.#theirs, payload });
  }

  /** Signs a voucher that is good but for the changes, and sends it. */
  async pay(change: VoucherChange = {}): Promise<SignedVoucher> {
    const { signer = SESSION, domain = DOMAIN, bid = PRICE, signAs = {}, ...rest } = change;
    const bytes = rest.cumulativeBytes ?? BLOCK;
    const voucher: Voucher = {
      payer: PAYER.address,
      operator: OPERATOR,
      contentId: CONTENT,
      cumulativeAmount: cost(bytes, PRICE),
      ...rest,
      cumulativeBytes: bytes,
    };
    const { signature } = await signVoucher(signer, { ...domain, ...signAs }, { ...voucher, ...signAs });
    const signed = { ...voucher, signature };
    this.raw(encodePayMessage({ type: "voucher", domain, voucher: signed, bid }));
    return signed;
  }

  request(blocks: number, from = 0): void {
    for (let i = from; i < from + blocks; i++) {
      const [piece, begin] = [Math.floor(i / 16), (i % 16) * BLOCK]; // pieces of 256 KiB
      this.peer.send({ type: "request", piece, begin, length: BLOCK });
    }
  }

  async #listen(): Promise<void> {
    for (;;) {
      const message = await this.peer.next("piece", "extended", "choke", "unchoke");
      if (message === undefined) return;
      if (message.type === "piece") this.received += message.data.length;
      else if (message.type === "extended") this.#onExtended(message);
      else this.choked = message.type === "choke";
    }
  }

  #onExtended({ extension, payload }: Extended): void {
    const message = extension === 9 ? decodePayMessage(payload) : undefined;
    if (message?.type === "offer") this.offer = message;
    if (message?.type === "refusal") this.refusals.push(message);
  }
}

/** What is wrong with a voucher; `signAs` is signed instead of what is said. */
export type VoucherChange = Partial<Voucher> & {
  readonly signer?: LocalAccount;
  readonly domain?: Domain;
  readonly bid?: bigint;
  readonly signAs?: Partial<Voucher & Domain>;
};
