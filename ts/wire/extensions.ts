import { type Bencode, type Decoded, decodePrefix, encode } from "../torrent/bencode.ts";
import type { PeerConnection } from "./connection.ts";
import { PeerError } from "./errors.ts";

/** Requests a peer may keep queued with us (`reqq`). */
export const REQUEST_QUEUE = 500;
const CLIENT = "Holdfast 0.1";
const MAX_HANDSHAKE = 64 * 1024;

/** A bencoded dictionary as `decode` gives it. */
export type Dictionary = ReadonlyMap<string, Decoded>;

/**
 * One BEP 10 extension on one connection. To add another, hand an object like this to `PeerConnection.start` (or to the
 * seeder's or the downloader's `extensions`): nothing else has to know of it. What it throws drops the peer.
 */
export interface Extension {
  /** As in the handshake's `m`, e.g. "ut_metadata". */
  readonly name: string;
  /** Keys for our extended handshake beside `m`, e.g. metadata_size. */
  readonly announces?: ReadonlyMap<string, Bencode>;
  /** The peer speaks it too; `send` reaches its side. `handshake` is all the peer announced. */
  onReady(send: (payload: Uint8Array) => void, handshake: Dictionary): void;
  /** The peer has announced itself and does not speak it. */
  onAbsent?(): void;
  onMessage(payload: Uint8Array): void;
  onClose?(reason: PeerError): void;
}

/** The extensions that run on a connection: ours are numbered from 1 in the order given, the peer's as it says. */
export class ExtensionTable {
  readonly #connection: PeerConnection;
  readonly #supported: boolean;
  #ours: readonly Extension[] = [];
  #introduced = false;
  #requestQueue = 250;

  constructor(connection: PeerConnection, supported: boolean) {
    this.#connection = connection;
    this.#supported = supported;
  }

  /** How many requests the peer lets us queue: its `reqq`, or what clients of old take. */
  get requestQueue(): number {
    return this.#requestQueue;
  }

  start(ours: readonly Extension[]): void {
    this.#ours = ours;
    if (!this.#supported) {
      for (const extension of ours) extension.onAbsent?.();
      return;
    }
    const handshake = new Map<string, Bencode>([
      ["m", new Map(ours.map(({ name }, i) => [name, i + 1]))],
      ["reqq", REQUEST_QUEUE],
      ["v", CLIENT],
      ...ours.flatMap(({ announces }) => [...(announces ?? [])]),
    ]);
    this.#connection.send({ type: "extended", extension: 0, payload: encode(handshake) });
  }

  receive(id: number, payload: Uint8Array): void {
    if (id === 0) {
      this.#introduce(payload);
      return;
    }
    const extension = this.#ours[id - 1];
    if (extension === undefined) {
      this.#connection.noise();
      return;
    }
    extension.onMessage(payload);
  }

  close(reason: PeerError): void {
    for (const extension of this.#ours) extension.onClose?.(reason);
  }

  #introduce(payload: Uint8Array): void {
    // BEP 10 allows further handshakes to switch extensions on and off. Nobody we talk to needs it; they change nothing.
    if (this.#introduced) {
      this.#connection.noise();
      return;
    }
    this.#introduced = true;
    const [handshake] = readDictionary(payload, MAX_HANDSHAKE);
    const queue = handshake.get("reqq");
    if (typeof queue === "number" && queue >= 1) this.#requestQueue = Math.min(queue, REQUEST_QUEUE);
    const theirs = handshake.get("m");
    for (const extension of this.#ours) {
      const id = theirs instanceof Map ? theirs.get(extension.name) : undefined;
      if (typeof id !== "number" || id < 1 || id > 255) extension.onAbsent?.();
      else {
        const send = (body: Uint8Array) => this.#connection.send({ type: "extended", extension: id, payload: body });
        extension.onReady(send, handshake);
      }
    }
  }
}

/** A dictionary that a peer sent, and what follows it. @throws a `malformed` PeerError when it is anything else. */
export function readDictionary(bytes: Uint8Array, limit: number): [dictionary: Dictionary, rest: Uint8Array] {
  try {
    const [value, end] = decodePrefix(bytes.subarray(0, limit));
    if (value instanceof Map) return [value, bytes.subarray(end)];
  } catch {
    // falls through: to us bad bencode and another type are the same
  }
  throw new PeerError("malformed", "an extended message that is no bencoded dictionary");
}
