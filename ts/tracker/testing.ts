// What the tests of this folder share.
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import { expect, onTestFinished } from "vitest";
import { Tracker, type TrackerOptions } from "../testing/tracker.ts";
import { type Bencode, encode } from "../torrent/bencode.ts";
import { type Announce, type Answer, MAX_PEERS } from "./announce.ts";
import { TrackerError } from "./errors.ts";

export async function tracker(options: Partial<TrackerOptions> = {}): Promise<Tracker> {
  const listening = await Tracker.listen({ host: "127.0.0.1", ...options });
  onTestFinished(() => listening.close());
  return listening;
}

/** An announce of a leecher, unless said otherwise. */
export function announceOf(more: Partial<Announce> = {}): Announce {
  return {
    infohash: Buffer.alloc(20, 0xa5),
    peerId: Buffer.from("-HF0100-abcdefghijkl"),
    port: 6881,
    transfer: { uploaded: 1, downloaded: 2, left: 3 },
    key: 0x01020304,
    want: 50,
    ...more,
  };
}

/** A tracker over HTTP that answers so, or not at all, and what it was asked. */
export async function scriptedHttp(
  body: Bencode | undefined | ((asked: number) => Bencode | undefined),
  { status = 200, path = "/announce" } = {},
) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const count = asked.push(request.url!);
    const answer = typeof body === "function" ? body(count) : body;
    if (answer !== undefined) response.writeHead(status).end(answer instanceof Map ? encode(answer) : answer);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, asked };
}

export function dictionary(fields: Record<string, Bencode>): Map<string, Bencode> {
  return new Map(Object.entries(fields));
}

/** Numbers below a bound that look random and are the same each time. */
export function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return below === 0 ? 0 : Math.floor((state / 2 ** 32) * below);
  };
}

/** Asks 300 times: of what comes back, nothing is more or other than an answer may be, and some are answers, some faults. */
export async function expectBounded(ask: () => Promise<Answer>): Promise<void> {
  const outcomes = { answers: 0, faults: 0 };
  for (let i = 0; i < 300; i++) {
    const answer = await ask().catch((error: unknown) => error);
    if (answer instanceof TrackerError) {
      outcomes.faults++;
      continue;
    }
    outcomes.answers++;
    const { peers, interval, warning = "" } = answer as Answer;
    expect(interval).toBeGreaterThanOrEqual(0);
    expect(warning).toMatch(/^\P{Cc}{0,255}$/u);
    expect(peers.length).toBeLessThanOrEqual(MAX_PEERS);
    for (const { host, port } of peers)
      expect([isIP(host), port > 0 && port <= 65_535]).toEqual([expect.toBeOneOf([4, 6]), true]);
  }
  expect(outcomes).toEqual({ answers: expect.toSatisfy((n) => n > 30), faults: expect.toSatisfy((n) => n > 30) });
}
