/**
 * Memory of one seeder with 200 peers at once, beside libtorrent with the same ones: `npx tsx ts/bench/crowd.ts [seconds]`. The seeder has a
 * process of its own and gives a slot to everybody, which is the worst case. Some peers pay, some do not, some read slowly, and some
 * ask for all they may and read nothing. Ends with an error beyond the limit.
 */
import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { byBid } from "../retrieval/unchoker.ts";
import { openStore } from "../store/store.ts";
import { hasClient } from "../testing/installed.ts";
import { Libtorrent } from "../testing/libtorrent.ts";
import { CONTENTS, Leech, newAccount, openShop, payerOf, writeRandom } from "../testing/swarm.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { createTorrent } from "../torrent/index.ts";
import { parseTorrent, type Torrent } from "../torrent/metainfo.ts";
import { BLOCK } from "../torrent/trees.ts";
import { FrameReader } from "../wire/frames.ts";
import { encodeHandshake, readHandshake } from "../wire/handshake.ts";
import { decodeMessage, encodeMessage } from "../wire/messages.ts";
import { newPeerId } from "../wire/peer-id.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const LIMIT = 512;
const CONTENT = 512;
const PIECE = 16 * MIB;
/** Bytes a second. */
const LINK = MIB;
const SLOW = 16 * KIB;
/** A seeder of ours takes no more requests at once. */
const MOST_REQUESTS = 1_900;

/** How many of each. */
const CROWD = { paying: 60, free: 60, slow: 30, deaf: 30, "deaf to hashes": 20 };

/** Asks for all it may, and reads at a speed of its own. */
class Glutton {
  received = 0;
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;

  private constructor(socket: Socket, speed: number) {
    this.#socket = socket;
    // What the kernel has taken already is not the seeder's any more: its buffers are full when the link is.
    this.#timer = setInterval(() => {
      const chunk = socket.read(Math.min(speed / 10, socket.readableLength)) as Buffer | null;
      this.received += chunk?.length ?? 0;
    }, 100);
  }

  static async join({ host, port }: PeerAddress, torrent: Torrent, speed: number, asks: "blocks" | "hashes") {
    const socket = connect({ host, port }).on("error", () => {});
    const infohash = torrent.infohashV2.subarray(0, 20);
    socket.write(encodeHandshake({ infohash, peerId: newPeerId(), v2: true, extended: false, fast: true }));
    await readHandshake(socket, 30_000);
    for (const part of encodeMessage({ type: "interested" })) socket.write(part);
    await unchoked(socket);
    for (let i = 0; i < MOST_REQUESTS; i++)
      for (const part of encodeMessage(request(asks, torrent, i))) socket.write(part);
    return new Glutton(socket, speed);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.destroy();
  }
}

function request(asks: "blocks" | "hashes", { files, pieceLength }: Torrent, i: number) {
  const perPiece = pieceLength / BLOCK;
  const at = i % files[0]!.blocks;
  if (asks === "blocks") {
    return {
      type: "request",
      piece: Math.floor(at / perPiece),
      begin: (at % perPiece) * BLOCK,
      length: BLOCK,
    } as const;
  }
  const piece = i % (files[0]!.blocks / perPiece);
  const what = { baseLayer: 0, index: piece * perPiece, length: perPiece, proofLayers: 0 };
  return { type: "hash-request", piecesRoot: files[0]!.piecesRoot!, ...what } as const;
}

/** Reads until the seeder lets us download, and then nothing more. */
function unchoked(socket: Socket): Promise<void> {
  const reader = new FrameReader();
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      for (const frame of reader.push(chunk)) {
        if (decodeMessage(frame).type !== "unchoke") continue;
        socket.off("data", onData).pause();
        resolve();
      }
    };
    socket
      .on("data", onData)
      .once("close", () => reject(new Error("the seeder hung up")))
      .resume();
  });
}

interface Memory {
  /** Of the process, in MiB, at its highest. */
  readonly rss: number;
  /** Of that, what is no file's. */
  readonly own: number;
  /** MiB a second that peers received. */
  readonly speed: number;
}

async function crowd(
  pid: number,
  seeder: PeerAddress,
  torrent: Torrent,
  books: string,
  seconds: number,
): Promise<Memory> {
  const store = await openStore(await mkdtemp(join(books, "payers-")));
  const many = <T>(count: number, enter: () => Promise<T>) => Promise.all(Array.from({ length: count }, enter));
  const leeches = [
    ...(await many(CROWD.paying, () => Leech.join(seeder, torrent, LINK, payerOf(torrent, store, newAccount())))),
    ...(await many(CROWD.free, () => Leech.join(seeder, torrent, LINK))),
  ];
  const gluttons = [
    ...(await many(CROWD.slow, () => Glutton.join(seeder, torrent, SLOW, "blocks"))),
    ...(await many(CROWD.deaf, () => Glutton.join(seeder, torrent, 0, "blocks"))),
    ...(await many(CROWD["deaf to hashes"], () => Glutton.join(seeder, torrent, 0, "hashes"))),
  ];
  let [rss, own] = [0, 0];
  for (let i = 0; i < seconds * 5; i++) {
    await sleep(200);
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const field = (name: string) => Number(status.match(`${name}:\\s*(\\d+) kB`)![1]) / 1024;
    [rss, own] = [Math.max(rss, field("VmHWM")), Math.max(own, field("RssAnon"))];
  }
  const received = [...leeches, ...gluttons].reduce((sum, peer) => sum + peer.received, 0);
  for (const peer of [...leeches, ...gluttons]) peer.close();
  await store.close();
  return { rss, own, speed: received / MIB / seconds };
}

async function main(seconds: number): Promise<void> {
  const work = await mkdtemp(join(CONTENTS, "holdfast-bench-"));
  const books = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  try {
    await writeRandom(join(work, "data.bin"), CONTENT);
    const { torrent, bytes } = await createTorrent(join(work, "data.bin"), { pieceLength: PIECE, v2Only: true });
    const path = join(work, "data.torrent");
    await writeFile(path, bytes);
    const counts = Object.entries(CROWD).map(([kind, count]) => `${count} ${kind}`);
    console.log(`200 peers (${counts.join(", ")}), ${seconds} s`);

    const child = fork(fileURLToPath(import.meta.url), ["seed", path, work, books], { execArgv: ["--import", "tsx"] });
    const port = await new Promise<number>((resolve) => child.once("message", (port) => resolve(port as number)));
    const ours = await crowd(child.pid!, { host: "127.0.0.1", port }, torrent, books, seconds);
    child.disconnect();
    print("ours", ours);

    if (hasClient("libtorrent")) {
      const peer = new Libtorrent({ torrent: path, folder: work, open: true });
      const { port } = await peer.complete;
      const theirs = await crowd(peer.pid, { host: "127.0.0.1", port }, torrent, books, seconds);
      await peer.close();
      print("libtorrent", theirs);
      console.log(`ours / libtorrent ${(ours.own / theirs.own).toFixed(2)} of memory that is no file's`);
    }
    console.log(`required: at most ${LIMIT} MiB, ${ours.rss <= LIMIT ? "met" : "not met"}`);
    if (ours.rss > LIMIT) process.exitCode = 1;
  } finally {
    for (const folder of [work, books]) await rm(folder, { recursive: true, force: true });
  }
}

function print(name: string, { rss, own, speed }: Memory): void {
  const memory = `at most ${rss.toFixed(0)} MiB resident, ${own.toFixed(0)} MiB of it no file's`;
  console.log(`${name.padEnd(12)} ${memory}; ${speed.toFixed(0)} MiB/s`);
}

async function seed(path: string, folder: string, books: string): Promise<void> {
  const { seeder } = await openShop(parseTorrent(await readFile(path)), folder, join(books, "ledger"), byBid(200));
  process.send!(seeder.port);
  process.once("disconnect", () => process.exit());
}

const [first, ...rest] = process.argv.slice(2);
if (first === "seed") await seed(rest[0]!, rest[1]!, rest[2]!);
else await main(Number(first ?? 30));
