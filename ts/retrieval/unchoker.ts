import { type Candidate, inTurn, RECHOKE_MS, type Unchoker } from "../wire/unchoker.ts";

/** Of all bytes uploaded, what is for peers that pay nothing while both kinds want more. */
export const FREE_SHARE = 0.25;

/** A free peer that has a slot is not held below this, in bytes a second: payers that take little must not stop the others. */
const LEAST_SPEED = 128 * 1024;
/** Who is held looks so often whether it may go on (ms). */
const LOOK_MS = 20;

/**
 * Paying peers by bid, highest first; free ones in turns, on as many of the `slots` as it takes to use their share of what
 * is sent, but no more than half: peers that are too slow for their share must not cost the others theirs. While a payer
 * waits for a slot, free peers get no more than their share either. Slots that one kind does not fill are the other's.
 *
 * @param slots at least 2
 */
export function byBid(slots: number, freeShare = FREE_SHARE): Unchoker {
  if (!(slots >= 2)) throw new RangeError(`${slots} slots: two kinds of peers need two`);
  return new ByBid(slots, freeShare);
}

class ByBid implements Unchoker {
  readonly #slots: number;
  /** What free peers may have for a byte that a paying one has. */
  readonly #rate: number;
  /** Slots of free peers while payers wait. */
  #reserved: number;
  /** A payer waits for a slot that a free peer has. */
  #contended = false;
  /** Bytes that free peers may still have for what paying ones had; below 0 they are ahead. */
  #balance = 0;
  /** What was added to it in this period. */
  #earned = 0;
  #since = Date.now();

  constructor(slots: number, freeShare: number) {
    this.#slots = slots;
    this.#rate = freeShare / (1 - freeShare);
    this.#reserved = Math.max(1, Math.floor(slots * freeShare));
  }

  choose<C extends Candidate>(interested: readonly C[]): C[] {
    const free = interested.filter((peer) => !pays(peer));
    const paying = interested.filter(pays).sort(higherBid);
    if (this.#contended && Date.now() - this.#since >= RECHOKE_MS) this.#endPeriod();
    const places = Math.min(free.length, Math.max(this.#reserved, this.#slots - paying.length));
    const contended = places > 0 && paying.length > this.#slots - places;
    if (contended !== this.#contended) this.#begin(contended);
    return [...paying.slice(0, this.#slots - places), ...inTurn(free, places)];
  }

  admit(peer: Candidate, bytes: number): Promise<void> | undefined {
    if (!pays(peer) && this.#isAhead) return this.#hold(peer, bytes);
    this.#count(peer, bytes);
    return undefined;
  }

  refund(peer: Candidate, bytes: number): void {
    this.#count(peer, -bytes);
  }

  get #isAhead(): boolean {
    return this.#contended && this.#balance < 0;
  }

  async #hold(peer: Candidate, bytes: number): Promise<void> {
    const until = Date.now() + (bytes / LEAST_SPEED) * 1_000;
    while (this.#isAhead && peer.unchokedAt !== undefined && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS).unref());
    }
    this.#count(peer, bytes);
  }

  #count(peer: Candidate, bytes: number): void {
    if (!this.#contended) return;
    if (pays(peer)) {
      this.#earned += bytes * this.#rate;
      this.#balance += bytes * this.#rate;
    } else this.#balance -= bytes;
  }

  /** One slot more for free peers that do not come to their share with those they have, one fewer for others. */
  #endPeriod(): void {
    const reserved = this.#reserved + (this.#balance > 0 ? 1 : -1);
    this.#reserved = Math.max(1, Math.min(Math.floor(this.#slots / 2), reserved));
    this.#balance = Math.min(this.#balance, this.#earned / 2); // what they did not use in time is no claim for ever
    this.#startPeriod();
  }

  #begin(contended: boolean): void {
    this.#contended = contended;
    this.#balance = 0;
    this.#startPeriod();
  }

  #startPeriod(): void {
    this.#earned = 0;
    this.#since = Date.now();
  }
}

function pays({ meter }: Candidate): boolean {
  return meter?.bid !== undefined;
}

/** The higher bid first; of equal ones who is served already, then who waits longest. */
function higherBid(a: Candidate, b: Candidate): number {
  const [x, y] = [a.meter!.bid!, b.meter!.bid!];
  if (x !== y) return x > y ? -1 : 1;
  const placed = Number(b.unchokedAt !== undefined) - Number(a.unchokedAt !== undefined);
  return placed || a.waitingSince - b.waitingSince;
}
