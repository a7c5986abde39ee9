import { describe, expect, test } from "vitest";
import { Bitfield } from "./bitfield.ts";
import { FrameReader } from "./frames.ts";
import { decodeHandshake, encodeHandshake } from "./handshake.ts";
import { Layout, layerRequests, leafRequest } from "./layout.ts";
import { decodeMessage, encodeMessage, MAX_FRAME, type Message } from "./messages.ts";
import { sampleBytes } from "./testing.ts";

const request = { piecesRoot: sampleBytes(32, 1), baseLayer: 2, index: 4, length: 2, proofLayers: 3 };
const MESSAGES: Exclude<Message, { type: "unknown" }>[] = [
  { type: "keep-alive" },
  { type: "choke" },
  { type: "unchoke" },
  { type: "interested" },
  { type: "not-interested" },
  { type: "have", piece: 7 },
  { type: "bitfield", bits: Buffer.from("f080", "hex") },
  { type: "request", piece: 1, begin: 16_384, length: 16_384 },
  { type: "piece", piece: 1, begin: 16_384, data: sampleBytes(16_384, 2) },
  { type: "cancel", piece: 1, begin: 16_384, length: 16_384 },
  { type: "have-all" },
  { type: "have-none" },
  { type: "reject", piece: 1, begin: 16_384, length: 5 },
  { type: "extended", extension: 3, payload: Buffer.from("de") },
  { type: "hash-request", ...request },
  { type: "hashes", ...request, hashes: sampleBytes(160, 3) },
  { type: "hash-reject", ...request },
];

describe("messages", () => {
  test("survive the wire however TCP cuts it up", () => {
    const stream = Buffer.concat(MESSAGES.flatMap(encodeMessage));
    for (let round = 1; round <= 200; round++) {
      const reader = new FrameReader();
      const got: Message[] = [];
      for (let at = 0; at < stream.length; ) {
        const size = 1 + Math.floor(Math.random() ** 4 * 30_000);
        for (const frame of reader.push(stream.subarray(at, at + size))) got.push(decodeMessage(frame));
        at += size;
      }
      expect(got.map(({ type }) => type)).toEqual(MESSAGES.map(({ type }) => type));
      expect(Buffer.concat((got as typeof MESSAGES).flatMap(encodeMessage)).equals(stream)).toBe(true);
    }
  });

  test("are laid out as BEP 3 and BEP 52 say", () => {
    const hex = (message: Exclude<Message, { type: "unknown" }>) =>
      Buffer.concat(encodeMessage(message)).toString("hex");
    expect(hex({ type: "request", piece: 1, begin: 2, length: 3 })).toBe("0000000d06000000010000000200000003");
    const piecesRoot = Buffer.alloc(32, 0xab);
    expect(hex({ type: "hash-request", piecesRoot, baseLayer: 1, index: 2, length: 4, proofLayers: 5 })).toBe(
      `0000003115${"ab".repeat(32)}00000001000000020000000400000005`,
    );
  });

  test("of unknown ids are passed over, of known ones with a wrong body refused", () => {
    expect(decodeMessage(Buffer.from([9, 1, 2]))).toEqual({ type: "unknown", id: 9 });
    for (const bad of [
      "00ff",
      "0401",
      "06",
      "070000000100000000",
      "0e00",
      "14",
      `15${"00".repeat(47)}`,
      `16${"00".repeat(49)}`,
    ]) {
      expect(() => decodeMessage(Buffer.from(bad, "hex")), bad).toThrow(/message of \d+ bytes/);
    }
    expect(() => decodeMessage(Buffer.concat([Buffer.from([7]), Buffer.alloc(8 + 16_385)]))).toThrow(/message of/);
  });

  test("of any bytes at all either decode or are refused as malformed", () => {
    for (let i = 0; i < 20_000; i++) {
      const frame = sampleBytes(1 + (i % 70), i);
      frame[0] = i % 26;
      try {
        decodeMessage(frame);
      } catch (error) {
        expect(error).toMatchObject({ fault: "malformed" });
      }
    }
  });

  test("longer than the limit are refused before their bytes come", () => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(MAX_FRAME + 1);
    const reader = new FrameReader();
    expect([...reader.push(head.subarray(0, 3))]).toEqual([]);
    expect(() => [...reader.push(head.subarray(3))]).toThrow(/1048577 bytes, the limit is 1048576/);
  });
});

describe("handshake", () => {
  test("carries its bits, and is refused at the first wrong byte", () => {
    const base = { infohash: sampleBytes(20, 1), peerId: sampleBytes(20, 2) };
    for (const [v2, extended, fast] of [
      [true, false, false],
      [false, true, false],
      [false, false, true],
      [true, true, true],
    ] as const) {
      const bytes = encodeHandshake({ ...base, v2, extended, fast });
      expect(decodeHandshake(bytes)).toEqual({ ...base, v2, extended, fast });
      expect(decodeHandshake(bytes.subarray(0, 67))).toBeUndefined();
    }
    expect(
      encodeHandshake({ ...base, v2: true, extended: true, fast: false })
        .subarray(20, 28)
        .toString("hex"),
    ).toBe("0000000000100010");
    expect(() => decodeHandshake(Buffer.from("\x13BitT0", "latin1"))).toThrow(/plain BitTorrent handshake/);
  });
});

describe("bitfield", () => {
  test("counts, and takes over only what fits", () => {
    const bits = new Bitfield(10);
    bits.set(0);
    bits.set(9);
    bits.set(9);
    expect(Buffer.from(bits.bytes).toString("hex")).toBe("8040");
    expect(bits.count).toBe(2);
    expect([bits.assign(Buffer.from("ff", "hex")), bits.assign(Buffer.from("ffe0", "hex")), bits.count]).toEqual([
      false,
      false,
      2,
    ]);
    expect([bits.assign(Buffer.from("ffc0", "hex")), bits.count]).toEqual([true, 10]);
    bits.clear(3);
    expect([bits.get(3), bits.count]).toEqual([false, 9]);
  });
});

describe("layout", () => {
  const root = (seed: number) => sampleBytes(32, seed);
  const layout = new Layout(65_536, [
    { length: 65_537, piecesRoot: root(1) },
    { length: 0, piecesRoot: null },
    { length: 1, piecesRoot: root(2) },
    { length: 65_536 * 600, piecesRoot: root(3) },
  ]);

  test("numbers pieces file by file, each file beginning one", () => {
    expect(layout.pieceCount).toBe(603);
    const places = [0, 1, 2, 3, 602]
      .map((i) => layout.piece(i))
      .map(({ file, offset, length }) => [file.index, offset, length]);
    expect(places).toEqual([
      [0, 0, 65_536],
      [0, 65_536, 1],
      [2, 0, 1],
      [3, 0, 65_536],
      [3, 599 * 65_536, 65_536],
    ]);
  });

  test("asks for a leaf and for piece layers with the proof up to the root", () => {
    const [first, , last] = layout.files;
    expect(leafRequest(first!, 3)).toMatchObject({ baseLayer: 0, index: 2, length: 2, proofLayers: 2 });
    expect(layerRequests(first!, 65_536)).toMatchObject([{ baseLayer: 2, index: 0, length: 2, proofLayers: 0 }]);
    expect(layerRequests(layout.files[1]!, 65_536)).toEqual([]);
    expect(layerRequests(last!, 65_536)).toMatchObject([
      { baseLayer: 2, index: 0, length: 512, proofLayers: 9 },
      { baseLayer: 2, index: 512, length: 128, proofLayers: 9 },
    ]);
  });
});
