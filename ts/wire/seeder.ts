import { createServer, type Server, type Socket } from "node:net";
import type { Torrent } from "../torrent/metainfo.ts";
import { DEFAULT_TIMEOUTS, PeerConnection, plainAddress, type Timeouts } from "./connection.ts";
import { PeerError } from "./errors.ts";
import type { Extension } from "./extensions.ts";
import { encodeHandshake, type Handshake, readHandshake } from "./handshake.ts";
import { serveMetadata } from "./metadata.ts";
import { newPeerId } from "./peer-id.ts";
import { type Content, type Loss, TorrentSource } from "./source.ts";
import { RECHOKE_MS, roundRobin, type Unchoker } from "./unchoker.ts";
import { UploadPeer } from "./upload.ts";

/** How many connections at once, peers that have not yet shaken hands included. */
export interface ConnectionLimits {
  readonly total: number;
  readonly perAddress: number;
}

export interface SeederOptions {
  /** Address to listen on, e.g. "0.0.0.0" or "127.0.3.1". */
  readonly host: string;
  /** 0 takes a free one; see `port`. */
  readonly port: number;
  /** Default: 16 slots in turn. */
  readonly unchoker?: Unchoker;
  /** Default: 200 in all, 8 from one address. */
  readonly limits?: ConnectionLimits;
  readonly timeouts?: Timeouts;
  /** Further BEP 10 extensions for a peer that fetches `torrent`. */
  readonly extensions?: (peer: UploadPeer, torrent: Torrent) => readonly Extension[];
  /** Bytes of blocks were sent to a peer. */
  readonly onSent?: (peer: UploadPeer, bytes: number) => void;
  /** A piece of a content could not be read. It is no longer offered. */
  readonly onLoss?: (loss: Loss) => void;
  /** A peer is gone, and why: `malformed` and `flood` tell of attacks, `closed` of a normal day. */
  readonly onPeerGone?: (peer: { host: string; port: number; uploaded: number; reason: PeerError }) => void;
}

interface Served {
  readonly torrent: Torrent;
  readonly source: TorrentSource;
  readonly peers: Set<UploadPeer>;
}

/** Serves contents to BitTorrent peers on one TCP address. */
export class Seeder {
  readonly #options: SeederOptions;
  readonly #limits: ConnectionLimits;
  readonly #timeouts: Timeouts;
  readonly #unchoker: Unchoker;
  readonly #peerId = newPeerId();
  readonly #server: Server;
  readonly #timer: NodeJS.Timeout;
  /** By each 20-byte infohash it answers to, in hex. */
  readonly #served = new Map<string, Served>();
  readonly #sockets = new Set<Socket>();
  readonly #perAddress = new Map<string, number>();

  private constructor(options: SeederOptions) {
    this.#options = options;
    this.#limits = options.limits ?? { total: 200, perAddress: 8 };
    this.#timeouts = options.timeouts ?? DEFAULT_TIMEOUTS;
    this.#unchoker = options.unchoker ?? roundRobin(16);
    this.#server = createServer({ pauseOnConnect: true }, (socket) => this.#onConnection(socket));
    this.#timer = setInterval(() => this.rechoke(), RECHOKE_MS);
    this.#timer.unref();
  }

  /** @throws the system's error when the address cannot be bound */
  static async listen(options: SeederOptions): Promise<Seeder> {
    const seeder = new Seeder(options);
    await new Promise<void>((resolve, reject) => {
      seeder.#server.once("error", reject).listen(options.port, options.host, () => {
        seeder.#server.off("error", reject).on("error", () => {}); // a failed accept() concerns that peer alone
        resolve();
      });
    });
    return seeder;
  }

  get host(): string {
    return this.#options.host;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : this.#options.port;
  }

  /** Connections now, those that have not shaken hands included. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Peers connected now, whatever they fetch. */
  get peers(): UploadPeer[] {
    return [...new Set(this.#served.values())].flatMap(({ peers }) => [...peers]);
  }

  /** Begins to serve a content. Adding it again replaces it. */
  add(content: Content): void {
    this.remove(content.torrent.infohashV2);
    const served: Served = {
      torrent: content.torrent,
      source: new TorrentSource(content, (loss) => this.#options.onLoss?.(loss)),
      peers: new Set(),
    };
    for (const infohash of handshakeHashes(content.torrent)) this.#served.set(hex(infohash), served);
  }

  /** Stops serving a content and hangs up on its peers. */
  remove(infohash: Uint8Array): void {
    const served = this.#served.get(hex(infohash.subarray(0, 20)));
    if (served === undefined) return;
    for (const infohash of handshakeHashes(served.torrent)) this.#served.delete(hex(infohash));
    for (const peer of [...served.peers]) peer.connection.close("stopped", "this torrent is no longer served");
  }

  /** Lets the policy choose anew who may download. */
  rechoke(): void {
    const peers = this.peers;
    const chosen = new Set(
      this.#unchoker.choose(peers.filter((peer) => peer.interested && peer.meter?.overdue !== true)),
    );
    for (const peer of peers) if (!chosen.has(peer)) peer.choke();
    for (const peer of chosen) peer.unchoke();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const { torrent } of new Set(this.#served.values())) this.remove(torrent.infohashV2);
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #onConnection(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress ?? "?");
    const fromThere = this.#perAddress.get(address) ?? 0;
    if (this.#sockets.size >= this.#limits.total || fromThere >= this.#limits.perAddress) {
      socket.on("error", () => {}).destroy();
      this.#gone(socket, 0, new PeerError("limit", "too many connections"));
      return;
    }
    this.#sockets.add(socket);
    this.#perAddress.set(address, fromThere + 1);
    socket
      .on("error", () => {})
      .on("close", () => {
        this.#sockets.delete(socket);
        const left = this.#perAddress.get(address)! - 1;
        if (left > 0) this.#perAddress.set(address, left);
        else this.#perAddress.delete(address);
      });
    this.#welcome(socket).catch((error) => {
      socket.destroy();
      this.#gone(socket, 0, error instanceof PeerError ? error : new PeerError("malformed", String(error)));
    });
  }

  async #welcome(socket: Socket): Promise<void> {
    const remote = await readHandshake(socket, this.#timeouts.handshakeMs);
    const served = this.#served.get(hex(remote.infohash));
    if (served === undefined) throw new PeerError("wrong-torrent", `asks for ${hex(remote.infohash)}`);
    if (Buffer.compare(remote.peerId, this.#peerId) === 0) throw new PeerError("self", "this is our own address");

    // A hybrid's peer that came by the v1 infohash and offers v2 is upgraded by answering with the v2 one.
    const truncated = served.torrent.infohashV2.subarray(0, 20);
    const v2 = remote.v2 || Buffer.compare(remote.infohash, truncated) === 0;
    const infohash = v2 ? truncated : remote.infohash;
    const local: Handshake = { infohash, peerId: this.#peerId, v2: true, extended: true, fast: true };
    socket.write(encodeHandshake(local));

    const connection = new PeerConnection(socket, local, remote, v2, this.#timeouts);
    const peer: UploadPeer = new UploadPeer(connection, served.source, this.#unchoker, {
      onInterest: () => this.rechoke(),
      onSent: (bytes) => this.#options.onSent?.(peer, bytes),
      onClose: (reason) => {
        served.peers.delete(peer);
        this.rechoke();
        this.#gone(socket, peer.uploaded, reason);
      },
    });
    served.peers.add(peer);
    peer.introduce();
    connection.start(peer, [
      serveMetadata(served.torrent.info),
      ...(this.#options.extensions?.(peer, served.torrent) ?? []),
    ]);
  }

  #gone(socket: Socket, uploaded: number, reason: PeerError): void {
    this.#options.onPeerGone?.({
      host: plainAddress(socket.remoteAddress ?? "?"),
      port: socket.remotePort ?? 0,
      uploaded,
      reason,
    });
  }
}

function handshakeHashes({ infohashV2, infohashV1 }: Torrent): Uint8Array[] {
  const truncated = infohashV2.subarray(0, 20);
  return infohashV1 === null ? [truncated] : [truncated, infohashV1];
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
