import { connect, isIP, type Socket } from "node:net";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { PeerError, type PeerFault } from "./errors.ts";
import { type Extension, ExtensionTable } from "./extensions.ts";
import { FrameReader } from "./frames.ts";
import { encodeHandshake, type Handshake, readHandshake } from "./handshake.ts";
import { decodeMessage, encodeMessage, type Message } from "./messages.ts";

/** Milliseconds. */
export interface Timeouts {
  /** To a TCP connection. */
  readonly connectMs: number;
  /** From there to the peer's whole handshake. */
  readonly handshakeMs: number;
  /** Of silence, or of our bytes not being read; BEP 3 peers send a keep-alive every two minutes. */
  readonly idleMs: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = { connectMs: 10_000, handshakeMs: 10_000, idleMs: 150_000 };

/** Useless messages forgiven at once and per second: a choke that crosses a full queue of requests makes hundreds. */
const NOISE_BURST = 2_000;
const NOISE_PER_SECOND = 20;
/** Most bytes of ours that may wait for a peer to read them. */
const MAX_UNSENT = 4 << 20;

export interface DialOptions extends PeerAddress {
  /** Local address to come from, for several hosts on one machine. */
  readonly localAddress?: string | undefined;
  /** Ours. For a hybrid it names the v1 infohash: a peer that speaks v2 upgrades (BEP 52), any other is reached too. */
  readonly handshake: Handshake;
  /** The torrent's v2 infohash, cut to 20 bytes. */
  readonly infohashV2: Uint8Array;
  readonly timeouts?: Timeouts | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the owner of a connection does with it. Whatever it throws drops the peer. */
export interface ConnectionHandler {
  /** Blocks and payloads are views that keep a whole receive buffer alive: copy what is to stay. */
  onMessage(message: Message): void;
  /** More of a message of this id has arrived, `received` bytes (length prefix included) by now, but not all of it. */
  onPartial?(id: number, received: number): void;
  /** Last call, exactly once. */
  onClose(reason: PeerError): void;
}

/**
 * One TCP connection to a peer after the handshakes. It frames, decodes, keeps alive, counts what is useless, runs the
 * extension protocol, and drops a peer that breaks the rules with the reason. What messages mean is its owner's business.
 */
export class PeerConnection {
  readonly address: PeerAddress;
  /** The peer's handshake. */
  readonly remote: Handshake;
  /** Both sides speak BEP 52 here: they met under the v2 infohash. */
  readonly v2: boolean;
  /** Both sides speak BEP 6: a request is always answered, by a block or a reject. */
  readonly fast: boolean;
  /** Extensions (BEP 10) that are running on this connection. */
  readonly extensions: ExtensionTable;

  readonly #socket: Socket;
  readonly #timeouts: Timeouts;
  readonly #reader = new FrameReader();
  readonly #drainWaiters: (() => void)[] = [];
  #handler: ConnectionHandler | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed: PeerError | undefined;
  #heardAt = Date.now();
  #spokeAt = Date.now();
  #congestedAt: number | undefined;
  #gathering = false;
  #noise = 0;
  #noiseAt = Date.now();

  /** @param v2 whether they met under the v2 infohash, be it by an upgrade */
  constructor(socket: Socket, local: Handshake, remote: Handshake, v2: boolean, timeouts = DEFAULT_TIMEOUTS) {
    this.#socket = socket;
    this.#timeouts = timeouts;
    this.address = { host: plainAddress(socket.remoteAddress ?? "?"), port: socket.remotePort ?? 0 };
    this.remote = remote;
    this.v2 = v2;
    this.fast = local.fast && remote.fast;
    this.extensions = new ExtensionTable(this, local.extended && remote.extended);
    socket.on("error", () => {}); // "close" follows, and says it
  }

  /** Connects and exchanges handshakes. @throws PeerError */
  static async dial(options: DialOptions): Promise<PeerConnection> {
    const { handshake, timeouts = DEFAULT_TIMEOUTS } = options;
    const socket = await openSocket(options, timeouts.connectMs);
    const abort = () => socket.destroy();
    options.signal?.addEventListener("abort", abort, { once: true });
    try {
      socket.write(encodeHandshake(handshake));
      const remote = await readHandshake(socket, timeouts.handshakeMs);
      const v2 = same(remote.infohash, options.infohashV2);
      if (!v2 && !same(remote.infohash, handshake.infohash)) {
        throw new PeerError("wrong-torrent", `the peer answered for ${Buffer.from(remote.infohash).toString("hex")}`);
      }
      if (same(remote.peerId, handshake.peerId)) throw new PeerError("self", "this is our own address");
      return new PeerConnection(socket, handshake, remote, v2, timeouts);
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      options.signal?.removeEventListener("abort", abort);
    }
  }

  /** Begins to read. Extensions announce themselves first. */
  start(handler: ConnectionHandler, extensions: readonly Extension[] = []): void {
    this.#handler = handler;
    this.extensions.start(extensions);
    this.#timer = setInterval(() => this.#tick(), Math.min(1_000, this.#timeouts.idleMs / 4));
    this.#timer.unref();
    this.#socket
      .setNoDelay(true)
      .on("data", (chunk: Buffer) => this.#onData(chunk))
      .on("drain", () => this.#onDrain())
      .on("close", () => this.close("closed", "the peer hung up"))
      .resume();
    if (this.#socket.destroyed) this.close("closed", "the peer hung up");
  }

  get closed(): PeerError | undefined {
    return this.#closed;
  }

  send(message: Exclude<Message, { type: "unknown" }>): void {
    if (this.#closed) return;
    this.#gather();
    let room = true;
    for (const part of encodeMessage(message)) room = this.#socket.write(part);
    this.#spokeAt = Date.now();
    if (!room) this.#congestedAt ??= Date.now();
    if (this.#socket.writableLength > MAX_UNSENT) this.close("flood", "the peer asks for more than it reads");
  }

  /**
   * What is said in one turn of the event loop leaves in one system call: on fast links a call for each message costs more
   * than all else, and a block's head must not travel alone and wait for the peer's delayed ACK.
   */
  #gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.#socket.cork();
    setImmediate(() => {
      this.#gathering = false;
      this.#socket.uncork();
    });
  }

  /** Resolves once the peer has read enough of what was sent, or is gone. */
  drained(): Promise<void> {
    if (this.#closed || this.#congestedAt === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#drainWaiters.push(resolve));
  }

  /** Counts a message that was of no use; too many are a flood. */
  noise(): void {
    const now = Date.now();
    this.#noise = Math.max(0, this.#noise - ((now - this.#noiseAt) / 1000) * NOISE_PER_SECOND) + 1;
    this.#noiseAt = now;
    if (this.#noise > NOISE_BURST) throw new PeerError("flood", "the peer floods us with useless messages");
  }

  /** Hangs up. The first reason given is the one that stays. */
  close(fault: PeerFault, message: string): void {
    if (this.#closed) return;
    this.#closed = new PeerError(fault, message);
    clearInterval(this.#timer);
    this.#socket.destroy();
    this.extensions.close(this.#closed);
    for (const resolve of this.#drainWaiters.splice(0)) resolve();
    this.#handler?.onClose(this.#closed);
  }

  /** Hangs up over an error in handling the peer. */
  fail(error: unknown): void {
    if (error instanceof PeerError) this.close(error.fault, error.message);
    else this.close("stopped", `we could not handle it: ${error}`);
  }

  #onData(chunk: Buffer): void {
    this.#heardAt = Date.now();
    try {
      for (const frame of this.#reader.push(chunk)) {
        this.#dispatch(decodeMessage(frame));
        if (this.#closed) return;
      }
      const unfinished = this.#reader.unfinished;
      if (unfinished !== undefined) this.#handler?.onPartial?.(unfinished.id, unfinished.received);
    } catch (error) {
      this.fail(error);
    }
  }

  #dispatch(message: Message): void {
    if (message.type === "keep-alive" || message.type === "unknown") this.noise();
    else if (message.type === "extended") this.extensions.receive(message.extension, message.payload);
    else this.#handler?.onMessage(message);
  }

  #onDrain(): void {
    this.#congestedAt = undefined;
    for (const resolve of this.#drainWaiters.splice(0)) resolve();
  }

  #tick(): void {
    const now = Date.now();
    const { idleMs } = this.#timeouts;
    if (now - this.#heardAt > idleMs) this.close("timeout", `silent for ${idleMs} ms`);
    else if (now - (this.#congestedAt ?? now) > idleMs) this.close("timeout", `reads nothing for ${idleMs} ms`);
    else if (now - this.#spokeAt > (idleMs * 2) / 3) this.send({ type: "keep-alive" });
  }
}

/** An IPv4 address that arrived on an IPv6 socket, in its own notation: limits per address count it once. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, "");
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function openSocket({ host, port, localAddress, signal }: DialOptions, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new PeerError("stopped", "stopped before connecting"));
    if (isIP(host) === 0 || port < 1 || port > 65535 || !Number.isInteger(port)) {
      return reject(new PeerError("unreachable", `${host}:${port} is not an IP address and port`));
    }
    const socket = connect({ host, port, ...(localAddress === undefined ? {} : { localAddress }) });
    const timer = setTimeout(() => fail(new PeerError("timeout", `no connection within ${timeoutMs} ms`)), timeoutMs);
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    const fail = (error: PeerError) => {
      settle();
      socket.destroy();
      reject(error);
    };
    const onAbort = () => fail(new PeerError("stopped", "stopped while connecting"));
    signal?.addEventListener("abort", onAbort, { once: true });
    socket.once("error", (error) => fail(new PeerError("unreachable", error.message)));
    socket.once("connect", () => {
      settle();
      socket.removeAllListeners("error").on("error", () => {});
      resolve(socket);
    });
  });
}
