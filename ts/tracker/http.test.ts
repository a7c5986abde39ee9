import { expect, test } from "vitest";
import { type Bencode, encode } from "../torrent/bencode.ts";
import { type AnnounceOptions, announce, MAX_PEERS } from "./announce.ts";
import { announceOf, dictionary, expectBounded, numbers, scriptedHttp } from "./testing.ts";

const LOCAL: AnnounceOptions = { reach: { local: true }, signal: AbortSignal.timeout(60_000) };

test("a tracker is asked as BEP 3, 7 and 23 say, and what its URL holds stays", async () => {
  const { url, asked } = await scriptedHttp(dictionary({ interval: 900 }), { path: "/a/announce?passkey=s%2Fcret" });
  const infohash = Buffer.from("00ff20417a25262b3d2e2d5f7e0a0d7f80fe3f2f", "hex");
  await announce(url, announceOf({ infohash, event: "started", trackerId: Buffer.from("t&1") }), LOCAL);
  expect(asked).toEqual([
    "/a/announce?passkey=s%2Fcret&info_hash=%00%ff%20%41%7a%25%26%2b%3d%2e%2d%5f%7e%0a%0d%7f%80%fe%3f%2f" +
      "&peer_id=%2d%48%46%30%31%30%30%2d%61%62%63%64%65%66%67%68%69%6a%6b%6c" +
      "&port=6881&uploaded=1&downloaded=2&left=3&event=started&key=01020304&numwant=50&compact=1&trackerid=%74%26%31",
  ]);
});

test("peers in compact form, of both families", async () => {
  const { url } = await scriptedHttp(
    dictionary({
      interval: 900,
      "min interval": 1_200,
      peers: Buffer.from("c00002011ae1c00002020000ffffffff0001", "hex"),
      peers6: Buffer.from("20010db80000000000000000000000071ae100000000000000000000ffffc00002031ae2", "hex"),
      "tracker id": "abc",
      "warning message": "\u001b[31mslow\n down",
    }),
  );
  expect(await announce(url, announceOf(), LOCAL)).toEqual({
    interval: 1_200,
    peers: [
      { host: "192.0.2.1", port: 6881 }, // the one with port 0 is none
      { host: "255.255.255.255", port: 1 },
      { host: "2001:db8::7", port: 6881 },
      { host: "::ffff:c000:203", port: 6882 },
    ],
    trackerId: Buffer.from("abc"),
    warning: "[31mslow down",
  });
});

test("peers in dictionaries, those with an address", async () => {
  const peer = (ip: Bencode, port: Bencode) => dictionary({ ip, "peer id": "x".repeat(20), port });
  const peers = [
    peer("192.0.2.1", 6881),
    peer("2001:DB8:0::7", 6882),
    peer("localhost", 6883),
    peer("192.0.2.1", 0),
    peer("192.0.2.1", 65_536),
    peer(7, 6884),
    peer("192.0.2.1", "6885"),
  ];
  const { url } = await scriptedHttp(dictionary({ interval: -1, peers }));
  expect(await announce(url, announceOf(), LOCAL)).toMatchObject({
    interval: 1_800,
    peers: [
      { host: "192.0.2.1", port: 6881 },
      { host: "2001:db8::7", port: 6882 },
    ],
  });
});

test.each([
  ["compact form", Buffer.alloc(6 * 1_000, 1)],
  ["dictionaries", new Array<Bencode>(1_000).fill(dictionary({ ip: "192.0.2.1", port: 1 }))],
])("no more than MAX_PEERS are taken in %s", async (_, peers) => {
  const { url } = await scriptedHttp(dictionary({ peers, peers6: Buffer.alloc(18, 1) }));
  expect((await announce(url, announceOf(), LOCAL)).peers).toHaveLength(MAX_PEERS);
});

test.each<[string, string, RegExp, Bencode, number?]>([
  ["a failure", "refused", /^not \[2Jregistered$/, dictionary({ "failure reason": "not \u001b[2Jregistered\u0007" })],
  ["a failure without a reason", "refused", /^no reason given$/, dictionary({ "failure reason": 1 })],
  ["a page", "malformed", /no bencoded dictionary/, "<html>Welcome</html>"],
  ["nothing", "malformed", /no bencoded dictionary/, ""],
  ["a list", "malformed", /no bencoded dictionary/, "le"],
  ["half a peer", "malformed", /7 bytes of compact peers/, dictionary({ peers: "1234567" })],
  ["half a peer of IPv6", "malformed", /6 bytes of compact peers/, dictionary({ peers6: "123456" })],
  ["a number for peers", "malformed", /no list/, dictionary({ peers: 6 })],
  ["peers that are none", "malformed", /no dictionary/, dictionary({ peers: [1] })],
  ["too much", "unreachable", /more than 262144 bytes/, dictionary({ peers: Buffer.alloc(6 * 50_000) })],
  ["a redirect", "unreachable", /the server answers 301/, "", 301],
  ["an error", "unreachable", /the server answers 503/, "", 503],
])("%s is a fault: %s", async (_, fault, message, body, status = 200) => {
  const { url } = await scriptedHttp(body, { status });
  await expect(announce(url, announceOf(), LOCAL)).rejects.toMatchObject({
    name: "TrackerError",
    fault,
    message: expect.stringMatching(message),
  });
});

test("an answer that does not end is a fault", async () => {
  const { url } = await scriptedHttp(undefined);
  const fault = { fault: "timeout", message: "no answer within 100 ms" };
  await expect(announce(url, announceOf(), { ...LOCAL, waitMs: 100 })).rejects.toMatchObject(fault);
});

test("whatever a tracker sends, the outcome is an answer within bounds or a fault", async () => {
  const random = numbers(1);
  const whole = encode(
    dictionary({
      interval: 900,
      peers: [dictionary({ ip: "192.0.2.1", port: 6881 })],
      peers6: Buffer.alloc(36, 1),
      "tracker id": "t1",
      "warning message": "é",
    }),
  );
  const { url } = await scriptedHttp(() => {
    const bytes = Buffer.from(whole).subarray(0, random(8) === 0 ? random(whole.length) : whole.length);
    for (let i = random(3); i > 0; i--) bytes[random(bytes.length)] = random(256);
    return bytes;
  });
  await expectBounded(() => announce(url, announceOf(), LOCAL));
});

test("a tracker on a private network is not called, unless that is allowed", async () => {
  const { url, asked } = await scriptedHttp(dictionary({}));
  for (const each of [url, url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1", "[::ffff:7f00:1]")]) {
    const answer = announce(each, announceOf(), { ...LOCAL, reach: { local: false } });
    await expect(answer).rejects.toMatchObject({
      fault: "unreachable",
      message: expect.stringMatching(/private network/),
    });
  }
  expect(asked).toEqual([]);
});

test("who asks can stop waiting", async () => {
  const { url, asked } = await scriptedHttp(undefined);
  const stop = new AbortController();
  const answer = announce(url, announceOf(), { ...LOCAL, signal: stop.signal });
  await expect.poll(() => asked).toHaveLength(1);
  stop.abort(new Error("enough"));
  await expect(answer).rejects.toThrow("enough");
});
