import { mkdir, open, readdir, readFile, rename, stat, symlink, truncate } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { temporaryFolder, writeFiles } from "../testing/folders.ts";
import { sampleBytes } from "../testing/trees.ts";
import { createTorrent } from "./create.ts";
import { DamagedBlockError, TorrentError } from "./errors.ts";
import { DataFolder } from "./folder.ts";
import { BLOCK } from "./trees.ts";

const FILES = {
  "a/empty": Buffer.alloc(0),
  "a/x": sampleBytes(BLOCK * 2 + 9, 1),
  "a/y": Buffer.alloc(0),
  "b/c/z": sampleBytes(5, 2),
  last: sampleBytes(BLOCK, 3),
};

async function makeSet(files: Readonly<Record<string, Buffer>> = FILES, name = "set") {
  const root = await temporaryFolder();
  const path = await writeFiles(join(root, name), files);
  return { root, path, torrent: (await createTorrent(path, { pieceLength: BLOCK })).torrent };
}

function opened(folder: DataFolder): DataFolder {
  onTestFinished(() => folder.close());
  return folder;
}

test("reads every block at its true length", async () => {
  const { root, torrent } = await makeSet();
  const folder = opened(new DataFolder(root, torrent));
  const blocks = await Promise.all(Array.from({ length: torrent.blocks }, (_, block) => folder.readBlock(block)));
  expect(blocks.map(({ length }) => length)).toEqual([BLOCK, BLOCK, 9, 5, BLOCK]);
  expect(Buffer.concat(blocks)).toEqual(Buffer.concat(Object.values(FILES)));
  expect([0, 2, 3, 4].map((block) => torrent.files[folder.fileOf(block)]!.path.join("/"))).toEqual([
    "a/x",
    "a/x",
    "b/c/z",
    "last",
  ]);
  expect(() => folder.fileOf(5)).toThrow("no such block");
  expect(() => folder.fileOf(-1)).toThrow("no such block");
});

test("writes what it is given where it belongs, the empty files too, and nothing past an end", async () => {
  const { root, torrent } = await makeSet();
  const target = join(root, "copy");
  const folder = opened(new DataFolder(target, torrent, { writable: true }));
  for (const [index, file] of torrent.files.entries()) {
    if (file.length > 0) await folder.write(index, 0, Object.values(FILES)[index]!);
  }
  await folder.finish();
  for (const [path, data] of Object.entries(FILES)) expect(await readFile(join(target, "set", path))).toEqual(data);
  await expect(folder.write(1, BLOCK * 2, Buffer.alloc(10))).rejects.toThrow("past the end");
  await expect(folder.write(1, -1, Buffer.alloc(1))).rejects.toThrow("past the end");
  await expect(opened(new DataFolder(root, torrent)).write(1, 0, Buffer.alloc(1))).rejects.toThrow("read only");
});

test("is found by its own folder, the one that holds it, and where a folder holds another of its name", async () => {
  const { root, path, torrent } = await makeSet();
  for (const given of [root, path]) {
    const folder = opened(await DataFolder.find(torrent, given));
    expect(await folder.readBlock(3)).toEqual(FILES["b/c/z"]);
  }
  const twin = await makeSet({ "set/a": sampleBytes(10, 1), "set/b": sampleBytes(20, 2) });
  for (const given of [twin.root, twin.path]) {
    expect(await opened(await DataFolder.find(twin.torrent, given)).readBlock(0)).toEqual(sampleBytes(10, 1));
  }
  const elsewhere = join(root, "renamed");
  await rename(path, elsewhere);
  expect(await opened(await DataFolder.find(torrent, elsewhere)).readBlock(3)).toEqual(FILES["b/c/z"]);
  await expect(DataFolder.find(torrent, join(root, "absent"))).rejects.toThrow("no such file or folder");
  await expect(DataFolder.find(torrent, join(elsewhere, "last"))).rejects.toThrow("this is a file");
});

test("a single file is found by its own path under any name", async () => {
  const { path } = await makeSet();
  const { torrent } = await createTorrent(join(path, "last"));
  await rename(join(path, "last"), join(path, "other"));
  expect(await opened(await DataFolder.find(torrent, join(path, "other"))).readBlock(0)).toEqual(FILES.last);
});

test("no link leads out: neither reading nor writing follows one", async () => {
  const { root, path, torrent } = await makeSet();
  const outside = await writeFiles(join(root, "outside"), { z: sampleBytes(5, 2), x: FILES["a/x"] });
  await rename(join(path, "b/c"), join(root, "moved"));
  await symlink(outside, join(path, "b/c"));
  const reader = opened(new DataFolder(root, torrent));
  await expect(reader.readBlock(3)).rejects.toThrow(TorrentError);
  await rename(join(path, "a/x"), join(root, "x"));
  await symlink(join(outside, "x"), join(path, "a/x"));
  await expect(reader.readBlock(0)).rejects.toThrow();

  const target = join(root, "copy");
  await mkdir(join(target, "set"), { recursive: true });
  await symlink(outside, join(target, "set/b"));
  await symlink(join(outside, "new"), join(target, "set/last"));
  const writer = opened(new DataFolder(target, torrent, { writable: true }));
  await expect(writer.write(3, 0, Buffer.alloc(5))).rejects.toThrow(TorrentError);
  await expect(writer.write(4, 0, Buffer.alloc(5))).rejects.toThrow();
  expect((await readdir(outside)).sort()).toEqual(["x", "z"]);
});

test("data that is gone is damage, by block and file", async () => {
  const { root, path, torrent } = await makeSet();
  await truncate(join(path, "a/x"), BLOCK + 3);
  await rename(join(path, "b"), join(root, "b"));
  const folder = opened(new DataFolder(root, torrent));
  await folder.readBlock(0);
  const short = await folder.readBlock(1).catch((e) => e);
  expect(short).toBeInstanceOf(DamagedBlockError);
  expect(short).toMatchObject({ block: 1, file: "a/x" });
  const gone = await folder.readBlock(3).catch((e) => e);
  expect(gone).toBeInstanceOf(DamagedBlockError);
  expect(gone).toMatchObject({ block: 3, file: "b/c/z" });
  await rename(join(root, "b"), join(path, "b"));
  expect(await folder.readBlock(3)).toEqual(FILES["b/c/z"]);
});

test("hundreds of files at once: few are open at a time, and none is closed under its reader", async () => {
  const names = Array.from({ length: 300 }, (_, i) => `f${String(i).padStart(3, "0")}`);
  const { root, torrent } = await makeSet(Object.fromEntries(names.map((name, i) => [name, sampleBytes(40, i)])));
  const folder = opened(new DataFolder(root, torrent));
  const read = await Promise.all([...names, ...names].map((_, i) => folder.readBlock(i % 300)));
  for (const [i, data] of read.entries()) expect(data).toEqual(sampleBytes(40, i % 300));
  const open = await readdir("/proc/self/fd");
  expect(open.length).toBeLessThan(200);
});

test("two that write one file do not hinder each other", async () => {
  const data = sampleBytes(BLOCK * 64, 9);
  const { root, torrent } = await makeSet({ data });
  const target = join(root, "copy");
  const folder = opened(new DataFolder(target, torrent, { writable: true }));
  const at = Array.from({ length: 64 }, (_, i) => i * BLOCK);
  await Promise.all(at.map((offset) => folder.write(0, offset, data.subarray(offset, offset + BLOCK))));
  await folder.finish();
  expect(await readFile(join(target, "set/data"))).toEqual(data);
});

test("finish flushes every file, those closed meanwhile included, and every folder", async () => {
  const names = Array.from({ length: 40 }, (_, i) => `f${i % 3}/${i}`);
  const { root, torrent } = await makeSet(Object.fromEntries(names.map((name, i) => [name, sampleBytes(40, i)])));
  const target = join(root, "copy");
  const folder = opened(new DataFolder(target, torrent, { writable: true }));
  for (const [index, file] of torrent.files.entries()) await folder.write(index, 0, Buffer.alloc(file.length, 1));

  const handle = await open(root);
  const { sync } = Object.getPrototypeOf(handle);
  const flushed = new Set<number>();
  const spy = vi.spyOn(Object.getPrototypeOf(handle), "sync").mockImplementation(async function (this: typeof handle) {
    await sync.call(this);
    flushed.add((await this.stat()).ino);
  });
  onTestFinished(() => spy.mockRestore());
  await handle.close();
  await folder.finish();
  const paths = ["", "set", "set/f0", "set/f1", "set/f2", ...names.map((name) => `set/${name}`)];
  for (const path of paths) expect(flushed).toContain((await stat(join(target, path))).ino);
});

test("a copy whose folder goes away while it is written is not begun anew in its place", async () => {
  const { root, torrent } = await makeSet();
  const target = join(root, "copy");
  const folder = opened(new DataFolder(target, torrent, { writable: true }));
  await folder.write(1, 0, Buffer.alloc(5));
  await rename(target, join(root, "aside"));
  await expect(folder.write(4, 0, Buffer.alloc(5))).rejects.toThrow();
  await expect(stat(target)).rejects.toThrow("ENOENT");
});

test("is there as long as one of its files is", async () => {
  const { root, path, torrent } = await makeSet();
  const folder = new DataFolder(root, torrent);
  await rename(join(path, "a"), join(root, "a"));
  expect(await folder.isThere()).toBe(true);
  await rename(path, join(root, "aside"));
  expect(await folder.isThere()).toBe(false);
  await mkdir(join(path, "a"), { recursive: true });
  expect(await folder.isThere()).toBe(false);
});
