import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { expect, onTestFinished, test } from "vitest";
import { type AnnounceOptions, announce } from "./announce.ts";
import { announceOf, expectBounded, numbers, tracker } from "./testing.ts";

const LOCAL: AnnounceOptions = { reach: { local: true }, signal: AbortSignal.timeout(60_000) };
const CONNECTION = "0123456789abcdef";

interface Question {
  readonly action: number;
  /** In hex. */
  readonly transaction: string;
  readonly datagram: Buffer;
}
type Say = (hex: string) => void;

/** A tracker that answers as `script` says, and what it was asked. */
async function scripted(script: (question: Question, say: Say, from: RemoteInfo, socket: Socket) => void) {
  const asked: Question[] = [];
  const socket = createSocket("udp4").on("message", (datagram, from) => {
    const question = { action: datagram.readUInt32BE(8), transaction: datagram.toString("hex", 12, 16), datagram };
    asked.push(question);
    script(question, (hex) => socket.send(Buffer.from(hex, "hex"), from.port, from.address), from, socket);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  onTestFinished(() => void socket.close());
  return { url: `udp://127.0.0.1:${socket.address().port}`, asked };
}

const connected = (transaction: string) => `00000000${transaction}${CONNECTION}`;
const answered = (transaction: string, peers = "c00002011ae1") =>
  `00000001${transaction}000003840000000100000002${peers}`;
/** Answers everything properly. */
const honest = ({ action, transaction }: Question, say: Say) =>
  say(action === 0 ? connected(transaction) : answered(transaction));
const ANSWER = { interval: 900, peers: [{ host: "192.0.2.1", port: 6881 }] };

test("a tracker is asked as BEP 15 says, with the URL's path (BEP 41)", async () => {
  const { url, asked } = await scripted(honest);
  const path = `/${"p".repeat(260)}?key=1`;
  const transfer = { uploaded: 2 ** 40, downloaded: 2 ** 41, left: 2 ** 42 };
  expect(await announce(url + path, announceOf({ event: "completed", transfer }), LOCAL)).toEqual(ANSWER);
  const [connect, question] = asked;
  expect(connect!.datagram.toString("hex")).toBe(`000004172710198000000000${connect!.transaction}`);
  expect(question!.datagram.toString("hex")).toBe(
    [
      CONNECTION,
      "00000001",
      question!.transaction,
      "a5".repeat(20),
      Buffer.from("-HF0100-abcdefghijkl").toString("hex"),
      "0000020000000000",
      "0000040000000000",
      "0000010000000000",
      "00000001", // completed
      "00000000", // our address: as it sees it
      "01020304",
      "00000032",
      "1ae1",
      `02ff${Buffer.from(path.slice(0, 255)).toString("hex")}`,
      `020c${Buffer.from(path.slice(255)).toString("hex")}`,
    ].join(""),
  );
});

test("what is lost is asked again, the same question", async () => {
  const { url, asked } = await scripted((question, say) => {
    // The first of each is lost.
    if (asked.filter(({ action }) => action === question.action).length > 1) honest(question, say);
  });
  expect(await announce(url, announceOf(), { ...LOCAL, waitMs: 500 })).toEqual(ANSWER);
  expect(asked.map(({ action }) => action)).toEqual([0, 0, 1, 1]);
  expect(asked[0]!.datagram.equals(asked[1]!.datagram)).toBe(true);
  expect(asked[2]!.datagram.equals(asked[3]!.datagram)).toBe(true);
  expect(asked[0]!.transaction).not.toBe(asked[2]!.transaction);
});

test("a tracker that says nothing is given up after three questions, each wait twice the last", async () => {
  const { url, asked } = await scripted(() => {});
  const began = Date.now();
  await expect(announce(url, announceOf(), { ...LOCAL, waitMs: 100 })).rejects.toMatchObject({ fault: "timeout" });
  expect(Date.now() - began).toBeGreaterThan(650);
  expect(asked).toHaveLength(3);
});

test("answers to another question, or from elsewhere, are none", async () => {
  const stranger = createSocket("udp4");
  onTestFinished(() => void stranger.close());
  const { url } = await scripted((question, say, { port, address }) => {
    if (question.action === 0) return honest(question, say);
    const forged = Buffer.from(answered(question.transaction, "010101010001"), "hex");
    stranger.send(forged, port, address, () => {
      say(answered("00000000", "020202020002"));
      say("00000001"); // too short to be an answer to anything
      honest(question, say);
    });
  });
  expect(await announce(url, announceOf(), LOCAL)).toEqual(ANSWER);
});

test.each<[string, string, RegExp, (question: Question) => string]>([
  [
    "a refusal to connect",
    "refused",
    /^go away$/,
    ({ transaction }) => `00000003${transaction}${hex("go \u0007away")}`,
  ],
  [
    "a refusal",
    "refused",
    /^no reason given$/,
    ({ action, transaction }) => (action === 0 ? connected(transaction) : `00000003${transaction}`),
  ],
  [
    "half a connection id",
    "malformed",
    /12 bytes with action 0/,
    ({ transaction }) => connected(transaction).slice(0, 24),
  ],
  ["another action", "malformed", /with action 2 answer action 0/, ({ transaction }) => `00000002${transaction}`],
  [
    "half an answer",
    "malformed",
    /16 bytes with action 1/,
    ({ action, transaction }) => (action === 0 ? connected(transaction) : answered(transaction).slice(0, 32)),
  ],
  [
    "half a peer",
    "malformed",
    /7 bytes of compact peers/,
    ({ action, transaction }) => (action === 0 ? connected(transaction) : answered(transaction, "c00002011ae1ff")),
  ],
])("%s is a fault: %s", async (_, fault, message, answer) => {
  const { url } = await scripted((question, say) => say(answer(question)));
  await expect(announce(url, announceOf(), LOCAL)).rejects.toMatchObject({
    name: "TrackerError",
    fault,
    message: expect.stringMatching(message),
  });
});

test("whatever a tracker sends, the outcome is an answer within bounds or a fault", async () => {
  const random = numbers(2);
  const { url } = await scripted(({ action, transaction }, say) => {
    if (action === 0) return say(connected(transaction));
    const bytes = Buffer.from(answered(transaction, "c00002011ae1".repeat(random(30))), "hex").subarray(
      0,
      8 + random(200),
    );
    for (let i = random(4); i > 0; i--) bytes[random(bytes.length)] = random(256);
    Buffer.from(transaction, "hex").copy(bytes, 4); // else it is no answer at all
    say(bytes.toString("hex"));
  });
  await expectBounded(() => announce(url, announceOf(), LOCAL));
});

test("a place that cannot be asked is unreachable, and a private one is not asked", async () => {
  const { url, asked } = await scripted(honest);
  const fault = (message: RegExp) => ({ fault: "unreachable", message: expect.stringMatching(message) });
  await expect(announce("udp://127.0.0.1", announceOf(), LOCAL)).rejects.toMatchObject(fault(/needs a port/));
  await expect(announce("udp://127.0.0.1:9", announceOf(), LOCAL)).rejects.toMatchObject(fault(/ECONNREFUSED/));
  for (const each of [url, url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1", "[::ffff:7f00:1]")]) {
    const answer = announce(each, announceOf(), { ...LOCAL, reach: { local: false } });
    await expect(answer).rejects.toMatchObject(fault(/private network/));
  }
  expect(asked).toEqual([]);
});

test("who asks can stop waiting", async () => {
  const { url, asked } = await scripted(() => {});
  const stop = new AbortController();
  const answer = announce(url, announceOf(), { ...LOCAL, signal: stop.signal });
  await expect.poll(() => asked).toHaveLength(1);
  stop.abort(new Error("enough"));
  await expect(answer).rejects.toThrow("enough");
});

const hasV6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));

test.skipIf(!hasV6)("over IPv6, peers have IPv6 addresses", async () => {
  const { httpUrl, udpUrl } = await tracker({ host: "::1" });
  const seed = { transfer: { uploaded: 0, downloaded: 0, left: 0 } };
  await announce(udpUrl, announceOf({ ...seed, port: 7001 }), LOCAL);
  await announce(httpUrl, announceOf({ ...seed, port: 7002 }), LOCAL);
  const peers = [7001, 7002].map((port) => ({ host: "::1", port }));
  for (const url of [httpUrl, udpUrl]) expect((await announce(url, announceOf(), LOCAL)).peers).toEqual(peers);
});

function hex(text: string): string {
  return Buffer.from(text).toString("hex");
}
