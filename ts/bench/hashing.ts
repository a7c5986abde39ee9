// How long a hybrid torrent with its possession tree takes, beside libtorrent's v1 and v2 hashes of the same file, without that tree.
// Our hashing threads start in the first run and stay, so the best run is one without their start, as libtorrent's clock is without Python's.
// `npm run bench hashing`, or `npx tsx ts/bench/hashing.ts MIB`.
import { execFileSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { hasClient, PYTHON } from "../testing/installed.ts";
import { createTorrent } from "../torrent/index.ts";

const MIB = 1024 * 1024;
const PIECE = MIB;
const RUNS = 3;

const LIBTORRENT = `
import json, os, sys, time, libtorrent as lt
storage = lt.file_storage()
lt.add_files(storage, sys.argv[1])
torrent = lt.create_torrent(storage, int(sys.argv[2]))
wall, cpu = time.monotonic(), time.process_time()
lt.set_piece_hashes(torrent, os.path.dirname(sys.argv[1]))
print(json.dumps({"seconds": time.monotonic() - wall, "cpu": time.process_time() - cpu}))
`;

interface Run {
  readonly seconds: number;
  /** Seconds of processor time, all threads. */
  readonly cpu: number;
}

async function ours(path: string): Promise<Run> {
  const before = process.cpuUsage();
  const start = performance.now();
  await createTorrent(path, { pieceLength: PIECE });
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { seconds, cpu: (user + system) / 1e6 };
}

function libtorrents(path: string): Run {
  return JSON.parse(execFileSync(PYTHON, ["-c", LIBTORRENT, path, String(PIECE)]).toString());
}

function writeRandom(path: string, mib: number): void {
  const file = openSync(path, "w");
  const data = Buffer.alloc(MIB);
  for (let i = 0; i < mib; i++) writeSync(file, randomFillSync(data));
  closeSync(file);
}

const best = (runs: readonly Run[]) => runs.reduce((a, b) => (b.seconds < a.seconds ? b : a));
const line = (name: string, mib: number, { seconds, cpu }: Run) =>
  console.log(
    `${name.padEnd(12)} ${seconds.toFixed(2)} s  ${(mib / seconds).toFixed(0)} MiB/s  ${cpu.toFixed(2)} s of processor`,
  );

const mib = Number(process.argv[2] ?? 1024);
const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
try {
  const path = join(folder, "data");
  writeRandom(path, mib);
  const [here, there]: [Run[], Run[]] = [[], []];
  const peer = hasClient("libtorrent");
  for (let i = 0; i < RUNS; i++) {
    here.push(await ours(path));
    if (peer) there.push(libtorrents(path));
  }
  console.log(`${mib} MiB, hybrid, pieces of ${PIECE / MIB} MiB, ${availableParallelism()} cores, best of ${RUNS}`);
  line("holdfast", mib, best(here));
  if (peer) {
    line("libtorrent", mib, best(there));
    console.log(
      `ratio        ${(best(here).seconds / best(there).seconds).toFixed(2)} (holdfast / libtorrent; required: at most 1)`,
    );
  } else {
    console.log("libtorrent is not installed: nothing to compare with (apt-get install python3-libtorrent)");
  }
  console.log(`peak memory  ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`);
} finally {
  rmSync(folder, { recursive: true });
}
