import { type Address, isAddressEqual } from "viem";
import type { Bencode } from "../torrent/bencode.ts";
import type { Torrent } from "../torrent/metainfo.ts";
import { BLOCK } from "../torrent/trees.ts";
import { PeerError } from "../wire/errors.ts";
import type { Extension } from "../wire/extensions.ts";
import type { Meter } from "../wire/unchoker.ts";
import type { UploadPeer } from "../wire/upload.ts";
import { affordable, contentWindow, cost, creditWindow } from "./credit.ts";
import {
  announceTerms,
  decodePayMessage,
  encodePayMessage,
  HF_PAY,
  type PayMessage,
  type Payment,
  type Reason,
  type Terms,
} from "./hf-pay.ts";
import type { Ledger } from "./ledger.ts";
import { isSaneVoucher, sameDomain, voucherSigner } from "./voucher.ts";

/** A payer's means as the chain has them, for one operator. */
export interface Means {
  /** What the operator counts on: its earmark, and of the free deposit as much as it likes to trust. In asset wei. */
  readonly funds: bigint;
  /** What the contract has paid of the channel, in asset wei. */
  readonly paid: bigint;
  /** Of the session key asked about. Undefined when the payer never authorised it. */
  readonly key?: { readonly expiry: number; readonly ceiling: bigint; readonly spent: bigint } | undefined;
}

/**
 * Asks the chain. Rejects when it cannot be asked. `key` is undefined for the payer's own. `host` is where the peer is that wants it known:
 * for limits, as whoever makes up keys can have anything asked.
 */
export type MeansOf = (payer: Address, contentId: number, key: Address | undefined, host: string) => Promise<Means>;

export interface AccountantOptions {
  readonly terms: Terms;
  readonly ledger: Ledger;
  readonly meansOf: MeansOf;
  /** Number of a content in the catalog. Undefined for one that is not there: everybody is served for free. */
  readonly contentOf: (torrent: Torrent) => number | undefined;
  /** Lets the seeder choose anew: `Seeder.rechoke`. */
  readonly rechoke: () => void;
  /** How long sending waits for a voucher once the credit is used up, before the peer is choked (ms). Default 2 s. */
  readonly graceMs?: number | undefined;
  /** A session key that expires in less than so long (seconds) is no longer taken: redeeming takes its time. Default an hour. */
  readonly keyMargin?: number | undefined;
  /** By which keys expire, in Unix seconds. Default: this machine's clock. */
  readonly now?: (() => number) | undefined;
  readonly onRefusal?: ((refusal: RefusedPayment) => void) | undefined;
}

/** For the log. */
export interface RefusedPayment {
  readonly host: string;
  readonly port: number;
  readonly reason: Reason;
  readonly payer: Address;
  readonly contentId: number;
}

/** Means are asked for again when they are so old (ms). */
const MEANS_MS = 30_000;
/** How long sending waits for a voucher once the credit is used up (ms). */
const GRACE_MS = 2_000;
/** A session key is no longer taken so long before it expires (seconds). */
const KEY_MARGIN = 3_600;
/** Refused vouchers of one connection. */
const MAX_REFUSED = 16;

interface Wait {
  readonly session: Session;
  readonly bytes: number;
  readonly decide: (admitted: boolean) => void;
}

/** One (payer, content): what was sent over all its connections, and how much more may be. */
class Channel {
  /** Bytes sent since the channel's beginning; what was sent before this process began is as the last voucher has it. */
  served: number;
  /** Bytes of the last voucher on disk. */
  paid: number;
  /** Bytes that its amount is worth: what a payer says of times before our books began earns no credit. */
  history = 0;
  /** In wei per MiB. */
  bid = 0n;
  /** Funds that no voucher has promised away yet, in wei. */
  spare = 0n;
  /** Its time for a voucher is over. */
  overdue = false;
  /** What is to be sent once the next voucher is here. */
  readonly waits: Wait[] = [];
  /** Runs out when that takes too long. */
  patience: NodeJS.Timeout | undefined;

  constructor(bytes: number) {
    this.served = this.paid = bytes;
  }

  admit(bytes: number, window: number): boolean {
    const credit = Math.min(creditWindow(window, this.history), affordable(this.spare, this.bid));
    if (this.served + bytes > this.paid + credit) return false;
    this.served += bytes;
    return true;
  }

  /** A voucher came. */
  release(): void {
    this.#calm();
    this.overdue = false;
    while (this.waits.length > 0 && this.admit(this.waits[0]!.bytes, this.waits[0]!.session.window)) {
      this.waits.shift()!.decide(true);
    }
  }

  /** None came in time. */
  giveUp(): void {
    this.#calm();
    this.overdue = true;
    for (const { decide } of this.waits.splice(0)) decide(false);
  }

  leave(session: Session): void {
    const mine = this.waits.filter((wait) => wait.session === session);
    for (const wait of mine) {
      this.waits.splice(this.waits.indexOf(wait), 1);
      wait.decide(false);
    }
    if (this.waits.length === 0) this.#calm();
  }

  #calm(): void {
    clearTimeout(this.patience);
    this.patience = undefined;
  }
}

/**
 * Keeps a seeder's books: which peer pays, whether its vouchers are good, how much it may have on credit. Hand `extensions` to the seeder.
 * A peer pays from its first good voucher on, and is a free peer until then.
 */
export class Accountant {
  readonly options: AccountantOptions;
  readonly #channels = new Map<string, Channel>();
  readonly #means = new Map<string, { readonly at: number; readonly means: Promise<Means> }>();

  constructor(options: AccountantOptions) {
    this.options = options;
  }

  readonly extensions = (peer: UploadPeer, torrent: Torrent): readonly Extension[] => {
    const contentId = this.options.contentOf(torrent);
    if (contentId === undefined) return [];
    const session = new Session(this, peer, contentId, contentWindow(this.options.terms.window, torrent.pieceLength));
    peer.meter = session;
    return [session];
  };

  /** The contract has paid a channel so much in all, in wei: what is left of the payer's funds is asked anew. */
  async redeemed(payer: Address, contentId: number, paid: bigint): Promise<void> {
    for (const name of this.#means.keys()) if (name.startsWith(`${payer}/`)) this.#means.delete(name);
    await this.options.ledger.redeemed(payer, contentId, paid);
  }

  /**
   * Judges a voucher and, when it is good, has it written down.
   * @returns the channel, in which it counts from now on, or why it is refused
   */
  async take(payment: Payment, session: Session): Promise<Channel | Reason> {
    const { domain, voucher, bid } = payment;
    const { terms, ledger } = this.options;
    const { payer, contentId } = voucher;
    const ours = sameDomain(domain, terms) && isAddressEqual(voucher.operator, terms.operator);
    if (!ours || contentId !== session.contentId) return "domain";
    const last = ledger.get(payer, contentId);
    const bytes = voucher.cumulativeBytes - (last?.voucher.cumulativeBytes ?? 0);
    if (!isSaneVoucher(voucher) || bytes < BLOCK) return "stale";
    const signer = await voucherSigner(terms, voucher);
    if (signer === undefined) return "signature";
    const key = isAddressEqual(signer, payer) ? undefined : signer;
    const means = await this.#meansOf(payer, contentId, key, session.host).catch(() => undefined);
    if (means === undefined) return "unavailable";
    // Another connection of the channel may have paid meanwhile. From here on nothing can come between judging and taking.
    if (ledger.get(payer, contentId) !== last) return this.take(payment, session);

    // A redemption that our books have yet to hear of: what it paid is no longer among the funds, and no longer owed.
    if (last !== undefined) ledger.redeemed(payer, contentId, means.paid).catch(() => {});

    // The contract may have paid what our books lost or never had: of such a channel only the amount says what is new.
    const known = last !== undefined && last.voucher.cumulativeAmount >= means.paid;
    const amount = voucher.cumulativeAmount - (known ? last.voucher.cumulativeAmount : means.paid);
    if (amount <= 0n) return "stale";
    const least = cost(known ? bytes : BLOCK, session.channel?.bid ?? bid);
    if (bid < terms.price || amount < least) return "price";
    if (key !== undefined) {
      if (means.key === undefined) return "signature";
      const { expiry, ceiling, spent } = means.key;
      const now = this.options.now?.() ?? Date.now() / 1000;
      if (expiry - now < (this.options.keyMargin ?? KEY_MARGIN)) return "key";
      // A voucher replaces the last one, so what that one still owes falls to this one's key.
      const taken = known && !isAddressEqual(last.signer, key) ? ledger.owed(payer, contentId) : 0n;
      if (ledger.outstanding(payer, key) + taken + amount > ceiling - spent) return "key";
    }
    const spare = means.funds - ledger.outstanding(payer) - amount;
    if (spare < 0n) return "funds";

    const channel = this.#channel(payer, contentId);
    const debt = Math.max(0, channel.served - channel.paid);
    if (!known) channel.served = debt + Math.max(0, voucher.cumulativeBytes - affordable(amount, bid));
    await ledger.accept(voucher, signer, means.paid);
    channel.paid = Math.max(channel.paid, voucher.cumulativeBytes);
    channel.history = Math.min(channel.paid, affordable(voucher.cumulativeAmount, terms.price));
    channel.bid = bid;
    channel.spare = spare;
    return channel;
  }

  #channel(payer: Address, contentId: number): Channel {
    const key = `${payer}/${contentId}`;
    const known = this.#channels.get(key);
    if (known !== undefined) return known;
    const channel = new Channel(this.options.ledger.get(payer, contentId)?.voucher.cumulativeBytes ?? 0);
    this.#channels.set(key, channel);
    return channel;
  }

  #meansOf(payer: Address, contentId: number, key: Address | undefined, host: string): Promise<Means> {
    const name = `${payer}/${contentId}/${key ?? ""}`;
    const known = this.#means.get(name);
    const now = Date.now();
    if (known !== undefined && now - known.at < MEANS_MS) return known.means;
    for (const [old, { at }] of this.#means) if (now - at >= MEANS_MS) this.#means.delete(old);
    const means = this.options.meansOf(payer, contentId, key, host);
    this.#means.set(name, { at: now, means });
    means.catch(() => this.#means.delete(name));
    return means;
  }
}

/** One connection, as its accounts see it. */
class Session implements Extension, Meter {
  readonly name = HF_PAY;
  readonly announces: ReadonlyMap<string, Bencode>;
  readonly contentId: number;
  /** Of the content, in bytes. */
  readonly window: number;
  /** Since its first good voucher. */
  channel: Channel | undefined;

  readonly #accountant: Accountant;
  readonly #peer: UploadPeer;
  #send: ((payload: Uint8Array) => void) | undefined;
  /** To which what was last admitted is charged; undefined when that was free. */
  #charged: Channel | undefined;
  #judging = false;
  /** Came while another was judged. Of several the last is enough. */
  #next: Payment | undefined;
  #refused = 0;

  constructor(accountant: Accountant, peer: UploadPeer, contentId: number, window: number) {
    this.#accountant = accountant;
    this.#peer = peer;
    this.window = window;
    this.contentId = contentId;
    this.announces = announceTerms(accountant.options.terms);
  }

  get host(): string {
    return this.#peer.connection.address.host;
  }

  get bid(): bigint | undefined {
    return this.channel?.bid;
  }

  get overdue(): boolean {
    return this.channel?.overdue === true;
  }

  admit(bytes: number): boolean | Promise<boolean> {
    const { channel } = this;
    this.#charged = channel;
    if (channel === undefined) return true;
    if (channel.waits.length === 0 && channel.admit(bytes, this.window)) return true;
    if (channel.overdue) return false;
    return new Promise((decide) => {
      channel.waits.push({ session: this, bytes, decide });
      this.#remind(channel);
    });
  }

  refund(bytes: number): void {
    if (this.#charged !== undefined) this.#charged.served -= bytes;
  }

  onReady(send: (payload: Uint8Array) => void): void {
    this.#send = send;
    const { price } = this.#accountant.options.terms;
    this.#tell({ type: "offer", contentId: this.contentId, price, window: this.window });
  }

  onMessage(payload: Uint8Array): void {
    const message = decodePayMessage(payload);
    if (message === undefined || this.#next !== undefined) this.#peer.connection.noise();
    if (message === undefined) return;
    if (message.type !== "voucher") throw new PeerError("malformed", `${HF_PAY}: a ${message.type} from a downloader`);
    this.#next = message;
    if (!this.#judging) this.#judge().catch((error) => this.#peer.connection.fail(error));
  }

  onClose(): void {
    this.#send = undefined; // a voucher that came before still counts
    this.channel?.leave(this);
  }

  refuse(reason: Reason, payer?: Address): void {
    const last = payer && reason === "stale" ? this.#accountant.options.ledger.get(payer, this.contentId) : undefined;
    this.#tell({ type: "refusal", reason, last: last?.voucher });
  }

  async #judge(): Promise<void> {
    this.#judging = true;
    for (let payment = this.#next; payment !== undefined; payment = this.#next) {
      this.#next = undefined;
      const { payer } = payment.voucher;
      const verdict = await this.#accountant.take(payment, this);
      if (typeof verdict !== "string") this.#paid(verdict);
      else {
        this.refuse(verdict, payer);
        const { host, port } = this.#peer.connection.address;
        this.#accountant.options.onRefusal?.({ host, port, reason: verdict, payer, contentId: this.contentId });
        if (++this.#refused > MAX_REFUSED)
          throw new PeerError("flood", `${HF_PAY}: more than ${MAX_REFUSED} bad vouchers`);
      }
    }
    this.#judging = false;
  }

  #paid(channel: Channel): void {
    const began = this.channel !== channel;
    this.channel = channel;
    const overdue = channel.overdue;
    channel.release();
    if (channel.waits.length > 0) this.#remind(channel);
    if (began || overdue) this.#accountant.options.rechoke();
  }

  /** More is asked for than the credit allows: the peer is told, and has a moment to pay. */
  #remind(channel: Channel): void {
    if (channel.patience !== undefined) return;
    const { graceMs = GRACE_MS, rechoke } = this.#accountant.options;
    this.refuse("credit");
    channel.patience = setTimeout(() => {
      channel.giveUp();
      rechoke();
    }, graceMs);
    channel.patience.unref();
  }

  #tell(message: PayMessage): void {
    this.#send?.(encodePayMessage(message));
  }
}
