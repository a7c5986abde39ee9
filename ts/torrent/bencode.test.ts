import { randomBytes, randomInt } from "node:crypto";
import { expect, test } from "vitest";
import { type Bencode, type Decoded, decode, decodePrefix, encode } from "./bencode.ts";
import { TorrentError } from "./errors.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");

function randomValue(depth: number): Decoded {
  switch (randomInt(depth > 0 ? 4 : 2)) {
    case 0:
      return randomInt(-(2 ** 40), 2 ** 40);
    case 1:
      return randomBytes(randomInt(40));
    case 2:
      return Array.from({ length: randomInt(5) }, () => randomValue(depth - 1));
    default: {
      const keys = Array.from({ length: randomInt(5) }, () => randomBytes(randomInt(34)).toString("latin1"));
      return new Map(keys.sort().map((key) => [key, randomValue(depth - 1)]));
    }
  }
}

/** Decoding as plain as can be, of what is known to be canonical. */
function plainDecode(text: string): [Decoded, string] {
  if (text[0] === "i") {
    const end = text.indexOf("e");
    return [Number(text.slice(1, end)), text.slice(end + 1)];
  }
  if (text[0] === "l" || text[0] === "d") {
    const items: Decoded[] = [];
    let rest = text.slice(1);
    while (rest[0] !== "e") {
      const [item, after] = plainDecode(rest);
      items.push(item);
      rest = after;
    }
    if (text[0] === "l") return [items, rest.slice(1)];
    const map = new Map<string, Decoded>();
    for (let i = 0; i < items.length; i += 2) map.set((items[i] as Buffer).toString("latin1"), items[i + 1]!);
    return [map, rest.slice(1)];
  }
  const [length] = text.split(":", 1);
  const start = length!.length + 1;
  return [bytes(text.slice(start, start + Number(length))), text.slice(start + Number(length))];
}

test("decodes what it encodes, as a plain decoder does", () => {
  for (let i = 0; i < 500; i++) {
    const value = randomValue(4);
    const encoded = encode(value as Bencode);
    expect(decode(encoded)).toEqual(value);
    expect(plainDecode(Buffer.from(encoded).toString("latin1"))).toEqual([value, ""]);
  }
});

test("whatever it decodes, it encodes to the same bytes: one value has one encoding", () => {
  let decoded = 0;
  for (let i = 0; i < 5000; i++) {
    const mutated = Buffer.from(encode(randomValue(2) as Bencode));
    for (let k = randomInt(3); k > 0 && mutated.length > 0; k--) {
      mutated[randomInt(mutated.length)] = "ide0123456789:-l".charCodeAt(randomInt(16));
    }
    try {
      expect(Buffer.from(encode(decode(mutated) as Bencode))).toEqual(mutated);
      decoded++;
    } catch (error) {
      expect(error).toBeInstanceOf(TorrentError);
    }
  }
  expect(decoded).toBeGreaterThan(1000);
});

test.each([
  ["nothing", ""],
  ["no value", "x"],
  ["a number without an end", "i12"],
  ["an empty number", "ie"],
  ["leading zero", "i01e"],
  ["minus zero", "i-0e"],
  ["only a sign", "i-e"],
  ["a number beyond 2^53", "i9007199254740992e"],
  ["a number of many digits", `i${"9".repeat(400)}e`],
  ["a fraction", "i1.5e"],
  ["a string cut off", "5:abcd"],
  ["a length with a leading zero", "01:a"],
  ["a negative length", "-1:a"],
  ["a length beyond 2^53", `${"9".repeat(20)}:a`],
  ["a list without an end", "l1:a"],
  ["a dictionary without an end", "d1:a1:b"],
  ["a key without a value", "d1:ae"],
  ["a key that is a number", "di1e1:ae"],
  ["keys out of order", "d1:b1:x1:a1:ye"],
  ["a repeated key", "d1:a1:x1:a1:ye"],
  ["data behind the end", "i1ei2e"],
  ["too deep a nest", "l".repeat(102) + "e".repeat(102)],
  ["a bottomless nest", "l".repeat(1_000_000)],
  ["more values than memory is good for", `l${"0:".repeat(3_000_001)}e`],
])("refuses %s", (_, text) => {
  expect(() => decode(bytes(text))).toThrow(TorrentError);
});

test("a prefix is decoded, and what follows is left alone", () => {
  const [value, end] = decodePrefix(bytes("d1:ai1eeDATA"));
  expect(value).toEqual(new Map([["a", 1]]));
  expect(end).toBe(8);
});

test("spans tell where the values of the top dictionary stand, and not those below", () => {
  const spans = new Map<string, [number, number]>();
  decode(bytes("d1:ad1:bi1ee1:ci2ee"), spans);
  expect([...spans]).toEqual([
    ["a", [4, 12]],
    ["c", [15, 18]],
  ]);
});

test("binary keys survive, sorted by their bytes", () => {
  const key = Buffer.from([0xff, 0, 0x80]).toString("latin1");
  const encoded = encode(
    new Map([
      [key, 1],
      ["a", 2],
    ]),
  );
  expect(Buffer.from(encoded)).toEqual(
    Buffer.concat([bytes("d1:ai2e3:"), Buffer.from([0xff, 0, 0x80]), bytes("i1ee")]),
  );
  expect(decode(encoded)).toEqual(
    new Map([
      ["a", 2],
      [key, 1],
    ]),
  );
});
