/**
 * Throughput on loopback, each side ours or libtorrent's: `npx tsx ts/bench/wire.ts [MiB]`. Every pair runs in processes of its own.
 */
import { fork } from "node:child_process";
import { createCipheriv } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { hasClient } from "../testing/clients.ts";
import { createTorrent, Libtorrent } from "../testing/libtorrent.ts";
import { DataFolder } from "../torrent/folder.ts";
import { parseTorrent } from "../torrent/metainfo.ts";
import { fetchTorrent } from "../wire/fetch.ts";
import { Seeder } from "../wire/seeder.ts";

const PIECE_LENGTH = 1 << 20;
const ROUNDS = 3;

interface Peer {
  readonly port: number;
  close(): Promise<void>;
}

/** A seeder of ours in a process of its own, as libtorrent's is. */
async function seedOurs(torrent: string, folder: string): Promise<Peer> {
  const child = fork(fileURLToPath(import.meta.url), ["seed", torrent, folder], { execArgv: ["--import", "tsx"] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once("message", (message) => resolve(message as number));
    child.once("exit", (code) => reject(new Error(`the seeder ended with ${code}`)));
  });
  return { port, close: async () => void child.kill() };
}

async function seedTheirs(torrent: string, folder: string): Promise<Peer> {
  const peer = new Libtorrent({ torrent, folder });
  const { port } = await peer.complete;
  return { port, close: () => peer.close() };
}

/** Seconds from nothing to complete, verified and synced to disk; libtorrent leaves the last to the system. */
async function fetchOurs(torrent: string, folder: string, port: number): Promise<number> {
  const parsed = parseTorrent(await readFile(torrent));
  const began = performance.now();
  await fetchTorrent({ torrent: parsed, peers: [{ host: "127.0.0.1", port }], folder });
  return (performance.now() - began) / 1000;
}

async function fetchTheirs(torrent: string, folder: string, port: number): Promise<number> {
  const peer = new Libtorrent({ torrent, folder, peers: [`127.0.0.1:${port}`], plain: true });
  const { seconds } = await peer.complete;
  await peer.close();
  return seconds;
}

async function writeRandom(path: string, mebibytes: number): Promise<void> {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16));
  const out = cipher.pipe(createWriteStream(path));
  const zeros = Buffer.alloc(1 << 20);
  for (let i = 0; i < mebibytes; i++) {
    if (!cipher.write(zeros)) await new Promise((resolve) => cipher.once("drain", resolve));
  }
  cipher.end();
  await finished(out);
}

async function main(mebibytes: number): Promise<void> {
  if (!hasClient("libtorrent")) throw new Error("nothing to compare with: apt-get install python3-libtorrent");
  const work = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  try {
    const torrent = join(work, "data.torrent");
    await writeRandom(join(work, "data.bin"), mebibytes);
    createTorrent(join(work, "data.bin"), torrent, { pieceLength: PIECE_LENGTH });
    const seeders = { libtorrent: seedTheirs, ours: seedOurs };
    const fetchers = { libtorrent: fetchTheirs, ours: fetchOurs };
    console.log(`${mebibytes} MiB, pieces of 1 MiB, v2, loopback, best of ${ROUNDS}`);
    let reference: number | undefined;
    for (const [from, seed] of Object.entries(seeders)) {
      for (const [to, fetch] of Object.entries(fetchers)) {
        const seconds: number[] = [];
        for (let round = 0; round < ROUNDS; round++) {
          const seeder = await seed(torrent, work);
          const folder = await mkdtemp(join(work, "fetched-"));
          seconds.push(await fetch(torrent, folder, seeder.port));
          await seeder.close();
          await rm(folder, { recursive: true });
        }
        const rate = mebibytes / Math.min(...seconds);
        reference ??= rate;
        const ratio = (rate / reference).toFixed(2);
        console.log(`${from.padStart(10)} -> ${to.padEnd(10)} ${rate.toFixed(0).padStart(5)} MiB/s   x${ratio}`);
      }
    }
  } finally {
    await rm(work, { recursive: true });
  }
}

async function serve(path: string, folder: string): Promise<void> {
  const torrent = parseTorrent(await readFile(path));
  const seeder = await Seeder.listen({ host: "127.0.0.1", port: 0 });
  seeder.add({ torrent, folder: new DataFolder(folder, torrent) });
  process.send!(seeder.port);
}

const [first, ...rest] = process.argv.slice(2);
if (first === "seed") await serve(rest[0]!, rest[1]!);
else await main(Number(first ?? 256));
