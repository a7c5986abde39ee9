import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { files as secondFiles, info as secondInfo } from "@ctrl/torrent-file";
import { expect, test } from "vitest";
import { describeWith } from "../testing/clients.ts";
import { temporaryFolder, writeFiles } from "../testing/folders.ts";
import { PYTHON } from "../testing/installed.ts";
import { plainFileRows, sampleBytes } from "../testing/trees.ts";
import { createTorrent } from "./create.ts";
import { DataFolder } from "./folder.ts";
import { parseTorrent, type Torrent } from "./metainfo.ts";
import { checkData } from "./verify.ts";

const SCRIPT = fileURLToPath(new URL("../testing/libtorrent-torrents.py", import.meta.url));

interface Read {
  readonly name: string;
  readonly infohashV1: string | null;
  readonly infohashV2: string;
  readonly pieceLength: number;
  readonly files: readonly { readonly path: string; readonly length: number; readonly piecesRoot: string | null }[];
  readonly seeding: boolean;
  readonly error: string | null;
}

interface Jobs {
  readonly make?: readonly {
    data: string;
    out: string;
    pieceLength: number;
    v2Only?: boolean;
    tailPadding?: boolean;
  }[];
  readonly read?: readonly { torrent: string; folder: string }[];
}

function libtorrent(jobs: Jobs): Read[] {
  return JSON.parse(execFileSync(PYTHON, [SCRIPT], { input: JSON.stringify(jobs), maxBuffer: 2 ** 26 }).toString());
}

const PIECE = 65_536;
const BLOCK = 16_384;

/** Sizes about every boundary: none, one byte, a block, a piece, several of them, one less and one more. */
const SIZES = [
  0,
  1,
  BLOCK - 1,
  BLOCK,
  BLOCK + 1,
  PIECE - 1,
  PIECE,
  PIECE + 1,
  PIECE * 2,
  PIECE * 3 + BLOCK,
  PIECE * 5 + 1,
];

const SETS: Readonly<Record<string, Readonly<Record<string, Buffer>>>> = {
  "every size": Object.fromEntries(SIZES.map((size, i) => [`f${String(i).padStart(2, "0")}`, sampleBytes(size, i)])),
  "nested, names in the order of their bytes": {
    "B/z": sampleBytes(100, 1),
    "a-b": sampleBytes(BLOCK + 5, 2),
    "a/b/c": sampleBytes(PIECE + 9, 3),
    "a/b.c": sampleBytes(10, 4),
    "é/ü": sampleBytes(PIECE * 2 + 1, 5),
    日本: sampleBytes(20, 6),
  },
  "empty files first, between and last": {
    a: Buffer.alloc(0),
    b: sampleBytes(10, 1),
    c: Buffer.alloc(0),
    d: sampleBytes(PIECE + 10, 2),
    e: Buffer.alloc(0),
  },
  "the same file twice": { a: sampleBytes(PIECE * 2 + 7, 1), b: sampleBytes(PIECE * 2 + 7, 1) },
  "one file in a folder": { only: sampleBytes(PIECE * 2 + 7, 1) },
};

const hex = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString("hex"));

/** What we read in a torrent, as libtorrent tells it. */
function told(torrent: Torrent): Omit<Read, "seeding" | "error"> {
  const path = (parts: readonly string[]) => [...(torrent.singleFile ? [] : [torrent.name]), ...parts].join("/");
  return {
    name: torrent.name,
    infohashV1: hex(torrent.infohashV1),
    infohashV2: hex(torrent.infohashV2)!,
    pieceLength: torrent.pieceLength,
    files: torrent.files.map((file) => ({
      path: path(file.path),
      length: file.length,
      piecesRoot: hex(file.piecesRoot),
    })),
  };
}

describeWith("libtorrent", "with libtorrent", () => {
  test("it takes our torrents as we mean them, and every piece of their data", async () => {
    const root = await temporaryFolder();
    const ours: Torrent[] = [];
    const read: { torrent: string; folder: string }[] = [];
    const add = async (path: string, folder: string, v2Only: boolean) => {
      const { bytes, torrent } = await createTorrent(path, { pieceLength: PIECE, v2Only });
      const file = join(root, `${ours.length}.torrent`);
      await writeFile(file, bytes);
      ours.push(torrent);
      read.push({ torrent: file, folder });
    };
    for (const v2Only of [false, true]) {
      for (const [name, files] of Object.entries(SETS)) {
        // A v2-only torrent cannot say that its one file stands in a folder: libtorrent takes the file alone.
        if (v2Only && Object.keys(files).length === 1) continue;
        await add(await writeFiles(join(root, name), files), root, v2Only);
      }
      const every = join(root, "every size");
      for (const file of Object.keys(SETS["every size"]!).slice(1)) await add(join(every, file), every, v2Only);
    }
    const found = libtorrent({ read });
    expect(found).toEqual(ours.map((torrent) => ({ ...told(torrent), seeding: true, error: null })));
  });

  test("we read its torrents as it does, and find their data whole", async () => {
    const root = await temporaryFolder();
    const folder = join(root, "data");
    await mkdir(folder);
    const make: { data: string; out: string; pieceLength: number; v2Only: boolean; tailPadding: boolean }[] = [];
    for (const [name, files] of Object.entries(SETS)) await writeFiles(join(folder, name), files);
    await writeFiles(folder, SETS["every size"]!);
    for (const name of [...Object.keys(SETS), ...Object.keys(SETS["every size"]!).slice(1)]) {
      for (const [v2Only, tailPadding] of [
        [true, true],
        [false, true],
        [false, false],
      ] as const) {
        if (v2Only && name === "one file in a folder") continue;
        const out = join(root, `${make.length}.torrent`);
        make.push({ data: join(folder, name), out, pieceLength: PIECE, v2Only, tailPadding });
      }
    }
    const found = libtorrent({ make, read: make.map(({ out }) => ({ torrent: out, folder })) });
    for (const [i, { out, data }] of make.entries()) {
      const torrent = parseTorrent(await readFile(out));
      const { seeding, error, ...read } = found[i]!;
      expect(told(torrent)).toEqual(read);
      const set = SETS[data.slice(folder.length + 1)];
      if (set) {
        const roots = torrent.files.map(({ path }) => {
          const file = set[path.join("/")]!;
          return file.length === 0 ? null : plainFileRows(file).at(-1)![0]!;
        });
        expect(torrent.files.map(({ piecesRoot }) => piecesRoot && Buffer.from(piecesRoot))).toEqual(roots);
      }
      for (const path of [data, folder]) {
        const copy = await DataFolder.find(torrent, path);
        expect(await checkData(copy)).toMatchObject({ whole: true });
        await copy.close();
      }
    }
  });

  test("of the same data it makes the same info dictionary, v1 hashes and all", async () => {
    const root = await temporaryFolder();
    // Without tail padding, libtorrent pads behind the empty files that follow a file, we before them; it reads both.
    const names = Object.keys(SETS).filter((name) => name !== "empty files first, between and last");
    const make = names.map((name) => {
      return { data: join(root, name), out: join(root, `${name}.torrent`), pieceLength: PIECE, tailPadding: false };
    });
    for (const name of names) await writeFiles(join(root, name), SETS[name]!);
    libtorrent({ make });
    for (const { data, out } of make) {
      const theirs = parseTorrent(await readFile(out));
      const { torrent } = await createTorrent(data, { pieceLength: PIECE });
      expect([data, hex(torrent.infohashV2)]).toEqual([data, hex(theirs.infohashV2)]);
    }
  });
});

/** Its infohash is not compared: it hashes its own encoding of info, which is not the original one. */
test("a second reader finds in our hybrids what we do", async () => {
  const root = await temporaryFolder();
  for (const [name, files] of Object.entries(SETS)) {
    const path = await writeFiles(join(root, name), files);
    const { bytes, torrent } = await createTorrent(path, { pieceLength: PIECE, trackers: ["http://a.test/announce"] });
    const own = Uint8Array.from(bytes); // it reads from the start of the memory a Buffer is a part of
    expect(secondInfo(own)).toMatchObject({ name, announce: ["http://a.test/announce"] });
    const listed = secondFiles(own).files.filter((file) => !file.path.includes("/.pad/"));
    expect(listed.map(({ path, length }) => ({ path, length }))).toEqual(
      told(torrent).files.map(({ path, length }) => ({ path, length })),
    );
    for (const [i, { length, offset }] of listed.entries()) {
      if (length > 0) expect([i, offset % PIECE]).toEqual([i, 0]);
    }
  }
});
