import { type Address, getAddress, isAddressEqual } from "viem";
import { DURABLE, type Store, type Table, table } from "../store/store.ts";
import type { Domain, SignedVoucher, Voucher } from "./voucher.ts";

/** A channel as its operator has it on disk. */
export interface Entry {
  /** The last good one. */
  readonly voucher: SignedVoucher;
  /** The payer, or the session key that signed. */
  readonly signer: Address;
  /** What the contract has paid of it, in wei, as far as we were told. */
  readonly redeemed: bigint;
}

/** Who is paid, and where. A channel to one address goes on at no other. */
export type Payee = Domain & Pick<Voucher, "operator">;

/**
 * The vouchers an operator was given, on disk. Those that come while a write is under way are written together by the next, so that a
 * hundred peers cost no more waits for the disk than one.
 */
export class Ledger {
  readonly #table: Table<Entry>;
  /** By payer, then by content. */
  readonly #payers = new Map<Address, Map<number, Entry>>();
  #waiting = new Map<string, Entry>();
  #write: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  readonly #store: Store;

  private constructor(store: Store, entries: Table<Entry>) {
    this.#store = store;
    this.#table = entries;
  }

  /** The vouchers to one operator for one contract; the store may hold those of others. */
  static async open(store: Store, { chainId, contract, operator }: Payee): Promise<Ledger> {
    const name = `vouchers-${chainId}-${contract}-${operator}`.toLowerCase();
    const ledger = new Ledger(store, table<Entry>(store, name));
    for await (const entry of ledger.#table.values()) ledger.#remember(entry);
    return ledger;
  }

  get(payer: Address, contentId: number): Entry | undefined {
    return this.#payers.get(getAddress(payer))?.get(contentId);
  }

  /** What a payer has promised and the contract has not yet paid, in wei: by all its channels, or those one key signed. */
  outstanding(payer: Address, signer?: Address): bigint {
    let sum = 0n;
    for (const entry of this.#payers.get(getAddress(payer))?.values() ?? []) {
      if (signer === undefined || isAddressEqual(entry.signer, signer)) sum += owed(entry);
    }
    return sum;
  }

  /** What a channel's last voucher promises and the contract has not yet paid, in wei. */
  owed(payer: Address, contentId: number): bigint {
    const entry = this.get(payer, contentId);
    return entry === undefined ? 0n : owed(entry);
  }

  /**
   * Takes a voucher that is good and grows. Resolves when it is on disk.
   * @param paid what the contract has paid of the channel, in wei
   */
  accept(voucher: SignedVoucher, signer: Address, paid: bigint): Promise<void> {
    const redeemed = this.get(voucher.payer, voucher.contentId)?.redeemed ?? 0n;
    return this.#put({ voucher, signer, redeemed: paid > redeemed ? paid : redeemed });
  }

  /** Vouchers worth sending to the contract, of all payers or of one. */
  redeemable(payer?: Address): Entry[] {
    const payers = payer === undefined ? [...this.#payers.values()] : [this.#payers.get(getAddress(payer))];
    return payers.flatMap((channels) => [...(channels?.values() ?? [])]).filter((entry) => owed(entry) > 0n);
  }

  /** The contract has paid a channel so much in all (`Retrieval.channel(…).paid`). */
  async redeemed(payer: Address, contentId: number, paid: bigint): Promise<void> {
    const entry = this.get(payer, contentId);
    if (entry !== undefined && paid > entry.redeemed) await this.#put({ ...entry, redeemed: paid });
  }

  #remember(entry: Entry): void {
    const { contentId } = entry.voucher;
    const payer = getAddress(entry.voucher.payer);
    const channels = this.#payers.get(payer) ?? new Map<number, Entry>();
    channels.set(contentId, entry);
    this.#payers.set(payer, channels);
  }

  #put(entry: Entry): Promise<void> {
    const { payer, contentId } = entry.voucher;
    this.#remember(entry);
    this.#waiting.set(`${getAddress(payer)}/${contentId}`, entry);
    this.#next ??= this.#write.catch(() => {}).then(() => this.#flush());
    return this.#next;
  }

  #flush(): Promise<void> {
    const puts = [...this.#waiting].map(
      ([key, value]) => ({ type: "put", sublevel: this.#table, key, value }) as const,
    );
    this.#waiting = new Map();
    this.#next = undefined;
    this.#write = this.#store.batch(puts, DURABLE);
    return this.#write;
  }
}

/** Promised and not paid yet, in wei. */
export function owed({ voucher: { cumulativeAmount }, redeemed }: Entry): bigint {
  return cumulativeAmount > redeemed ? cumulativeAmount - redeemed : 0n;
}
