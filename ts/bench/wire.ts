/**
 * Throughput on loopback, each side ours or libtorrent's, and ours paid: `npx tsx ts/bench/wire.ts [MiB] [rounds]`. Contents lie in
 * memory where the system has a place for that; vouchers are on a disk, as their durable writes are part of paying. Seeders run in
 * processes of their own for the whole benchmark. Round by round each pair fetches once, there and back again, so that a machine
 * that is busy for a while is unfair to nobody, and ratios are those within a round.
 */
import { fork } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { byBid } from "../retrieval/unchoker.ts";
import { openStore } from "../store/store.ts";
import { hasClient } from "../testing/installed.ts";
import { createTorrent, Libtorrent } from "../testing/libtorrent.ts";
import { CONTENTS, newAccount, openShop, payerOf, writeRandom } from "../testing/swarm.ts";
import { DataFolder } from "../torrent/folder.ts";
import { parseTorrent } from "../torrent/metainfo.ts";
import { fetchTorrent } from "../wire/fetch.ts";
import { Seeder } from "../wire/seeder.ts";

const PIECE_LENGTH = 1 << 20;

interface Peer {
  readonly port: number;
  /** Of a seeder of ours. */
  readonly pid?: number;
  close(): Promise<void>;
}

/** @returns seconds from nothing to complete */
type Fetch = (torrent: string, folder: string, port: number) => Promise<number>;

/** A seeder of ours in a process of its own, as libtorrent's is. */
async function seedOurs(torrent: string, folder: string, ...[task = "seed", ...rest]: string[]): Promise<Peer> {
  const child = fork(fileURLToPath(import.meta.url), [task, torrent, folder, ...rest], {
    execArgv: ["--import", "tsx"],
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.once("message", (message) => resolve(message as number));
    child.once("exit", (code) => reject(new Error(`the seeder ended with ${code}`)));
  });
  return { port, pid: child.pid!, close: async () => child.disconnect() };
}

function sellOurs(torrent: string, folder: string, books: string): Promise<Peer> {
  return seedOurs(torrent, folder, "sell", books);
}

async function seedTheirs(torrent: string, folder: string): Promise<Peer> {
  const peer = new Libtorrent({ torrent, folder });
  const { port } = await peer.complete;
  return { port, close: () => peer.close() };
}

/** Verified and synced to disk; libtorrent leaves the last to the system. */
async function fetchOurs(torrent: string, folder: string, port: number): Promise<number> {
  const parsed = parseTorrent(await readFile(torrent));
  const began = performance.now();
  await fetchTorrent({ torrent: parsed, peers: [{ host: "127.0.0.1", port }], folder });
  return (performance.now() - began) / 1000;
}

/** A downloader that pays, vouchers and their durable writes included. Its channel begins anew or has a history. */
function payingFrom(books: string, isNew: boolean): Fetch {
  const old = newAccount();
  return async (torrent, folder, port) => {
    const parsed = parseTorrent(await readFile(torrent));
    const signer = isNew ? newAccount() : old;
    const store = await openStore(join(books, signer.address));
    const payer = payerOf(parsed, store, signer);
    const { extensions, onVerified, settle: beforeLeaving } = payer;
    const began = performance.now();
    const peers = [{ host: "127.0.0.1", port }];
    await fetchTorrent({ torrent: parsed, peers, folder, extensions, onVerified, beforeLeaving });
    const seconds = (performance.now() - began) / 1000;
    const [line] = payer.receipt;
    if (line?.bytes !== parsed.files[0]!.length) throw new Error(`paid for ${line?.bytes} bytes`);
    await store.close();
    return seconds;
  };
}

async function fetchTheirs(torrent: string, folder: string, port: number): Promise<number> {
  const peer = new Libtorrent({ torrent, folder, peers: [`127.0.0.1:${port}`], plain: true });
  const { seconds } = await peer.complete;
  await peer.close();
  return seconds;
}

/** Of one fetch. */
interface Run {
  readonly speed: number;
  /** Seconds of processor per GiB, of both sides together. NaN where a side is libtorrent's. */
  readonly cpu: number;
}

async function main(mebibytes: number, rounds: number): Promise<void> {
  if (!hasClient("libtorrent")) throw new Error("nothing to compare with: apt-get install python3-libtorrent");
  const work = await mkdtemp(join(CONTENTS, "holdfast-bench-"));
  const books = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  const seeders: Peer[] = [];
  try {
    const torrent = join(work, "data.torrent");
    await writeRandom(join(work, "data.bin"), mebibytes);
    createTorrent(join(work, "data.bin"), torrent, { pieceLength: PIECE_LENGTH });
    for (const seeder of [
      seedTheirs(torrent, work),
      seedOurs(torrent, work),
      sellOurs(torrent, work, join(books, "ledger")),
    ]) {
      seeders.push(await seeder);
    }
    const [libtorrent, ours, shop] = seeders as [Peer, Peer, Peer];
    const pairs: { name: string; from: Peer; fetch: Fetch }[] = [
      { name: "libtorrent -> libtorrent", from: libtorrent, fetch: fetchTheirs },
      { name: "libtorrent -> ours", from: libtorrent, fetch: fetchOurs },
      { name: "ours -> libtorrent", from: ours, fetch: fetchTheirs },
      { name: "ours -> ours", from: ours, fetch: fetchOurs },
      { name: "paid, a new payer", from: shop, fetch: payingFrom(books, true) },
      { name: "paid, a known payer", from: shop, fetch: payingFrom(books, false) },
    ];
    const runs: Run[][] = pairs.map(() => []);
    for (let round = 0; round <= rounds; round++) {
      const order = [...pairs.entries()];
      for (const [i, { from, fetch }] of round % 2 === 0 ? order : order.reverse()) {
        const folder = await mkdtemp(join(work, "fetched-"));
        const before = processorTime(from.pid);
        const speed = mebibytes / (await fetch(torrent, folder, from.port));
        const cpu = fetch === fetchTheirs ? Number.NaN : ((processorTime(from.pid) - before) * 1024) / mebibytes;
        await rm(folder, { recursive: true });
        if (round > 0) runs[i]!.push({ speed, cpu }); // the first warms up
      }
    }
    console.log(`${mebibytes} MiB, pieces of 1 MiB, v2, loopback, median of ${rounds} rounds`);
    for (const [i, { name }] of pairs.entries()) {
      const speed = median(runs[i]!.map((run) => run.speed));
      const cpu = median(runs[i]!.map((run) => run.cpu));
      const processor = Number.isNaN(cpu) ? "" : `   ${cpu.toFixed(2)} s of processor per GiB`;
      const ratio = median(ratios(runs[i]!, runs[0]!)).toFixed(2);
      console.log(`${name.padEnd(24)} ${speed.toFixed(0).padStart(5)} MiB/s   x${ratio}${processor}`);
    }
    for (const [i, { name, from }] of pairs.entries()) {
      if (from !== shop) continue;
      const paid = ratios(runs[i]!, runs[3]!);
      const spread = `${Math.min(...paid).toFixed(2)} to ${Math.max(...paid).toFixed(2)}`;
      console.log(`${name} / unpaid: ${median(paid).toFixed(2)} (${spread}; required: at least 0.90)`);
    }
  } finally {
    for (const seeder of seeders) await seeder.close();
    for (const folder of [work, books]) await rm(folder, { recursive: true });
  }
}

/** Seconds of processor that we and a process of ours have used, all threads. */
function processorTime(pid: number | undefined): number {
  const { user, system } = process.cpuUsage();
  if (pid === undefined || !existsSync("/proc/self/stat")) return Number.NaN;
  const [utime, stime] = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ").slice(11, 13);
  return (user + system) / 1e6 + (Number(utime) + Number(stime)) / 100; // the kernel counts there in 1/100 s
}

/** Of speeds, round by round. */
function ratios(these: readonly Run[], those: readonly Run[]): number[] {
  return these.map(({ speed }, i) => speed / those[i]!.speed);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function seed(path: string, folder: string): Promise<void> {
  const torrent = parseTorrent(await readFile(path));
  const seeder = await Seeder.listen({ host: "127.0.0.1", port: 0 });
  seeder.add({ torrent, folder: new DataFolder(folder, torrent) });
  tell(seeder);
}

async function sell(path: string, folder: string, books: string): Promise<void> {
  const { seeder } = await openShop(parseTorrent(await readFile(path)), folder, books, byBid(16));
  tell(seeder);
}

/** @param seeder is the parent's from here on */
function tell(seeder: Seeder): void {
  process.send!(seeder.port);
  process.once("disconnect", () => process.exit()); // as --cpu-prof wants it
}

const [first, ...rest] = process.argv.slice(2);
if (first === "seed") await seed(rest[0]!, rest[1]!);
else if (first === "sell") await sell(rest[0]!, rest[1]!, rest[2]!);
else await main(Number(first ?? 1024), Number(rest[0] ?? 7));
