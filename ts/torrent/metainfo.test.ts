import { expect, test } from "vitest";
import { plainFileRows, sampleBytes } from "../testing/trees.ts";
import { type Bencode, encode } from "./bencode.ts";
import { TorrentError } from "./errors.ts";
import { MAX_TORRENT_BYTES, parseInfo, parseTorrent } from "./metainfo.ts";

const PIECE = 16_384;
const A = sampleBytes(PIECE * 3 + 5, 1);
const B = sampleBytes(100, 2);

type Entries = Readonly<Record<string, Bencode | undefined>>;

function dict(entries: Entries): Map<string, Bencode> {
  const known = Object.entries(entries).filter((entry): entry is [string, Bencode] => entry[1] !== undefined);
  return new Map(known.map(([key, value]) => [Buffer.from(key).toString("latin1"), value]));
}

const rowsOf = plainFileRows;
const rootOf = (data: Buffer) => rowsOf(data).at(-1)![0]!;
const leaf = (data: Buffer, more: Entries = {}) =>
  dict({ "": dict({ length: data.length, "pieces root": data.length > 0 ? rootOf(data) : undefined, ...more }) });

/** Pieces are blocks here, so that the piece layer is the blocks' hashes. */
const layers = () => new Map([[rootOf(A).toString("latin1"), Buffer.concat(rowsOf(A)[0]!.slice(0, 4)) as Bencode]]);
const tree = () => dict({ a: leaf(A), d: dict({ b: leaf(B) }) });
const v1File = (path: string[], length: number, attr?: string) => dict({ attr, length, path });
const PAD = PIECE - 5;
const v1Files = () => [v1File(["a"], A.length), v1File([".pad", `${PAD}`], PAD, "p"), v1File(["d", "b"], B.length)];

function info(change: Entries = {}): Map<string, Bencode> {
  return dict({ "file tree": tree(), "meta version": 2, name: "set", "piece length": PIECE, ...change });
}
const hybrid = (change: Entries = {}) => info({ files: v1Files(), pieces: Buffer.alloc(20 * 5), ...change });
const torrentOf = (infoDict: Bencode, more: Entries = {}) =>
  encode(dict({ info: infoDict, "piece layers": layers(), ...more }));
const treeOf = (entries: Entries) => torrentOf(info({ "file tree": dict(entries) }), { "piece layers": new Map() });
const named = (name: string) => treeOf({ [name]: leaf(B) });

test("reads a v2 torrent: files in order, each from a block and a root of its own", () => {
  const torrent = parseTorrent(torrentOf(info()));
  expect(torrent).toMatchObject({
    name: "set",
    infohashV1: null,
    length: A.length + B.length,
    blocks: 5,
    private: false,
  });
  expect(torrent.files).toEqual([
    { path: ["a"], length: A.length, piecesRoot: rootOf(A), firstBlock: 0, blocks: 4 },
    { path: ["d", "b"], length: B.length, piecesRoot: rootOf(B), firstBlock: 4, blocks: 1 },
  ]);
  expect([...torrent.pieceLayers.keys()]).toEqual([rootOf(A).toString("hex")]);
});

test("reads a hybrid, with and without padding behind the last file", () => {
  expect(parseTorrent(torrentOf(hybrid())).infohashV1).toHaveLength(20);
  const padded = [...v1Files(), v1File([".pad", "x"], PIECE - B.length, "p")];
  expect(parseTorrent(torrentOf(hybrid({ files: padded }))).infohashV1).toHaveLength(20);
});

test("an info dictionary alone has the same infohash, and no piece layers", () => {
  const raw = encode(hybrid());
  const { pieceLayers, ...rest } = parseInfo(raw);
  expect(pieceLayers.size).toBe(0);
  expect(parseTorrent(torrentOf(hybrid()))).toMatchObject({ ...rest, info: Buffer.from(raw) });
});

test("the infohash is of the bytes as they are, fields nobody knows included", () => {
  const plain = parseTorrent(torrentOf(info()));
  const more = parseTorrent(torrentOf(info({ private: 1, source: "x" })));
  expect(more.private).toBe(true);
  expect(more.infohashV2).not.toEqual(plain.infohashV2);
});

test("trackers are read once each, and what is no URL left out", () => {
  const tiers = [
    ["udp://b.test:1"],
    ["http://a.test/x", "javascript:alert(1)", "http://a b"],
    7,
    [Buffer.alloc(5000, 97)],
  ];
  const torrent = parseTorrent(torrentOf(info(), { announce: "http://a.test/x", "announce-list": tiers as Bencode }));
  expect(torrent.trackers).toEqual(["http://a.test/x", "udp://b.test:1"]);
});

const utf8 = (hexBytes: string) => Buffer.from(hexBytes, "hex").toString("latin1");

test.each<[string, RegExp, () => Uint8Array]>([
  ["no bencoding", /bencode/, () => Buffer.from("<html>")],
  ["a torrent cut off", /bencode/, () => torrentOf(info()).subarray(0, -7)],
  ["a list", /no dictionary/, () => encode([])],
  ["no info", /no info/, () => encode(dict({ "piece layers": layers() }))],
  ["a file larger than any torrent", /too large/, () => new Uint8Array(MAX_TORRENT_BYTES + 1)],
  [
    "v1 only",
    /v1-only.*Make a v2 or hybrid/,
    () => torrentOf(dict({ name: "a", pieces: Buffer.alloc(20), length: 5 })),
  ],
  ["an unknown version", /meta version/, () => torrentOf(info({ "meta version": 3 }))],
  ["no file tree", /no file tree/, () => torrentOf(info({ "file tree": undefined }))],
  ["only empty files", /no data/, () => treeOf({ a: leaf(Buffer.alloc(0)) })],
  ["a piece length of 0", /piece length/, () => torrentOf(info({ "piece length": 0 }))],
  ["a piece length below a block", /piece length/, () => torrentOf(info({ "piece length": 8192 }))],
  ["a piece length no power of two", /piece length/, () => torrentOf(info({ "piece length": 16_384 * 3 }))],
  ["a piece length of 2^33", /piece length/, () => torrentOf(info({ "piece length": 2 ** 33 }))],
  ["more pieces than a bitfield should have", /too many pieces/, () => treeOf({ a: leaf(B, { length: 2 ** 40 }) })],
  ["more data than there is", /too large/, () => treeOf({ a: leaf(B, { length: 2 ** 52 }) })],
  ["a negative length", /file length/, () => treeOf({ a: leaf(B, { length: -1 }) })],
  ["a root of 31 bytes", /pieces root/, () => treeOf({ a: leaf(B, { "pieces root": Buffer.alloc(31) }) })],
  ["no root", /pieces root/, () => treeOf({ a: leaf(B, { "pieces root": undefined }) })],
  ["a root of an empty file", /pieces root/, () => treeOf({ a: leaf(B, { length: 0 }) })],
  ["a symbolic link", /link/, () => treeOf({ a: leaf(B, { attr: "l", "symlink path": ["..", "x"] }) })],
  ["a pad file in the file tree", /pad file/, () => treeOf({ a: leaf(B, { attr: "p" }) })],
  ["a file that is a folder", /both a file and a folder/, () => treeOf({ a: new Map([...leaf(B), ["x", leaf(B)]]) })],
  ["an empty folder", /bad file tree/, () => treeOf({ a: new Map() })],
  ["names that differ in case", /one name/, () => treeOf({ A: leaf(B), a: leaf(B) })],
  ["a file in the way of a folder but for case", /one name/, () => treeOf({ A: leaf(B), a: dict({ x: leaf(B) }) })],
  ["names that differ in Unicode form", /one name/, () => treeOf({ "e\u0301": leaf(B), "\u00e9": leaf(B) })],
  ["a folder called ..", /unsafe/, () => treeOf({ "..": dict({ a: leaf(B) }) })],
  ["a content called ..", /unsafe/, () => torrentOf(info({ name: ".." }))],
  ["a content called /etc", /unsafe/, () => torrentOf(info({ name: "/etc" }))],
  ["a content without a name", /no name/, () => torrentOf(info({ name: undefined }))],
  ["an empty name", /unsafe/, () => treeOf({ "": leaf(B) })],
  ["a name that is no UTF-8", /not UTF-8/, () => treeOf({ x: new Map([[utf8("ff"), leaf(B)]]) })],
  ["an overlong .", /not UTF-8/, () => treeOf({ x: new Map([[utf8("c0ae"), leaf(B)]]) })],
  ["a layer that is missing", /layer missing/, () => torrentOf(info(), { "piece layers": new Map() })],
  ["no layers at all", /layer missing/, () => encode(dict({ info: info() }))],
  [
    "a layer cut short",
    /wrong length/,
    () => torrentOf(info(), { "piece layers": new Map([[rootOf(A).toString("latin1"), Buffer.alloc(96)]]) }),
  ],
  [
    "a layer of other data",
    /does not hash/,
    () => torrentOf(info(), { "piece layers": new Map([[rootOf(A).toString("latin1"), Buffer.alloc(128)]]) }),
  ],
  [
    "a layer of no file",
    /of no file/,
    () => torrentOf(info(), { "piece layers": new Map([...layers(), ["x".repeat(32), Buffer.alloc(64)]]) }),
  ],
  ["hybrid: too few v1 pieces", /number of v1 pieces/, () => torrentOf(hybrid({ pieces: Buffer.alloc(80) }))],
  ["hybrid: a piece hash cut off", /number of v1 pieces/, () => torrentOf(hybrid({ pieces: Buffer.alloc(99) }))],
  ["hybrid: a file less", /different files/, () => torrentOf(hybrid({ files: v1Files().slice(0, 2) }))],
  ["hybrid: a file more", /different files/, () => torrentOf(hybrid({ files: [...v1Files(), v1File(["x"], 0)] }))],
  ["hybrid: another order", /different files/, () => torrentOf(hybrid({ files: v1Files().reverse() }))],
  ["hybrid: one file against a folder", /different files/, () => torrentOf(hybrid({ files: undefined, length: 5 }))],
  [
    "hybrid: another length",
    /different files/,
    () => torrentOf(hybrid({ files: [v1File(["a"], A.length - 1), ...v1Files().slice(1)] })),
  ],
  [
    "hybrid: a path in one component",
    /different files/,
    () => torrentOf(hybrid({ files: [...v1Files().slice(0, 2), v1File(["d/b"], B.length)] })),
  ],
  ["hybrid: no padding", /does not start a piece/, () => torrentOf(hybrid({ files: [v1Files()[0]!, v1Files()[2]!] }))],
  [
    "hybrid: a piece of padding too much",
    /padding of the wrong length/,
    () => torrentOf(hybrid({ files: [v1Files()[0]!, v1File([".pad", "x"], PAD + PIECE, "p"), v1Files()[2]!] })),
  ],
])("H-TREE-3: refuses %s", (_, reason, make) => {
  const bytes = make();
  expect(() => parseTorrent(bytes)).toThrow(TorrentError);
  expect(() => parseTorrent(bytes)).toThrow(reason);
});

test.each([
  "..",
  ".",
  "a/b",
  "/etc",
  "a\\b",
  "C:",
  "c:x",
  "nul\0",
  "esc\u001b[2J",
  "csi\u009b2J",
  "CON",
  "lpt1.txt",
  "a.",
  "a ",
  "a:b",
  "a?b",
  "x".repeat(256),
])("refuses a file called %j", (name) => {
  expect(() => parseTorrent(named(name))).toThrow(/unsafe file name/);
});

test("names of any script, with dots and spaces in them, are taken as they are", () => {
  for (const name of ["日本 語.txt", "a..b", ".hidden", "...x", "\ufeffbom", "🌱"]) {
    expect(parseTorrent(named(name)).files[0]!.path).toEqual([name]);
  }
});
