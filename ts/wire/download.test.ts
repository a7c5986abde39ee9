import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { encode } from "../torrent/bencode.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { parseInfo, type Torrent } from "../torrent/metainfo.ts";
import { PARALLEL_FROM } from "../torrent/threads.ts";
import { BLOCK } from "../torrent/trees.ts";
import { DEFAULT_TIMEOUTS } from "./connection.ts";
import { deferred } from "./deferred.ts";
import { Download } from "./download.ts";
import type { PeerError } from "./errors.ts";
import { fetchTorrent } from "./fetch.ts";
import {
  fakeSeed,
  hashFiles,
  hashFolder,
  listen,
  makeSample,
  type RawPeer,
  type Sample,
  sampleBytes,
  seed,
  temporaryFolder,
} from "./testing.ts";

const KEEP_ALIVE = Buffer.alloc(4);
const FILES = { "a.bin": sampleBytes(1_500_000, 1), "b.bin": sampleBytes(70_000, 2) };
const LIMITS = { stallMs: 800, retryMs: 50, attempts: 2 };

/** Fetches from a bad peer and a good one that waits for the bad one to show itself; answers how connections to the bad one ended. */
async function fetchBeside(
  bad: PeerAddress,
  sample: Sample,
  torrent: Torrent | Uint8Array = sample.torrent,
  waitMs = 1_000,
): Promise<PeerError[]> {
  const reasons: PeerError[] = [];
  const shown = deferred<void>();
  const good = await fakeSeed(sample.torrent, sample.data, { ready: Promise.race([shown.promise, sleep(waitMs)]) });
  const folder = await temporaryFolder();
  await fetchTorrent({
    torrent,
    peers: [bad, good],
    folder,
    limits: LIMITS,
    onPeerGone: (peer, reason) => {
      if (peer.port !== bad.port || reason.fault === "stopped") return;
      reasons.push(reason);
      shown.resolve();
    },
  });
  expect(await hashFolder(join(folder, "sample"))).toEqual(hashFiles(sample.files));
  return reasons;
}

const faults = (reasons: PeerError[]) => [...new Set(reasons.map(({ fault }) => fault))];

describe("a downloader goes on without a peer that", () => {
  test.each([
    ["", FILES, undefined],
    [" on the hashing threads", { "large.bin": Buffer.alloc(PARALLEL_FROM, sampleBytes(1_000_003, 3)) }, 1 << 20],
  ])("sends bad blocks: it is found by its first bad piece%s and never asked again", async (_, files, pieceLength) => {
    const sample = await makeSample(files, pieceLength);
    let connections = 0;
    const bad = await fakeSeed(sample.torrent, sample.data, {
      block: (data, _piece, peer) => {
        connections = Math.max(connections, peer.serial);
        data[7]! ^= 1;
        return data;
      },
    });
    const reasons = await fetchBeside(bad, sample);
    expect(faults(reasons)).toEqual(["bad-data"]);
    expect(reasons[0]!.message).toMatch(/piece \d+ that does not match its hash/);
    expect(connections).toBe(1);
  });

  test("puts one bad block into pieces that others send the rest of", async () => {
    // One piece of 64 blocks: both peers contribute to it.
    const sample = await makeSample({ "a.bin": sampleBytes(64 * BLOCK, 5) }, 64 * BLOCK);
    const bad = await fakeSeed(sample.torrent, sample.data, {
      block: (data) => {
        data[7]! ^= 1;
        return data;
      },
    });
    const good = await fakeSeed(sample.torrent, sample.data, { delayMs: 5 });
    const folder = await temporaryFolder();
    const reasons: [number, PeerError][] = [];
    await fetchTorrent({
      torrent: sample.torrent,
      peers: [bad, good],
      folder,
      limits: LIMITS,
      onPeerGone: ({ port }, reason) => reasons.push([port, reason]),
    });
    expect(await hashFolder(join(folder, "sample"))).toEqual(hashFiles(sample.files));
    const banned = reasons.filter(([, { fault }]) => fault === "bad-data").map(([port]) => port);
    expect(banned).toEqual([bad.port]);
  });

  test("stops answering", async () => {
    const sample = await makeSample(FILES);
    let answers = 0;
    const bad = await fakeSeed(sample.torrent, sample.data, { block: (data) => (++answers > 5 ? undefined : data) });
    const reasons = await fetchBeside(bad, sample, sample.torrent, 10_000);
    expect(faults(reasons)).toEqual(["timeout"]);
    expect(reasons[0]!.message).toContain("owes us and sends nothing for 800 ms");
  });

  test("drips: it gives up the blocks it holds to others in the end", async () => {
    const sample = await makeSample(FILES);
    const bad = await fakeSeed(sample.torrent, sample.data, { delayMs: 300 });
    await fetchBeside(bad, sample);
  });

  test("chokes in the middle, with and without the fast extension", async () => {
    const sample = await makeSample(FILES);
    for (const fast of [true, false]) {
      let answers = 0;
      const bad = await fakeSeed(sample.torrent, sample.data, {
        handshake: { fast },
        block: (data, _piece, peer) => {
          if (++answers === 3) peer.send({ type: "choke" });
          return answers < 3 ? data : undefined;
        },
      });
      await fetchBeside(bad, sample);
    }
  });

  test("sends hashes that prove nothing", async () => {
    const sample = await makeSample(FILES);
    const bad = await fakeSeed(sample.torrent, sample.data, {
      hashes: (hashes) => {
        hashes[40]! ^= 1;
        return hashes;
      },
    });
    expect(faults(await fetchBeside(bad, sample, parseInfo(sample.torrent.info)))).toContain("bad-data");
  });

  test("rejects hash requests", async () => {
    const sample = await makeSample(FILES);
    const bad = await fakeSeed(sample.torrent, sample.data, { hashes: () => undefined });
    await fetchBeside(bad, sample, parseInfo(sample.torrent.info));
  });

  test.each<[string, (peer: RawPeer) => void, string, string]>([
    [
      "announces a frame of 2 GiB",
      (peer) => peer.raw(Buffer.from("7fffffff07", "hex")),
      "oversize",
      "the limit is 1048576",
    ],
    [
      "sends a request of three bytes",
      (peer) => peer.raw(Buffer.from("0000000406010203", "hex")),
      "malformed",
      "a request message of 3 bytes",
    ],
    [
      "sends a bitfield of another torrent",
      (peer) => peer.send({ type: "bitfield", bits: new Uint8Array(99) }),
      "malformed",
      "does not fit 25 pieces",
    ],
    [
      "sets bits beyond the last piece",
      (peer) => peer.send({ type: "bitfield", bits: new Uint8Array(4).fill(255) }),
      "malformed",
      "does not fit 25 pieces",
    ],
    [
      "has a piece that the torrent has not",
      (peer) => peer.send({ type: "have", piece: 25 }),
      "malformed",
      "a piece 25 of 25",
    ],
    [
      "sends its bitfield late",
      (peer) => peer.send({ type: "have", piece: 1 }, { type: "have-all" }),
      "malformed",
      "not the first message",
    ],
    [
      "floods us with keep-alives",
      (peer) => peer.raw(Buffer.concat(Array(5_000).fill(KEEP_ALIVE))),
      "flood",
      "useless messages",
    ],
    [
      "floods us with blocks nobody asked for",
      (peer) => {
        for (let i = 0; i < 2_100; i++) peer.send({ type: "piece", piece: 1, begin: 0, data: Buffer.alloc(BLOCK) });
      },
      "flood",
      "useless messages",
    ],
    [
      "chokes and unchokes for ever",
      (peer) => {
        for (let i = 0; i < 5_000; i++) peer.send({ type: "unchoke" }, { type: "choke" });
      },
      "flood",
      "useless messages",
    ],
    [
      "sends an extended handshake that is no bencode",
      (peer) => peer.send({ type: "extended", extension: 0, payload: Buffer.from("d1:m") }),
      "malformed",
      "no bencoded dictionary",
    ],
  ])("%s", async (_, misbehave, fault, message) => {
    const sample = await makeSample(FILES);
    const bad = await listen(async (peer) => {
      await peer.shakeHands(sample.torrent);
      misbehave(peer);
    });
    const reasons = await fetchBeside(bad, sample);
    expect(faults(reasons)).toEqual([fault]);
    expect(reasons[0]!.message).toContain(message);
  });

  test.each<[string, (peer: RawPeer) => void, string]>([
    ["sends garbage for a handshake", (peer) => peer.raw(randomBytes(500)), "not-bittorrent"],
    ["is a web server", (peer) => peer.raw(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")), "not-bittorrent"],
    [
      "serves another torrent",
      (peer) => peer.raw(Buffer.from("\x13BitTorrent protocol", "latin1"), Buffer.alloc(48)),
      "wrong-torrent",
    ],
    ["hangs up", (peer) => peer.socket.destroy(), "closed"],
    ["says nothing", () => {}, "timeout"],
  ])("%s", async (_, misbehave, fault) => {
    const sample = await makeSample(FILES);
    const bad = await listen(async (peer) => misbehave(peer));
    const reasons: PeerError[] = [];
    const timeouts = { ...DEFAULT_TIMEOUTS, handshakeMs: 300 };
    const failed = fetchTorrent({
      torrent: sample.torrent,
      peers: [bad],
      folder: await temporaryFolder(),
      limits: { ...LIMITS, attempts: 1 },
      timeouts,
      onPeerGone: (_peer, reason) => reasons.push(reason),
    });
    await expect(failed).rejects.toMatchObject({ fault: "no-peers" });
    expect(faults(reasons)).toEqual([fault]);
  });

  const metadataSeed = (sample: Sample, announced: number, answer: (peer: RawPeer, piece: number) => void) =>
    listen(async (peer) => {
      await peer.shakeHands(sample.torrent);
      const handshake = new Map<string, number | Map<string, number>>([
        ["m", new Map([["ut_metadata", 7]])],
        ["metadata_size", announced],
      ]);
      peer.send({ type: "extended", extension: 0, payload: encode(handshake) });
      for (let piece = 0; (await peer.next("extended")) !== undefined; ) answer(peer, piece++ - 1);
    });

  test.each<[string, number, Uint8Array]>([
    [
      "sends metadata of another torrent",
      100,
      Buffer.concat([
        encode(
          new Map([
            ["msg_type", 1],
            ["piece", 0],
          ]),
        ),
        Buffer.alloc(100),
      ]),
    ],
    [
      "sends less metadata than it announced",
      100,
      Buffer.concat([
        encode(
          new Map([
            ["msg_type", 1],
            ["piece", 0],
          ]),
        ),
        Buffer.alloc(99),
      ]),
    ],
    [
      "sends a piece of metadata that was not asked for",
      100,
      Buffer.concat([
        encode(
          new Map([
            ["msg_type", 1],
            ["piece", 9],
          ]),
        ),
        Buffer.alloc(100),
      ]),
    ],
    ["announces metadata of 1 GiB", 1 << 30, Buffer.alloc(1)],
    ["sends metadata messages that are no bencode", 100, Buffer.from("nonsense")],
  ])("%s", async (_, announced, payload) => {
    const sample = await makeSample(FILES);
    const bad = await metadataSeed(sample, announced, (peer) => peer.send({ type: "extended", extension: 1, payload }));
    const folder = await temporaryFolder();
    const limits = { ...LIMITS, attempts: 1 };
    await expect(
      fetchTorrent({ torrent: sample.torrent.infohashV2, peers: [bad], folder, limits }),
    ).rejects.toMatchObject({
      fault: "no-peers",
      message: expect.stringMatching(/metadata/),
    });
    await fetchTorrent({
      torrent: sample.torrent.infohashV2,
      peers: [bad, await seed(sample)],
      folder,
      limits: LIMITS,
    });
    expect(await hashFolder(join(folder, "sample"))).toEqual(hashFiles(sample.files));
  });
});

test("peers may be added to a download that runs; until then it waits", async () => {
  const sample = await makeSample({ "a.bin": sampleBytes(300_000, 1) });
  const folder = await temporaryFolder();
  const download = new Download(sample.torrent, { peers: [], growing: true, folder });
  const running = download.run();
  const seeder = await seed(sample);
  download.add([seeder]);
  await running;
  expect(await hashFolder(join(folder, "sample"))).toEqual(hashFiles(sample.files));
});

test("a download that waits for further peers gives up after a while", async () => {
  const sample = await makeSample({ "a.bin": sampleBytes(300_000, 1) });
  const limits = { idleMs: 200, stallMs: 100 };
  const download = new Download(sample.torrent, { peers: [], growing: true, folder: await temporaryFolder(), limits });
  await expect(download.run()).rejects.toMatchObject({ fault: "idle" });
});
