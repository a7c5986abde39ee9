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
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { Accountant } from "../retrieval/accountant.ts";
import { DEFAULT_WINDOW } from "../retrieval/credit.ts";
import type { Terms } from "../retrieval/hf-pay.ts";
import { Ledger } from "../retrieval/ledger.ts";
import { Payer } from "../retrieval/payer.ts";
import { byBid } from "../retrieval/unchoker.ts";
import { signVoucher, voucherSigner } from "../retrieval/voucher.ts";
import { openStore } from "../store/store.ts";
import { hasClient } from "../testing/installed.ts";
import { createTorrent, Libtorrent } from "../testing/libtorrent.ts";
import { DataFolder } from "../torrent/folder.ts";
import { parseTorrent } from "../torrent/metainfo.ts";
import { fetchTorrent } from "../wire/fetch.ts";
import { Seeder, type SeederOptions } from "../wire/seeder.ts";

const PIECE_LENGTH = 1 << 20;
const ROUNDS = 3;
/** Asset wei: more than is spent here. */
const PLENTY = 10n ** 24n;
const TERMS: Terms = {
  chainId: 1,
  contract: "0x0000000000000000000000000000000000000001",
  operator: "0x0000000000000000000000000000000000000002",
  price: 10n ** 12n,
  window: DEFAULT_WINDOW,
};

interface Peer {
  readonly port: number;
  close(): Promise<void>;
}

/** A seeder of ours in a process of its own, as libtorrent's is. */
async function seedOurs(torrent: string, folder: string, task = "seed"): Promise<Peer> {
  const child = fork(fileURLToPath(import.meta.url), [task, torrent, folder], { execArgv: ["--import", "tsx"] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once("message", (message) => resolve(message as number));
    child.once("exit", (code) => reject(new Error(`the seeder ended with ${code}`)));
  });
  return { port, close: async () => void child.kill() };
}

function sellOurs(torrent: string, folder: string): Promise<Peer> {
  return seedOurs(torrent, folder, "sell");
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

/** The same for payment, vouchers and their durable writes included. */
async function fetchPaid(torrent: string, folder: string, port: number): Promise<number> {
  const parsed = parseTorrent(await readFile(torrent));
  const store = await openStore(join(folder, "store"));
  const { pieceLength } = parsed;
  const [budget, reach] = [PLENTY, async () => PLENTY];
  const signer = privateKeyToAccount(generatePrivateKey());
  const what = { domain: TERMS, payer: signer.address, signer, contentId: 1, pieceLength };
  const payer = new Payer({ ...what, maxPrice: TERMS.price, budget, reach, store });
  const { extensions, onVerified, settle: beforeLeaving } = payer;
  const began = performance.now();
  const peers = [{ host: "127.0.0.1", port }];
  await fetchTorrent({ torrent: parsed, peers, folder, extensions, onVerified, beforeLeaving });
  const seconds = (performance.now() - began) / 1000;
  const [line] = payer.receipt;
  if (line?.bytes !== parsed.files[0]!.length) throw new Error(`paid for ${line?.bytes} bytes`);
  await store.close();
  return seconds;
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
    const libtorrent = { name: "libtorrent", seed: seedTheirs, fetch: fetchTheirs };
    const ours = { name: "ours", seed: seedOurs, fetch: fetchOurs };
    const paid = { name: "ours, paid", seed: sellOurs, fetch: fetchPaid };
    const pairs = [libtorrent, ours].flatMap((from) => [libtorrent, ours].map((to) => ({ from, to })));
    pairs.push({ from: paid, to: paid });
    console.log(`${mebibytes} MiB, pieces of 1 MiB, v2, loopback, best of ${ROUNDS}`);
    const best = pairs.map(() => 0);
    // Round by round, so that a machine that is busy for a while is unfair to nobody.
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, { from, to }] of pairs.entries()) {
        const seeder = await from.seed(torrent, work);
        const folder = await mkdtemp(join(work, "fetched-"));
        best[i] = Math.max(best[i]!, mebibytes / (await to.fetch(torrent, folder, seeder.port)));
        await seeder.close();
        await rm(folder, { recursive: true });
      }
    }
    for (const [i, { from, to }] of pairs.entries()) {
      const names = `${from.name.padStart(10)} -> ${to.name.padEnd(10)}`;
      console.log(`${names} ${best[i]!.toFixed(0).padStart(5)} MiB/s   x${(best[i]! / best[0]!).toFixed(2)}`);
    }
  } finally {
    await rm(work, { recursive: true });
  }
}

async function serve(path: string, folder: string, options: Partial<SeederOptions> = {}): Promise<void> {
  const torrent = parseTorrent(await readFile(path));
  const seeder = await Seeder.listen({ host: "127.0.0.1", port: 0, ...options });
  seeder.add({ torrent, folder: new DataFolder(folder, torrent) });
  process.send!(seeder.port);
}

async function sell(path: string, folder: string): Promise<void> {
  const ledger = await Ledger.open(await openStore(await mkdtemp(join(folder, "ledger-"))), TERMS);
  const meansOf = async () => ({ funds: PLENTY, paid: 0n });
  const { extensions } = new Accountant({ terms: TERMS, ledger, meansOf, contentOf: () => 1, rechoke: () => {} });
  // A seeder has judged vouchers before: its first ones, which compile the curve's arithmetic, are off the clock.
  const signer = privateKeyToAccount(generatePrivateKey());
  const channel = { payer: signer.address, operator: TERMS.operator, contentId: 1 };
  const voucher = await signVoucher(signer, TERMS, { ...channel, cumulativeAmount: 1n, cumulativeBytes: 1 });
  for (let i = 0; i < 50; i++) await voucherSigner(TERMS, voucher);
  await serve(path, folder, { unchoker: byBid(16), extensions });
}

const [first, ...rest] = process.argv.slice(2);
if (first === "seed") await serve(rest[0]!, rest[1]!);
else if (first === "sell") await sell(rest[0]!, rest[1]!);
else await main(Number(first ?? 256));
