import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { PYTHON } from "./installed.ts";

const SCRIPT = fileURLToPath(new URL("libtorrent-peer.py", import.meta.url));

/** Makes a .torrent of a file or directory. */
export function createTorrent(data: string, out: string, options: { pieceLength: number; hybrid?: boolean }): void {
  const hybrid = options.hybrid === true ? ["--hybrid"] : [];
  execFileSync(PYTHON, [SCRIPT, "create", "--out", out, "--piece-length", `${options.pieceLength}`, ...hybrid, data]);
}

export interface LibtorrentOptions {
  readonly host?: string;
  /** A .torrent file, or a magnet link. */
  readonly torrent: string;
  /** Where its data is or will be. */
  readonly folder: string;
  readonly peers?: readonly string[];
  /** Never try an encrypted connection first, which costs a reconnection. */
  readonly plain?: boolean;
  /** Takes any number of peers, and lets all of them download at once. */
  readonly open?: boolean;
  /** Prints all its alerts to stderr. */
  readonly verbose?: boolean;
}

/** A libtorrent session with one torrent, in its own process. */
export class Libtorrent {
  /** Resolves when it has everything: at once for a seed. Rejects when it ends before. */
  readonly complete: Promise<{ readonly port: number; readonly seconds: number }>;
  readonly #process: ChildProcess;

  constructor(options: LibtorrentOptions) {
    const torrent = options.torrent.startsWith("magnet:") ? ["--magnet", options.torrent] : [options.torrent];
    const peers = (options.peers ?? []).flatMap((peer) => ["--peer", peer]);
    const flags = (["plain", "open", "verbose"] as const).filter((flag) => options[flag]).map((flag) => `--${flag}`);
    const place = ["--host", options.host ?? "127.0.0.1", "--folder", options.folder];
    const child = spawn(PYTHON, [SCRIPT, "run", ...place, ...peers, ...flags, ...torrent], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#process = child;
    this.complete = new Promise((resolve, reject) => {
      createInterface(child.stdout).on("line", (line) => {
        const event = JSON.parse(line) as { event: string; message?: string; port: number; seconds: number };
        if (event.event === "complete") resolve(event);
        else reject(new Error(`libtorrent: ${event.message}`));
      });
      child.once("exit", (code) => reject(new Error(`libtorrent ended with ${code} before it was complete`)));
    });
    this.complete.catch(() => {});
  }

  get pid(): number {
    return this.#process.pid!;
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const gone = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.stdin!.end();
    await gone;
  }
}
