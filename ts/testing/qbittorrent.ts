import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface QbittorrentOptions {
  /** An empty directory for its settings. */
  readonly profile: string;
  /** Loopback address to listen on. */
  readonly host?: string;
}

interface TorrentState {
  readonly hash: string;
  readonly state: string;
  readonly progress: number;
}

/** A qbittorrent-nox of its own, spoken to through its web API. */
export class Qbittorrent {
  readonly host: string;
  /** For peers. */
  readonly port: number;
  readonly #api: string;
  readonly #process: ChildProcess;

  private constructor(host: string, port: number, api: string, child: ChildProcess) {
    this.host = host;
    this.port = port;
    this.#api = api;
    this.#process = child;
  }

  static async start(options: QbittorrentOptions): Promise<Qbittorrent> {
    const host = options.host ?? "127.0.0.1";
    const [port, apiPort] = [await freePort(host), await freePort("127.0.0.1")];
    const config = join(options.profile, "qBittorrent", "config");
    await mkdir(config, { recursive: true });
    await writeFile(join(config, "qBittorrent.conf"), settings(host, port, apiPort));
    const child = spawn("qbittorrent-nox", [`--profile=${options.profile}`], { stdio: "ignore" });
    const api = `http://127.0.0.1:${apiPort}/api/v2`;
    for (let tries = 0; ; tries++) {
      const up = await fetch(`${api}/app/version`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (up) return new Qbittorrent(host, port, api, child);
      if (tries > 150 || child.exitCode !== null) {
        child.kill();
        throw new Error(`qbittorrent-nox did not start (exit code ${child.exitCode})`);
      }
      await sleep(100);
    }
  }

  /** Adds a .torrent or a magnet link, its data in `folder`. */
  async add(torrent: string, folder: string): Promise<void> {
    const form = new FormData();
    if (torrent.startsWith("magnet:")) form.set("urls", torrent);
    else form.set("torrents", new Blob([await readFile(torrent)]), "a.torrent");
    form.set("savepath", folder);
    await this.#post("torrents/add", form);
  }

  /** Tells it of peers of its only torrent, as "IP:PORT". */
  async addPeers(peers: readonly string[]): Promise<void> {
    const { hash } = await this.#torrent(() => true);
    await this.#post("torrents/addPeers", new URLSearchParams({ hashes: hash, peers: peers.join("|") }));
  }

  /** Starts the tracker it has built in. @returns where to announce */
  async startTracker(): Promise<string> {
    const port = await freePort(this.host);
    const json = JSON.stringify({ enable_embedded_tracker: true, embedded_tracker_port: port });
    await this.#post("app/setPreferences", new URLSearchParams({ json }));
    return `http://${this.host}:${port}/announce`;
  }

  /** Resolves when its only torrent is complete. */
  async complete(): Promise<void> {
    await this.#torrent(({ progress, state }) => progress === 1 && !state.startsWith("checking"));
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const gone = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL"); // it would take seconds to say goodbye; its profile is ours to throw away
    await gone;
  }

  async #torrent(wanted: (torrent: TorrentState) => boolean): Promise<TorrentState> {
    for (let tries = 0; tries < 400; tries++) {
      const torrents = (await (await fetch(`${this.#api}/torrents/info`)).json()) as TorrentState[];
      const found = torrents.find(wanted);
      if (found !== undefined) return found;
      await sleep(100);
    }
    throw new Error(`qBittorrent: ${await (await fetch(`${this.#api}/torrents/info`)).text()}`);
  }

  async #post(path: string, body: FormData | URLSearchParams): Promise<void> {
    const answer = await fetch(`${this.#api}/${path}`, { method: "POST", body });
    if (!answer.ok) throw new Error(`qBittorrent ${path}: ${answer.status} ${await answer.text()}`);
  }
}

function settings(host: string, port: number, apiPort: number): string {
  return `[LegalNotice]
Accepted=true

[BitTorrent]
Session\\AddTorrentPaused=false
Session\\BTProtocol=TCP
Session\\DHTEnabled=false
Session\\InterfaceAddress=${host}
Session\\LSDEnabled=false
Session\\MultiConnectionsPerIp=true
Session\\PeXEnabled=false
Session\\Port=${port}
Session\\QueueingSystemEnabled=false

[Network]
PortForwardingEnabled=false

[Preferences]
WebUI\\Address=127.0.0.1
WebUI\\LocalHostAuth=false
WebUI\\Port=${apiPort}
`;
}

function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, host, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
