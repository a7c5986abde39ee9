import { execFileSync } from "node:child_process";
import { describe, type SuiteFactory } from "vitest";

/** Debian's python, for which Debian's libtorrent is built. */
export const PYTHON = "/usr/bin/python3";

const CLIENTS = {
  libtorrent: { command: PYTHON, args: ["-c", "import libtorrent"], from: "apt-get install python3-libtorrent" },
  qbittorrent: { command: "qbittorrent-nox", args: ["--version"], from: "apt-get install qbittorrent-nox" },
} as const;

export type Client = keyof typeof CLIENTS;

export function hasClient(client: Client): boolean {
  const { command, args } = CLIENTS[client];
  try {
    execFileSync(command, args, { stdio: "ignore", timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
}

/**
 * A suite that talks to a real client. Where it is not installed the suite is skipped and says so; with
 * HOLDFAST_REQUIRE_CLIENTS=1, as in CI, its absence is a failure.
 */
export function describeWith(client: Client, name: string, suite: SuiteFactory): void {
  if (hasClient(client)) {
    describe(name, suite);
    return;
  }
  const message = `${client} is not installed: "${name}" did not run (${CLIENTS[client].from})`;
  if (process.env.HOLDFAST_REQUIRE_CLIENTS === "1") throw new Error(message);
  console.warn(`\n!!! SKIPPED: ${message}\n`);
  describe.skip(name, suite);
}
