import { randomBytes } from "node:crypto";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { encode } from "../torrent/bencode.ts";
import { parseInfo, type Torrent } from "../torrent/metainfo.ts";
import { PossessionCache } from "../torrent/possession.ts";
import { BLOCK } from "../torrent/trees.ts";
import type { PeerAddress } from "./connection.ts";
import { DEFAULT_TIMEOUTS } from "./connection.ts";
import { deferred } from "./deferred.ts";
import type { PeerError } from "./errors.ts";
import { fetchTorrent } from "./fetch.ts";
import type { Message } from "./messages.ts";
import {
  dataOf,
  fakeSeed,
  hashFiles,
  hashFolder,
  listen,
  makeSample,
  RawPeer,
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
): Promise<PeerError[]> {
  const reasons: PeerError[] = [];
  const shown = deferred<void>();
  const good = await fakeSeed(sample.torrent, sample.data, { ready: Promise.race([shown.promise, sleep(1_000)]) });
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
  test("sends bad blocks: it is found by its first bad piece and never asked again", async () => {
    const sample = await makeSample(FILES);
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
    const reasons = await fetchBeside(bad, sample);
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

describe("a seeder drops a peer that", () => {
  test.each<[string, (peer: RawPeer) => void, string, string]>([
    [
      "announces a frame of 2 GiB",
      (peer) => peer.raw(Buffer.from("7fffffff07", "hex")),
      "oversize",
      "the limit is 1048576",
    ],
    ["asks for a piece that is not there", (peer) => peer.send(request(25, 0, BLOCK)), "malformed", "piece 25"],
    ["asks beyond a piece", (peer) => peer.send(request(0, 65_536, BLOCK)), "malformed", "at 65536 of piece 0"],
    [
      "asks for more than a block",
      (peer) => peer.send(request(0, 0, 2 * BLOCK)),
      "malformed",
      "a request for 32768 bytes",
    ],
    ["asks for nothing", (peer) => peer.send(request(0, 0, 0)), "malformed", "a request for 0 bytes"],
    [
      "changes its mind for ever",
      (peer) => {
        for (let i = 0; i < 3_000; i++) peer.send({ type: "interested" }, { type: "not-interested" });
      },
      "flood",
      "useless messages",
    ],
    [
      "asks while it is choked, again and again",
      (peer) => {
        for (let i = 0; i < 3_000; i++) peer.send(request(0, 0, BLOCK));
      },
      "flood",
      "useless messages",
    ],
    [
      "asks for senseless hashes, again and again",
      (peer) => {
        for (let i = 0; i < 3_000; i++) {
          peer.send({
            type: "hash-request",
            piecesRoot: Buffer.alloc(32),
            baseLayer: 0,
            index: 0,
            length: 2,
            proofLayers: 0,
          });
        }
      },
      "flood",
      "",
    ],
    [
      "sends an unknown message, again and again",
      (peer) => {
        for (let i = 0; i < 3_000; i++) peer.raw(Buffer.from("00000001ff", "hex"));
      },
      "flood",
      "useless messages",
    ],
  ])("%s", async (_, misbehave, fault, message) => {
    const sample = await makeSample(FILES);
    const { seeder, gone } = await watchedSeed(sample);
    const peer = await RawPeer.join(seeder, sample.torrent);
    misbehave(peer);
    await peer.ended();
    await expect.poll(gone).toMatchObject([{ fault, message: expect.stringContaining(message) }]);
    await fetchTorrent({ torrent: sample.torrent, peers: [seeder], folder: await temporaryFolder() });
  });

  test("queues thousands of requests and does not read the answers", async () => {
    const sample = await makeSample(FILES);
    const { seeder, gone } = await watchedSeed(sample);
    const peer = await RawPeer.join(seeder, sample.torrent);
    peer.send({ type: "interested" });
    await peer.next("unchoke");
    peer.socket.pause();
    for (let i = 0; i < 5_000; i++) peer.send(request(i % 20, 0, BLOCK));
    await expect.poll(gone).toMatchObject([{ fault: "flood", message: "more than 2000 requests queued" }]);
  });

  test("asks and then does not read", async () => {
    const sample = await makeSample({ "a.bin": sampleBytes(32 << 20, 1) }, 1 << 20);
    const { seeder, gone } = await watchedSeed(sample, { timeouts: { ...DEFAULT_TIMEOUTS, idleMs: 600 } });
    const peer = await RawPeer.join(seeder, sample.torrent);
    peer.send({ type: "interested" });
    await peer.next("unchoke");
    peer.socket.pause();
    for (let i = 0; i < 1_900; i++) peer.send(request(i % 32, (i % 64) * BLOCK, BLOCK));
    const talk = setInterval(() => peer.raw(KEEP_ALIVE), 100);
    onTestFinished(() => clearInterval(talk));
    await expect
      .poll(gone, { timeout: 10_000 })
      .toMatchObject([{ fault: "timeout", message: "reads nothing for 600 ms" }]);
  });

  test("is silent, before and after the handshake", async () => {
    const sample = await makeSample(FILES);
    const timeouts = { connectMs: 300, handshakeMs: 300, idleMs: 300 };
    const { seeder, gone } = await watchedSeed(sample, { timeouts });
    const mute = connect(seeder.port, seeder.host);
    onTestFinished(() => void mute.destroy());
    await expect.poll(gone).toMatchObject([{ fault: "timeout", message: "no handshake within 300 ms" }]);
    await RawPeer.join(seeder, sample.torrent);
    await expect.poll(() => gone()[1]).toMatchObject({ fault: "timeout", message: "silent for 300 ms" });
  });

  test("is one too many, from one address or in all", async () => {
    const sample = await makeSample(FILES);
    const { seeder, gone } = await watchedSeed(sample, { limits: { total: 3, perAddress: 2 } });
    const peers = [await RawPeer.join(seeder, sample.torrent), await RawPeer.join(seeder, sample.torrent)];
    const from = (localAddress: string) => {
      const socket = connect({ host: seeder.host, port: seeder.port, localAddress }).on("error", () => {});
      onTestFinished(() => void socket.destroy());
    };
    from("127.0.0.1");
    await expect.poll(() => gone().length).toBe(1);
    from("127.0.0.2");
    await expect.poll(() => seeder.connections).toBe(3);
    from("127.0.0.3");
    await expect.poll(() => gone().map(({ fault }) => fault)).toEqual(["limit", "limit"]);
    peers[0]!.socket.destroy();
    await expect.poll(() => seeder.connections).toBe(2);
    await RawPeer.join(seeder, sample.torrent);
  });

  test("does not begin like BitTorrent, at its first bytes: clients that tried encryption come back at once", async () => {
    const sample = await makeSample(FILES);
    const { seeder, gone } = await watchedSeed(sample);
    const socket = connect(seeder.port, seeder.host);
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => {}).write(Buffer.from("GET / HTTP/1.1\r\n"));
    await expect.poll(gone).toMatchObject([{ fault: "not-bittorrent" }]);
  });
});

describe("a seeder", () => {
  test("rejects a block that it cannot read, reports the loss, and answers on", async () => {
    const sample = await makeSample(FILES);
    const lost: number[] = [];
    const seeder = await seed(sample, { onLoss: ({ piece }) => lost.push(piece) });
    await truncate(join(sample.folder, "sample", "a.bin"), 65_536);
    const peer = await RawPeer.join(seeder, sample.torrent);
    peer.send({ type: "interested" });
    await peer.next("unchoke");
    peer.send(request(3, 0, BLOCK));
    expect(await peer.next("reject", "piece")).toMatchObject({ type: "reject", piece: 3 });
    peer.send(request(0, 0, BLOCK));
    expect(await peer.next("reject", "piece")).toMatchObject({ type: "piece", piece: 0 });
    expect(lost).toEqual([3]);
    const later = await RawPeer.join(seeder, sample.torrent);
    const bitfield = await later.next("bitfield", "have-all");
    expect(bitfield).toMatchObject({ type: "bitfield", bits: Buffer.from("efffff80", "hex") });
  });

  const leaf = ({ torrent }: Sample) =>
    ({
      type: "hash-request",
      piecesRoot: torrent.files[0]!.piecesRoot!,
      baseLayer: 0,
      index: 12,
      length: 2,
      proofLayers: 6,
    }) as const;

  test("rejects hashes of a piece that has gone bad, and reports the loss", async () => {
    const sample = await makeSample(FILES);
    const lost: number[] = [];
    const seeder = await seed(sample, { onLoss: ({ piece }) => lost.push(piece) });
    await truncate(join(sample.folder, "sample", "a.bin"), 65_536);
    const peer = await RawPeer.join(seeder, sample.torrent);
    peer.send(leaf(sample));
    expect(await peer.next("hashes", "hash-reject")).toMatchObject({ type: "hash-reject", index: 12 });
    expect(lost).toEqual([3]);
  });

  test("answers from hashes kept beside the data, and from the data when they are damaged", async () => {
    const sample = await makeSample(FILES);
    const lost: number[] = [];
    const data = dataOf(sample);
    const path = join(await temporaryFolder(), "cache");
    const cache = await PossessionCache.build(data, path);
    onTestFinished(() => cache.close());
    const seeder = await seed(sample, { onLoss: ({ piece }) => lost.push(piece) });
    seeder.add({ torrent: sample.torrent, folder: data, cache });
    const ask = async () => {
      const peer = await RawPeer.join(seeder, sample.torrent);
      peer.send(leaf(sample));
      return peer.next("hashes", "hash-reject");
    };
    const whole = await readFile(join(sample.folder, "sample", "a.bin"));
    await truncate(join(sample.folder, "sample", "a.bin"), 65_536);
    const answer = await ask();
    expect(answer?.type).toBe("hashes");
    await writeFile(join(sample.folder, "sample", "a.bin"), whole);
    await truncate(path, 100);
    expect(await ask()).toEqual(answer);
    expect(lost).toEqual([]);
  });

  test("without piece layers rejects hash requests, and accuses no data", async () => {
    const sample = await makeSample(FILES);
    const lost: number[] = [];
    const bare = { ...sample, torrent: parseInfo(sample.torrent.info) };
    const seeder = await seed(bare, { onLoss: ({ piece }) => lost.push(piece) });
    const peer = await RawPeer.join(seeder, sample.torrent);
    peer.send(leaf(sample));
    expect(await peer.next("hashes", "hash-reject")).toMatchObject({ type: "hash-reject" });
    expect(lost).toEqual([]);
  });
});

function request(
  piece: number,
  begin: number,
  length: number,
): Extract<Message, { type: "request" | "cancel" | "reject" }> {
  return { type: "request", piece, begin, length };
}

async function watchedSeed(sample: Sample, options: Parameters<typeof seed>[1] = {}) {
  const reasons: PeerError[] = [];
  const seeder = await seed(sample, { ...options, onPeerGone: ({ reason }) => reasons.push(reason) });
  return { seeder, gone: () => reasons };
}
