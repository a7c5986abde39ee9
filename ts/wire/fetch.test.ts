import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Bitfield } from "./bitfield.ts";
import type { Progress } from "./download.ts";
import type { Extension } from "./extensions.ts";
import { fetchTorrent } from "./fetch.ts";
import {
  awkwardFiles,
  dataOf,
  fakeSeed,
  hashFiles,
  hashFolder,
  makeSample,
  type Sample,
  sampleBytes,
  seed,
  temporaryFolder,
} from "./testing.ts";

async function expectWhole(folder: string, { files }: Sample): Promise<void> {
  expect(await hashFolder(join(folder, "sample"))).toEqual(hashFiles(files));
}

describe("fetchTorrent", () => {
  test("fetches a torrent of which only the infohash is known: metadata, piece layers, blocks", async () => {
    const sample = await makeSample(awkwardFiles());
    const folder = await temporaryFolder();
    const progress: Progress[] = [];
    const torrent = await fetchTorrent({
      torrent: sample.torrent.infohashV2,
      peers: [await seed(sample)],
      folder,
      onProgress: (p) => progress.push(p),
    });
    await expectWhole(folder, sample);
    expect(torrent.infohashV2).toEqual(sample.torrent.infohashV2);
    expect(torrent).toEqual(sample.torrent);
    expect(progress.at(-1)).toMatchObject({ pieces: 62, pieceCount: 62, connected: 1 });
  });

  test("fetches a piece layer longer than one hash request", async () => {
    const sample = await makeSample({ "a.bin": sampleBytes(16_384 * 1_030 + 5, 1) }, 16_384);
    const folder = await temporaryFolder();
    await fetchTorrent({ torrent: sample.torrent.infohashV2, peers: [await seed(sample)], folder });
    await expectWhole(folder, sample);
  });

  test("puts a content together from peers that each hold a part", async () => {
    const sample = await makeSample(awkwardFiles());
    const pieces = 62;
    const parts = [0, 1, 2].map((part) => {
      const has = new Bitfield(pieces);
      for (let i = part; i < pieces; i += 3) has.set(i);
      return has;
    });
    const seeders = await Promise.all(parts.map((has) => seed(sample, { has })));
    const folder = await temporaryFolder();
    await fetchTorrent({ torrent: sample.torrent.infohashV2, peers: seeders, folder });
    await expectWhole(folder, sample);
  });

  test("shares the work among peers", async () => {
    const sample = await makeSample({ "a.bin": sampleBytes(8 << 20, 1) });
    const uploads: number[] = [];
    const onPeerGone = ({ uploaded }: { uploaded: number }) => uploads.push(uploaded);
    const seeders = await Promise.all([1, 2, 3].map(() => seed(sample, { onPeerGone })));
    const folder = await temporaryFolder();
    await fetchTorrent({ torrent: sample.torrent, peers: seeders, folder });
    await expectWhole(folder, sample);
    await expect.poll(() => uploads.filter((bytes) => bytes > 0).length).toBe(3);
  });

  test("goes on from what is on disk, and does not trust it", async () => {
    const sample = await makeSample({ "a.bin": sampleBytes(4 << 20, 1), "b.bin": sampleBytes(100_000, 2) });
    const seeder = await seed(sample);
    const folder = await temporaryFolder();
    const stop = new AbortController();
    const onProgress = ({ pieces }: Progress) => {
      if (pieces >= 20) stop.abort(new Error("enough for today"));
    };
    const interrupted = fetchTorrent({
      torrent: sample.torrent,
      peers: [seeder],
      folder,
      onProgress,
      signal: stop.signal,
    });
    await expect(interrupted).rejects.toThrow("enough for today");

    await writeFile(join(folder, "sample", "b.bin"), sampleBytes(100_000, 99));
    let downloaded = 0;
    await fetchTorrent({
      torrent: sample.torrent,
      peers: [seeder],
      folder,
      onProgress: (progress) => {
        downloaded = progress.downloaded;
      },
    });
    await expectWhole(folder, sample);
    expect(downloaded).toBeLessThan((4 << 20) + 100_000 - 10 * 65_536);
    expect(downloaded).toBeGreaterThanOrEqual(100_000);
  });

  test("a content that is whole on disk needs no peer", async () => {
    const sample = await makeSample({ "a.bin": sampleBytes(50_000, 1) });
    await fetchTorrent({ torrent: sample.torrent, peers: [], folder: sample.folder });
  });

  test("connects from the local address it is given", async () => {
    const sample = await makeSample({ "a.bin": sampleBytes(50_000, 1) });
    const hosts: string[] = [];
    const seeder = await seed(sample, { host: "127.0.3.1", onPeerGone: ({ host }) => hosts.push(host) });
    await fetchTorrent({
      torrent: sample.torrent,
      peers: [seeder],
      folder: await temporaryFolder(),
      localAddress: "127.0.7.9",
    });
    await expect.poll(() => hosts).toEqual(["127.0.7.9"]);
  });

  test("says of each peer why it was of no use", async () => {
    const sample = await makeSample({ "a.bin": sampleBytes(50_000, 1) });
    const seeder = await seed(await makeSample({ "b.bin": sampleBytes(50_000, 2) }));
    const options = { peers: [seeder, { host: "127.0.0.1", port: 1 }, { host: "example.org", port: 1 }] };
    const limits = { attempts: 1, retryMs: 1 };
    const failed = fetchTorrent({ ...options, torrent: sample.torrent, folder: await temporaryFolder(), limits });
    await expect(failed).rejects.toMatchObject({
      fault: "no-peers",
      message: expect.stringMatching(/hung up during the handshake.*ECONNREFUSED.*example.org:1 is not an IP address/),
    });
  });

  test("fails as `disk` when its folder cannot be written", async () => {
    const sample = await makeSample({ "a.bin": sampleBytes(50_000, 1) });
    const folder = join(await temporaryFolder(), "file");
    await writeFile(folder, "a file where a folder should be");
    const failed = fetchTorrent({ torrent: sample.torrent, peers: [await seed(sample)], folder });
    await expect(failed).rejects.toMatchObject({ fault: "disk" });
  });
});

test("a further extension (BEP 10) needs nothing but an object on each side", async () => {
  const sample = await makeSample({ "a.bin": sampleBytes(50_000, 1) });
  const heard: string[] = [];
  const echo = (side: string, greeting?: string): Extension => {
    let reply: (payload: Uint8Array) => void = () => {};
    return {
      name: "hf_echo",
      announces: new Map([["hf_side", side]]),
      onReady: (send, handshake) => {
        reply = send;
        heard.push(`${side} meets ${Buffer.from(handshake.get("hf_side") as Uint8Array)}`);
        if (greeting !== undefined) send(Buffer.from(greeting));
      },
      onMessage: (payload) => {
        heard.push(`${side} hears ${Buffer.from(payload)}`);
        if (greeting === undefined) reply(payload);
      },
      onClose: () => heard.push(`${side} is left`),
    };
  };
  const seeder = await seed(sample, { extensions: () => [echo("seeder")] });
  const folder = await temporaryFolder();
  await fetchTorrent({
    torrent: sample.torrent,
    peers: [seeder],
    folder,
    extensions: () => [echo("fetcher", "hello")],
  });
  await expect
    .poll(() => heard.toSorted())
    .toEqual([
      "fetcher hears hello",
      "fetcher is left",
      "fetcher meets seeder",
      "seeder hears hello",
      "seeder is left",
      "seeder meets fetcher",
    ]);
});

describe("Seeder", () => {
  test("serves several torrents, and those added and removed while it runs", async () => {
    const one = await makeSample({ "a.bin": sampleBytes(50_000, 1) });
    const two = await makeSample({ "b.bin": sampleBytes(60_000, 2) });
    const seeder = await seed(one);
    const fetchTwo = async () => {
      const folder = await temporaryFolder();
      await fetchTorrent({ torrent: two.torrent, peers: [seeder], folder, limits: { attempts: 1 } });
      await expectWhole(folder, two);
    };
    await expect(fetchTwo()).rejects.toThrow("no peer is left");
    seeder.add({ torrent: two.torrent, folder: dataOf(two) });
    await fetchTwo();
    await fetchTorrent({ torrent: one.torrent, peers: [seeder], folder: await temporaryFolder() });
    seeder.remove(two.torrent.infohashV2);
    await expect(fetchTwo()).rejects.toThrow("no peer is left");
  });

  test("fails when peers drip less than it is to bring, and takes a slow one that brings enough", async () => {
    const sample = await makeSample({ "a.bin": sampleBytes(65_536 * 8, 1) });
    const fetchFrom = async (delayMs: number) =>
      fetchTorrent({
        torrent: sample.torrent,
        peers: [await fakeSeed(sample.torrent, sample.data, { delayMs })],
        folder: await temporaryFolder(),
        limits: { idleMs: 1_500, leastBytes: 65_536 },
      });
    await expect(fetchFrom(600)).rejects.toMatchObject({
      fault: "idle",
      message: expect.stringContaining("less than"),
    });
    await fetchFrom(80); // four times idleMs in all
  });

  test("reports a loss once, offers the piece no more, and serves the rest", async () => {
    const sample = await makeSample({ "a.bin": sampleBytes(65_536 * 4, 1), "b.bin": sampleBytes(65_536 * 2, 2) });
    const losses: number[] = [];
    const seeder = await seed(sample, { onLoss: ({ piece }) => losses.push(piece) });
    await truncate(join(sample.folder, "sample", "a.bin"), 65_536 * 3);
    const folder = await temporaryFolder();
    const limits = { idleMs: 1_500 };
    await expect(
      fetchTorrent({ torrent: sample.torrent.infohashV2, peers: [seeder], folder, limits }),
    ).rejects.toMatchObject({ fault: "idle" });
    expect(losses).toEqual([3]);
  });
});
