import { BLOCK, hashBlock } from "../torrent/trees.ts";
import type { Bitfield } from "./bitfield.ts";
import type { BlockSpan } from "./messages.ts";

/** Any object that stands for a peer; the picker only compares them. */
export type Source = object;

/** A piece whose blocks are all here. */
export interface AssembledPiece {
  readonly piece: number;
  readonly data: SharedBuffer;
}

/** Memory that a hashing thread reads without a copy. */
type SharedBuffer = Buffer<SharedArrayBuffer>;

interface Slot {
  readonly askers: Source[];
  sender: Source | undefined;
}

/** A piece under way, in memory until it is verified and written. */
interface OpenPiece {
  readonly piece: number;
  readonly data: SharedBuffer;
  readonly slots: readonly Slot[];
  /** Blocks not here. */
  missing: number;
  /** Blocks neither here nor asked of anybody. */
  free: number;
  /** Who began it, and while others can begin pieces of their own goes on alone. */
  owner: Source | undefined;
  /** After a bad piece with several senders the next try is the owner's alone, so that a liar is known by its work. */
  readonly solo: boolean;
}

interface Suspect {
  readonly source: Source;
  readonly slot: number;
  readonly digest: Buffer;
}

/**
 * Decides which block to ask of whom: the piece a source has begun, then the rarest missing one, and when none is left to
 * begin, blocks of pieces that others began, and at last blocks that others were asked for and are slow with.
 * It also remembers who sent what, to name whoever sent a bad block.
 */
export class Picker {
  /** Pieces verified and stored. */
  readonly have: Bitfield;

  readonly #pieceLength: (piece: number) => number;
  readonly #memory: number;
  readonly #sources = new Map<Source, Bitfield>();
  readonly #availability: Uint16Array;
  readonly #open = new Map<number, OpenPiece>();
  readonly #suspects = new Map<number, Suspect[]>();
  /** Memory of finished pieces for those to come: fresh memory for each is much work for the garbage collector. */
  readonly #spare: SharedBuffer[] = [];
  #openBytes = 0;
  #order: Uint32Array = new Uint32Array(0);
  #orderStart = 0;
  /** Pieces begun since the order was made; none may be missing in it once it is used up. */
  #picks = Number.POSITIVE_INFINITY;
  #stale = true;

  /**
   * @param have what is stored already; the picker keeps it up to date
   * @param pieceLength bytes of data in a piece
   * @param memory most bytes of unfinished pieces; one piece is always allowed
   */
  constructor(have: Bitfield, pieceLength: (piece: number) => number, memory: number) {
    this.have = have;
    this.#pieceLength = pieceLength;
    this.#memory = memory;
    this.#availability = new Uint16Array(have.length);
  }

  get complete(): boolean {
    return this.have.count === this.have.length;
  }

  /** Bytes held for pieces under way. */
  get openBytes(): number {
    return this.#openBytes;
  }

  /** `has` is read, not copied: tell `learn` when a bit is set in it. */
  join(source: Source, has: Bitfield): void {
    this.#sources.set(source, has);
    this.learn(source);
  }

  /** The source has got `piece`, or all that is in its bitfield now. */
  learn(source: Source, piece?: number): void {
    const has = this.#sources.get(source);
    if (has === undefined) return;
    if (piece !== undefined) this.#availability[piece]!++;
    else for (let i = 0; i < has.length; i++) if (has.get(i)) this.#availability[i]!++;
    this.#stale = true;
  }

  /** The source is gone; what it owed is free again. */
  leave(source: Source): void {
    const has = this.#sources.get(source);
    if (has === undefined) return;
    this.#sources.delete(source);
    for (let i = 0; i < has.length; i++) if (has.get(i)) this.#availability[i]!--;
    this.#stale = true;
    for (const open of this.#open.values()) {
      for (let slot = 0; slot < open.slots.length; slot++) unask(open, slot, source);
      if (open.owner !== source) continue;
      open.owner = undefined;
      if (open.solo && open.missing > 0) this.#restart(open);
    }
  }

  /** The next block to ask of `source`, marked as asked; undefined when there is none for it now. */
  next(source: Source): BlockSpan | undefined {
    const has = this.#sources.get(source);
    if (has === undefined) return undefined;
    let shared: OpenPiece | undefined;
    for (const open of this.#open.values()) {
      if (open.free === 0 || !mayJoin(open, source) || !has.get(open.piece)) continue;
      if (open.owner === undefined || open.owner === source)
        return this.#take(open, open.slots.findIndex(isFree), source);
      shared ??= open;
    }
    const piece = this.#rarest(has);
    const begun = piece === undefined ? undefined : this.#begin(piece);
    if (begun !== undefined) return this.#take(begun, 0, source);
    if (shared !== undefined) return this.#take(shared, shared.slots.findIndex(isFree), source);
    return piece === undefined ? this.#takeSlow(source, has) : undefined;
  }

  /** The request failed: the block is free for others. */
  release(source: Source, { piece, begin }: BlockSpan): void {
    const open = this.#open.get(piece);
    if (open !== undefined) unask(open, begin / BLOCK, source);
  }

  /**
   * Takes in a block (copied). Answers the whole piece once all are here, to be verified and then given to `verified` or
   * `failed`; and the other sources that were asked for this block.
   */
  receive(source: Source, { piece, begin }: BlockSpan, data: Uint8Array): { others: Source[]; whole?: AssembledPiece } {
    const open = this.#open.get(piece);
    const slot = open?.slots[begin / BLOCK];
    if (open === undefined || slot === undefined || slot.sender !== undefined) return { others: [] };
    if (open.solo && open.owner !== source) return { others: [] };
    if (isFree(slot)) open.free--; // it was given up, and came after all
    const others = slot.askers.splice(0).filter((asker) => asker !== source);
    slot.sender = source;
    open.data.set(data, begin);
    open.missing--;
    return open.missing === 0 ? { others, whole: { piece, data: open.data } } : { others };
  }

  /** Who sent how many bytes of a piece whose blocks are all here. */
  senders(piece: number): Map<Source, number> {
    const senders = new Map<Source, number>();
    const open = this.#open.get(piece);
    for (const [i, { sender }] of open?.slots.entries() ?? []) {
      senders.set(sender!, (senders.get(sender!) ?? 0) + slotData(open!, i).length);
    }
    return senders;
  }

  /** The piece is verified and stored, and its data no longer used. Answers the sources now known to have sent bad blocks of it before. */
  verified(piece: number): Set<Source> {
    const open = this.#open.get(piece);
    const liars = new Set<Source>();
    for (const { source, slot, digest } of this.#suspects.get(piece) ?? []) {
      const good = open === undefined ? undefined : hashBlock(slotData(open, slot));
      if (good !== undefined && !good.equals(digest)) liars.add(source);
    }
    this.#suspects.delete(piece);
    if (open !== undefined) {
      this.#drop(open);
      this.#spare.push(open.data);
    }
    this.have.set(piece);
    return liars;
  }

  /** The piece does not match its hash. Answers its sender when there was just one; of several the next try will tell. */
  failed(piece: number): Source | undefined {
    const open = this.#open.get(piece);
    if (open === undefined) return undefined;
    const senders = new Set(open.slots.map((slot) => slot.sender!));
    if (senders.size > 1) {
      const suspects = open.slots.map((slot, i) => ({
        source: slot.sender!,
        slot: i,
        digest: hashBlock(slotData(open, i)),
      }));
      this.#suspects.set(piece, suspects);
    }
    this.#restart(open);
    return senders.size === 1 ? [...senders][0] : undefined;
  }

  #begin(piece: number): OpenPiece | undefined {
    const length = this.#pieceLength(piece);
    if (this.#open.size > 0 && this.#openBytes + length > this.#memory) return undefined;
    const open: OpenPiece = {
      piece,
      data: this.#memoryFor(length),
      slots: Array.from({ length: Math.ceil(length / BLOCK) }, () => ({
        askers: [],
        sender: undefined,
      })),
      missing: Math.ceil(length / BLOCK),
      free: Math.ceil(length / BLOCK),
      solo: this.#suspects.has(piece),
      owner: undefined,
    };
    this.#open.set(piece, open);
    this.#openBytes += length;
    this.#picks++;
    return open;
  }

  #drop(open: OpenPiece): void {
    this.#open.delete(open.piece);
    this.#openBytes -= open.data.length;
  }

  #memoryFor(length: number): SharedBuffer {
    const spare = this.#spare.pop();
    return spare?.length === length ? spare : Buffer.from(new SharedArrayBuffer(length));
  }

  /** Forgets what is here of a piece. It is missing from the order, which only looks ahead. */
  #restart(open: OpenPiece): void {
    this.#drop(open);
    this.#stale = true;
    this.#picks = Number.POSITIVE_INFINITY;
  }

  #take(open: OpenPiece, slot: number, source: Source): BlockSpan {
    if (isFree(open.slots[slot]!)) open.free--;
    open.slots[slot]!.askers.push(source);
    open.owner ??= source;
    const begin = slot * BLOCK;
    return { piece: open.piece, begin, length: Math.min(BLOCK, open.data.length - begin) };
  }

  /** Nothing is left to begin: better to ask a second source than to wait for the slowest. */
  #takeSlow(source: Source, has: Bitfield): BlockSpan | undefined {
    for (const open of this.#open.values()) {
      if (open.missing === 0 || !mayJoin(open, source) || !has.get(open.piece)) continue;
      const slow = open.slots.findIndex(
        (s) => s.sender === undefined && s.askers.length === 1 && s.askers[0] !== source,
      );
      if (slow >= 0) return this.#take(open, slow, source);
    }
    return undefined;
  }

  /** The rarest missing piece not under way that the source has. The order is renewed when enough was picked to pay for it. */
  #rarest(has: Bitfield): number | undefined {
    if (this.#stale && this.#picks > (this.#order.length - this.#orderStart) / 16) this.#rank();
    const begun = (piece: number) => this.have.get(piece) || this.#open.has(piece);
    while (this.#orderStart < this.#order.length && begun(this.#order[this.#orderStart]!)) this.#orderStart++;
    for (let i = this.#orderStart; i < this.#order.length; i++) {
      const piece = this.#order[i]!;
      if (has.get(piece) && !begun(piece)) return piece;
    }
    return undefined;
  }

  #rank(): void {
    const missing: number[] = [];
    for (let i = 0; i < this.have.length; i++) if (!this.have.get(i)) missing.push(i);
    // Ties in random order, so that many downloaders of one swarm do not all want the same piece.
    const keys = new Float64Array(this.have.length);
    for (const piece of missing) keys[piece] = this.#availability[piece]! + Math.random();
    this.#order = Uint32Array.from(missing).sort((a, b) => keys[a]! - keys[b]!);
    this.#orderStart = 0;
    this.#picks = 0;
    this.#stale = false;
  }
}

function isFree(slot: Slot): boolean {
  return slot.sender === undefined && slot.askers.length === 0;
}

function mayJoin(open: OpenPiece, source: Source): boolean {
  return !open.solo || open.owner === undefined || open.owner === source;
}

function unask(open: OpenPiece, slot: number, source: Source): void {
  const { askers } = open.slots[slot]!;
  const at = askers.indexOf(source);
  if (at < 0) return;
  askers.splice(at, 1);
  if (isFree(open.slots[slot]!)) open.free++;
}

function slotData(open: OpenPiece, slot: number): Buffer {
  return open.data.subarray(slot * BLOCK, (slot + 1) * BLOCK);
}
