import { execFile } from "node:child_process";
import { readdir, readFile, readlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder, writeFiles } from "../testing/folders.ts";
import { plainFileTable, plainPossessionRows, plainTableRows, sampleBytes } from "../testing/trees.ts";
import { parseTorrent } from "../torrent/metainfo.ts";

const BIN = fileURLToPath(new URL("bin.mjs", import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `holdfast torrent …` as a shell would. @param interruptAt the file being read when Ctrl-C is pressed. */
function holdfast(args: readonly string[], interruptAt?: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [BIN, "torrent", ...args], (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
    if (interruptAt !== undefined) opened(child.pid!, interruptAt).then(() => child.kill("SIGINT"));
  });
}

/** Resolves when a process has opened a file. */
async function opened(pid: number, path: string): Promise<void> {
  for (const folder = `/proc/${pid}/fd`; ; await sleep(10)) {
    const links = (await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => ""));
    if ((await Promise.all(links)).includes(path)) return;
  }
}

const FILES = { a: sampleBytes(100_000, 1), "b/c": sampleBytes(16_384, 2), "b/d": Buffer.alloc(0) };

async function makeSet() {
  const root = await temporaryFolder();
  await writeFiles(join(root, "set"), FILES);
  return { root, data: join(root, "set"), file: join(root, "set.torrent") };
}

test("create writes a torrent, and inspect says what it commits to and whether data is that", async () => {
  const { root, data, file } = await makeSet();
  const trackers = ["--tracker", "http://t.test/announce", "--tracker", "udp://t.test:6969"];
  const created = await holdfast(["create", data, "-o", file, "--piece-length", "32768", ...trackers, "--json"]);
  expect(created).toMatchObject({ code: 0, stderr: "" });
  expect(parseTorrent(await readFile(file)).trackers).toEqual([trackers[1], trackers[3]]);
  const { magnet, infohashV2 } = JSON.parse(created.stdout);
  expect(magnet).toContain(`magnet:?xt=urn:btmh:1220${infohashV2}&xt=urn:btih:`);
  expect(magnet).toContain("&dn=set&tr=http%3A%2F%2Ft.test%2Fannounce&tr=udp%3A%2F%2Ft.test%3A6969");

  const files = Object.values(FILES);
  const table = plainFileTable(files);
  const roots = {
    filesRoot: plainTableRows(table).at(-1)![0]!.toString("hex"),
    dataRoot: plainPossessionRows(files).at(-1)![0]!.toString("hex"),
  };
  expect(JSON.parse(created.stdout)).toMatchObject({ file, name: "set", pieceLength: 32_768, blocks: 8, ...roots });

  for (const path of [data, root]) {
    const { code, stdout } = await holdfast(["inspect", file, "--data", path, "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      infohashV1: expect.stringMatching(/^[0-9a-f]{40}$/),
      infohashV2: JSON.parse(created.stdout).infohashV2,
      pieceLength: 32_768,
      length: 116_384,
      chunks: 1,
      files: [
        { path: "a", length: 100_000, piecesRoot: table[0]!.piecesRoot.toString("hex"), matches: true },
        { path: "b/c", length: 16_384, piecesRoot: table[1]!.piecesRoot.toString("hex"), matches: true },
        { path: "b/d", length: 0, piecesRoot: null, matches: true },
      ],
      ...roots,
      matches: true,
    });
  }

  await writeFile(join(data, "b/c"), sampleBytes(16_384, 3));
  const damaged = await holdfast(["inspect", file, "--data", data]);
  expect(damaged.code).toBe(1);
  expect(damaged.stdout).toMatch(/^matches +false$/m);
  expect(damaged.stdout).toMatch(/^damaged +b\/c /m);
});

test("what cannot be done is one line and no stack", async () => {
  const { root, data, file } = await makeSet();
  await writeFile(file, "d4:infod6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee");
  const v1 = await holdfast(["inspect", file]);
  expect(v1).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^error: .*\.torrent: a v1-only torrent: .*\n$/),
  });
  const absent = await holdfast(["create", join(root, "absent"), "-o", file]);
  expect(absent).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error: no such file or folder .*\n$/) });
  const astray = await holdfast(["create", data, "-o", join(root, "absent", "a.torrent")]);
  expect(astray).toMatchObject({ code: 1, stderr: expect.stringMatching(/there is no such folder\n$/) });
  expect((await holdfast(["inspect", root])).stderr).toMatch(/: this is a folder\n$/);
  const pager = await holdfast(["create", data, "-o", file, "--tracker", "https://"]);
  expect(pager).toMatchObject({ code: 64, stderr: expect.stringMatching(/Not a tracker's URL/) });
  const odd = await holdfast(["create", data, "-o", file, "--piece-length", "20000"]);
  expect(odd).toMatchObject({ code: 64, stderr: expect.stringMatching(/Not a power of two/) });
});

test("Ctrl-C leaves the old file, and no half of a new one", async () => {
  const { root, file } = await makeSet();
  await writeFile(file, "old");
  const large = join(root, "large");
  await writeFile(large, "");
  await truncate(large, 64 * 2 ** 30); // a sparse file, far longer than it takes
  const { code, stderr } = await holdfast(["create", large, "-o", file], large);
  expect({ code, stderr }).toEqual({ code: 130, stderr: "interrupted\n" });
  expect(await readFile(file, "utf8")).toBe("old");
  expect(await readdir(root)).toEqual(["large", "set", "set.torrent"]);
});
