import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { formatMagnet } from "../torrent/magnet.ts";
import { parseSources, readTorrentFile } from "./sources.ts";

const infohash = "ab".repeat(32);

const link = (peers: readonly PeerAddress[]) => formatMagnet({ infohashV2: Buffer.from(infohash, "hex"), peers });

test("a magnet link gives its peers, for its own infohash only", () => {
  const peers = [
    { host: "192.0.2.7", port: 6881 },
    { host: "2001:db8::7", port: 51413 },
  ];
  expect(parseSources([link(peers)], infohash).peers).toEqual(peers);
  expect(parseSources([link(peers)], "cd".repeat(32)).peers).toEqual([]);
});

test("sources of other kinds, and what is no URI, are passed over", () => {
  const sources = [
    "https://a.example/x.torrent",
    "ftp://a.example/x.torrent",
    "ipfs://bafy",
    "no uri at all",
    "",
    `magnet:?xt=urn:btih:${"ab".repeat(20)}`,
  ];
  expect(parseSources(sources, infohash)).toEqual({ torrents: [new URL("https://a.example/x.torrent")], peers: [] });
});

test("one publication names at most 64 peers", () => {
  const links = [1, 2].map((n) => link(Array.from({ length: 60 }, (_, i) => ({ host: `192.0.2.${n}`, port: i + 1 }))));
  expect(parseSources(links, infohash).peers).toHaveLength(64);
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
