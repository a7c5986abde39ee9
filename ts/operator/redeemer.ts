import type { Logger } from "pino";
import { type Address, concat, isAddressEqual, keccak256, zeroAddress } from "viem";
import { type Call, encodeCall } from "../chain/call.ts";
import type { ChainClient } from "../chain/connection.ts";
import { currentFees } from "../chain/fees.ts";
import { type Entry, owed } from "../retrieval/ledger.ts";
import { collect } from "../sdk/actions/collect.ts";
import { redeem } from "../sdk/actions/redeem.ts";
import { Retrieval } from "../sdk/contracts.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { isRevert } from "../sdk/errors.ts";
import type { Duties } from "../service/duties.ts";
import { type OperatorState, type ProtocolState, payerKey } from "../service/state.ts";
import type { OperatorMetrics } from "./metrics.ts";
import type { Book, Till } from "./till.ts";

export interface RedeemerSettings {
  /** What is drawn is at least so many times what its gas costs, unless it would be lost otherwise. */
  readonly worth: number;
  /** Asset wei that a wei of gas is worth. */
  readonly assetPerEther: number;
  /** How often it is asked whether redeeming is worth it, and a channel in danger is tried (ms). */
  readonly redeemEvery: number;
  /** Before a session key expires, its vouchers are redeemed for so long (ms). */
  readonly keyMargin: number;
}

export interface RedeemerParts {
  readonly deployment: Deployment;
  readonly client: ChainClient;
  readonly state: ProtocolState;
  readonly duties: Duties;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
  readonly sender: Address;
  /** Resolves when the state shows what the transaction did. */
  readonly send: (what: Call, key: string) => Promise<void>;
}

/** Vouchers in one transaction. */
const BATCH = 64;
/** A channel that pays nothing is left alone for so long (ms). */
const WORTHLESS_MS = 600_000;
/** What a voucher adds to a batch, in gas: one that is not worth this waits until more is promised. */
const VOUCHER_GAS = 40_000;
/** What collecting costs, in gas: measured 58,000 with a first balance. */
const COLLECT_GAS = 60_000;
/** IRetrieval.Outcome: those that pay, and all in words. */
const [PAID, SHORT] = [0, 1];
const OUTCOMES = [
  ...["paid", "short", "nothing new", "unknown content", "bad signature"],
  ...["the session key expired", "the session key's ceiling is reached", "the payer has nothing left"],
];

/** A voucher, as the chain has it now. */
interface Standing {
  readonly entry: Entry;
  /** Of its channel, in asset wei. */
  readonly paid: bigint;
  /** What the payer's money and the key's ceiling reach for, in asset wei. */
  readonly drawable: bigint;
}

/**
 * Turns vouchers into money: many at once, when that is worth its gas; those that waiting may lose, at once: of a payer that takes its
 * money home, of a key that ends, of an operator that leaves. What became of each is read from the chain, so that nothing is lost or paid
 * for twice, and one that pays nothing holds up no other (H-RET-2).
 */
export class Redeemer {
  readonly #settings: RedeemerSettings;
  readonly #till: Till;
  readonly #parts: RedeemerParts;
  /** By channel: until when it is left alone (ms). */
  readonly #resting = new Map<string, number>();
  /** By payout address: when it is looked at again, in danger or not (ms). */
  readonly #next = new Map<Address, number>();

  constructor(settings: RedeemerSettings, till: Till, parts: RedeemerParts) {
    [this.#settings, this.#till, this.#parts] = [settings, till, parts];
  }

  /** Starts what is due. @param now The chain's time, Unix seconds. */
  look(me: OperatorState, now: bigint): void {
    const { duties } = this.#parts;
    if (!this.#till.knows(me)) duties.start("payout:follow", () => this.#till.follow(me));
    this.#measure();
    const at = Date.now();
    for (const [channel, until] of this.#resting) if (until <= at) this.#resting.delete(channel);
    for (const book of this.#till.books) this.#lookAt(book, me.exitRequested !== undefined, now, at);
  }

  /** Redeems what is worth it, before the agent stops: who knows for how long. */
  async leave(): Promise<void> {
    for (const book of this.#till.books) {
      if (!this.#parts.duties.isRunning(`redeem:${book.operator}`))
        await this.#redeem(book, book.ledger.redeemable(), new Set());
    }
  }

  #lookAt(book: Book, leaving: boolean, now: bigint, at: number): void {
    const { duties } = this.#parts;
    const { ledger, operator } = book;
    const isDue = at >= (this.#next.get(operator) ?? 0);
    const entries = ledger.redeemable().filter((entry) => !this.#resting.has(channelOf(entry)));
    const ending = entries.filter((entry) => leaving || this.#keyEnds(entry, now));
    const thawing = entries.filter((entry) => this.#takesHome(entry, operator));
    const { redeemEvery } = this.#settings;
    if (entries.length === 0 && !this.#hasEarned(operator)) return;
    if (isDue) {
      this.#next.set(operator, at + redeemEvery);
      this.#collect(operator, leaving);
    } else if (ending.length + thawing.length === 0) return;
    if (entries.length === 0 || duties.isRunning(`redeem:${operator}`)) return;
    for (const entry of [...ending, ...thawing]) this.#resting.set(channelOf(entry), at + redeemEvery);
    duties.start(`redeem:${operator}`, async () => {
      const endangered = await this.#uncovered(book, thawing);
      await this.#redeem(book, entries, new Set([...ending, ...endangered]));
    });
  }

  #keyEnds({ voucher: { payer }, signer }: Entry, now: bigint): boolean {
    const expiry = this.#parts.state.sessionKeys.get(payerKey(payer, signer));
    return expiry !== undefined && expiry < now + BigInt(Math.ceil(this.#settings.keyMargin / 1000));
  }

  #takesHome({ voucher: { payer } }: Entry, operator: Address): boolean {
    return [operator, zeroAddress].some((from) => this.#parts.state.thaws.has(payerKey(payer, from)));
  }

  /** Those of payers that promised more than they leave here. */
  async #uncovered({ ledger, operator }: Book, entries: readonly Entry[]): Promise<Entry[]> {
    const uncovered: Entry[] = [];
    for (const entry of entries) {
      const { payer, contentId } = entry.voucher;
      const { funds } = await this.#till.meansOf(operator, payer, contentId, undefined);
      if (ledger.outstanding(payer) > funds) uncovered.push(entry);
    }
    return uncovered;
  }

  /** The urgent ones first, then those that pay most. */
  async #redeem(book: Book, entries: readonly Entry[], urgent: ReadonlySet<Entry>): Promise<void> {
    if (entries.length === 0) return;
    const gasPrice = await this.#gasPrice();
    const standings = await this.#standings(
      book,
      entries.filter((entry) => Number(owed(entry)) >= VOUCHER_GAS * gasPrice),
    );
    for (const { entry, paid, drawable } of standings) {
      if (drawable === 0n && entry.voucher.cumulativeAmount > paid) this.#rest(entry, "the payer has nothing left");
    }
    const first = ({ entry }: Standing) => Number(urgent.has(entry));
    const worth = standings.filter(({ drawable }) => Number(drawable) >= VOUCHER_GAS * gasPrice);
    worth.sort((a, b) => first(b) - first(a) || (a.drawable > b.drawable ? -1 : 1));
    for (let i = 0; i < worth.length; i += BATCH) {
      const batch = worth.slice(i, i + BATCH).map(({ entry }) => entry);
      const isUrgent = batch.some((entry) => urgent.has(entry));
      if (!(await this.#redeemBatch(book, batch, isUrgent, gasPrice)) && !isUrgent) return;
    }
  }

  /** @returns false when it is not worth its gas: smaller ones are not either */
  async #redeemBatch(book: Book, batch: readonly Entry[], urgent: boolean, gasPrice: number): Promise<boolean> {
    const { client, deployment, log, metrics, send, sender } = this.#parts;
    const { operator } = book;
    const [amount, outcomes] = await this.#preview(operator, batch);
    const good = batch.filter((entry, i) => pays(outcomes[i]!) || this.#rest(entry, OUTCOMES[outcomes[i]!]));
    if (good.length === 0) return true;
    const what = redeem.call({ deployment, operator, vouchers: good.map(argsOf) });
    const { to, data } = encodeCall(what);
    const gas = await client.estimateGas({ account: sender, to, data });
    if (Number(amount) < Number(gas) * gasPrice * (urgent ? 1 : this.#settings.worth)) return false;
    const before = good.reduce((sum, { redeemed }) => sum + redeemed, 0n);
    // The same vouchers can pay again, when the payer has got what it lacked: by the sum it is another purpose.
    const signatures = keccak256(concat(good.map(({ voucher }) => voucher.signature)));
    await send(what, `redeem:${signatures}:${before + amount}`);
    const standings = await this.#standings(book, good);
    const drawn = standings.reduce((sum, { paid }) => sum + paid, 0n) - before;
    metrics.redeemed.inc(Number(drawn));
    log.info({ operator, vouchers: good.length, amount: drawn, urgent }, "vouchers are redeemed");
    for (const { entry, paid } of standings) {
      const { payer, contentId, cumulativeAmount } = entry.voucher;
      const facts = { payer, contentId, paid, shortfall: cumulativeAmount - paid };
      if (facts.shortfall > 0n) log.warn(facts, "a payer could not pay all that it promised");
    }
    return true;
  }

  /** How channels stand; what the contract has paid of them is taken over. */
  async #standings({ accountant, operator }: Book, entries: readonly Entry[]): Promise<Standing[]> {
    const { client, deployment } = this.#parts;
    const retrieval = { address: deployment.contracts.Retrieval, abi: Retrieval.abi } as const;
    const at = { deployless: true, allowFailure: false, batchSize: 0 } as const; // a page is one call
    const standings: Standing[] = [];
    /** What is left of each payer's earmark, and of its free deposit. */
    const left = new Map<Address, { earmark: bigint; free: bigint }>();
    for (let i = 0; i < entries.length; i += BATCH) {
      const page = entries.slice(i, i + BATCH);
      const of = <T>(contract: (entry: Entry) => T) => page.map(contract);
      const [channels, earmarks, accounts, keys] = await Promise.all([
        client.multicall({
          ...at,
          contracts: of(({ voucher: { payer, contentId } }) => {
            return { ...retrieval, functionName: "channel", args: [payer, operator, BigInt(contentId)] } as const;
          }),
        }),
        client.multicall({
          ...at,
          contracts: of(({ voucher: { payer } }) => {
            return { ...retrieval, functionName: "earmarkOf", args: [payer, operator] } as const;
          }),
        }),
        client.multicall({
          ...at,
          contracts: of(({ voucher: { payer } }) => {
            return { ...retrieval, functionName: "account", args: [payer] } as const;
          }),
        }),
        client.multicall({
          ...at,
          contracts: of(({ voucher: { payer }, signer }) => {
            return { ...retrieval, functionName: "sessionKey", args: [payer, signer] } as const;
          }),
        }),
      ]);
      for (const [j, entry] of page.entries()) {
        const { payer, contentId, cumulativeAmount } = entry.voucher;
        const { paid } = channels[j]!;
        await accountant.redeemed(payer, contentId, paid);
        const { earmark, free } = left.get(payer) ?? { earmark: earmarks[j]!, free: accounts[j]!.balance };
        // The earmark first; a session key's ceiling counts what its vouchers draw on the free deposit alone.
        const { ceiling, spent } = keys[j]!;
        const growth = cumulativeAmount > paid ? cumulativeAmount - paid : 0n;
        const drawn = least(growth, earmark);
        const more = least(growth - drawn, free, isAddressEqual(entry.signer, payer) ? free : ceiling - spent);
        const drawable = drawn + more;
        left.set(payer, { earmark: earmark - drawn, free: free - more });
        standings.push({ entry, paid, drawable });
      }
    }
    return standings;
  }

  /** Leaves a channel that pays nothing alone for a while. */
  #rest(entry: Entry, reason: string | undefined): false {
    const { payer, contentId } = entry.voucher;
    this.#resting.set(channelOf(entry), Date.now() + WORTHLESS_MS);
    this.#parts.log.warn({ payer, contentId, reason, owed: owed(entry) }, "a voucher pays nothing now");
    return false;
  }

  /** Whether there is something to collect. */
  #hasEarned(operator: Address): boolean {
    const { credited, collected } = this.#parts.state.earnings.get(operator) ?? { credited: 0n, collected: 0n };
    return credited > collected;
  }

  /** Sends home what was redeemed. */
  #collect(operator: Address, leaving: boolean): void {
    if (!this.#hasEarned(operator)) return;
    const { deployment, duties, log, send, state } = this.#parts;
    const { credited, collected } = state.earnings.get(operator)!;
    duties.start(`collect:${operator}`, async () => {
      const cost = COLLECT_GAS * (await this.#gasPrice()) * (leaving ? 1 : this.#settings.worth);
      if (Number(credited - collected) < cost) return;
      try {
        await send(collect.call({ deployment, operator }), `collect:${operator}:${collected}`);
        log.info({ operator, amount: credited - collected }, "what peers paid is collected");
      } catch (error) {
        if (!isRevert(error, "Retrieval_NothingOwed")) throw error; // somebody else has sent it
      }
    });
  }

  /** What would be drawn in all, and what would become of each, as the contract says. */
  async #preview(operator: Address, batch: readonly Entry[]): Promise<readonly [bigint, readonly number[]]> {
    const { client, deployment, sender } = this.#parts;
    const { result } = await client.simulateContract({
      address: deployment.contracts.Retrieval,
      abi: Retrieval.abi,
      functionName: "redeem",
      args: [operator, batch.map(argsOf)],
      account: sender,
    });
    return result;
  }

  /** In asset wei per gas. */
  async #gasPrice(): Promise<number> {
    const none = { maxFeePerGas: 2n ** 128n, maxPriorityFeePerGas: 2n ** 128n };
    const { baseFee, maxPriorityFeePerGas } = await currentFees(this.#parts.client, none);
    return Number(baseFee + maxPriorityFeePerGas) * this.#settings.assetPerEther;
  }

  #measure(): void {
    const { metrics, state } = this.#parts;
    let [promised, collectable] = [0n, 0n];
    for (const { ledger, operator } of this.#till.books) {
      const { credited, collected } = state.earnings.get(operator) ?? { credited: 0n, collected: 0n };
      promised += ledger.redeemable().reduce((sum, entry) => sum + owed(entry), 0n);
      collectable += credited - collected;
    }
    metrics.promised.set(Number(promised));
    metrics.collectable.set(Number(collectable));
  }
}

function argsOf({ voucher: { payer, contentId, cumulativeAmount, cumulativeBytes, signature } }: Entry) {
  return { payer, contentId: BigInt(contentId), cumulativeAmount, cumulativeBytes: BigInt(cumulativeBytes), signature };
}

/** What a channel to a payout address goes by. */
function channelOf({ voucher: { payer, operator, contentId } }: Entry): string {
  return `${operator}/${payer}/${contentId}`;
}

function least(first: bigint, ...others: bigint[]): bigint {
  let smallest = first;
  for (const value of others) if (value < smallest) smallest = value;
  return smallest;
}

function pays(outcome: number): boolean {
  return outcome === PAID || outcome === SHORT;
}
