import { setTimeout as sleep } from "node:timers/promises";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { DataFolder } from "../torrent/folder.ts";
import type { Torrent } from "../torrent/metainfo.ts";
import { hashBlocks } from "../torrent/segment.mjs";
import { hashOnThread, PARALLEL_FROM } from "../torrent/threads.ts";
import { Bitfield } from "./bitfield.ts";
import { PeerClient } from "./client.ts";
import type { Timeouts } from "./connection.ts";
import { deferred } from "./deferred.ts";
import { FetchError, PeerError } from "./errors.ts";
import type { Extension } from "./extensions.ts";
import { LayerCollector, type LayerJob } from "./layers.ts";
import { Layout } from "./layout.ts";
import type { BlockSpan } from "./messages.ts";
import { newPeerId } from "./peer-id.ts";
import { type AssembledPiece, Picker } from "./picker.ts";
import { hashesMatch, layerKey, type PieceLayers, pieceMatches } from "./verify.ts";

export interface DownloadOptions {
  readonly peers: readonly PeerAddress[];
  /** Further peers may be given by `add`: without any left the download waits for them, for `idleMs`. */
  readonly growing?: boolean | undefined;
  /** Directory the content is written into, and resumed from. */
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** A connection failed or ended, and why. After `bad-data` the peer is not asked again. */
  readonly onPeerGone?: ((peer: PeerAddress, reason: PeerError) => void) | undefined;
  /** Local address to connect from. */
  readonly localAddress?: string | undefined;
  /** Further BEP 10 extensions for each connection. */
  readonly extensions?: ((client: PeerClient, address: PeerAddress) => readonly Extension[]) | undefined;
  /** Bytes of a piece just verified that came from a peer; `address` is the object that `extensions` was given. */
  readonly onVerified?: ((address: PeerAddress, bytes: number) => void) | undefined;
  /** Awaited before we hang up on the peers, however the download ends. */
  readonly beforeLeaving?: (() => Promise<void>) | undefined;
  readonly limits?: Partial<DownloadLimits> | undefined;
  readonly timeouts?: Timeouts | undefined;
}

export interface DownloadLimits {
  /** Peers connected at once. */
  readonly connections: number;
  /** Bytes of unfinished pieces in memory; one piece is always allowed. */
  readonly memory: number;
  /** A peer that owes us something and sends nothing for so long (ms) is left. */
  readonly stallMs: number;
  /** When less than `leastBytes` come in so long (ms) the download fails. Hashes and what is found in the folder count as progress. */
  readonly idleMs: number;
  readonly leastBytes: number;
  /** First pause (ms) before a lost peer is tried again; it doubles each time. */
  readonly retryMs: number;
  /** A peer that fails so often in a row without giving anything is given up. */
  readonly attempts: number;
}

export const DEFAULT_LIMITS: DownloadLimits = {
  connections: 40,
  memory: 64 << 20,
  stallMs: 20_000,
  idleMs: 120_000,
  leastBytes: 1,
  retryMs: 1_000,
  attempts: 4,
};

export interface Progress {
  readonly pieces: number;
  readonly pieceCount: number;
  /** Bytes received, repeated and bad ones included. */
  readonly downloaded: number;
  /** Peers connected now. */
  readonly connected: number;
}

/** Addresses remembered; whoever names more is not heard. */
const MAX_PEERS = 1_000;
/** Hash requests under way with one peer. */
const HASH_LANES = 8;
/** Requests under way with one peer: so many that it owes us about this long (ms). */
const PIPELINE_MS = 2_000;
const MIN_PIPELINE = 8;

/** One address, over all connections to it. */
class Peer {
  readonly address: PeerAddress;
  client: PeerClient | undefined;
  pipeline = 2 * MIN_PIPELINE;
  hashJobs = 0;
  /** When it may be asked for hashes again; it refused before. */
  hashesAt = 0;
  /** When it last gave something, or was first asked for something after it owed nothing. */
  movedAt = 0;
  banned = false;
  /** Why its last connection ended. */
  reason: PeerError | undefined;

  constructor(address: PeerAddress) {
    this.address = { host: address.host, port: address.port };
  }

  get owes(): boolean {
    return this.hashJobs > 0 || (this.client?.outstanding ?? 0) > 0;
  }

  toString(): string {
    const { host, port } = this.address;
    return `${host}:${port} ${this.reason?.message ?? "did not answer"}`;
  }
}

/** One run of fetching a torrent whose metadata is known. */
export class Download {
  readonly #torrent: Torrent;
  readonly #options: DownloadOptions;
  readonly #limits: DownloadLimits;
  readonly #layout: Layout;
  readonly #folder: DataFolder;
  readonly #peerId = newPeerId();
  readonly #peers = new Map<string, Peer>();
  /** Peers whose turn is to come. */
  readonly #queue: Peer[] = [];
  /** Peers whose turn it is: of each one connection, or a pause before the next. */
  #seats = 0;
  #running = false;
  readonly #layers: LayerCollector;
  #pieceLayers: PieceLayers;
  readonly #stop = new AbortController();
  readonly #writes = new Set<Promise<void>>();
  readonly #end = deferred<void>();
  /** Once the piece layers are here and the folder has been looked through. */
  #picker: Picker | undefined;
  #downloaded = 0;
  /** When there was progress, and bytes received since. */
  #movedAt = Date.now();
  #since = 0;

  constructor(torrent: Torrent, options: DownloadOptions) {
    this.#torrent = torrent;
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#layout = new Layout(torrent.pieceLength, torrent.files);
    this.#folder = new DataFolder(options.folder, torrent, { writable: true });
    this.#pieceLayers = torrent.pieceLayers;
    this.add(options.peers);
    this.#layers = new LayerCollector(
      this.#layout,
      this.#layout.files.filter((file) => file.pieceCount > 1 && !torrent.pieceLayers.has(layerKey(file.piecesRoot))),
    );
  }

  /** @returns the torrent with all its piece layers, once every piece is verified and written. @throws FetchError */
  async run(): Promise<Torrent> {
    const { signal } = this.#options;
    const abort = () => this.#end.reject(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    const timer = setInterval(() => this.#tick(), Math.min(1_000, this.#limits.stallMs / 4));
    try {
      this.#running = true;
      if (this.#layers.complete) this.#onLayers().catch(this.#end.reject);
      this.#fillSeats();
      await this.#end.promise;
      await this.#folder.finish().catch((cause) => {
        throw this.#diskFailed(cause);
      });
      return { ...this.#torrent, pieceLayers: this.#pieceLayers };
    } finally {
      this.#running = false;
      clearInterval(timer);
      signal?.removeEventListener("abort", abort);
      this.#stop.abort();
      await this.#options.beforeLeaving?.();
      for (const peer of this.#peers.values()) peer.client?.close();
      await Promise.allSettled(this.#writes);
      await this.#folder.close();
    }
  }

  /** Peers to ask too, those known already left out. */
  add(addresses: readonly PeerAddress[]): void {
    for (const address of addresses) {
      const key = `${address.host} ${address.port}`;
      if (this.#peers.has(key) || this.#peers.size >= MAX_PEERS) continue;
      const peer = new Peer(address);
      this.#peers.set(key, peer);
      this.#queue.push(peer);
    }
    if (this.#running) this.#fillSeats();
  }

  #fillSeats(): void {
    while (this.#seats < this.#limits.connections && this.#queue.length > 0) {
      this.#seats++;
      this.#seat()
        .finally(() => this.#seats--)
        .then(() => this.#onSeatFree(), this.#end.reject);
    }
    this.#onSeatFree();
  }

  /** Without any peer, what is in the folder may still be all there is to get. */
  #onSeatFree(): void {
    const nobody = this.#seats === 0 && this.#queue.length === 0;
    if (!nobody || this.#options.growing) return;
    if (this.#picker !== undefined || !this.#layers.complete) this.#end.reject(this.#noPeers());
  }

  async #seat(): Promise<void> {
    for (let peer = this.#queue.shift(); peer !== undefined; peer = this.#queue.shift()) {
      for (let failures = 0; failures < this.#limits.attempts && !peer.banned && !this.#stop.signal.aborted; ) {
        const gave = await this.#connect(peer);
        failures = gave ? 0 : failures + 1;
        if (peer.banned || failures >= this.#limits.attempts) break;
        await sleep(this.#limits.retryMs * 2 ** Math.max(0, failures - 1), undefined, {
          signal: this.#stop.signal,
        }).catch(() => {});
      }
    }
  }

  /** One connection, from its beginning to its end. Answers whether the peer gave anything. */
  async #connect(peer: Peer): Promise<boolean> {
    const gone = deferred<PeerError>();
    const { infohashV1 } = this.#torrent;
    const infohashV2 = this.#torrent.infohashV2.subarray(0, 20);
    try {
      const client = await PeerClient.dial({
        ...peer.address,
        localAddress: this.#options.localAddress,
        handshake: { infohash: infohashV1 ?? infohashV2, peerId: this.#peerId, v2: true, extended: true, fast: true },
        infohashV2,
        pieceCount: this.#layout.pieceCount,
        timeouts: this.#options.timeouts,
        signal: this.#stop.signal,
        extensions: (client) => this.#options.extensions?.(client, peer.address) ?? [],
        events: {
          onChoke: () => this.#pump(peer),
          onHave: (piece) => {
            this.#picker?.learn(peer, piece);
            if (!peer.owes) this.#pump(peer);
          },
          onClose: (reason) => gone.resolve(reason),
        },
      });
      if (this.#stop.signal.aborted) client.close();
      peer.client = client;
      peer.hashesAt = 0;
      this.#picker?.join(peer, client.has);
      client.interested();
      this.#pump(peer);
      peer.reason = await gone.promise;
      return client.downloaded > 0;
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      peer.reason = error;
      return false;
    } finally {
      peer.client = undefined;
      this.#picker?.leave(peer);
      this.#pumpAll();
      if (peer.reason !== undefined) this.#options.onPeerGone?.(peer.address, peer.reason);
    }
  }

  /** Keeps the peer as busy as it can be: piece layers first, without which no block can be judged. */
  #pump(peer: Peer): void {
    const { client } = peer;
    if (client === undefined || client.connection.closed) return;
    if (!this.#layers.complete) {
      while (client.connection.v2 && Date.now() >= peer.hashesAt && peer.hashJobs < HASH_LANES) {
        const job = this.#layers.next();
        if (job === undefined) return;
        void this.#askHashes(peer, client, job);
      }
      return;
    }
    while (!client.choked && client.outstanding < peer.pipeline) {
      const span = this.#picker?.next(peer);
      if (span === undefined) return;
      void this.#askBlock(peer, client, span);
    }
  }

  #pumpAll(): void {
    for (const peer of this.#peers.values()) this.#pump(peer);
  }

  async #askHashes(peer: Peer, client: PeerClient, job: LayerJob): Promise<void> {
    if (!peer.owes) peer.movedAt = Date.now();
    peer.hashJobs++;
    try {
      const hashes = await client.hashes(job.request, this.#limits.stallMs);
      this.#moved(peer, this.#limits.leastBytes);
      if (!this.#layers.accept(job, hashes)) this.#ban(peer, "sent hashes that do not lead to the file's pieces root");
      else if (this.#layers.complete) this.#onLayers().catch(this.#end.reject);
    } catch (error) {
      this.#layers.release(job);
      peer.hashesAt = Date.now() + this.#limits.stallMs;
      if ((error as PeerError).fault === "timeout") client.close("timeout", (error as PeerError).message);
    } finally {
      peer.hashJobs--;
      this.#pumpAll();
    }
  }

  async #askBlock(peer: Peer, client: PeerClient, span: BlockSpan): Promise<void> {
    if (!peer.owes) peer.movedAt = Date.now();
    const askedAt = Date.now();
    try {
      const { data } = await client.block(span);
      const pipeline = peer.pipeline + (Date.now() - askedAt < PIPELINE_MS ? 1 : -1);
      peer.pipeline = Math.max(MIN_PIPELINE, Math.min(pipeline, client.connection.extensions.requestQueue));
      this.#downloaded += data.length;
      this.#moved(peer, data.length);
      const { others, whole } = this.#picker!.receive(peer, span, data);
      for (const other of others) (other as Peer).client?.cancel(span);
      if (whole !== undefined) this.#onPiece(whole);
      this.#pump(peer);
    } catch {
      this.#picker!.release(peer, span);
      this.#pumpAll();
    }
  }

  /** The piece layers are here: now what the folder holds can be judged, and then what peers send. */
  async #onLayers(): Promise<void> {
    this.#pieceLayers = new Map([...this.#pieceLayers, ...this.#layers.layers]);
    const have = await this.#resume();
    this.#picker = new Picker(have, (piece) => this.#layout.piece(piece).length, this.#limits.memory);
    for (const peer of this.#peers.values()) if (peer.client !== undefined) this.#picker.join(peer, peer.client.has);
    this.#onProgress();
    this.#pumpAll();
    this.#onSeatFree();
  }

  async #resume(): Promise<Bitfield> {
    const have = new Bitfield(this.#layout.pieceCount);
    for (const { index, firstPiece, pieceCount } of this.#layout.files) {
      if (this.#stop.signal.aborted) break;
      const present = await this.#folder.size(index).catch(() => 0);
      this.#movedAt = Date.now();
      for (let i = firstPiece; i < firstPiece + pieceCount && !this.#stop.signal.aborted; i++) {
        const piece = this.#layout.piece(i);
        if (piece.offset + piece.length > present) break;
        const data = await this.#folder.read(index, piece.offset, piece.length).catch(() => undefined);
        if (data !== undefined && pieceMatches(data, piece, this.#torrent.pieceLength, this.#pieceLayers)) have.set(i);
        this.#movedAt = Date.now();
      }
    }
    return have;
  }

  #onPiece(whole: AssembledPiece): void {
    const write = this.#keep(whole).catch(this.#end.reject);
    this.#writes.add(write);
    write.finally(() => this.#writes.delete(write));
  }

  /** Verifies a piece and writes it. */
  async #keep({ piece: index, data }: AssembledPiece): Promise<void> {
    const piece = this.#layout.piece(index);
    const hashes = this.#layout.length < PARALLEL_FROM ? hashBlocks(data) : await hashOnThread(data);
    if (hashesMatch(hashes, piece, this.#torrent.pieceLength, this.#pieceLayers)) {
      for (const [sender, bytes] of this.#picker!.senders(index)) {
        this.#options.onVerified?.((sender as Peer).address, bytes);
      }
      await this.#folder.write(piece.file.index, piece.offset, data).catch((cause) => {
        throw this.#diskFailed(cause);
      });
      for (const liar of this.#picker!.verified(index)) this.#ban(liar as Peer, `sent a bad block of piece ${index}`);
      this.#onProgress();
    } else {
      const liar = this.#picker!.failed(index);
      if (liar !== undefined) this.#ban(liar as Peer, `sent a piece ${index} that does not match its hash`);
    }
    this.#pumpAll();
  }

  #diskFailed(cause: Error): FetchError {
    return new FetchError("disk", `cannot write ${this.#options.folder}: ${cause.message}`, { cause });
  }

  #onProgress(): void {
    const { have } = this.#picker!;
    this.#options.onProgress?.({
      pieces: have.count,
      pieceCount: have.length,
      downloaded: this.#downloaded,
      connected: [...this.#peers.values()].filter((peer) => peer.client !== undefined).length,
    });
    if (this.#picker!.complete) this.#end.resolve();
  }

  #moved(peer: Peer, bytes: number): void {
    peer.movedAt = Date.now();
    this.#since += bytes;
    if (this.#since < this.#limits.leastBytes) return;
    this.#movedAt = peer.movedAt;
    this.#since = 0;
  }

  #ban(peer: Peer, message: string): void {
    if (peer.banned) return;
    peer.banned = true;
    peer.client?.close("bad-data", message);
  }

  #tick(): void {
    const now = Date.now();
    const { stallMs, idleMs, leastBytes } = this.#limits;
    for (const peer of this.#peers.values()) {
      if (peer.owes && now - peer.movedAt > stallMs)
        peer.client?.close("timeout", `owes us and sends nothing for ${stallMs} ms`);
    }
    if (!this.#layers.complete) this.#pumpAll();
    if (now - this.#movedAt > idleMs) {
      const found =
        this.#since === 0 ? "no peer gave anything" : `peers gave ${this.#since} bytes, less than ${leastBytes},`;
      const peers = [...this.#peers.values()].join("; ") || "none was found";
      this.#end.reject(new FetchError("idle", `${found} for ${idleMs / 1000} s: ${peers}`));
    }
  }

  #noPeers(): FetchError {
    if (this.#peers.size === 0) return new FetchError("no-peers", "no peers were given");
    return new FetchError("no-peers", `no peer is left: ${[...this.#peers.values()].join("; ")}`);
  }
}
