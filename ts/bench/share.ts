/**
 * What free peers get of a seeder's upload while more payers and free peers want it than there are slots, over real sockets for a
 * minute and a half, beside slots in turn: `npx tsx ts/bench/share.ts [seconds]`. Every peer's link is slower than the seeder, as they are.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { byBid, FREE_SHARE } from "../retrieval/unchoker.ts";
import { openStore } from "../store/store.ts";
import { CONTENTS, Leech, newAccount, openShop, payerOf, writeRandom } from "../testing/swarm.ts";
import { createTorrent } from "../torrent/index.ts";
import type { Torrent } from "../torrent/metainfo.ts";
import { roundRobin, type Unchoker } from "../wire/unchoker.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
/** Of each bid, and three times as many free ones. */
const PEERS = 8;
const BIDS = [1, 2, 3];
const WINDOW = 60;
const TOLERANCE = 0.03;
/** Of a payer's link, in bytes a second. */
const SPEED = 400 * KIB;

interface Contest {
  readonly name: string;
  readonly unchoker: Unchoker;
  /** Of a free peer's link, in bytes a second. */
  readonly freeSpeed: number;
  /** This one shows what happens without the rule. */
  readonly unruled?: boolean;
}

const CONTESTS: Contest[] = [
  { name: "as fast as payers", unchoker: byBid(16), freeSpeed: SPEED },
  { name: "half as fast", unchoker: byBid(16), freeSpeed: SPEED / 2 },
  { name: "twice as fast", unchoker: byBid(16), freeSpeed: 2 * SPEED },
  { name: "as fast, on 4 slots", unchoker: byBid(4), freeSpeed: SPEED },
  { name: "as fast, slots in turn", unchoker: roundRobin(16), freeSpeed: SPEED, unruled: true },
];

/** Bytes received in a second. */
interface Received {
  readonly free: number;
  readonly paid: number;
}

/** @returns what arrived second by second, and in all at payers of each bid */
async function compete(contest: Contest, torrent: Torrent, folder: string, books: string, seconds: number) {
  const shop = await openShop(torrent, folder, join(books, contest.name), contest.unchoker);
  const store = await openStore(join(books, `${contest.name}, payers`));
  const enter = (bid?: number) => {
    const payer = bid === undefined ? undefined : payerOf(torrent, store, newAccount(), bid);
    return Leech.join(shop.seeder, torrent, bid === undefined ? contest.freeSpeed : SPEED, payer);
  };
  const crowd = (count: number, bid?: number) => Promise.all(Array.from({ length: count }, () => enter(bid)));
  const payers = await Promise.all(BIDS.map((bid) => crowd(PEERS, bid)));
  const free = await crowd(BIDS.length * PEERS);
  const passed: Received[] = [{ free: total(free), paid: total(payers.flat()) }];
  for (let i = 0; i < seconds; i++) {
    await sleep(1_000);
    passed.push({ free: total(free), paid: total(payers.flat()) });
  }
  const byBid = payers.map(total);
  for (const leech of [...free, ...payers.flat()]) leech.close();
  await shop.close();
  await store.close();
  return { passed, byBid };
}

function total(leeches: readonly Leech[]): number {
  return leeches.reduce((sum, { received }) => sum + received, 0);
}

function shareBetween(from: Received, to: Received): number {
  const free = to.free - from.free;
  return free / (free + to.paid - from.paid);
}

const seconds = Number(process.argv[2] ?? 90);
const folder = await mkdtemp(join(CONTENTS, "holdfast-bench-"));
const books = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
try {
  await writeRandom(join(folder, "data.bin"), 64);
  const { torrent } = await createTorrent(join(folder, "data.bin"), { pieceLength: MIB });
  const outcomes = await Promise.all(CONTESTS.map((contest) => compete(contest, torrent, folder, books, seconds)));
  const each = `${BIDS.length * PEERS} payers and as many free peers`;
  console.log(`${each}, ${seconds} s; the free share in every window of ${WINDOW} s, and payers' bytes by bid`);
  for (const [i, { name, unruled }] of CONTESTS.entries()) {
    const { passed, byBid } = outcomes[i]!;
    const shares = passed.slice(WINDOW).map((to, at) => shareBetween(passed[at]!, to));
    const [least, most, whole] = [Math.min(...shares), Math.max(...shares), shareBetween(passed[0]!, passed.at(-1)!)];
    const { free, paid } = passed.at(-1)!;
    const speed = ((free + paid) / MIB / seconds).toFixed(1).padStart(5);
    const bids = byBid.map((bytes) => `${((100 * bytes) / (paid || 1)).toFixed(0)}%`).reverse();
    const range = `${least.toFixed(3)} to ${most.toFixed(3)}, in all ${whole.toFixed(3)}`;
    console.log(`${name.padEnd(24)} ${range}  ${speed} MiB/s  bids of 3, 2, 1: ${bids.join(", ")}`);
    if (!unruled && (least < FREE_SHARE - TOLERANCE || most > FREE_SHARE + TOLERANCE)) process.exitCode = 1;
  }
  console.log(
    `required: ${FREE_SHARE - TOLERANCE} to ${FREE_SHARE + TOLERANCE}, ${process.exitCode ? "not met" : "met"}`,
  );
} finally {
  for (const path of [folder, books]) await rm(path, { recursive: true, force: true });
}
