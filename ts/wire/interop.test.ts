import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { describeWith } from "../testing/clients.ts";
import { createTorrent, Libtorrent } from "../testing/libtorrent.ts";
import { Qbittorrent } from "../testing/qbittorrent.ts";
import { parseTorrent, type Torrent } from "../torrent/metainfo.ts";
import { BLOCK } from "../torrent/trees.ts";
import { fetchMetadata, fetchTorrent } from "./fetch.ts";
import { probe } from "./probe.ts";
import { awkwardFiles, hashFiles, hashFolder, seed, temporaryFolder, writeFiles } from "./testing.ts";

interface Case {
  readonly path: string;
  readonly torrent: Torrent;
  readonly folder: string;
}

const FILES = awkwardFiles();
const PIECE_LENGTH = 65_536;

/** The sample content as a .torrent that libtorrent made. */
async function makeCase(hybrid: boolean, files: Record<string, Buffer> = FILES): Promise<Case> {
  const folder = await temporaryFolder();
  const path = join(folder, "sample.torrent");
  await writeFiles(join(folder, "sample"), files);
  createTorrent(join(folder, "sample"), path, { pieceLength: PIECE_LENGTH, hybrid });
  return { path, torrent: parseTorrent(await readFile(path)), folder };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
/** So many that their metadata takes several messages. */
const MANY_FILES = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`file ${i}`, Buffer.from(`${i}`)]));
const magnetV2 = ({ infohashV2 }: Torrent) => `magnet:?xt=urn:btmh:1220${hex(infohashV2)}`;
const magnetV1 = ({ infohashV1 }: Torrent) => `magnet:?xt=urn:btih:${hex(infohashV1!)}`;

describeWith("libtorrent", "libtorrent 2", () => {
  test.each([
    ["v2", false],
    ["hybrid", true],
  ] as const)("a %s torrent it seeds is fetched and probed", async (_, hybrid) => {
    const content = await makeCase(hybrid);
    const { torrent } = content;
    const peer = new Libtorrent({ torrent: content.path, folder: content.folder });
    onTestFinished(() => peer.close());
    const { port } = await peer.complete;
    const peers = [{ host: "127.0.0.1", port }];

    for (const known of [torrent, torrent.infohashV2]) {
      const folder = await temporaryFolder();
      const fetched = await fetchTorrent({ torrent: known, peers, folder });
      expect(await hashFolder(join(folder, "sample"))).toEqual(hashFiles(FILES));
      expect(fetched.pieceLayers).toEqual(torrent.pieceLayers);
    }
    const onChain = { infohashV2: torrent.infohashV2, pieceLength: PIECE_LENGTH, files: rows(torrent) };
    for (const target of [torrent, onChain]) {
      const samples = await probe({ ...peers[0]!, torrent: target, count: 30 });
      expect(samples.filter(({ verified }) => !verified)).toEqual([]);
    }
  });

  test("it gives metadata of several pieces", async () => {
    const { torrent, path, folder } = await makeCase(true, MANY_FILES);
    const peer = new Libtorrent({ torrent: path, folder });
    onTestFinished(() => peer.close());
    const { port } = await peer.complete;
    const peers = [{ host: "127.0.0.1", port }];
    const info = await fetchMetadata({ infohash: torrent.infohashV2, peers });
    expect(info.length).toBeGreaterThan(3 * BLOCK);
    expect(info.equals(torrent.info)).toBe(true);
  });

  test.each([
    ["v2", false, () => undefined],
    ["v2 by magnet link", false, magnetV2],
    ["hybrid", true, () => undefined],
    ["hybrid by v2 magnet link", true, magnetV2],
    ["hybrid by v1 magnet link", true, magnetV1],
  ] as const)("it fetches a %s torrent from our seeder", async (_, hybrid, magnet) => {
    const content = await makeCase(hybrid);
    const seeder = await seed(content);
    const folder = await temporaryFolder();
    const peers = [`127.0.0.1:${seeder.port}`];
    const peer = new Libtorrent({ torrent: magnet(content.torrent) ?? content.path, folder, peers });
    onTestFinished(() => peer.close());
    await peer.complete;
    expect(await hashFolder(join(folder, "sample"))).toEqual(hashFiles(FILES));
  });
});

describeWith("qbittorrent", "qBittorrent", () => {
  test("it gives metadata of several pieces", async () => {
    const { torrent, path, folder } = await makeCase(true, MANY_FILES);
    const peer = await Qbittorrent.start({ profile: await temporaryFolder() });
    onTestFinished(() => peer.close());
    await peer.add(path, folder);
    await peer.complete();
    const info = await fetchMetadata({ infohash: torrent.infohashV2, peers: [peer] });
    expect(info.equals(torrent.info)).toBe(true);
  });

  test.each([
    ["v2", false],
    ["hybrid", true],
  ] as const)("a %s torrent it seeds is fetched and probed", async (_, hybrid) => {
    const content = await makeCase(hybrid);
    const peer = await Qbittorrent.start({ profile: await temporaryFolder() });
    onTestFinished(() => peer.close());
    await peer.add(content.path, content.folder);
    await peer.complete();
    const folder = await temporaryFolder();
    await fetchTorrent({ torrent: content.torrent.infohashV2, peers: [peer], folder });
    expect(await hashFolder(join(folder, "sample"))).toEqual(hashFiles(FILES));
    const samples = await probe({ host: peer.host, port: peer.port, torrent: content.torrent, count: 10 });
    expect(samples.filter(({ verified }) => !verified)).toEqual([]);
  });

  test.each([
    ["v2", false],
    ["hybrid", true],
  ] as const)("it fetches a %s torrent from our seeder", async (_, hybrid) => {
    const content = await makeCase(hybrid);
    const seeder = await seed(content);
    const folder = await temporaryFolder();
    const peer = await Qbittorrent.start({ profile: await temporaryFolder() });
    onTestFinished(() => peer.close());
    await peer.add(magnetV2(content.torrent), folder);
    await peer.addPeers([`127.0.0.1:${seeder.port}`]);
    await peer.complete();
    expect(await hashFolder(join(folder, "sample"))).toEqual(hashFiles(FILES));
  });
});

function rows({ files }: Torrent) {
  return files.map(({ piecesRoot, length }) => ({ piecesRoot, length }));
}
