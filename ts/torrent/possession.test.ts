import { randomInt } from "node:crypto";
import { readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { temporaryFolder, writeFiles } from "../testing/folders.ts";
import { plainPath, plainPossessionRows, sampleBytes, sha256 } from "../testing/trees.ts";
import { createTorrent } from "./create.ts";
import { DamagedBlockError, DamagedCacheError } from "./errors.ts";
import { DataFolder } from "./folder.ts";
import { cacheLayout, PossessionCache, type WordProof } from "./possession.ts";
import { BLOCK, BLOCK_WORDS, depthOf, HASH } from "./trees.ts";
import { checkData } from "./verify.ts";

/** A content on disk with its cache. */
async function makeCopy(files: Readonly<Record<string, Buffer>>, pieceLength = 65_536) {
  const root = await temporaryFolder();
  const path = await writeFiles(join(root, "content"), files);
  const { torrent, commitment } = await createTorrent(path, { pieceLength });
  const folder = new DataFolder(root, torrent);
  const cachePath = join(root, "cache");
  const cache = await PossessionCache.build(folder, cachePath);
  onTestFinished(() => cache.close());
  onTestFinished(() => folder.close());
  return { torrent, commitment, folder, cache, cachePath, root: path };
}

function climb({ word, path }: WordProof, leaf: number): Buffer {
  return path.reduce<Buffer>(
    (node, sibling, height) =>
      Math.floor(leaf / 2 ** height) % 2 === 0 ? sha256(node, sibling) : sha256(sibling, node),
    word,
  );
}

test.each([
  ["one short block", [5]],
  ["one block", [BLOCK]],
  ["a block and a byte", [BLOCK + 1]],
  ["blocks no power of two", [BLOCK * 5 + 77]],
  ["files that start blocks, empty ones between", [1, 0, BLOCK * 3, BLOCK - 1, 0, BLOCK * 2 + 31]],
])("H-TREE-1: words of %s are proven as a plain tree has them", async (_, lengths) => {
  const files = lengths.map((length, i) => sampleBytes(length, i));
  const copy = await makeCopy(Object.fromEntries(files.map((file, i) => [`file${i}`, file])));
  const rows = plainPossessionRows(files);
  expect(copy.cache.dataRoot).toEqual(rows.at(-1)![0]);
  expect(copy.commitment.dataRoot).toEqual(rows.at(-1)![0]);
  const { blocks } = copy.torrent;
  const leaves = Array.from({ length: 64 }, () => randomInt(blocks * BLOCK_WORDS));
  for (const leaf of [0, blocks * BLOCK_WORDS - 1, ...leaves]) {
    const proof = await copy.cache.prove(copy.folder, leaf);
    expect(proof.word).toEqual(rows[0]![leaf]);
    expect(proof.path).toEqual(plainPath(rows, leaf));
    expect(proof.path).toHaveLength(9 + depthOf(blocks));
  }
});

test("H-TREE-1: proofs climb over several pages of the cache", async () => {
  const copy = await makeCopy({ a: sampleBytes(BLOCK * 700, 1), b: sampleBytes(BLOCK * 900 - 5, 2) });
  const reopened = (await PossessionCache.open(copy.torrent, copy.cachePath))!;
  onTestFinished(() => reopened.close());
  for (const block of [0, 511, 512, 699, 700, 1023, 1024, 1535, 1536, 1599]) {
    const leaf = block * BLOCK_WORDS + randomInt(BLOCK_WORDS);
    const proof = await reopened.prove(copy.folder, leaf);
    expect(proof.path).toHaveLength(9 + 11);
    expect(climb(proof, leaf)).toEqual(Buffer.from(copy.commitment.dataRoot));
  }
  await expect(reopened.prove(copy.folder, 1600 * BLOCK_WORDS)).rejects.toThrow("no such block");
});

test("the cache takes at most 0.8% of the data", async () => {
  for (const blocks of [512, 513, 131_072, 2 ** 26, 2 ** 29 + 1]) {
    expect(cacheLayout(blocks).end / (blocks * BLOCK)).toBeLessThan(0.008);
  }
  const copy = await makeCopy({ a: sampleBytes(BLOCK * 600, 1) });
  expect((await stat(copy.cachePath)).size).toBe(cacheLayout(600).end);
});

test("keeps the BEP 52 hashes of all blocks", async () => {
  const [a, b] = [sampleBytes(BLOCK * 3 + 9, 1), sampleBytes(100, 2)];
  const { cache } = await makeCopy({ a, b });
  const expected = [0, 1, 2, 3].map((i) => sha256(a.subarray(i * BLOCK, (i + 1) * BLOCK)));
  expect(await cache.blockHashes(0, 5)).toEqual(Buffer.concat([...expected, sha256(b)]));
});

test("a damaged block is reported as such, by block and file, and the others are still proven", async () => {
  const { cache, folder, root } = await makeCopy({ "a/b": sampleBytes(BLOCK * 4, 1), c: sampleBytes(BLOCK * 4, 2) });
  const data = await readFile(join(root, "c"));
  data[BLOCK + 17]! ^= 1;
  await writeFile(join(root, "c"), data);
  const error = await cache.prove(folder, 5 * BLOCK_WORDS).catch((e) => e);
  expect(error).toBeInstanceOf(DamagedBlockError);
  expect(error).toMatchObject({ block: 5, file: "c" });
  await cache.prove(folder, 4 * BLOCK_WORDS);

  await truncate(join(root, "c"), BLOCK * 3 - 1);
  await expect(cache.prove(folder, 6 * BLOCK_WORDS)).rejects.toThrow(DamagedBlockError);
});

test("a rotten cache is never taken for damaged data", async () => {
  const { cache, folder, cachePath, torrent } = await makeCopy({ a: sampleBytes(BLOCK * 1100, 1) });
  const { levels } = cacheLayout(torrent.blocks);
  const whole = await readFile(cachePath);
  for (const at of [levels[0]!.start, levels[0]!.start + 600 * HASH, levels[1]!.start + HASH]) {
    const rotten = Buffer.from(whole);
    rotten[at + 3]! ^= 1;
    await writeFile(cachePath, rotten);
    const leaf = Math.max(0, (at - levels[0]!.start) / HASH) % 1100;
    await expect(cache.prove(folder, leaf * BLOCK_WORDS)).rejects.toThrow(DamagedCacheError);
  }
});

test("a cache that is cut off, another content's, of another format or not there is not opened", async () => {
  const { torrent, cachePath, root } = await makeCopy({ a: sampleBytes(BLOCK * 3, 1) });
  const whole = await readFile(cachePath);
  const other = await createTorrent(root, { pieceLength: 65_536, name: "other" });
  const opens = async (t = torrent) => {
    const cache = await PossessionCache.open(t, cachePath);
    await cache?.close();
    return cache !== null;
  };
  expect(await opens()).toBe(true);
  expect(await opens(other.torrent)).toBe(false);
  for (const changed of [whole.subarray(0, -1), Buffer.concat([whole, Buffer.alloc(1)]), Buffer.alloc(0)]) {
    await writeFile(cachePath, changed);
    expect(await opens()).toBe(false);
  }
  for (const at of [0, 30, 60, 95, 100]) {
    const changed = Buffer.from(whole);
    changed[at]! ^= 1;
    await writeFile(cachePath, changed);
    expect(await opens()).toBe(false);
  }
  expect(await PossessionCache.open(torrent, `${cachePath}.absent`)).toBe(null);
});

test("no cache is left of a build that data or an abort stops", async () => {
  const { torrent, folder, root } = await makeCopy({ a: sampleBytes(BLOCK * 3, 1), b: sampleBytes(BLOCK * 9, 2) });
  const path = join(root, "..", "second");
  await expect(PossessionCache.build(folder, path, { signal: AbortSignal.abort() })).rejects.toThrow("aborted");
  await writeFile(join(root, "b"), sampleBytes(BLOCK * 9, 3));
  const error = await PossessionCache.build(folder, path).catch((e) => e);
  expect(error).toBeInstanceOf(DamagedBlockError);
  expect(error).toMatchObject({ block: 3, file: "b" });
  expect(await PossessionCache.open(torrent, path)).toBe(null);
  await expect(stat(`${path}.building`)).rejects.toThrow("ENOENT");
});

test("checking a copy finds the pieces that are missing or wrong, and the rest is still checked", async () => {
  const { folder, root, torrent } = await makeCopy({
    "a/long": sampleBytes(65_536 * 5 + 100, 1),
    "b/short": sampleBytes(300, 2),
    "c/gone": sampleBytes(BLOCK * 2, 3),
    "d/fine": sampleBytes(70_000, 4),
  });
  expect(await checkData(folder)).toMatchObject({ whole: true, damaged: [], pieces: [] });

  const long = sampleBytes(65_536 * 5 + 100, 1);
  long[65_536 * 2]! ^= 1;
  await writeFiles(root, { "a/long": long.subarray(0, 65_536 * 4 + 1), "b/short": sampleBytes(300, 9) });
  await writeFiles(root, { "c/gone": Buffer.alloc(0) });
  const check = await checkData(folder);
  expect(check).toMatchObject({ whole: false, dataRoot: null, damaged: ["a/long", "b/short", "c/gone"] });
  const found = check.pieces.map(({ file, offset, length, block }) => [file, offset, length, block]);
  const firstOf = (i: number) => torrent.files[i]!.firstBlock;
  expect(found).toEqual([
    ["a/long", 65_536 * 2, 65_536, 8],
    ["a/long", 65_536 * 4, 65_536, 16],
    ["a/long", 65_536 * 5, 100, 20],
    ["b/short", 0, 300, firstOf(1)],
    ["c/gone", 0, BLOCK * 2, firstOf(2)],
  ]);
  expect(check.pieces[1]!.why).toContain("ends at byte");
});

test("hashing on several threads finds the same, and says so of what it cannot read", async () => {
  const size = 50 * 1024 * 1024; // beyond what one thread is enough for
  const data = Buffer.alloc(size, sampleBytes(1_000_003, 7));
  const { folder, root, commitment, cache } = await makeCopy({ a: data, b: sampleBytes(5, 1) }, 2 ** 20);
  expect(cache.dataRoot).toEqual(Buffer.from(commitment.dataRoot));
  let last = 0;
  const check = await checkData(folder, { onProgress: (done) => (last = done) });
  expect(check.dataRoot).toEqual(cache.dataRoot);
  expect(last).toBe(size + 5);

  await truncate(join(root, "a"), size - 2 ** 20 - 1);
  const cutOff = await checkData(folder);
  expect(cutOff.pieces.map(({ file, offset }) => [file, offset])).toEqual([
    ["a", size - 2 ** 21],
    ["a", size - 2 ** 20],
  ]);
  await expect(checkData(folder, { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
});
