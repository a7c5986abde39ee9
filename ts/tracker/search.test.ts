import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../testing/eventually.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { announce } from "./announce.ts";
import { type SearchOptions, searchPeers } from "./search.ts";
import { announceOf, tracker } from "./testing.ts";

const V2 = Buffer.alloc(32, 0xa5);
const TORRENT = { infohashV1: null, infohashV2: V2 };
const LOCAL = { reach: { local: true }, signal: AbortSignal.timeout(60_000) };
const SEED = { transfer: { uploaded: 0, downloaded: 0, left: 0 } };

function search(trackers: readonly string[], options: Partial<SearchOptions> = {}) {
  const found: PeerAddress[] = [];
  const said: string[] = [];
  const running = searchPeers({
    torrent: { ...TORRENT, trackers },
    reach: { local: true },
    onPeers: (peers) => found.push(...peers),
    say: (what) => said.push(what),
    ...options,
  });
  onTestFinished(() => running.end());
  return { found, said, running };
}

test("a seed known to one tracker is found, whatever the others are; and all are told when it ends", async () => {
  const [http, udp] = [await tracker(), await tracker()];
  await announce(http.httpUrl, announceOf({ ...SEED, port: 7001 }), LOCAL);
  await announce(udp.udpUrl, announceOf({ ...SEED, port: 7002 }), LOCAL);
  const { found, said, running } = search([
    http.httpUrl,
    udp.udpUrl,
    "http://127.0.0.1:9/announce",
    "udp://127.0.0.1:9",
  ]);
  await eventually(() => {
    expect(found.map(({ port }) => port).sort()).toEqual([7001, 7002]);
    expect(said.sort()).toEqual([
      expect.stringMatching(/^tracker http:\/\/127\.0\.0\.1:9: .*ECONNREFUSED/),
      expect.stringMatching(/^tracker udp:\/\/127\.0\.0\.1:9: .*ECONNREFUSED/),
    ]);
  });
  await running.end({ completed: true });
  for (const { heard } of [http, udp]) {
    expect(heard.slice(1).map(({ event }) => event)).toEqual(["started", "completed", "stopped"]);
    expect(heard.slice(1).map(({ left }) => left)).toEqual([1, 0, 1]);
  }
});
