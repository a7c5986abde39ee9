import { type Candidate, inTurn, RECHOKE_MS, type Unchoker } from "../wire/unchoker.ts";

/** Of all bytes uploaded, what stays for peers that pay nothing while there are such. */
export const FREE_SHARE = 0.25;

/** Over how many periods the share is kept: a sliding minute. */
const PERIODS = 60_000 / RECHOKE_MS;

/** Bytes sent in one period to each kind of peer. */
interface Sent {
  readonly free: number;
  readonly all: number;
}

/**
 * Paying peers by bid, highest first; free ones in turns, on as many of the `slots` as it takes to keep their share of
 * what is sent over a sliding minute, but no more than half: peers that are too slow for their share must not cost the
 * others theirs. Slots that one kind does not fill are the other's.
 */
export function byBid(slots: number, freeShare = FREE_SHARE): Unchoker {
  const counted = new WeakMap<Candidate, number>();
  const minute: Sent[] = [];
  let reserved = Math.ceil(slots * freeShare);
  let since = Date.now();

  return (interested) => {
    const free = interested.filter((peer) => !pays(peer));
    const paying = interested.filter(pays).sort(higherBid);
    if (Date.now() - since >= RECHOKE_MS / 2) {
      since = Date.now();
      minute.push(sentSince(counted, interested));
      if (minute.length > PERIODS) minute.shift();
      const share = shareNeeded(minute, freeShare);
      reserved = Math.max(0, Math.min(Math.ceil(slots / 2), Math.ceil(slots * share)));
    }
    const places = Math.min(free.length, Math.max(reserved, slots - paying.length));
    return [...paying.slice(0, slots - places), ...inTurn(free, places)];
  };
}

/** The share that free peers must have of the next period, for the minute that ends with it to have `freeShare`. */
function shareNeeded(minute: readonly Sent[], freeShare: number): number {
  const sum = (sent: readonly Sent[], kind: keyof Sent) => sent.reduce((total, period) => total + period[kind], 0);
  const next = sum(minute, "all") / minute.length;
  if (next === 0) return freeShare;
  const kept = minute.slice(-(PERIODS - 1));
  return (freeShare * (sum(kept, "all") + next) - sum(kept, "free")) / next;
}

function sentSince(counted: WeakMap<Candidate, number>, peers: readonly Candidate[]): Sent {
  let [free, all] = [0, 0];
  for (const peer of peers) {
    const bytes = peer.uploaded - (counted.get(peer) ?? 0);
    counted.set(peer, peer.uploaded);
    all += bytes;
    if (!pays(peer)) free += bytes;
  }
  return { free, all };
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
