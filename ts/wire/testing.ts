// Contents, folders and ill-behaved peers for the tests of this directory.

import { createHash, hash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { createTorrent } from "../torrent/create.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { DataFolder } from "../torrent/folder.ts";
import { answerHashRequest, layersOf } from "../torrent/hash-request.ts";
import type { Torrent } from "../torrent/metainfo.ts";
import { hashBlocks } from "../torrent/segment.mjs";
import { Bitfield } from "./bitfield.ts";
import { FrameReader } from "./frames.ts";
import { encodeHandshake, type Handshake, readHandshake } from "./handshake.ts";
import { Layout } from "./layout.ts";
import { decodeMessage, encodeMessage, type Message, type MessageType } from "./messages.ts";
import { newPeerId } from "./peer-id.ts";
import { Seeder, type SeederOptions } from "./seeder.ts";

/** Bytes that look random and are the same each time. */
export function sampleBytes(length: number, seed: number): Buffer {
  const out = Buffer.alloc(length);
  for (let at = 0, i = 0; at < length; i++) at += createHash("sha512").update(`${seed}:${i}`).digest().copy(out, at);
  return out;
}

/** A directory of its own, gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-wire-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Files of every awkward length, by path: several pieces with a short tail, one piece, one block, one byte. */
export function awkwardFiles(): Record<string, Buffer> {
  return {
    "a.bin": sampleBytes(3_000_001, 1),
    "b.bin": sampleBytes(20_000, 2),
    "c/d.txt": Buffer.from("hello"),
    "c/e.bin": sampleBytes(65_536 * 13, 3),
    "f.bin": sampleBytes(65_536, 4),
  };
}

export async function writeFiles(folder: string, files: Record<string, Buffer>): Promise<void> {
  for (const [path, data] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), data);
  }
}

/** SHA-256 of all files below a folder, by path. */
export async function hashFolder(folder: string): Promise<Record<string, string>> {
  const files: Record<string, Buffer> = {};
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files[path.slice(folder.length + 1)] = await readFile(path);
  }
  return hashFiles(files);
}

export function hashFiles(files: Record<string, Buffer>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([path, data]) => [path, hash("sha256", data)]));
}

/** A v2 torrent of `files` with its data on disk. */
export interface Sample {
  readonly torrent: Torrent;
  readonly files: Record<string, Buffer>;
  /** The files' data in torrent order. */
  readonly data: readonly Buffer[];
  /** Where the data lies, under the torrent's name. */
  readonly folder: string;
}

export async function makeSample(files: Record<string, Buffer>, pieceLength = 65_536): Promise<Sample> {
  const folder = await temporaryFolder();
  await writeFiles(join(folder, "sample"), files);
  const { torrent } = await createTorrent(join(folder, "sample"), { pieceLength, v2Only: true });
  return { torrent, files, data: torrent.files.map(({ path }) => files[path.join("/")]!), folder };
}

export function dataOf({ torrent, folder }: Pick<Sample, "torrent" | "folder">): DataFolder {
  const data = new DataFolder(folder, torrent);
  onTestFinished(() => data.close());
  return data;
}

/** A seeder of ours for `sample`, stopped after the test. */
export async function seed(
  sample: Pick<Sample, "torrent" | "folder">,
  options: Partial<SeederOptions> & { has?: Bitfield } = {},
): Promise<Seeder> {
  const seeder = await Seeder.listen({ host: "127.0.0.1", port: 0, ...options });
  onTestFinished(() => seeder.close());
  seeder.add({ torrent: sample.torrent, folder: dataOf(sample), has: options.has });
  return seeder;
}

type Known = Exclude<Message, { type: "unknown" }>;

type OfType<T extends MessageType, M = Message> = M extends { readonly type: infer K }
  ? T extends K
    ? M & { readonly type: T }
    : never
  : never;

/** A bare socket that speaks the protocol as badly as a test tells it to. */
export class RawPeer {
  readonly socket: Socket;
  /** Of a listener's connections, this is the one of that number, from 1. */
  readonly serial: number;
  readonly #queue: Message[] = [];
  #wake: () => void = () => {};
  #ended = false;

  constructor(socket: Socket, serial = 1) {
    this.socket = socket;
    this.serial = serial;
    socket
      .on("error", () => {})
      .on("close", () => {
        this.#ended = true;
        this.#wake();
      });
  }

  /** Connects, and shakes hands like any downloader; the peer's handshake is read and dropped. */
  static async join(
    { host, port }: PeerAddress,
    torrent: Torrent,
    handshake: Partial<Handshake> = {},
  ): Promise<RawPeer> {
    const peer = new RawPeer(connect({ host, port }));
    onTestFinished(() => void peer.socket.destroy());
    await peer.shakeHands(torrent, handshake);
    return peer;
  }

  async shakeHands(torrent: Torrent, handshake: Partial<Handshake> = {}): Promise<void> {
    const infohash = torrent.infohashV2.subarray(0, 20);
    const ours = { infohash, peerId: newPeerId(), v2: true, extended: true, fast: true, ...handshake };
    this.socket.write(encodeHandshake(ours));
    await readHandshake(this.socket, 5_000);
    const reader = new FrameReader();
    this.socket.on("data", (chunk: Buffer) => {
      for (const frame of reader.push(chunk)) this.#queue.push(decodeMessage(frame));
      this.#wake();
    });
    this.socket.resume();
  }

  send(...messages: Known[]): void {
    for (const message of messages) this.raw(...encodeMessage(message));
  }

  raw(...bytes: Uint8Array[]): void {
    for (const part of bytes) this.socket.write(part);
  }

  /** The next message of one of these types, others dropped; undefined when the connection ends first. */
  async next<T extends MessageType>(...types: T[]): Promise<OfType<T> | undefined> {
    for (;;) {
      const message = this.#queue.shift();
      if (message !== undefined && (types as MessageType[]).includes(message.type)) return message as OfType<T>;
      if (message !== undefined) continue;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Resolves when the other side has hung up. */
  async ended(): Promise<void> {
    while ((await this.next("keep-alive", "choke", "unchoke")) !== undefined);
  }
}

/** Listens, and lets `script` treat every connection as it likes. */
export async function listen(script: (peer: RawPeer) => Promise<void>): Promise<PeerAddress> {
  const sockets = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    script(new RawPeer(socket, sockets.size)).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { host: "127.0.0.1", port: (server.address() as { port: number }).port };
}

/** Where a seed departs from the right behaviour. Each gets what an honest one would say; undefined says nothing. */
export interface Misdeeds {
  readonly handshake?: Partial<Handshake>;
  readonly block?: (data: Buffer, piece: number, peer: RawPeer) => Buffer | undefined;
  readonly hashes?: (hashes: Buffer) => Buffer | undefined;
  /** Before each block. */
  readonly delayMs?: number;
  /** Until then it neither unchokes nor answers. */
  readonly ready?: Promise<unknown>;
}

/** A seed that does as it is told. */
export function fakeSeed(torrent: Torrent, files: readonly Buffer[], misdeeds: Misdeeds = {}): Promise<PeerAddress> {
  const layout = new Layout(torrent.pieceLength, torrent.files);
  return listen(async (peer) => {
    await peer.shakeHands(torrent, misdeeds.handshake);
    peer.send(
      misdeeds.handshake?.fast === false ? { type: "bitfield", bits: allOf(layout.pieceCount) } : { type: "have-all" },
    );
    await misdeeds.ready;
    peer.send({ type: "unchoke" });
    for (;;) {
      const message = await peer.next("request", "hash-request");
      if (message === undefined) return;
      if (message.type === "request") {
        const { file, offset } = layout.piece(message.piece);
        const at = offset + message.begin;
        const data = Buffer.from(files[file.index]!.subarray(at, at + message.length));
        const said = misdeeds.block === undefined ? data : misdeeds.block(data, message.piece, peer);
        if (misdeeds.delayMs !== undefined) await sleep(misdeeds.delayMs);
        if (said !== undefined) peer.send({ type: "piece", piece: message.piece, begin: message.begin, data: said });
      } else {
        const { index } = layout.files.find(({ piecesRoot }) => Buffer.compare(piecesRoot, message.piecesRoot) === 0)!;
        const hashes = answerHashRequest(message, torrent.files[index]!.blocks, layersOf(hashBlocks(files[index]!)))!;
        const said = misdeeds.hashes === undefined ? hashes : misdeeds.hashes(hashes);
        peer.send(
          said === undefined ? { ...message, type: "hash-reject" } : { ...message, type: "hashes", hashes: said },
        );
      }
    }
  });
}

function allOf(pieces: number): Uint8Array {
  return Bitfield.full(pieces).bytes;
}

/** A way to a peer by which it sends no more than so many bytes a second. */
export async function slowly({ host, port }: PeerAddress, bytesPerSecond: number): Promise<PeerAddress> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect({ host, port });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => other.destroy());
    }
    near.pipe(far);
    const drip = async () => {
      for await (const chunk of far) {
        near.write(chunk);
        await sleep((chunk.length * 1_000) / bytesPerSecond);
      }
    };
    drip().catch(() => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { host: "127.0.0.1", port: (server.address() as { port: number }).port };
}
