import { TorrentError } from "./errors.ts";

/** A bencoded value (BEP 3). Strings are bytes; keys of dictionaries are latin1 strings, one character a byte, so binary keys survive. */
export type Bencode = number | Uint8Array | string | readonly Bencode[] | BencodeDictionary;
export type BencodeDictionary = ReadonlyMap<string, Bencode>;

/** What `decode` returns: it never makes strings. */
export type Decoded = number | Uint8Array | Decoded[] | Map<string, Decoded>;

const MAX_DEPTH = 100;
/** As in libtorrent: many small values take far more memory than their bytes. */
const MAX_VALUES = 3_000_000;
const [COLON, MINUS, ZERO, NINE, D, E, I, L] = [0x3a, 0x2d, 0x30, 0x39, 0x64, 0x65, 0x69, 0x6c];

/** Decodes one value that must fill `bytes`. Strict: canonical integers below 2^53, keys sorted and unique.
 * @param spans receives, for a top-level dictionary, where each value begins and ends. */
export function decode(bytes: Uint8Array, spans?: Map<string, [start: number, end: number]>): Decoded {
  const [value, end] = decodePrefix(bytes, spans);
  if (end !== bytes.length) throw new TorrentError("bencode: data after the end", { at: end });
  return value;
}

/** Decodes the value that `bytes` begins with. @returns the value and where it ends. */
export function decodePrefix(
  bytes: Uint8Array,
  spans?: Map<string, [start: number, end: number]>,
): [value: Decoded, end: number] {
  let at = 0;
  let values = 0;

  const fail = (what: string): never => {
    throw new TorrentError(`bencode: ${what}`, { at });
  };

  function digits(end: number): number {
    const start = at;
    const negative = bytes[at] === MINUS;
    if (negative) at++;
    const first = at;
    let value = 0;
    for (; at < bytes.length && bytes[at]! >= ZERO && bytes[at]! <= NINE; at++) value = value * 10 + bytes[at]! - ZERO;
    if (at === first || bytes[at] !== end) fail("bad number");
    if ((bytes[first] === ZERO && at > first + 1) || (negative && value === 0)) fail("number not in canonical form");
    if (!Number.isSafeInteger(value) || at - start > 17) fail("number too large");
    at++;
    return negative ? -value : value;
  }

  function string(): Uint8Array {
    const length = digits(COLON);
    if (length < 0 || length > bytes.length - at) fail("string longer than the data");
    at += length;
    return bytes.subarray(at - length, at);
  }

  function dictionary(depth: number): Map<string, Decoded> {
    const map = new Map<string, Decoded>();
    let last: string | undefined;
    for (at++; bytes[at] !== E; ) {
      const key = Buffer.from(string()).toString("latin1");
      if (last !== undefined && key <= last) fail("keys not sorted or not unique");
      last = key;
      const start = at;
      map.set(key, value(depth + 1));
      if (depth === 0) spans?.set(key, [start, at]);
    }
    at++;
    return map;
  }

  function value(depth: number): Decoded {
    if (depth > MAX_DEPTH) fail("nested too deep");
    if (++values > MAX_VALUES) fail("too many values");
    const tag = bytes[at];
    if (tag === undefined) return fail("unexpected end");
    if (tag >= ZERO && tag <= NINE) return string();
    if (tag === I) {
      at++;
      return digits(E);
    }
    if (tag === D) return dictionary(depth);
    if (tag !== L) return fail("unknown type");
    const list: Decoded[] = [];
    for (at++; bytes[at] !== E; ) list.push(value(depth + 1));
    at++;
    return list;
  }

  const result = value(0);
  return [result, at];
}

/** Encodes a value. Strings are written as UTF-8, keys as latin1 bytes, sorted. */
export function encode(value: Bencode): Uint8Array {
  const parts: Uint8Array[] = [];
  const text = (s: string) => parts.push(Buffer.from(s, "latin1"));
  const bytes = (b: Uint8Array) => {
    text(`${b.length}:`);
    parts.push(b);
  };
  (function write(v: Bencode): void {
    if (typeof v === "number") {
      if (!Number.isSafeInteger(v)) throw new TypeError(`bencode: ${v} is not an integer`);
      text(`i${v}e`);
    } else if (typeof v === "string") {
      bytes(Buffer.from(v, "utf8"));
    } else if (v instanceof Uint8Array) {
      bytes(v);
    } else if (Array.isArray(v)) {
      text("l");
      for (const item of v) write(item);
      text("e");
    } else {
      text("d");
      const entries = [...(v as BencodeDictionary)].sort(([a], [b]) => (a < b ? -1 : 1));
      for (const [key, item] of entries) {
        bytes(Buffer.from(key, "latin1"));
        write(item);
      }
      text("e");
    }
  })(value);
  return Buffer.concat(parts);
}
