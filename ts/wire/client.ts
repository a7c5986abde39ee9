import { performance } from "node:perf_hooks";
import type { HashRequest } from "../torrent/hash-request.ts";
import { Bitfield } from "./bitfield.ts";
import { type ConnectionHandler, type DialOptions, PeerConnection } from "./connection.ts";
import { PeerError } from "./errors.ts";
import type { Extension } from "./extensions.ts";
import { type BlockSpan, type Message, PIECE_HEAD, PIECE_ID, sameHashRequest } from "./messages.ts";

/** A block that came, and how fast. */
export interface BlockAnswer {
  readonly data: Uint8Array;
  /** From the request to the first byte of the block's data, in milliseconds. */
  readonly firstByteMs: number;
}

/** What the owner of a client may watch. */
export interface ClientEvents {
  /** The peer lets us download, or stops. */
  onChoke?(choking: boolean): void;
  /** The peer has `piece` from now on, or (without a piece) has told us all it has. */
  onHave?(piece?: number): void;
  onClose?(reason: PeerError): void;
}

export interface ClientOptions extends DialOptions {
  /** Of the torrent. Without it (when only the infohash is known) what the peer says to have is not heard. */
  readonly pieceCount?: number | undefined;
  readonly extensions?: ((client: PeerClient) => readonly Extension[]) | undefined;
  readonly events?: ClientEvents | undefined;
}

interface Pending<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: PeerError) => void;
}

interface PendingBlock extends Pending<BlockAnswer> {
  readonly length: number;
  readonly sentAt: number;
}

/** The downloading side of one connection: questions that are promises. Each fails with a PeerError; the connection may live on. */
export class PeerClient implements ConnectionHandler {
  readonly connection: PeerConnection;
  /** What the peer says it has. */
  readonly has: Bitfield;
  /** Bytes of blocks received that had been asked for. */
  downloaded = 0;

  readonly #pieceCount: number | undefined;
  readonly #events: ClientEvents;
  readonly #blocks = new Map<string, PendingBlock>();
  readonly #hashes: { request: HashRequest; pending: Pending<Uint8Array> }[] = [];
  readonly #unchokeWaiters: Pending<void>[] = [];
  #choked = true;
  #first = true;
  /** When the first byte of the block under way came. */
  #dataBeganAt: number | undefined;
  #nudged = false;

  private constructor(connection: PeerConnection, options: ClientOptions) {
    this.connection = connection;
    this.#pieceCount = options.pieceCount;
    this.#events = options.events ?? {};
    this.has = new Bitfield(options.pieceCount ?? 0);
    connection.start(this, options.extensions?.(this));
  }

  /** Connects and shakes hands. @throws PeerError */
  static async dial(options: ClientOptions): Promise<PeerClient> {
    return new PeerClient(await PeerConnection.dial(options), options);
  }

  get choked(): boolean {
    return this.#choked;
  }

  /** Blocks asked for and not yet answered. */
  get outstanding(): number {
    return this.#blocks.size;
  }

  interested(): void {
    this.connection.send({ type: "interested" });
  }

  /** Resolves when the peer lets us download. */
  unchoked(timeoutMs: number): Promise<void> {
    if (!this.#choked) return Promise.resolve();
    return this.#ask("unchoke", timeoutMs, (pending) => this.#unchokeWaiters.push(pending));
  }

  /** Asks for a block. Its data is a view that keeps a whole receive buffer alive: copy what is to stay. */
  block(span: BlockSpan, timeoutMs?: number): Promise<BlockAnswer> {
    return this.#ask("block", timeoutMs, ({ resolve, reject }) => {
      this.#blocks.set(blockKey(span), { resolve, reject, length: span.length, sentAt: performance.now() });
      this.connection.send({ type: "request", ...span });
    });
  }

  /** Takes a request back. It fails as `stopped`; should the answer be under way, it is ignored. */
  cancel(span: BlockSpan): void {
    const pending = this.#takeBlock(span);
    if (pending === undefined) return;
    this.connection.send({ type: "cancel", ...span });
    pending.reject(new PeerError("stopped", "we took the request back"));
  }

  /** Asks for hashes and their proof (BEP 52), concatenated. They are not yet verified. */
  hashes(request: HashRequest, timeoutMs: number): Promise<Uint8Array> {
    return this.#ask("hashes", timeoutMs, (pending) => {
      this.#hashes.push({ request, pending });
      this.connection.send({ type: "hash-request", ...request });
    });
  }

  close(fault: PeerError["fault"] = "stopped", message = "we are done"): void {
    this.connection.close(fault, message);
  }

  onPartial(id: number, received: number): void {
    if (id !== PIECE_ID) return;
    // Its head may come early from somebody who has yet to get the data; the first byte that counts is the data's.
    if (received > PIECE_HEAD) this.#dataBeganAt ??= performance.now();
    // Some clients (libtorrent 2.0.8) send a block's head alone and wait for its ACK; the ACK rides on any bytes of ours
    // and would else be delayed by 40 ms. In a full pipeline the next request does it.
    if (this.#nudged || this.#blocks.size !== 1) return;
    this.#nudged = true;
    this.connection.send({ type: "keep-alive" });
  }

  onMessage(message: Message): void {
    const first = this.#first;
    this.#first = false;
    switch (message.type) {
      case "choke":
      case "unchoke":
        this.#onChoke(message.type === "choke");
        break;
      case "bitfield":
      case "have-all":
      case "have-none":
        if (!first) throw new PeerError("malformed", `a ${message.type} that is not the first message`);
        this.#onBitfield(message);
        break;
      case "have":
        this.#onHave(message.piece);
        break;
      case "piece":
        this.#onPiece(message);
        break;
      case "reject": {
        const pending = this.#takeBlock(message);
        if (pending === undefined) this.connection.noise();
        else pending.reject(new PeerError("refused", "the peer rejects the request"));
        break;
      }
      case "hashes":
        this.#onHashes(message, (pending) => pending.resolve(Buffer.from(message.hashes)));
        break;
      case "hash-reject":
        this.#onHashes(message, (pending) =>
          pending.reject(new PeerError("refused", "the peer rejects the hash request")),
        );
        break;
      default:
        this.connection.noise(); // interested, request, …: we upload nothing here
    }
  }

  onClose(reason: PeerError): void {
    this.#failBlocks(reason);
    for (const { pending } of this.#hashes.splice(0)) pending.reject(reason);
    for (const waiter of this.#unchokeWaiters.splice(0)) waiter.reject(reason);
    this.#events.onClose?.(reason);
  }

  #ask<T>(what: string, timeoutMs: number | undefined, question: (pending: Pending<T>) => void): Promise<T> {
    const { closed } = this.connection;
    if (closed !== undefined) return Promise.reject(closed);
    return new Promise((resolve, reject) => {
      if (timeoutMs === undefined) return question({ resolve, reject });
      const late = () => reject(new PeerError("timeout", `no ${what} within ${timeoutMs} ms`));
      const timer = setTimeout(late, timeoutMs);
      question({
        resolve: (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        reject: (reason) => {
          clearTimeout(timer);
          reject(reason);
        },
      });
    });
  }

  #onChoke(choking: boolean): void {
    if (choking === this.#choked) {
      this.connection.noise();
      return;
    }
    this.#choked = choking;
    if (!choking) for (const waiter of this.#unchokeWaiters.splice(0)) waiter.resolve();
    else {
      this.connection.noise(); // so that nobody chokes and unchokes us for ever
      // A choke drops what was asked (BEP 3), unless each request gets its own reject (BEP 6).
      if (!this.connection.fast) this.#failBlocks(new PeerError("refused", "the peer choked us before it answered"));
    }
    this.#events.onChoke?.(choking);
  }

  #onBitfield(message: Extract<Message, { type: "bitfield" | "have-all" | "have-none" }>): void {
    if (this.#pieceCount === undefined) return;
    if (message.type === "have-all") this.has.fill();
    else if (message.type === "bitfield" && !this.has.assign(message.bits)) {
      throw new PeerError("malformed", `a bitfield that does not fit ${this.#pieceCount} pieces`);
    }
    this.#events.onHave?.();
  }

  #onHave(piece: number): void {
    if (this.#pieceCount === undefined) return;
    if (piece >= this.#pieceCount) throw new PeerError("malformed", `a piece ${piece} of ${this.#pieceCount}`);
    if (this.has.get(piece)) {
      this.connection.noise();
      return;
    }
    this.has.set(piece);
    this.#events.onHave?.(piece);
  }

  #onPiece({ piece, begin, data }: Extract<Message, { type: "piece" }>): void {
    const began = this.#dataBeganAt ?? performance.now();
    this.#dataBeganAt = undefined;
    this.#nudged = false;
    const pending = this.#takeBlock({ piece, begin });
    if (pending === undefined) {
      this.connection.noise();
      return;
    }
    if (pending.length !== data.length) {
      throw new PeerError("malformed", `${data.length} bytes where ${pending.length} were asked for`);
    }
    this.downloaded += data.length;
    pending.resolve({ data, firstByteMs: Math.max(0, began - pending.sentAt) });
  }

  #onHashes(request: HashRequest, answer: (pending: Pending<Uint8Array>) => void): void {
    const i = this.#hashes.findIndex((asked) => sameHashRequest(asked.request, request));
    const [asked] = i < 0 ? [] : this.#hashes.splice(i, 1);
    if (asked === undefined) {
      this.connection.noise();
      return;
    }
    answer(asked.pending);
  }

  #takeBlock(span: { piece: number; begin: number }): PendingBlock | undefined {
    const key = blockKey(span);
    const pending = this.#blocks.get(key);
    this.#blocks.delete(key);
    return pending;
  }

  #failBlocks(reason: PeerError): void {
    const blocks = [...this.#blocks.values()];
    this.#blocks.clear();
    for (const { reject } of blocks) reject(reason);
  }
}

function blockKey({ piece, begin }: { piece: number; begin: number }): string {
  return `${piece}:${begin}`;
}
