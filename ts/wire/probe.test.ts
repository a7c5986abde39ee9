import { describe, expect, test } from "vitest";
import { BLOCK } from "../torrent/trees.ts";
import { Bitfield } from "./bitfield.ts";
import { encodeMessage } from "./messages.ts";
import { type ProbeTarget, probe } from "./probe.ts";
import { fakeSeed, listen, type Misdeeds, makeSample, type Sample, sampleBytes, seed } from "./testing.ts";

const FILES = { "a.bin": sampleBytes(300_001, 1), "b.bin": sampleBytes(9_000, 2), "c.bin": sampleBytes(40_000, 3) };
const TIMEOUTS = { connectMs: 1_000, handshakeMs: 400, unchokeMs: 400, answerMs: 400 };

/** What is on chain: roots and lengths. */
function onChain({ torrent }: Sample): ProbeTarget {
  const { infohashV2, pieceLength, files } = torrent;
  return { infohashV2, pieceLength, files: files.map(({ piecesRoot, length }) => ({ piecesRoot, length })) };
}

async function probeFake(misdeeds: Misdeeds, target: (sample: Sample) => ProbeTarget = onChain) {
  const sample = await makeSample(FILES);
  const peer = await fakeSeed(sample.torrent, sample.data, misdeeds);
  const [result] = await probe({ ...peer, torrent: target(sample), timeouts: TIMEOUTS, random: () => 7 });
  return result!;
}

describe("probe", () => {
  test("checks every block of a content against 32-byte roots, with no data of its own", async () => {
    const sample = await makeSample(FILES);
    const { host, port } = await seed(sample);
    let next = 0;
    const blocks = sample.torrent.blocks;
    const samples = await probe({ host, port, torrent: onChain(sample), count: blocks, random: () => next++ });
    expect(samples.map(({ file, block }) => `${file}:${block}`)).toEqual(
      [
        [0, 19],
        [1, 1],
        [2, 3],
      ].flatMap(([file, count]) => Array.from({ length: count! }, (_, block) => `${file}:${block}`)),
    );
    for (const sample of samples) {
      expect(sample).toMatchObject({ answered: true, verified: true, fault: undefined, reason: undefined });
      expect(sample.firstByteMs).toBeGreaterThan(0);
    }
  });

  test("reads on from a random block, over the ends of files, each block checked", async () => {
    const sample = await makeSample(FILES);
    const { host, port } = await seed(sample);
    const bounds: number[] = [];
    const random = (n: number) => {
      bounds.push(n);
      return n - 1;
    };
    const read = { host, port, torrent: onChain(sample), sequential: true, random };
    const samples = await probe({ ...read, count: 12 });
    expect(bounds).toEqual([12]);
    const last12 = [...Array.from({ length: 8 }, (_, i) => `0:${11 + i}`), "1:0", "2:0", "2:1", "2:2"];
    expect(samples.map(({ file, block }) => `${file}:${block}`)).toEqual(last12);
    expect(samples.every(({ verified }) => verified)).toBe(true);
    expect(await probe({ ...read, count: 1_000 })).toHaveLength(23);
  });

  test("a longer read finds the wrong block in it, and goes no further", async () => {
    const sample = await makeSample(FILES);
    let served = 0;
    const block = (data: Buffer) => (++served === 3 ? Buffer.alloc(data.length) : data);
    const peer = await fakeSeed(sample.torrent, sample.data, { block });
    const torrent = onChain(sample);
    const samples = await probe({ ...peer, torrent, count: 20, sequential: true, timeouts: TIMEOUTS, random: () => 0 });
    expect(samples.map(({ verified }) => verified)).toEqual([true, true, false, ...Array(6).fill(true)]);
    expect(served).toBe(9);
  });

  test("draws blocks, not files: each as likely as its size", async () => {
    const sample = await makeSample(FILES);
    const bounds: number[] = [];
    const random = (n: number) => {
      bounds.push(n);
      return n - 1;
    };
    const [last] = await probe({ host: "127.0.0.1", port: 1, torrent: sample.torrent, random });
    expect(bounds).toEqual([23]);
    expect(last).toMatchObject({ file: 2, block: 2 });
  });

  test("asks for the proof only after the block came: hashes alone are of no use", async () => {
    const sample = await makeSample(FILES);
    const order: string[] = [];
    const peer = await fakeSeed(sample.torrent, sample.data, {
      block: (data) => {
        order.push("block");
        return data;
      },
      hashes: (hashes) => {
        order.push("hashes");
        return hashes;
      },
    });
    await probe({ ...peer, torrent: onChain(sample), random: () => 7 });
    expect(order).toEqual(["block", "hashes"]);
  });

  test("a wrong block is answered and not verified", async () => {
    const block = (data: Buffer) => Buffer.alloc(data.length);
    expect(await probeFake({ block })).toMatchObject({ answered: true, verified: false, fault: "bad-data" });
  });

  test("a wrong block with hashes to match does not lead to the root", async () => {
    const block = (data: Buffer) => Buffer.alloc(data.length);
    const hashes = (real: Buffer) => Buffer.concat([sampleBytes(64, 9), real.subarray(64)]);
    expect(await probeFake({ block, hashes })).toMatchObject({ answered: true, verified: false, fault: "bad-data" });
  });

  test("a peer that gives the block and refuses the hashes proves nothing", async () => {
    expect(await probeFake({ hashes: () => undefined })).toMatchObject({
      answered: true,
      verified: false,
      fault: "unproven",
    });
  });

  test("a peer that does not answer is late", async () => {
    expect(await probeFake({ block: () => undefined })).toMatchObject({
      answered: false,
      verified: false,
      firstByteMs: undefined,
      fault: "timeout",
      reason: "no block within 400 ms",
    });
  });

  test("a peer that never unchokes is late", async () => {
    const sample = await makeSample(FILES);
    const peer = await listen(async (raw) => {
      await raw.shakeHands(sample.torrent);
      raw.send({ type: "have-all" });
    });
    const [result] = await probe({ ...peer, torrent: onChain(sample), timeouts: TIMEOUTS });
    expect(result).toMatchObject({ answered: false, fault: "timeout", reason: "no unchoke within 400 ms" });
  });

  test("a peer that has but a part says so", async () => {
    const sample = await makeSample(FILES);
    const has = Bitfield.full(7);
    has.clear(1);
    const { host, port } = await seed(sample, { has });
    const [result] = await probe({ host, port, torrent: onChain(sample), random: () => 7 });
    expect(result).toMatchObject({ answered: false, fault: "absent", reason: "the peer does not have piece 1" });
  });

  test("a peer of another torrent, or none, fails every sample and throws nothing", async () => {
    const sample = await makeSample(FILES);
    const { host, port } = await seed(await makeSample({ "x.bin": sampleBytes(1_000, 8) }));
    const options = { torrent: onChain(sample), count: 3, timeouts: TIMEOUTS };
    const closed = await probe({ host, port, ...options });
    expect(closed).toHaveLength(3);
    expect(closed.every(({ answered, fault }) => !answered && fault === "closed")).toBe(true);
    expect(await probe({ host: "127.0.0.1", port: 1, ...options, count: 1 })).toMatchObject([{ fault: "unreachable" }]);
  });

  test("the first byte that counts is the data's: a head sent early is of no use", async () => {
    const sample = await makeSample(FILES);
    const peer = await listen(async (raw) => {
      await raw.shakeHands(sample.torrent);
      raw.send({ type: "have-all" }, { type: "unchoke" });
      const asked = (await raw.next("request"))!;
      const data = sample.data[0]!.subarray(7 * BLOCK, 8 * BLOCK);
      const [head, body] = encodeMessage({ type: "piece", piece: asked.piece, begin: asked.begin, data });
      raw.raw(head!);
      setTimeout(() => raw.raw(body!), 150);
    });
    const [result] = await probe({ ...peer, torrent: onChain(sample), timeouts: TIMEOUTS, random: () => 7 });
    expect(result!.firstByteMs).toBeGreaterThan(140);
  });

  test("nudges a peer that sends a block's head alone and waits for an ACK", async () => {
    const sample = await makeSample(FILES);
    const peer = await listen(async (raw) => {
      await raw.shakeHands(sample.torrent);
      raw.send({ type: "have-all" }, { type: "unchoke" });
      const asked = (await raw.next("request"))!;
      const data = sample.data[0]!.subarray(7 * BLOCK, 8 * BLOCK);
      const [head, body] = encodeMessage({ type: "piece", piece: asked.piece, begin: asked.begin, data });
      raw.raw(head!);
      await raw.next("keep-alive");
      raw.raw(body!);
    });
    const [result] = await probe({ ...peer, torrent: onChain(sample), timeouts: TIMEOUTS, random: () => 7 });
    expect(result).toMatchObject({ answered: true });
  });

  describe("of a peer that knows no v2", () => {
    const v1 = { v2: false, infohash: Buffer.alloc(20, 7) };
    const hybrid = ({ torrent }: Sample) => ({ ...torrent, infohashV1: v1.infohash });

    test("checks the block with its whole piece and the piece layer", async () => {
      expect(await probeFake({ handshake: v1 }, hybrid)).toMatchObject({ answered: true, verified: true });
      const block = (data: Buffer, piece: number) => (piece === 1 ? Buffer.alloc(data.length) : data);
      expect(await probeFake({ handshake: v1, block }, hybrid)).toMatchObject({ verified: false, fault: "bad-data" });
    });

    test("says that without the piece layer it cannot", async () => {
      const bare = (sample: Sample) => ({ ...onChain(sample), infohashV1: v1.infohash });
      expect(await probeFake({ handshake: v1 }, bare)).toMatchObject({
        answered: true,
        verified: false,
        fault: "unproven",
      });
    });
  });

  test("stops when told to", async () => {
    const sample = await makeSample(FILES);
    const peer = await listen(async (raw) => void (await raw.shakeHands(sample.torrent)));
    const stopped = probe({ ...peer, torrent: onChain(sample), signal: AbortSignal.timeout(100) });
    await expect(stopped).rejects.toMatchObject({ name: "TimeoutError" });
  });
});
