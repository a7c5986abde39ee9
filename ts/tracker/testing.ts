// What the tests of this folder share.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { Tracker, type TrackerOptions } from "../testing/tracker.ts";
import { type Bencode, encode } from "../torrent/bencode.ts";
import type { Announce } from "./announce.ts";

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
