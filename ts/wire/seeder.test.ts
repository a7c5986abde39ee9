import { readFile, truncate, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { answerHashRequest, layersOf } from "../torrent/hash-request.ts";
import { parseInfo } from "../torrent/metainfo.ts";
import { PossessionCache } from "../torrent/possession.ts";
import { hashBlocks } from "../torrent/segment.mjs";
import { BLOCK } from "../torrent/trees.ts";
import { DEFAULT_TIMEOUTS } from "./connection.ts";
import { deferred } from "./deferred.ts";
import type { PeerError } from "./errors.ts";
import { fetchTorrent } from "./fetch.ts";
import type { Message } from "./messages.ts";
import { dataOf, makeSample, RawPeer, type Sample, sampleBytes, seed, temporaryFolder } from "./testing.ts";
import type { Unchoker } from "./unchoker.ts";

const KEEP_ALIVE = Buffer.alloc(4);
const FILES = { "a.bin": sampleBytes(1_500_000, 1), "b.bin": sampleBytes(70_000, 2) };

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

  test("answers for pieces larger than what it reads at once, the last one short", async () => {
    const sample = await makeSample({ "a.bin": sampleBytes(2_500_001, 3) }, 1 << 20);
    const [file, [data]] = [sample.torrent.files[0]!, sample.data as [Buffer]];
    const peer = await RawPeer.join(await seed(sample), sample.torrent);
    for (const index of [0, 128]) {
      const { piecesRoot } = file;
      const request = { piecesRoot: piecesRoot!, baseLayer: 0, index, length: 64, proofLayers: 7 };
      peer.send({ type: "hash-request", ...request });
      const answer = await peer.next("hashes", "hash-reject");
      const right = answerHashRequest(request, file.blocks, layersOf(hashBlocks(data)));
      expect(answer).toMatchObject({ type: "hashes", index, hashes: right });
    }
  });

  test("sends when its policy lets it, and gives back what it was let and a choke kept it from", async () => {
    const sample = await makeSample(FILES);
    const turn = deferred<void>();
    const refunded: number[] = [];
    let [open, asked] = [true, 0];
    const unchoker: Unchoker = {
      choose: (interested) => (open ? interested : []),
      admit: () => {
        asked++;
        return turn.promise;
      },
      refund: (_, bytes) => refunded.push(bytes),
    };
    const seeder = await seed(sample, { unchoker });
    const peer = await RawPeer.join(seeder, sample.torrent);
    peer.send({ type: "interested" });
    await peer.next("unchoke");
    peer.send(request(0, 0, BLOCK), request(1, 0, BLOCK));
    await expect.poll(() => asked).toBe(1);
    open = false;
    seeder.rechoke();
    await peer.next("choke");
    turn.resolve();
    expect(await peer.next("piece", "reject")).toMatchObject({ type: "reject", piece: 1 });
    expect(await peer.next("piece", "reject")).toMatchObject({ type: "reject", piece: 0 });
    expect(refunded).toEqual([BLOCK]);
    open = true;
    seeder.rechoke();
    await peer.next("unchoke");
    peer.send(request(1, 0, BLOCK));
    expect(await peer.next("piece", "reject")).toMatchObject({ type: "piece", piece: 1 });
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
