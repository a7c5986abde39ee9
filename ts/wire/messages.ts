import type { HashRequest } from "../torrent/hash-request.ts";
import { BLOCK, HASH } from "../torrent/trees.ts";
import { PeerError } from "./errors.ts";

/** Longest frame accepted, in bytes: a bitfield of 8 million pieces, or 32 thousand hashes. */
export const MAX_FRAME = 1 << 20;

/** A range of one piece, in bytes. */
export interface BlockSpan {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}

/** What peers say to each other: BEP 3, 6 (the answers `have all`, `have none`, `reject`), 10 and 52. */
export type Message =
  | { readonly type: "keep-alive" | "choke" | "unchoke" | "interested" | "not-interested" }
  | { readonly type: "have-all" | "have-none" }
  | { readonly type: "have"; readonly piece: number }
  | { readonly type: "bitfield"; readonly bits: Uint8Array }
  | ({ readonly type: "request" | "cancel" | "reject" } & BlockSpan)
  | { readonly type: "piece"; readonly piece: number; readonly begin: number; readonly data: Uint8Array }
  | { readonly type: "extended"; readonly extension: number; readonly payload: Uint8Array }
  | ({ readonly type: "hash-request" | "hash-reject" } & HashRequest)
  | ({ readonly type: "hashes"; readonly hashes: Uint8Array } & HashRequest)
  | { readonly type: "unknown"; readonly id: number };

export type MessageType = Message["type"];

const IDS = {
  choke: 0,
  unchoke: 1,
  interested: 2,
  "not-interested": 3,
  have: 4,
  bitfield: 5,
  request: 6,
  piece: 7,
  cancel: 8,
  "have-all": 14,
  "have-none": 15,
  reject: 16,
  extended: 20,
  "hash-request": 21,
  hashes: 22,
  "hash-reject": 23,
} as const;

const TYPES = new Map<number, keyof typeof IDS>(
  Object.entries(IDS).map(([type, id]) => [id, type as keyof typeof IDS]),
);

export const PIECE_ID = IDS.piece;
/** Bytes of a piece message before its data, length prefix included. */
export const PIECE_HEAD = 13;
const HASH_REQUEST = 48;

/** The bytes of `message` on the wire, length prefix included, in order; a block is passed through, not copied. */
export function encodeMessage(message: Exclude<Message, { type: "unknown" }>): Uint8Array[] {
  switch (message.type) {
    case "keep-alive":
      return [Buffer.alloc(4)];
    case "have":
      return [frame(message.type, uint32s(message.piece))];
    case "bitfield":
      return [frame(message.type, message.bits)];
    case "request":
    case "cancel":
    case "reject": {
      const bytes = spanHead(message.type, message, 17, 13);
      bytes.writeUInt32BE(message.length, 13);
      return [bytes];
    }
    case "piece":
      return [spanHead(message.type, message, PIECE_HEAD, 9 + message.data.length), message.data];
    case "extended":
      return [frame(message.type, Uint8Array.of(message.extension), message.payload)];
    case "hash-request":
    case "hash-reject":
      return [frame(message.type, encodeHashRequest(message))];
    case "hashes":
      return [frame(message.type, encodeHashRequest(message), message.hashes)];
    default:
      return [frame(message.type)];
  }
}

/**
 * Reads one frame, without its length prefix. An id that is not ours is `unknown`, to be ignored; a known id with a wrong
 * body throws a `malformed` {@link PeerError}. Blocks and payloads are views into `frame`.
 */
export function decodeMessage(frame: Buffer): Message {
  const id = frame[0];
  if (id === undefined) return { type: "keep-alive" };
  const type = TYPES.get(id);
  const body = frame.subarray(1);
  switch (type) {
    case undefined:
      return { type: "unknown", id };
    case "have":
      expect(body.length === 4, type, body);
      return { type, piece: body.readUInt32BE(0) };
    case "bitfield":
      return { type, bits: body };
    case "request":
    case "cancel":
    case "reject":
      expect(body.length === 12, type, body);
      return { type, piece: body.readUInt32BE(0), begin: body.readUInt32BE(4), length: body.readUInt32BE(8) };
    case "piece":
      expect(body.length > 8 && body.length <= 8 + BLOCK, type, body);
      return { type, piece: body.readUInt32BE(0), begin: body.readUInt32BE(4), data: body.subarray(8) };
    case "extended":
      expect(body.length >= 1, type, body);
      return { type, extension: body[0]!, payload: body.subarray(1) };
    case "hash-request":
    case "hash-reject":
      expect(body.length === HASH_REQUEST, type, body);
      return { type, ...decodeHashRequest(body) };
    case "hashes":
      expect(body.length > HASH_REQUEST && (body.length - HASH_REQUEST) % HASH === 0, type, body);
      return { type, ...decodeHashRequest(body), hashes: body.subarray(HASH_REQUEST) };
    default:
      expect(body.length === 0, type, body);
      return { type };
  }
}

function expect(fits: boolean, type: MessageType, body: Buffer): void {
  if (!fits) throw new PeerError("malformed", `a ${type} message of ${body.length} bytes`);
}

export function sameHashRequest(a: HashRequest, b: HashRequest): boolean {
  return (
    a.baseLayer === b.baseLayer &&
    a.index === b.index &&
    a.length === b.length &&
    a.proofLayers === b.proofLayers &&
    Buffer.compare(a.piecesRoot, b.piecesRoot) === 0
  );
}

/** What a message about a block begins with, as most messages are: in `size` bytes of memory, with room for what follows. */
function spanHead(
  type: keyof typeof IDS,
  span: { piece: number; begin: number },
  size: number,
  length: number,
): Buffer {
  const head = Buffer.allocUnsafe(size);
  head.writeUInt32BE(length, 0);
  head[4] = IDS[type];
  head.writeUInt32BE(span.piece, 5);
  head.writeUInt32BE(span.begin, 9);
  return head;
}

function frame(type: keyof typeof IDS, ...parts: readonly Uint8Array[]): Buffer {
  const head = Buffer.allocUnsafe(5);
  head.writeUInt32BE(1 + parts.reduce((sum, part) => sum + part.length, 0), 0);
  head[4] = IDS[type];
  return Buffer.concat([head, ...parts]);
}

function uint32s(...values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
}

function encodeHashRequest(request: HashRequest): Buffer {
  return Buffer.concat([
    request.piecesRoot,
    uint32s(request.baseLayer, request.index, request.length, request.proofLayers),
  ]);
}

function decodeHashRequest(body: Buffer): HashRequest {
  return {
    piecesRoot: body.subarray(0, HASH),
    baseLayer: body.readUInt32BE(32),
    index: body.readUInt32BE(36),
    length: body.readUInt32BE(40),
    proofLayers: body.readUInt32BE(44),
  };
}
