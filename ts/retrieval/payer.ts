import { type Address, getAddress, isAddressEqual, type LocalAccount } from "viem";
import { DURABLE, type Store, table } from "../store/store.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { BLOCK } from "../torrent/trees.ts";
import type { PeerClient } from "../wire/client.ts";
import { PeerError } from "../wire/errors.ts";
import type { Dictionary, Extension } from "../wire/extensions.ts";
import { affordable, cost, creditWindow, DEFAULT_WINDOW } from "./credit.ts";
import {
  decodePayMessage,
  encodePayMessage,
  HF_PAY,
  type Offer,
  type Reason,
  type Refusal,
  readTerms,
  type Terms,
} from "./hf-pay.ts";
import {
  type Domain,
  MAX_AMOUNT,
  type SignedVoucher,
  sameDomain,
  signVoucher,
  type Voucher,
  voucherSigner,
} from "./voucher.ts";

export interface PayerOptions {
  readonly domain: Domain;
  readonly payer: Address;
  /** The payer's key or, better, a session key's. */
  readonly signer: LocalAccount;
  /** Session keys that signed for this payer before, and whose records may be lost: what they promised is believed when an operator shows it. */
  readonly formerKeys?: readonly Address[] | undefined;
  readonly contentId: number;
  /** Of the torrent, in bytes: less than a piece cannot be verified. */
  readonly pieceLength: number;
  /** Most to pay, in wei per MiB: who asks for more is paid nothing. */
  readonly maxPrice: bigint;
  /** What to pay where less is asked for, in wei per MiB: who bids more comes first. */
  readonly bid?: bigint | undefined;
  /** Most that this run promises to all operators together, in asset wei: what is left of the session key's ceiling. */
  readonly budget: bigint;
  /**
   * How far the channel to an operator may go, in asset wei from its beginning on: what the contract has paid of it, and
   * what is earmarked for the operator and not promised elsewhere. 0 pays nothing.
   */
  readonly reach: (operator: Address) => Promise<bigint>;
  readonly store: Store;
  /**
   * An operator offers the content within our price. With this it is a free seeder until `begin`; without it every operator is
   * paid at once.
   */
  readonly onOffer?: ((operator: Address, price: bigint) => void) | undefined;
  readonly onEnded?: ((operator: Address, why: Ended) => void) | undefined;
  readonly onRefusal?: ((operator: Address, reason: Reason) => void) | undefined;
}

/** What an operator gave and was given, from the channel's beginning on. Written before a voucher leaves. */
export interface Account {
  /** Bytes that matched the torrent. */
  readonly verified: number;
  /** As in the last voucher signed. */
  readonly bytes: number;
  readonly amount: bigint;
}

/** What a download cost, operator by operator. */
export interface ReceiptLine {
  readonly operator: Address;
  /** Bytes of this download that it sent and that matched the torrent. */
  readonly bytes: number;
  /** What this download promised to it, in asset wei. */
  readonly paid: bigint;
  /** In wei per MiB, rounded down. */
  readonly averagePrice: bigint;
  /** Bytes that this download paid for and that never came or never matched. At most a credit window. */
  readonly lost: number;
  /** Why it was paid no more, if it was not. */
  readonly ended: Ended | undefined;
}

/** Why an operator gets no more vouchers: its refusal, a limit of ours, or our choice of others. */
export type Ended = Reason | "price above our limit" | "budget used up" | "earmark used up" | "too slow";

const NOTHING: Account = { verified: 0, bytes: 0, amount: 0n };
/** A voucher that could not be judged is sent again after so long (ms): who is choked meanwhile would never have cause to pay more. */
const AGAIN_MS = 2_000;
/** For the last vouchers to leave (ms). */
const FAREWELL_MS = 5_000;

/**
 * Pays the operators that a download comes from. Hand `extensions`, `onVerified` and `settle` (as `beforeLeaving`) to the
 * download. What it signs follows what was verified, and is ahead of it by at most a credit window.
 */
export class Payer {
  readonly options: PayerOptions;
  readonly #channels = new Map<Address, Promise<Channel>>();
  readonly #open = new Set<Channel>();
  readonly #sessions = new Map<PeerAddress, Session>();

  constructor(options: PayerOptions) {
    const { bid = 0n, maxPrice } = options;
    if (bid > maxPrice) throw new RangeError(`a bid of ${bid} wei per MiB above the highest price of ${maxPrice}`);
    this.options = options;
  }

  readonly extensions = (client: PeerClient, address: PeerAddress): readonly Extension[] => {
    const session = new Session(this, client);
    this.#sessions.set(address, session);
    return [session];
  };

  /** Bytes of a verified piece came from a peer. */
  readonly onVerified = (address: PeerAddress, bytes: number): void => {
    this.#sessions.get(address)?.verified(bytes);
  };

  /** Pays an operator from here on. */
  begin(operator: Address): void {
    void this.#channels.get(operator)?.then((channel) => channel.begin());
  }

  /** Pays an operator what is owed, and then no more. */
  end(operator: Address, why: Ended): void {
    void this.#channels.get(operator)?.then((channel) => channel.settle().then(() => channel.end(why)));
  }

  /** Pays what is still owed, to those that are still there. */
  readonly settle = async (): Promise<void> => {
    const last = Promise.all([...this.#open].map((channel) => channel.settle()));
    await Promise.race([last, new Promise((resolve) => setTimeout(resolve, FAREWELL_MS).unref())]);
  };

  /** Promised in this run, in asset wei. */
  get spent(): bigint {
    return [...this.#open].reduce((sum, channel) => sum + channel.spent, 0n);
  }

  get receipt(): ReceiptLine[] {
    return [...this.#open].map((channel) => channel.receipt);
  }

  /** Who is paid at an address, as far as it has said so. */
  operatorAt(address: PeerAddress): Address | undefined {
    return this.#sessions.get(address)?.operator;
  }

  channel(operator: Address): Promise<Channel> {
    const known = this.#channels.get(operator);
    if (known !== undefined) return known;
    const channel = Channel.open(this, operator);
    this.#channels.set(operator, channel);
    channel.then(
      (opened) => this.#open.add(opened),
      () => this.#channels.delete(operator),
    );
    return channel;
  }
}

/** What passes between a payer and one operator about one content, over all connections to it. */
class Channel {
  readonly operator: Address;
  readonly sessions = new Set<Session>();
  ended: Ended | undefined;
  readonly #payer: Payer;
  readonly #reach: bigint;
  #paying: boolean;
  /** Bytes that it sent for free. */
  #free = 0;
  /** As this run found it. */
  #began: Account;
  #account: Account;
  #signing: Promise<void> = Promise.resolve();
  /** Bytes of the voucher that the operator could not judge. */
  #unjudged = 0;
  #again: NodeJS.Timeout | undefined;

  private constructor(payer: Payer, operator: Address, account: Account, reach: bigint) {
    this.#payer = payer;
    this.operator = operator;
    this.#paying = payer.options.onOffer === undefined;
    // What an earlier run was cut off from it has lost: this one does not wait for it.
    this.#account = this.#began = { ...account, verified: Math.max(account.verified, account.bytes) };
    this.#reach = reach > MAX_AMOUNT ? MAX_AMOUNT : reach;
  }

  static async open(payer: Payer, operator: Address): Promise<Channel> {
    const [account, reach] = await Promise.all([
      accounts(payer.options).get(accountKey(payer.options, operator)),
      payer.options.reach(operator),
    ]);
    return new Channel(payer, operator, account ?? NOTHING, reach);
  }

  get spent(): bigint {
    return this.#account.amount - this.#began.amount;
  }

  get receipt(): ReceiptLine {
    const { verified, bytes } = this.#account;
    const paidFor = bytes - this.#began.bytes;
    return {
      operator: this.operator,
      bytes: verified - this.#began.verified + this.#free,
      paid: this.spent,
      averagePrice: paidFor === 0 ? 0n : (this.spent << 20n) / BigInt(paidFor),
      lost: Math.max(0, bytes - verified),
      ended: this.ended,
    };
  }

  begin(): void {
    if (this.#paying || this.ended !== undefined) return;
    this.#paying = true;
    for (const session of this.sessions) this.pay(session, BLOCK);
  }

  /** No more vouchers. Who was paid on a connection would choke it from here on: it begins anew, as a free peer's. */
  end(why: Ended): void {
    if (this.ended !== undefined) return;
    this.ended = why;
    this.#paying = false;
    this.#payer.options.onEnded?.(this.operator, why);
    for (const session of this.sessions) session.leave(why);
  }

  verified(bytes: number, session: Session): void {
    if (!this.#paying && this.#account.verified >= this.#account.bytes) {
      this.#free += bytes;
      return;
    }
    this.#account = { ...this.#account, verified: this.#account.verified + bytes };
    const { verified, bytes: paid } = this.#account;
    if (verified - paid >= session.window(paid) / 2) this.pay(session, 0);
  }

  /** The rest, over any connection that is left. */
  async settle(): Promise<void> {
    const session = [...this.sessions].find(({ open }) => open);
    const { verified, bytes } = this.#account;
    if (session !== undefined && this.#paying && verified > bytes) this.pay(session, 0);
    await this.#signing;
    await session?.drained();
    await accounts(this.#payer.options).put(accountKey(this.#payer.options, this.operator), this.#account, DURABLE);
  }

  /** Signs for what is verified and up to `ahead` bytes more, one voucher after the other. */
  pay(session: Session, ahead: number): void {
    this.#signing = this.#signing.then(() => this.#pay(session, ahead)).catch((error) => session.fail(error));
  }

  /** Sends the last voucher once more in a while, unless there is a later one by then. */
  repeat(session: Session): void {
    this.#unjudged = this.#account.bytes;
    if (this.#again !== undefined) return;
    const again = async () => {
      const { bytes, amount } = this.#account;
      if (!this.#paying || !session.open || bytes !== this.#unjudged) return;
      const { signer, domain } = this.#payer.options;
      session.send(await signVoucher(signer, domain, this.#voucher(bytes, amount)));
    };
    this.#again = setTimeout(() => {
      this.#again = undefined;
      this.#signing = this.#signing.then(again).catch((error) => session.fail(error));
    }, AGAIN_MS);
    this.#again.unref();
  }

  /** Goes on from the operator's last voucher. @returns false when it is later than all we remember, and not signed by us */
  async adopt(last: NonNullable<Refusal["last"]>): Promise<boolean> {
    const { domain, payer, signer, formerKeys = [] } = this.#payer.options;
    const { cumulativeBytes: bytes, cumulativeAmount: amount } = last;
    if (bytes <= this.#account.bytes && amount <= this.#account.amount) return true;
    const by = await voucherSigner(domain, { ...this.#voucher(bytes, amount), ...last });
    const ours = [signer.address, payer, ...formerKeys];
    if (by === undefined || !ours.some((key) => isAddressEqual(by, key))) return false;
    const { verified } = this.#account;
    // What an earlier run paid and we forgot is no part of this one, and what this one signed below it is worth nothing more.
    this.#began = { verified: this.#began.verified + Math.max(0, bytes - verified), bytes, amount };
    this.#account = { verified: Math.max(verified, bytes), bytes, amount };
    return true;
  }

  async #pay(session: Session, ahead: number): Promise<void> {
    const { options } = this.#payer;
    if (!this.#paying || !session.open) return;
    const { verified, bytes, amount } = this.#account;
    const most = verified + session.window(0);
    // A voucher is for a block at least, be it a few bytes ahead.
    const wanted = Math.min(most, Math.max(verified + ahead, bytes + BLOCK));
    const budget = affordable(options.budget - this.#payer.spent, session.bid);
    const reach = affordable(this.#reach - amount, session.bid);
    const growth = Math.min(wanted - bytes, budget, reach);
    if (growth < BLOCK) {
      if (wanted - bytes >= BLOCK) this.end(budget < reach ? "budget used up" : "earmark used up");
      return;
    }
    this.#account = { verified, bytes: bytes + growth, amount: amount + cost(growth, session.bid) };
    // Not synced: this outlives the process, and should the machine lose it the operator's `stale` brings it back.
    await accounts(options).put(accountKey(options, this.operator), this.#account);
    const voucher = this.#voucher(this.#account.bytes, this.#account.amount);
    session.send(await signVoucher(options.signer, options.domain, voucher));
  }

  #voucher(cumulativeBytes: number, cumulativeAmount: bigint): Voucher {
    const { payer, contentId } = this.#payer.options;
    return { payer, operator: this.operator, contentId, cumulativeAmount, cumulativeBytes };
  }
}

/** One connection. */
class Session implements Extension {
  readonly name = HF_PAY;
  readonly #payer: Payer;
  readonly #client: PeerClient;
  #reply: ((payload: Uint8Array) => void) | undefined;
  #terms: Terms | undefined;
  #offer: Offer | undefined;
  #channel: Channel | undefined;
  #verified = 0;
  /** Came before the channel was known. */
  #early = 0;
  /** A voucher was sent: to the operator this is a paying peer. */
  #paid = false;

  constructor(payer: Payer, client: PeerClient) {
    this.#payer = payer;
    this.#client = client;
  }

  get open(): boolean {
    return this.#reply !== undefined && this.#offer !== undefined;
  }

  get operator(): Address | undefined {
    return this.#channel?.operator;
  }

  /** In wei per MiB. */
  get bid(): bigint {
    const { bid = 0n } = this.#payer.options;
    const { price } = this.#offer!;
    if (bid < price) return price;
    return bid;
  }

  /** What may be risked after so many bytes, in bytes: what was offered, but no more than it takes to verify a piece. */
  window(history: number): number {
    const { pieceLength } = this.#payer.options;
    return creditWindow(Math.min(this.#offer!.window, Math.max(DEFAULT_WINDOW, pieceLength)), history);
  }

  /** Bytes received and not verified yet. */
  get unverified(): number {
    return Math.max(0, this.#client.downloaded - this.#verified);
  }

  verified(bytes: number): void {
    this.#verified += bytes;
    if (this.#channel === undefined) this.#early += bytes;
    else this.#channel.verified(bytes, this);
  }

  send(voucher: SignedVoucher): void {
    const { domain } = this.#payer.options;
    this.#reply?.(encodePayMessage({ type: "voucher", domain, voucher, bid: this.bid }));
    this.#paid = true;
  }

  /** Hangs up once the last voucher is sent, if there was any. */
  leave(why: Ended): void {
    if (this.#paid) void this.drained().then(() => this.#client.close("stopped", `we pay it no more: ${why}`));
  }

  async drained(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve)); // until then what was said is still gathered
    await this.#client.connection.drained();
  }

  fail(error: unknown): void {
    this.#client.connection.fail(error);
  }

  onReady(send: (payload: Uint8Array) => void, handshake: Dictionary): void {
    this.#terms = readTerms(handshake);
    this.#reply = send;
  }

  onMessage(payload: Uint8Array): void {
    const message = decodePayMessage(payload);
    if (message === undefined) this.#client.connection.noise();
    else if (message.type === "offer") this.#onOffer(message).catch((error) => this.fail(error));
    else if (message.type === "refusal") this.#onRefusal(message).catch((error) => this.fail(error));
    else throw new PeerError("malformed", `${HF_PAY}: a voucher from a seeder`);
  }

  onClose(): void {
    this.#reply = undefined;
    this.#channel?.sessions.delete(this);
  }

  async #onOffer(offer: Offer): Promise<void> {
    const { domain, contentId, maxPrice } = this.#payer.options;
    const terms = this.#terms;
    if (this.#offer !== undefined) return this.#client.connection.noise();
    if (terms === undefined || !sameDomain(terms, domain) || offer.contentId !== contentId) return;
    this.#offer = offer;
    const channel = await this.#payer.channel(terms.operator);
    if (offer.price > maxPrice) channel.end("price above our limit");
    this.#channel = channel;
    if (this.open) channel.sessions.add(this); // it may have hung up meanwhile
    if (channel.ended === undefined) this.#payer.options.onOffer?.(terms.operator, offer.price);
    // Shows that we pay: from here on the seeder gives credit.
    channel.pay(this, BLOCK);
    if (this.#early > 0) channel.verified(this.#early, this);
  }

  async #onRefusal({ reason, last }: Refusal): Promise<void> {
    this.#client.connection.noise();
    const channel = this.#channel;
    if (channel === undefined) return;
    if (reason === "credit") channel.pay(this, this.unverified);
    else if (reason === "stale" && last !== undefined && (await channel.adopt(last))) channel.pay(this, BLOCK);
    else if (reason === "unavailable") channel.repeat(this);
    else channel.end(reason);
    if (reason !== "credit") this.#payer.options.onRefusal?.(channel.operator, reason);
  }
}

/** What a payer has promised to an operator for a content, in asset wei from the channel's beginning on. */
export interface Promised {
  readonly operator: Address;
  readonly contentId: number;
  readonly amount: bigint;
}

/** What a payer has promised in all its runs, channel by channel. */
export async function promisedBy(options: Pick<PayerOptions, "store" | "domain" | "payer">): Promise<Promised[]> {
  const prefix = `${options.payer.toLowerCase()}/`;
  const promised: Promised[] = [];
  for await (const [key, { amount }] of accounts(options).iterator({ gte: prefix, lt: `${prefix}~` })) {
    const [, contentId, operator] = key.split("/");
    promised.push({ operator: getAddress(operator!), contentId: Number(contentId), amount });
  }
  return promised;
}

function accounts({ store, domain }: Pick<PayerOptions, "store" | "domain">) {
  return table<Account>(store, `paid-${domain.chainId}-${domain.contract.toLowerCase()}`);
}

function accountKey({ payer, contentId }: PayerOptions, operator: Address): string {
  return `${payer.toLowerCase()}/${contentId}/${operator.toLowerCase()}`;
}
