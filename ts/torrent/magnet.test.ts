import { expect, test } from "vitest";
import { formatEndpoint, parseEndpoint } from "./endpoint.ts";
import { formatMagnet, parseMagnet } from "./magnet.ts";

const V2 = "ab".repeat(32);
const V1 = "0123456789abcdef0123456789abcdef01234567";
const link = `magnet:?xt=urn:btmh:1220${V2}`;

test("a link gives the infohashes, name, trackers and peers", () => {
  const tail = "&dn=a+b%20%C3%A9&tr=http%3A%2F%2Ft.test%2Fannounce%3Fkey%3D1&tr.2=udp://u.test:1&x.pe=192.0.2.7:6881";
  expect(parseMagnet(`${link}&xt=urn:btih:${V1}${tail}&x.pe=[2001:db8::7]:51413&ws=http://w.test/`)).toEqual({
    infohashV2: Buffer.from(V2, "hex"),
    infohashV1: Buffer.from(V1, "hex"),
    name: "a b é",
    trackers: ["http://t.test/announce?key=1", "udp://u.test:1"],
    peers: [
      { host: "192.0.2.7", port: 6881 },
      { host: "2001:db8::7", port: 51413 },
    ],
  });
  expect(parseMagnet(link)).toMatchObject({ infohashV1: null, name: null, trackers: [], peers: [] });
});

test("what is written is what is read", () => {
  const magnet = {
    infohashV2: Buffer.from(V2, "hex"),
    infohashV1: Buffer.from(V1, "hex"),
    name: "100% & more = ? é",
    trackers: ["http://t.test/announce?a=1&b=%20#c", "udp://[2001:db8::1]:6969"],
    peers: [
      { host: "2001:db8::7", port: 1 },
      { host: "seed.test", port: 65535 },
    ],
  };
  expect(parseMagnet(formatMagnet(magnet))).toEqual(magnet);
});

test("a v1 infohash in base32 is the same as in hex", () => {
  const base32 = "AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH";
  expect(parseMagnet(`${link}&xt=urn:btih:${base32}`).infohashV1).toEqual(Buffer.from(V1, "hex"));
});

test.each([
  ["", /not a magnet link/],
  ["http://a.test/", /not a magnet link/],
  ["magnet:?", /without a v2 infohash/],
  [`magnet:?xt=urn:btmh:1220${V2.slice(2)}`, /without a v2 infohash/],
  [`magnet:?xt=urn:btmh:1120${V2}`, /without a v2 infohash/],
  [`magnet:?xt=urn:btih:${V1}&tr=http://t.test/`, /v1-only/],
  [`${link}&xt=urn:btmh:1220${"cd".repeat(32)}`, /several torrents/],
  [`${link}&dn=${"a".repeat(1 << 16)}`, /too long/],
])("%.40s… is refused: %s", (text, reason) => {
  expect(() => parseMagnet(text)).toThrow(reason);
});

test("what else is in a link is bounded, or left out", () => {
  const many = Array.from({ length: 100 }, (_, i) => `&x.pe=192.0.2.1:${i + 1}&tr=udp://t.test:${i + 1}`).join("");
  const bad = "&x.pe=nowhere&x.pe=a:0&tr=javascript:alert(1)&tr=http://a b/&tr=%zz&dn=%1b%5b2J%e2%80%ae%zz";
  const magnet = parseMagnet(`${link}${bad}${many}`);
  expect(magnet.peers).toHaveLength(64);
  expect(magnet.trackers).toHaveLength(64);
  expect(magnet.trackers[0]).toBe("udp://t.test:1");
  expect(magnet.name).toBe("[2J%zz");
  expect(parseMagnet(`${link}&dn=${"é".repeat(1_000)}`).name).toHaveLength(255);
});

test.each([
  "",
  "host",
  "host:0",
  "host:65536",
  "a b:1",
  "[1.2.3.4]:1",
  "http://host:1",
  "::1:6881",
  `${"a".repeat(254)}:1`,
])("%j is no endpoint", (text) => {
  expect(parseEndpoint(text)).toBeUndefined();
});

test.each(["192.0.2.7:6881", "[2001:db8::7]:51413", "seed.test:1"])("%s is an endpoint", (text) => {
  expect(formatEndpoint(parseEndpoint(text)!)).toBe(text);
});
