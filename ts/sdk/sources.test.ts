import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { magnetLink, parseEndpoint, parseSources, reachable, readTorrentFile } from "./sources.ts";

const infohash = "ab".repeat(32);

test("a magnet link gives its peers, for its own infohash only", () => {
  const link = magnetLink(infohash, ["192.0.2.7:6881", "[2001:db8::7]:51413"]);
  expect(parseSources([link], infohash).peers).toEqual([
    { host: "192.0.2.7", port: 6881 },
    { host: "2001:db8::7", port: 51413 },
  ]);
  expect(parseSources([link], "cd".repeat(32)).peers).toEqual([]);
});

test("sources of other kinds, and what is no URI, are passed over", () => {
  const sources = ["https://a.example/x.torrent", "ftp://a.example/x.torrent", "ipfs://bafy", "no uri at all", ""];
  expect(parseSources(sources, infohash)).toEqual({ torrents: [new URL("https://a.example/x.torrent")], peers: [] });
});

test("one publication names at most 64 peers", () => {
  const peers = Array.from({ length: 100 }, (_, i) => `192.0.2.1:${i + 1}`);
  expect(parseSources([magnetLink(infohash, peers)], infohash).peers).toHaveLength(64);
});

test.each(["", "host", "host:0", "host:65536", "a b:1", "[1.2.3.4]:1", "http://host:1", "::1:6881"])(
  "%j is no endpoint",
  (text) => {
    expect(parseEndpoint(text)).toBeUndefined();
  },
);

test("private addresses are called only on networks of one's own", async () => {
  const hosts = [
    "127.0.0.1",
    "10.1.2.3",
    "192.168.0.1",
    "169.254.169.254",
    "::1",
    "fd00::1",
    "::ffff:10.0.0.1",
    "198.41.0.4",
  ];
  const peers = hosts.map((host) => ({ host, port: 6881 }));
  expect(await reachable(peers, { local: false })).toEqual([{ host: "198.41.0.4", port: 6881 }]);
  expect(await reachable(peers, { local: true })).toEqual(peers);
});

test("a .torrent is read from http, without following redirects", async () => {
  const server = createServer((request, response) => {
    if (request.url === "/there") response.end("d4:infode");
    else response.writeHead(302, { location: "/there" }).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect((await readTorrentFile(new URL(`${base}/there`), { local: true })).toString()).toBe("d4:infode");
  await expect(readTorrentFile(new URL(`${base}/redirect`), { local: true })).rejects.toThrow("the server answers 302");
  await expect(readTorrentFile(new URL(`${base}/there`), { local: false })).rejects.toThrow("private network");
  const byName = base.replace("127.0.0.1", "localhost");
  await expect(readTorrentFile(new URL(`${byName}/there`), { local: false })).rejects.toThrow("private network");
});

test("a file of this machine is read only where that is allowed, and only if it is a file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-sources-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "x.torrent");
  await writeFile(path, "torrent");
  expect((await readTorrentFile(pathToFileURL(path), { local: true })).toString()).toBe("torrent");
  await expect(readTorrentFile(pathToFileURL(path), { local: false })).rejects.toThrow("local sources");
  await expect(readTorrentFile(pathToFileURL("/dev/zero"), { local: true })).rejects.toThrow("not a file");
});
