import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Candidate, type Meter, RECHOKE_MS, type Unchoker } from "../wire/unchoker.ts";
import { byBid } from "./unchoker.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const KIB = 1_024;
/** What a peer is sent in one go, in bytes. */
const RUN = 256 * KIB;

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

/** Runs a policy for so many seconds, each peer taking runs of blocks one after the other. @returns bytes sent in each second */
async function run(unchoker: Unchoker, candidates: readonly Peer[], seconds: number) {
  const sent = Array.from({ length: seconds }, () => ({ free: 0, all: 0 }));
  const began = Date.now();
  const rechoke = () => {
    const chosen = new Set(unchoker.choose(candidates));
    for (const peer of candidates) {
      if (chosen.has(peer)) peer.unchokedAt ??= Date.now();
      else if (peer.unchokedAt !== undefined) {
        peer.unchokedAt = undefined;
        peer.waitingSince = Date.now();
      }
    }
  };
  const take = async (peer: Peer) => {
    for (;;) {
      if (peer.unchokedAt !== undefined) {
        await unchoker.admit!(peer, RUN);
        const now = sent[Math.floor((Date.now() - began) / 1_000)];
        if (now === undefined) return;
        peer.uploaded += RUN;
        now.all += RUN;
        if (peer.meter?.bid === undefined) now.free += RUN;
      }
      await new Promise((resolve) => setTimeout(resolve, (RUN / peer.speed) * 1_000));
    }
  };
  rechoke();
  const timer = setInterval(rechoke, RECHOKE_MS);
  for (const peer of candidates) void take(peer);
  await vi.advanceTimersByTimeAsync(seconds * 1_000);
  clearInterval(timer);
  return sent;
}

function share(sent: readonly { free: number; all: number }[]): number {
  return sent.reduce((sum, { free }) => sum + free, 0) / sent.reduce((sum, { all }) => sum + all, 0);
}

const total = (peers: readonly Peer[]) => peers.reduce((sum, { uploaded }) => sum + uploaded, 0);

describe("slots go", () => {
  test("to the highest bids, and of equal ones to those that have one", () => {
    const [low, middle, high] = [...peers(4, 1, 1n), ...peers(2, 1, 2n), ...peers(2, 1, 3n)].reduce<Peer[][]>(
      (groups, peer) => {
        groups[Number(peer.meter!.bid) - 1]!.push(peer);
        return groups;
      },
      [[], [], []],
    );
    const unchoker = byBid(5);
    expect(new Set(unchoker.choose([...low!, ...middle!]))).toEqual(new Set([...middle!, ...low!.slice(0, 3)]));
    low![3]!.unchokedAt = Date.now();
    expect(new Set(unchoker.choose([...low!, ...middle!, ...high!]))).toEqual(new Set([...high!, ...middle!, low![3]]));
  });

  test("all to free peers when nobody pays, and all to payers when nobody else is there", () => {
    expect(byBid(4).choose(peers(9, 1)).length).toBe(4);
    expect(byBid(4).choose(peers(9, 1, 1n)).length).toBe(4);
    expect(byBid(4).choose([...peers(1, 1, 1n), ...peers(9, 1)]).length).toBe(4);
  });

  test("to every free peer in turn", async () => {
    const free = peers(12, 400 * KIB);
    await run(byBid(8), [...peers(12, 400 * KIB, 1n), ...free], 120);
    expect(Math.min(...free.map(({ uploaded }) => uploaded))).toBeGreaterThan(0);
  });

  test("by halves at least to payers, when free peers are too slow to use their share", async () => {
    const [paying, free] = [peers(12, 400 * KIB, 1n), peers(20, 4 * KIB)];
    await run(byBid(8), [...paying, ...free], 240);
    expect(total(paying)).toBeGreaterThanOrEqual(4 * 400 * KIB * 240);
  });

  test("never fewer than two", () => {
    expect(() => byBid(1)).toThrow("1 slots: two kinds of peers need two");
  });
});

describe("free peers have a quarter of every minute", () => {
  test.each([
    ["as fast as payers", 16, 400, 400],
    ["half as fast", 16, 200, 400],
    ["twice as fast", 16, 800, 400],
    ["ten times as fast", 16, 4_000, 400],
    ["as fast, on few slots", 4, 400, 400],
    ["as fast, on two", 2, 400, 400],
  ])("that are %s", async (_, slots, freeSpeed, paidSpeed) => {
    const all = [...peers(20, paidSpeed * KIB, 1n), ...peers(20, freeSpeed * KIB)];
    const sent = await run(byBid(slots), all, 240);
    const minutes = sent.slice(0, -59).map((_, i) => share(sent.slice(i, i + 60)));
    expect(Math.min(...minutes)).toBeGreaterThanOrEqual(0.22);
    expect(Math.max(...minutes)).toBeLessThanOrEqual(0.28);
  });

  test("and what was sent before a payer had to wait counts for nobody", async () => {
    const [paying, free] = [peers(20, 400 * KIB, 1n), peers(20, 400 * KIB)];
    const unchoker = byBid(16);
    await run(unchoker, free, 60);
    const sent = await run(unchoker, [...paying, ...free], 60);
    expect(share(sent)).toBeGreaterThanOrEqual(0.22);
    expect(share(sent)).toBeLessThanOrEqual(0.28);
  });

  test("or more, while nobody who pays waits for a slot", async () => {
    const sent = await run(byBid(16), [...peers(4, 400 * KIB, 1n), ...peers(20, 400 * KIB)], 60);
    expect(share(sent)).toBeCloseTo(12 / 16, 1);
  });

  test("or more, when payers take next to nothing", async () => {
    const free = peers(20, 400 * KIB);
    await run(byBid(16), [...peers(20, KIB, 1n), ...free], 120);
    expect(total(free)).toBeGreaterThanOrEqual(120 * 100 * KIB);
  });
});
