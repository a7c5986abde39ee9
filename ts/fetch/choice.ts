import type { Address } from "viem";
import { type Ended, Payer, type PayerOptions } from "../retrieval/payer.ts";
import { type Operator, worthOf } from "./operators.ts";

export interface ChoiceOptions {
  /** Those that hold the content on chain. */
  readonly operators: readonly Operator[];
  /** Those of them that have something set aside. */
  readonly payable: ReadonlySet<Address>;
  /** Operators paid at once. */
  readonly seats: number;
  readonly say: (what: string) => void;
}

/** How long offers are waited for before the best are chosen (ms). */
const OFFERS_MS = 500;
/** How often the chosen ones are compared (ms). */
const REVIEW_MS = 5_000;
/** One that gives less than this share of what the fastest gives makes room for another. */
const SLOW = 0.25;
/** Of those that claim to be operators and are not, so many are told of. */
const MAX_STRANGERS = 16;

interface Seated {
  readonly since: number;
  /** Bytes it had given when it was last looked at. */
  bytes: number;
}

/**
 * Whom to pay. All that is known at first is standing and price, so the best by standing / price begin. Every few seconds the slowest makes
 * room for the next in line if it gives less than a quarter of what the fastest gives. Nobody is tried twice, so it comes to rest.
 */
export class Choice {
  readonly payer: Payer;
  readonly #options: ChoiceOptions;
  readonly #operators: ReadonlyMap<Address, Operator>;
  /** Offers of operators that are not paid yet, in wei per MiB. */
  readonly #waiting = new Map<Address, bigint>();
  readonly #seated = new Map<Address, Seated>();
  readonly #strangers = new Set<Address>();
  #first: NodeJS.Timeout | undefined;
  #reviews: NodeJS.Timeout | undefined;

  constructor(options: ChoiceOptions, paying: Omit<PayerOptions, "onOffer" | "onEnded">) {
    const onOffer = (operator: Address, price: bigint) => this.#onOffer(operator, price);
    this.payer = new Payer({ ...paying, onOffer, onEnded: (operator, why) => this.#onEnded(operator, why) });
    this.#options = options;
    this.#operators = new Map(options.operators.map((operator) => [operator.address, operator]));
  }

  stop(): void {
    clearTimeout(this.#first);
    clearInterval(this.#reviews);
  }

  #onOffer(address: Address, price: bigint): void {
    if (this.#seated.has(address)) return;
    if (!this.#options.payable.has(address)) {
      this.#onStranger(address);
      return;
    }
    this.#waiting.set(address, price);
    if (this.#reviews !== undefined) this.#seat();
    else if (this.#waiting.size === this.#options.payable.size) this.#begin();
    else this.#first ??= setTimeout(() => this.#begin(), OFFERS_MS);
  }

  #onStranger(address: Address): void {
    if (this.#strangers.has(address) || this.#strangers.size >= MAX_STRANGERS) return;
    this.#strangers.add(address);
    this.#options.say(`${this.#name(address)} asks to be paid, and nothing is set aside for it: it is a free peer`);
  }

  #onEnded(address: Address, why: Ended): void {
    this.#waiting.delete(address);
    const stops = this.#seated.delete(address);
    this.#options.say(`${this.#name(address)} is ${stops ? "paid no more" : "not paid"}: ${why}`);
    if (this.#reviews !== undefined) this.#seat();
  }

  #begin(): void {
    clearTimeout(this.#first);
    this.#reviews = setInterval(() => this.#review(), REVIEW_MS);
    this.#seat();
  }

  #seat(): void {
    const line = [...this.#waiting].sort(([a, x], [b, y]) => this.#score(b, y) - this.#score(a, x));
    for (const [address, price] of line.slice(0, Math.max(0, this.#options.seats - this.#seated.size))) {
      this.#waiting.delete(address);
      this.#seated.set(address, { since: Date.now(), bytes: this.#bytesOf(address) });
      this.#options.say(`${this.#name(address)} is paid ${this.#paid(price)} wei per MiB`);
      this.payer.begin(address);
    }
  }

  #score(address: Address, price: bigint): number {
    return worthOf(this.#operators.get(address)!, this.#paid(price));
  }

  /** What is paid to who asks `price`. */
  #paid(price: bigint): bigint {
    const { bid = 0n } = this.payer.options;
    return bid > price ? bid : price;
  }

  #review(): void {
    const now = Date.now();
    const given = [...this.#seated].map(([address, seated]) => {
      const bytes = this.#bytesOf(address) - seated.bytes;
      seated.bytes += bytes;
      return { address, bytes, judged: now - seated.since > REVIEW_MS / 2 };
    });
    const fastest = Math.max(...given.map(({ bytes }) => bytes));
    const slowest = given.filter(({ judged }) => judged).sort((a, b) => a.bytes - b.bytes)[0];
    if (slowest === undefined || this.#waiting.size === 0) return;
    if (slowest.bytes === 0 || slowest.bytes < fastest * SLOW) this.payer.end(slowest.address, "too slow");
  }

  #bytesOf(address: Address): number {
    return this.payer.receipt.find(({ operator }) => operator === address)?.bytes ?? 0;
  }

  #name(address: Address): string {
    const operator = this.#operators.get(address);
    return operator === undefined ? address : `operator ${operator.id}`;
  }
}
