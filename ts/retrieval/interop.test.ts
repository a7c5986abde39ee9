import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { describeWith } from "../testing/clients.ts";
import { createTorrent, Libtorrent } from "../testing/libtorrent.ts";
import { Qbittorrent } from "../testing/qbittorrent.ts";
import { parseTorrent } from "../torrent/metainfo.ts";
import { fetchTorrent } from "../wire/fetch.ts";
import { hashFiles, hashFolder, sampleBytes, temporaryFolder, writeFiles } from "../wire/testing.ts";
import { MEBIBYTE } from "./credit.ts";
import { CONTENT, PAYER, payerFor, payingWith, sell } from "./testing.ts";

const FILES = { "a.bin": sampleBytes(24 * MEBIBYTE, 1), "b.bin": sampleBytes(70_000, 2) };
const BYTES = 24 * MEBIBYTE + 70_000;

/** A shop for a content that libtorrent made a .torrent of, and a payer that fetches it now. */
async function fair() {
  const source = await temporaryFolder();
  const path = join(source, "sample.torrent");
  await writeFiles(join(source, "sample"), FILES);
  createTorrent(join(source, "sample"), path, { pieceLength: 262_144 });
  const content = { torrent: parseTorrent(await readFile(path)), files: FILES, data: [], folder: source };
  const shop = await sell(content);
  const payer = await payerFor(content);
  const folder = await temporaryFolder();
  const peers = [shop.seeder];
  const paid = fetchTorrent({ torrent: content.torrent, peers, folder, ...payingWith(payer) }).then(async () => {
    expect(await hashFolder(join(folder, "sample"))).toEqual(hashFiles(FILES));
    expect(payer.receipt).toMatchObject([{ bytes: BYTES }]);
    expect(shop.ledger.get(PAYER.address, CONTENT)!.voucher.cumulativeBytes).toBeGreaterThan(BYTES / 2);
  });
  return { path, shop, paid };
}

describeWith("libtorrent", "libtorrent", () => {
  test("downloads for free from a seeder that speaks hf_pay, beside a peer that pays", async () => {
    const { path, shop, paid } = await fair();
    const folder = await temporaryFolder();
    const peer = new Libtorrent({ torrent: path, folder, peers: [`127.0.0.1:${shop.seeder.port}`] });
    onTestFinished(() => peer.close());
    await Promise.all([paid, peer.complete]);
    expect(await hashFolder(join(folder, "sample"))).toEqual(hashFiles(FILES));
    expect(shop.refusals).toEqual([]);
  });
});

describeWith("qbittorrent", "qBittorrent", () => {
  test("downloads for free from a seeder that speaks hf_pay, beside a peer that pays", async () => {
    const { path, shop, paid } = await fair();
    const folder = await temporaryFolder();
    const peer = await Qbittorrent.start({ profile: await temporaryFolder() });
    onTestFinished(() => peer.close());
    await peer.add(path, folder);
    await peer.addPeers([`127.0.0.1:${shop.seeder.port}`]);
    await Promise.all([paid, peer.complete()]);
    expect(await hashFolder(join(folder, "sample"))).toEqual(hashFiles(FILES));
    expect(shop.refusals).toEqual([]);
  });
});
