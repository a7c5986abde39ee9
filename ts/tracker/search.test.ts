import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../testing/eventually.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { announce } from "./announce.ts";
import { type SearchOptions, searchPeers } from "./search.ts";
import { announceOf, dictionary, scriptedHttp, tracker } from "./testing.ts";

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

test("a hybrid is announced by both infohashes, a v2 torrent by its own alone, truncated", async () => {
  const between = await tracker();
  const [v1, v2] = [Buffer.alloc(20, 1), Buffer.alloc(32, 2)];
  search([], { torrent: { infohashV1: v1, infohashV2: v2, trackers: [between.httpUrl, between.udpUrl] } });
  await eventually(() => expect(between.heard).toHaveLength(4));
  const heard = between.heard.map(({ over, infohash }) => `${over} ${infohash}`);
  const infohashes = ["01".repeat(20), "02".repeat(20)];
  expect(heard.sort()).toEqual(["http", "udp"].flatMap((over) => infohashes.map((infohash) => `${over} ${infohash}`)));
});

test("two that serve find each other, and nobody who does not", async () => {
  const between = await tracker();
  const pace = { least: 50, most: 50 };
  search([between.udpUrl], { pace });
  await eventually(() => expect(between.heard).not.toEqual([]));
  const [a, b] = [7001, 7002].map((port) => search([between.httpUrl, between.udpUrl], { port, pace }));
  await eventually(() => {
    for (const { found } of [a!, b!]) expect(found.some(({ port }) => port === 7001 || port === 7002)).toBe(true);
  });
  expect([...a!.found, ...b!.found].filter(({ port }) => port !== 7001 && port !== 7002)).toEqual([]);
});

test.each([
  [0, "at least", { least: 30 }],
  [10 ** 12, "at most", { most: 30 }],
])("a tracker that wants to be asked every %d s is asked every so often %s", async (interval, _, pace) => {
  const { url, asked } = await scriptedHttp(dictionary({ interval, "tracker id": "t1" }));
  const { running } = search([url], { pace });
  await eventually(() => expect(asked.length).toBeGreaterThan(2));
  await running.end();
  const [first, ...later] = asked;
  expect(first).toMatch(/&event=started/);
  expect(later.pop()).toMatch(/&event=stopped.*&trackerid=%74%31/);
  for (const each of later) {
    expect(each).not.toMatch(/&event=/);
    expect(each).toMatch(/&trackerid=%74%31/);
  }
});

test("one that refuses is asked again, still as the first time; nobody learns the key in its URL", async () => {
  const refusal = dictionary({ "failure reason": "not now" });
  const script = (asked: number) => (asked < 3 ? refusal : dictionary({ interval: 1_800, "warning message": "busy" }));
  const { url, asked } = await scriptedHttp(script, { path: "/s3cret/announce?passkey=s3cret" });
  const { said, running } = search([url.replace("http://", "http://s3cret@")], { pace: { retry: 20 } });
  const { host } = new URL(url);
  await eventually(() => expect(said).toHaveLength(2));
  expect(said).toEqual(["not now", "it warns: busy"].map((what) => `tracker http://${host}: ${what}`));
  await running.end();
  expect(asked.map((each) => /&event=(\w+)/.exec(each)?.[1])).toEqual(["started", "started", "started", "stopped"]);
  expect(said.join()).not.toMatch("s3cret");
});

test("the end waits for no tracker longer than it may", async () => {
  const hello = dictionary({ interval: 1_800, "warning message": "only once" });
  const silent = await scriptedHttp((asked) => (asked === 1 ? hello : undefined));
  const deaf = await scriptedHttp(undefined);
  const { said, running } = search([silent.url, deaf.url], { pace: { leave: 100 } });
  await eventually(() => expect([said, deaf.asked]).toMatchObject([{ length: 1 }, { length: 1 }]));
  await running.end();
  expect(said[1]).toMatch(/: no goodbye: .*timeout$/);
  expect([silent.asked, deaf.asked]).toMatchObject([{ length: 2 }, { length: 1 }]);
});

test("trackers of other kinds are passed over, and of many the first 32 asked", async () => {
  const between = await tracker();
  expect(search(["wss://t.test/announce", "http://[/announce"]).running.trackers).toBe(0);
  const many = Array.from({ length: 40 }, (_, i) => `${between.httpUrl}?n=${i}`);
  const { running } = search(many);
  expect(running.trackers).toBe(32);
  await eventually(() => expect(between.heard).toHaveLength(32));
});
