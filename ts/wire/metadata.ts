import { createHash } from "node:crypto";
import { encode } from "../torrent/bencode.ts";
import { BLOCK } from "../torrent/trees.ts";
import { deferred } from "./deferred.ts";
import { PeerError } from "./errors.ts";
import { type Dictionary, type Extension, readDictionary } from "./extensions.ts";

/** Largest info dictionary fetched, in bytes: some 80 thousand files. */
export const MAX_METADATA = 8 << 20;
const NAME = "ut_metadata";
const REQUEST = 0;
const DATA = 1;
const REJECT = 2;
const MAX_HEAD = 256;
/** Pieces asked for ahead. */
const AHEAD = 4;
/** A peer may fetch the whole this many times on one connection. */
const SERVINGS = 3;

/** Serves the info dictionary (BEP 9). */
export function serveMetadata(info: Uint8Array): Extension {
  const pieces = Math.ceil(info.length / BLOCK);
  let allowance = SERVINGS * pieces;
  let send: (payload: Uint8Array) => void = () => {};
  return {
    name: NAME,
    announces: new Map([["metadata_size", info.length]]),
    onReady: (reply) => {
      send = reply;
    },
    onMessage: (payload) => {
      const [message] = readDictionary(payload, MAX_HEAD);
      if (message.get("msg_type") !== REQUEST) return;
      const piece = message.get("piece");
      if (typeof piece !== "number" || piece < 0 || piece >= pieces || allowance-- <= 0) {
        return send(head(REJECT, typeof piece === "number" ? piece : 0));
      }
      const data = info.subarray(piece * BLOCK, (piece + 1) * BLOCK);
      send(Buffer.concat([head(DATA, piece, info.length), data]));
    },
  };
}

/** Fetches the info dictionary over one connection (BEP 9) and checks it against the v2 infohash. */
export class MetadataFetch implements Extension {
  readonly name = NAME;

  readonly #infohash: Uint8Array;
  readonly #info = deferred<Buffer>();
  readonly #here = new Set<number>();
  #send: (payload: Uint8Array) => void = () => {};
  #bytes = Buffer.alloc(0);
  #asked = 0;

  /** @param infohash the whole 32 bytes */
  constructor(infohash: Uint8Array) {
    this.#infohash = infohash;
  }

  /** Fails with a PeerError. */
  get info(): Promise<Buffer> {
    return this.#info.promise;
  }

  onReady(send: (payload: Uint8Array) => void, handshake: Dictionary): void {
    const size = handshake.get("metadata_size");
    if (typeof size !== "number" || size < 1) {
      this.#info.reject(new PeerError("refused", "the peer has no metadata to give"));
      return;
    }
    if (size > MAX_METADATA) {
      throw new PeerError("bad-data", `the peer announces ${size} bytes of metadata, the limit is ${MAX_METADATA}`);
    }
    this.#send = send;
    this.#bytes = Buffer.alloc(size);
    for (let i = 0; i < AHEAD; i++) this.#ask();
  }

  onAbsent(): void {
    this.#info.reject(new PeerError("refused", `the peer does not speak ${NAME}`));
  }

  onMessage(payload: Uint8Array): void {
    const [message, data] = readDictionary(payload, MAX_HEAD);
    const piece = message.get("piece");
    if (message.get("msg_type") === REJECT) {
      this.#info.reject(new PeerError("refused", "the peer rejects requests for metadata"));
      return;
    }
    if (message.get("msg_type") !== DATA || typeof piece !== "number") return;
    const expected = Math.min(BLOCK, this.#bytes.length - piece * BLOCK);
    if (!(piece >= 0 && piece < this.#asked) || data.length !== expected || this.#here.has(piece)) {
      throw new PeerError("malformed", `a piece ${piece} of the metadata that was not asked for`);
    }
    this.#bytes.set(data, piece * BLOCK);
    this.#here.add(piece);
    if (this.#here.size === this.#pieces) this.#finish();
    else this.#ask();
  }

  onClose(reason: PeerError): void {
    this.#info.reject(reason);
  }

  get #pieces(): number {
    return Math.ceil(this.#bytes.length / BLOCK);
  }

  #ask(): void {
    if (this.#asked < this.#pieces) this.#send(head(REQUEST, this.#asked++));
  }

  #finish(): void {
    if (createHash("sha256").update(this.#bytes).digest().compare(this.#infohash) !== 0) {
      throw new PeerError("bad-data", "the metadata does not hash to the infohash");
    }
    this.#info.resolve(this.#bytes);
  }
}

function head(type: number, piece: number, size?: number): Uint8Array {
  const message = new Map([
    ["msg_type", type],
    ["piece", piece],
  ]);
  return encode(size === undefined ? message : message.set("total_size", size));
}
