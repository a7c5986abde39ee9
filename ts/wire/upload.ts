import type { HashRequest } from "../torrent/hash-request.ts";
import { BLOCK } from "../torrent/trees.ts";
import type { Bitfield } from "./bitfield.ts";
import type { ConnectionHandler, PeerConnection } from "./connection.ts";
import { PeerError } from "./errors.ts";
import { REQUEST_QUEUE } from "./extensions.ts";
import type { Layout } from "./layout.ts";
import type { BlockSpan, Message } from "./messages.ts";
import type { Candidate, Meter, Unchoker } from "./unchoker.ts";

/** What one torrent gives to those who ask. */
export interface Source {
  readonly layout: Layout;
  /** Pieces that are there to be served. */
  readonly has: Bitfield;
  /** Bytes of a piece, zeros past its data. Undefined when they cannot be read, which the source reports where it matters. */
  read(piece: number, begin: number, length: number): Promise<Uint8Array | undefined>;
  /** The hashes that a hash request asks for, or undefined to reject it. */
  hashes(request: HashRequest): Promise<Uint8Array | undefined>;
}

export interface UploadEvents {
  /** The peer wants to download, or no longer does. */
  onInterest(): void;
  /** So many bytes of blocks were sent. */
  onSent(bytes: number): void;
  onClose(reason: PeerError): void;
}

type Work = ({ readonly kind: "block" } & BlockSpan) | ({ readonly kind: "hashes" } & HashRequest);

/** Neighbouring blocks read from disk and sent in one go, in bytes. */
const RUN = 256 * 1024;
/** Requests queued beyond what we announced are forgiven up to here. */
const MAX_QUEUE = 4 * REQUEST_QUEUE;

/** One peer that may download from us. Works its requests off in order, at the speed at which it reads. */
export class UploadPeer implements ConnectionHandler, Candidate {
  readonly connection: PeerConnection;
  /** Bytes of blocks sent. */
  uploaded = 0;
  interested = false;
  unchokedAt: number | undefined;
  waitingSince = 0;
  meter: Meter | undefined;

  readonly #source: Source;
  readonly #policy: Pick<Unchoker, "admit" | "refund">;
  readonly #events: UploadEvents;
  readonly #queue: Work[] = [];
  #working = false;
  #told = 0;

  constructor(
    connection: PeerConnection,
    source: Source,
    policy: Pick<Unchoker, "admit" | "refund">,
    events: UploadEvents,
  ) {
    this.connection = connection;
    this.#source = source;
    this.#policy = policy;
    this.#events = events;
  }

  /** Tells the peer what is here, before anything else is said. */
  introduce(): void {
    const { has } = this.#source;
    if (this.connection.fast && has.count === has.length) this.connection.send({ type: "have-all" });
    else if (this.connection.fast && has.count === 0) this.connection.send({ type: "have-none" });
    else if (has.count > 0) this.connection.send({ type: "bitfield", bits: has.bytes });
  }

  choke(): void {
    if (this.unchokedAt === undefined) return;
    this.unchokedAt = undefined;
    this.waitingSince = Date.now();
    this.connection.send({ type: "choke" });
    for (const work of this.#queue.splice(0)) {
      if (work.kind === "hashes") this.#queue.push(work);
      else this.#refuse(work);
    }
  }

  unchoke(): void {
    if (this.unchokedAt !== undefined) return;
    this.unchokedAt = Date.now();
    this.connection.send({ type: "unchoke" });
  }

  onMessage(message: Message): void {
    switch (message.type) {
      case "interested":
      case "not-interested":
        this.#onInterest(message.type === "interested");
        break;
      case "request":
        this.#onRequest(message);
        break;
      case "cancel":
        this.#onCancel(message);
        break;
      case "hash-request":
        this.#enqueue({ kind: "hashes", ...message, piecesRoot: Buffer.from(message.piecesRoot) });
        break;
      case "have":
      case "bitfield":
      case "have-all":
      case "have-none":
        // What a downloader has is of no interest to a seeder, but it will say it once a piece.
        if (++this.#told > this.#source.layout.pieceCount + 1) this.connection.noise();
        break;
      default:
        this.connection.noise();
    }
  }

  onClose(reason: PeerError): void {
    this.#queue.length = 0;
    this.interested = false;
    this.#events.onClose(reason);
  }

  #onInterest(interested: boolean): void {
    this.connection.noise(); // so that nobody changes its mind for ever
    if (interested === this.interested) return;
    this.interested = interested;
    this.waitingSince = Date.now();
    this.#events.onInterest();
  }

  #onRequest(span: BlockSpan): void {
    const { layout, has } = this.#source;
    const { piece, begin, length } = span;
    // v1 peers of a hybrid see every piece at full length, zeros filling it up (BEP 47), and libtorrent does so in v2 too.
    if (piece >= layout.pieceCount || length === 0 || length > BLOCK || begin + length > layout.pieceLength) {
      throw new PeerError("malformed", `a request for ${length} bytes at ${begin} of piece ${piece}`);
    }
    if (this.unchokedAt === undefined || !has.get(piece)) {
      this.connection.noise();
      this.#refuse(span);
      return;
    }
    this.#enqueue({ kind: "block", piece, begin, length });
  }

  #onCancel(span: BlockSpan): void {
    const i = this.#queue.findIndex(
      (work) =>
        work.kind === "block" && work.piece === span.piece && work.begin === span.begin && work.length === span.length,
    );
    this.connection.noise();
    if (i < 0) return;
    this.#queue.splice(i, 1);
    this.#refuse(span);
  }

  #enqueue(work: Work): void {
    if (this.#queue.length >= MAX_QUEUE) throw new PeerError("flood", `more than ${MAX_QUEUE} requests queued`);
    this.#queue.push(work);
    if (this.#working) return;
    this.#working = true;
    this.#workOff().then(
      () => {
        this.#working = false;
      },
      (error) => this.connection.fail(error),
    );
  }

  async #workOff(): Promise<void> {
    for (let work = this.#queue.shift(); work !== undefined && !this.connection.closed; work = this.#queue.shift()) {
      if (work.kind === "hashes") await this.#sendHashes(work);
      else await this.#sendBlocks(this.#withNeighbours(work));
    }
  }

  async #sendHashes(span: HashRequest): Promise<void> {
    const hashes = await this.#source.hashes(span);
    await this.connection.drained();
    if (hashes === undefined) {
      this.connection.noise();
      this.connection.send({ ...span, type: "hash-reject" });
    } else this.connection.send({ ...span, type: "hashes", hashes });
  }

  /** The blocks at the head of the queue that follow `first` without a gap. */
  #withNeighbours(first: BlockSpan): BlockSpan[] {
    const run = [first];
    let end = first.begin + first.length;
    for (let next = this.#queue[0]; end - first.begin < RUN; next = this.#queue[0]) {
      if (next?.kind !== "block" || next.piece !== first.piece || next.begin !== end) break;
      this.#queue.shift();
      run.push(next);
      end += next.length;
    }
    return run;
  }

  async #sendBlocks(run: readonly BlockSpan[]): Promise<void> {
    const { piece, begin } = run[0]!;
    const last = run.at(-1)!;
    const length = last.begin + last.length - begin;
    const admitted = (await this.meter?.admit(length)) ?? true;
    if (admitted) await this.#policy.admit?.(this, length);
    const data = admitted ? await this.#source.read(piece, begin, length) : undefined;
    let sent = 0;
    await this.connection.drained(); // after the read: the disk works while the peer reads what went before
    for (const span of run) {
      if (data === undefined || this.unchokedAt === undefined || this.connection.closed) this.#refuse(span);
      else {
        const at = span.begin - begin;
        this.connection.send({ type: "piece", piece, begin: span.begin, data: data.subarray(at, at + span.length) });
        this.uploaded += span.length;
        sent += span.length;
      }
    }
    if (admitted && sent < length) {
      this.meter?.refund(length - sent);
      this.#policy.refund?.(this, length - sent);
    }
    if (sent > 0) this.#events.onSent(sent);
  }

  /** BEP 6 peers are told; to others silence says the same. */
  #refuse({ piece, begin, length }: BlockSpan): void {
    if (this.connection.fast) this.connection.send({ type: "reject", piece, begin, length });
  }
}
