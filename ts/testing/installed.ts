import { execFileSync } from "node:child_process";

/** Debian's python, for which Debian's libtorrent is built. */
export const PYTHON = "/usr/bin/python3";

export const CLIENTS = {
  libtorrent: { command: PYTHON, args: ["-c", "import libtorrent"], from: "apt-get install python3-libtorrent" },
  qbittorrent: { command: "qbittorrent-nox", args: ["--version"], from: "apt-get install qbittorrent-nox" },
} as const;

export type Client = keyof typeof CLIENTS;

/** Whether a real BitTorrent client is on this machine. */
export function hasClient(client: Client): boolean {
  const { command, args } = CLIENTS[client];
  try {
    execFileSync(command, args, { stdio: "ignore", timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
}
