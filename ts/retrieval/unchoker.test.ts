import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Candidate, type Meter, RECHOKE_MS } from "../wire/unchoker.ts";
import { byBid } from "./unchoker.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A peer that takes so many bytes a second when it is let. */
class Peer implements Candidate {
  unchokedAt: number | undefined;
  waitingSince = Date.now();
  uploaded = 0;
  readonly meter: Meter | undefined;
  readonly speed: number;

  constructor(speed: number, bid?: bigint) {
    this.speed = speed;
    this.meter = { bid, overdue: false, admit: () => true, refund: () => {} };
  }
}

const peers = (count: number, speed: number, bid?: bigint) => Array.from({ length: count }, () => new Peer(speed, bid));

/** Runs a policy for so many periods. @returns bytes sent in each to free peers and to all */
function run(unchoke: ReturnType<typeof byBid>, candidates: readonly Peer[], periods: number) {
  const sent: { free: number; all: number }[] = [];
  for (let i = 0; i < periods; i++) {
    const chosen = new Set(unchoke(candidates));
    const now = { free: 0, all: 0 };
    for (const peer of candidates) {
      if (!chosen.has(peer)) {
        if (peer.unchokedAt !== undefined) peer.waitingSince = Date.now();
        peer.unchokedAt = undefined;
        continue;
      }
      peer.unchokedAt ??= Date.now();
      const bytes = peer.speed * (RECHOKE_MS / 1_000);
      peer.uploaded += bytes;
      now.all += bytes;
      if (peer.meter?.bid === undefined) now.free += bytes;
    }
    sent.push(now);
    vi.advanceTimersByTime(RECHOKE_MS);
  }
  return sent;
}

function share(sent: readonly { free: number; all: number }[]): number {
  return sent.reduce((sum, { free }) => sum + free, 0) / sent.reduce((sum, { all }) => sum + all, 0);
}

describe("slots go", () => {
  test("to the highest bids, and of equal ones to those that have one", () => {
    const [low, middle, high] = [...peers(4, 1, 1n), ...peers(2, 1, 2n), ...peers(2, 1, 3n)].reduce<Peer[][]>(
      (groups, peer) => {
        groups[Number(peer.meter!.bid) - 1]!.push(peer);
        return groups;
      },
      [[], [], []],
    );
    const unchoke = byBid(5);
    expect(new Set(unchoke([...low!, ...middle!]))).toEqual(new Set([...middle!, ...low!.slice(0, 3)]));
    low![3]!.unchokedAt = Date.now();
    expect(new Set(unchoke([...low!, ...middle!, ...high!]))).toEqual(new Set([...high!, ...middle!, low![3]]));
  });

  test("all to free peers when nobody pays, and all to payers when nobody else is there", () => {
    expect(byBid(4)(peers(9, 1)).length).toBe(4);
    expect(byBid(4)(peers(9, 1, 1n)).length).toBe(4);
    expect(byBid(4)([...peers(1, 1, 1n), ...peers(9, 1)]).length).toBe(4);
  });

  test("to every free peer in turn", () => {
    const free = peers(12, 1);
    run(byBid(8), [...peers(12, 1, 1n), ...free], 12);
    expect(Math.min(...free.map(({ uploaded }) => uploaded))).toBeGreaterThan(0);
  });

  test("by halves at least to payers, when free peers are too slow to use their share", () => {
    const sent = run(byBid(8), [...peers(12, 100, 1n), ...peers(20, 1)], 12);
    expect(sent.at(-1)!.all).toBe(4 * 10 * 100 + 4 * 10);
  });
});

describe("free peers keep a quarter of every minute", () => {
  test.each([
    ["as fast as payers", 16, 100, 100],
    ["half as fast", 16, 50, 100],
    ["twice as fast", 16, 200, 100],
    ["as fast, on few slots", 4, 100, 100],
    ["as fast, on two", 2, 100, 100],
  ])("that are %s", (_, slots, freeSpeed, paidSpeed) => {
    const sent = run(byBid(slots), [...peers(20, paidSpeed, 1n), ...peers(20, freeSpeed)], 36);
    for (let i = 6; i + 6 <= sent.length; i++) {
      const minute = share(sent.slice(i, i + 6));
      expect(minute).toBeGreaterThanOrEqual(0.22);
      expect(minute).toBeLessThanOrEqual(0.31);
    }
  });
});
