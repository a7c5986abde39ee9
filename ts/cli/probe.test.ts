import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, test } from "vitest";
import { createTorrent } from "../torrent/create.ts";
import { makeSample, type Sample, sampleBytes, seed, temporaryFolder } from "../wire/testing.ts";
import { summarize } from "./probe.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

function holdfast(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--import", "tsx", MAIN, ...args]);
    let [out, err] = ["", ""];
    child.stdout.on("data", (text) => {
      out += text;
    });
    child.stderr.on("data", (text) => {
      err += text;
    });
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

describe("holdfast probe", () => {
  let sample: Sample;
  let path: string;
  beforeEach(async () => {
    sample = await makeSample({ "a.bin": sampleBytes(300_000, 1) });
    path = join(await temporaryFolder(), "sample.torrent");
    const { bytes } = await createTorrent(join(sample.folder, "sample"), { pieceLength: 65_536, v2Only: true });
    await writeFile(path, bytes);
  });

  test("reports what an honest peer answered", async () => {
    const { host, port } = await seed(sample);
    const { code, out } = await holdfast("probe", `${host}:${port}`, path, "--count", "3");
    expect(out).toMatch(/^answered 3\/3\nverified 3\/3\nfirst byte p50 \d+\.\d ms, p95 \d+\.\d ms\n$/);
    expect(code).toBe(0);
  });

  test("reports the same as JSON", async () => {
    const { host, port } = await seed(sample);
    const { code, out } = await holdfast("probe", `${host}:${port}`, path, "--json");
    const report = JSON.parse(out);
    expect(report).toMatchObject({ probes: 5, answered: 5, verified: 5 });
    expect(report.samples).toHaveLength(5);
    expect(report.firstByteMs.p50).toBeLessThanOrEqual(report.firstByteMs.p95);
    expect(code).toBe(0);
  });

  test("fails and says why when nothing was verified", async () => {
    const { code, out } = await holdfast("probe", "127.0.0.1:1", path, "--count", "2");
    expect(out).toBe("answered 0/2\nverified 0/2\n2 x connect ECONNREFUSED 127.0.0.1:1\n");
    expect(code).toBe(1);
  });

  test("says what is wrong with its arguments", async () => {
    const cases: [string[], RegExp][] = [
      [["example.org:1", path], /Not an IP address and port, like 192\.0\.2\.7:6881/],
      [["127.0.0.1:70000", path], /Not an IP address and port/],
      [["127.0.0.1:1", path, "--count", "0"], /Not a whole number from 1 to 10000/],
      [["127.0.0.1:1", "/nowhere"], /error: \/nowhere: there is no such file/],
      [["127.0.0.1:1", MAIN], /main\.ts: bencode/],
    ];
    for (const [args, message] of cases) {
      const { code, err } = await holdfast("probe", ...args);
      expect(err).toMatch(message);
      expect(code).not.toBe(0);
    }
  });
});

test("percentiles are of the blocks that came, by nearest rank", () => {
  const times = [5, 1, undefined, 4, 2, 3];
  const samples = times.map((firstByteMs) => ({
    file: 0,
    block: 0,
    answered: firstByteMs !== undefined,
    verified: false,
    firstByteMs,
    fault: undefined,
    reason: undefined,
  }));
  expect(summarize(samples)).toMatchObject({ probes: 6, answered: 5, firstByteMs: { p50: 3, p95: 5 } });
  expect(summarize([])).toMatchObject({ firstByteMs: null });
});
