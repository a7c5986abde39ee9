import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { describeWith } from "../testing/clients.ts";
import { eventually } from "../testing/eventually.ts";
import { temporaryFolder } from "../testing/folders.ts";
import { Libtorrent } from "../testing/libtorrent.ts";
import { Qbittorrent } from "../testing/qbittorrent.ts";
import { createTorrent } from "../torrent/create.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { formatMagnet, parseMagnet } from "../torrent/magnet.ts";
import type { Torrent } from "../torrent/metainfo.ts";
import { fetchTorrent } from "../wire/fetch.ts";
import { awkwardFiles, hashFiles, hashFolder, seed, writeFiles } from "../wire/testing.ts";
import { announce } from "./announce.ts";
import { searchPeers } from "./search.ts";
import { announceOf, tracker } from "./testing.ts";

const FILES = awkwardFiles();
const CASES = [
  ["v2", "http", true],
  ["v2", "udp", true],
  ["hybrid", "http", false],
  ["hybrid", "udp", false],
] as const;

/** The sample content, and its .torrent with these trackers. */
async function makeCase(v2Only: boolean, trackers: readonly string[]) {
  const folder = await temporaryFolder();
  await writeFiles(join(folder, "sample"), FILES);
  const { bytes, torrent } = await createTorrent(join(folder, "sample"), { v2Only, pieceLength: 65_536, trackers });
  const path = join(folder, "sample.torrent");
  await writeFile(path, bytes);
  return { folder, path, torrent };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** The first peers that the trackers of a magnet link name. */
function firstPeers(link: string): Promise<readonly PeerAddress[]> {
  return new Promise((onPeers) => {
    const reach = { local: true };
    const search = searchPeers({ torrent: parseMagnet(link), reach, onPeers, say: console.warn });
    onTestFinished(() => search.end());
  });
}

async function fetchThrough(torrent: Torrent, trackerUrl: string): Promise<void> {
  const peers = await firstPeers(formatMagnet({ ...torrent, trackers: [trackerUrl] }));
  const folder = await temporaryFolder();
  await fetchTorrent({ torrent: torrent.infohashV2, peers, folder });
  expect(await hashFolder(join(folder, "sample"))).toEqual(hashFiles(FILES));
}

describeWith("libtorrent", "libtorrent 2", () => {
  test.each(CASES)(
    "a %s torrent it announces over %s is found and fetched by its magnet link",
    async (_, over, v2Only) => {
      const between = await tracker();
      const url = between[`${over}Url`];
      const { torrent, path, folder } = await makeCase(v2Only, [url]);
      const peer = new Libtorrent({ torrent: path, folder });
      onTestFinished(() => peer.close());
      const { port } = await peer.complete;
      const infohashes = [torrent.infohashV2.subarray(0, 20), ...(torrent.infohashV1 ? [torrent.infohashV1] : [])];
      const told = { over, event: "started", left: 0, host: "127.0.0.1", port };
      await eventually(() => {
        for (const infohash of infohashes) expect(between.heard).toContainEqual({ ...told, infohash: hex(infohash) });
      });
      await fetchThrough(torrent, url);
    },
  );

  test.each(CASES)(
    "it finds a %s torrent that we announce over %s, knowing its magnet link alone",
    async (_, over, v2Only) => {
      const between = await tracker();
      const { torrent, folder } = await makeCase(v2Only, [between[`${over}Url`]]);
      const seeder = await seed({ torrent, folder });
      const transfer = () => ({ uploaded: 0, downloaded: 0, left: 0 });
      const search = searchPeers({ torrent, reach: { local: true }, port: seeder.port, transfer, onPeers: () => {} });
      onTestFinished(() => search.end());
      await eventually(() => expect(between.heard).toHaveLength(v2Only ? 1 : 2));
      const into = await temporaryFolder();
      const peer = new Libtorrent({ torrent: formatMagnet(torrent), folder: into });
      onTestFinished(() => peer.close());
      await peer.complete;
      expect(await hashFolder(join(into, "sample"))).toEqual(hashFiles(FILES));
    },
  );
});

describeWith("qbittorrent", "qBittorrent", () => {
  test.each([
    ["v2", true],
    ["hybrid", false],
  ] as const)("a %s torrent it announces to its own tracker is found there and fetched", async (_, v2Only) => {
    const peer = await Qbittorrent.start({ profile: await temporaryFolder() });
    onTestFinished(() => peer.close());
    const url = await peer.startTracker();
    const { torrent, path, folder } = await makeCase(v2Only, [url]);
    await peer.add(path, folder);
    await peer.complete();
    const question = announceOf({ infohash: torrent.infohashV2.subarray(0, 20) });
    await eventually(async () => {
      const options = { reach: { local: true }, signal: AbortSignal.timeout(10_000) };
      expect((await announce(url, question, options)).peers).toContainEqual({ host: peer.host, port: peer.port });
    });
    await fetchThrough(torrent, url);
  });
});
