import { join } from "node:path";
import type { Address } from "viem";
import { describe, expect, test } from "vitest";
import { cost, MEBIBYTE } from "../retrieval/credit.ts";
import { announceTerms, encodePayMessage, HF_PAY } from "../retrieval/hf-pay.ts";
import {
  CONTENT,
  DOMAIN,
  OPERATOR,
  openTestStore,
  PAYER,
  PRICE,
  RICH,
  SESSION,
  STRANGER,
  sell,
  TERMS,
} from "../retrieval/testing.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { formatMagnet, parseMagnet } from "../torrent/magnet.ts";
import { announce } from "../tracker/announce.ts";
import { announceOf, tracker } from "../tracker/testing.ts";
import { Bitfield } from "../wire/bitfield.ts";
import type { Extension } from "../wire/extensions.ts";
import {
  fakeSeed,
  hashFiles,
  hashFolder,
  makeSample,
  type Sample,
  sampleBytes,
  seed,
  slowly,
  temporaryFolder,
} from "../wire/testing.ts";
import type { Unchoker } from "../wire/unchoker.ts";
import { type FetchContentOptions, fetchContent, type Paying } from "./fetch.ts";

const SIZE = 8 * MEBIBYTE;
const FILES = { "a.bin": sampleBytes(SIZE, 1) };
const OTHER = DOMAIN.contract;
const LOCAL = { local: true };
const sample = () => makeSample(FILES, 262_144);

/** Money for two operators, of which the second has the better standing. */
async function paying(change: Partial<Paying> = {}): Promise<Paying> {
  return {
    domain: DOMAIN,
    payer: PAYER.address,
    signer: SESSION,
    contentId: CONTENT,
    operators: [
      { id: 1, address: OPERATOR, endpoint: undefined, standing: 0.5 },
      { id: 2, address: OTHER, endpoint: undefined, standing: 0.9 },
    ],
    reach: new Map([OPERATOR, OTHER].map((operator) => [operator, 10n ** 18n])),
    budget: 10n ** 18n,
    maxPrice: 10n * PRICE,
    store: await openTestStore(),
    ...change,
  };
}

async function expectWhole(folder: string, { files }: Sample): Promise<void> {
  expect(await hashFolder(join(folder, "sample"))).toEqual(hashFiles(files));
}

test("fetches from operators that are paid and a peer that is not, and the receipt adds up", async () => {
  const content = await sample();
  const shops = [await sell(content), await sell(content, { terms: { ...TERMS, operator: OTHER } })];
  const peers = [...shops.map(({ seeder }) => seeder), await seed(content)];
  const folder = await temporaryFolder();
  const receipt = await fetchContent({ torrent: content.torrent, peers, folder, paying: await paying() });
  await expectWhole(folder, content);
  expect(receipt).toMatchObject({ complete: true, bytes: SIZE, contentId: CONTENT, name: "sample", dropped: [] });
  expect(receipt.operators.map(({ operatorId }) => operatorId).sort()).toEqual([1, 2]);
  expect(receipt.free.peers).toBe(1);
  expect(receipt.operators.reduce((sum, { bytes }) => sum + bytes, receipt.free.bytes)).toBe(SIZE);
  expect(receipt.operators.reduce((sum, { paid }) => sum + paid, 0n)).toBe(receipt.spent);
  expect(receipt.spent).toBeLessThanOrEqual(cost(SIZE, PRICE) + PRICE);
});

test("of two operators for one seat the one with the better standing for its price is paid, the other serves for free", async () => {
  const content = await sample();
  const shops = [await sell(content), await sell(content, { terms: { ...TERMS, operator: OTHER } })];
  const said: string[] = [];
  const folder = await temporaryFolder();
  const receipt = await fetchContent({
    torrent: content.torrent,
    peers: shops.map(({ seeder }) => seeder),
    folder,
    paying: await paying({ seats: 1 }),
    say: (what) => said.push(what),
  });
  await expectWhole(folder, content);
  expect(said).toEqual([`operator 2 is paid ${PRICE} wei per MiB`]);
  expect(receipt.operators.find(({ operatorId }) => operatorId === 1)?.paid).toBe(0n);
});

/** Asks to be paid, and serves only who pays. */
const payersOnly: Unchoker = { choose: (interested) => interested.filter(({ meter }) => meter?.bid !== undefined) };

/** A run, and what it said. */
async function run(content: Sample, peers: PeerAddress[], money: Paying, more: Partial<FetchContentOptions> = {}) {
  const said: string[] = [];
  const folder = await temporaryFolder();
  const say = (what: string) => said.push(what);
  const receipt = await fetchContent({ torrent: content.torrent, peers, folder, paying: money, say, ...more });
  await expectWhole(folder, content);
  return { receipt, said };
}

describe("goes on from others, and says why, when an operator", () => {
  const HURRIED = { limits: { stallMs: 1_000, retryMs: 50, attempts: 2 } };

  test("sends wrong blocks", async () => {
    const content = await sample();
    const liar = await fakeSeed(content.torrent, content.data, { block: (data) => Buffer.alloc(data.length, 1) });
    const { receipt } = await run(content, [liar, (await sell(content)).seeder], await paying(), HURRIED);
    expect(receipt.dropped).toMatchObject([{ ...liar, reason: expect.stringContaining("bad-data") }]);
    expect(receipt).toMatchObject({ complete: true, operators: [{ operatorId: 1, bytes: SIZE }] });
  });

  test("stops in the middle", async () => {
    const content = await sample();
    let blocks = 0;
    const tired = await fakeSeed(content.torrent, content.data, {
      block: (data) => (blocks++ < 40 ? data : undefined),
    });
    const good = await slowly((await sell(content)).seeder, 4 << 20);
    const { receipt } = await run(content, [tired, good], await paying(), HURRIED);
    expect(receipt.dropped).toMatchObject([{ ...tired, reason: expect.stringContaining("timeout") }]);
    expect(receipt).toMatchObject({ complete: true, operators: [{ operatorId: 1, ended: undefined }] });
  });

  test("takes money and sends nothing: the loss is in the receipt, and is no more than the window", async () => {
    const content = await sample();
    const good = await slowly((await sell(content)).seeder, 4 << 20);
    const { receipt } = await run(content, [await takesMoney(content, OTHER), good], await paying());
    const [first, second] = [1, 2].map((id) => receipt.operators.find(({ operatorId }) => operatorId === id)!);
    expect(second).toMatchObject({ bytes: 0, lost: MEBIBYTE, paid: cost(MEBIBYTE, PRICE) });
    expect(first).toMatchObject({ bytes: SIZE });
    expect(first!.lost).toBeLessThan(262_144);
  });

  test("asks for more than the highest price", async () => {
    const content = await sample();
    const dear = await sell(content, { terms: { ...TERMS, operator: OTHER, price: 11n * PRICE } });
    const { receipt, said } = await run(content, [dear.seeder, (await sell(content)).seeder], await paying());
    expect(said).toContain("operator 2 is not paid: price above our limit");
    expect(receipt.operators.find(({ operatorId }) => operatorId === 2)).toMatchObject({
      paid: 0n,
      ended: "price above our limit",
    });
  });

  test("refuses our vouchers", async () => {
    const content = await sample();
    const poor = await sell(content, { meansOf: async () => ({ ...RICH, funds: 0n }) });
    const money = await paying();
    const alone = { ...money, operators: money.operators.slice(0, 1), reach: new Map([[OPERATOR, 10n ** 18n]]) };
    const { receipt, said } = await run(content, [poor.seeder], alone);
    expect(said).toContain("operator 1 is paid no more: funds");
    expect(receipt.operators).toMatchObject([{ bytes: SIZE, ended: "funds" }]);
  });

  test("is none on chain", async () => {
    const content = await sample();
    const stranger = await sell(content, { terms: { ...TERMS, operator: STRANGER.address } });
    const { receipt, said } = await run(content, [stranger.seeder], await paying());
    expect(said).toEqual([`${STRANGER.address} asks to be paid, and nothing is set aside for it: it is a free peer`]);
    expect(receipt).toMatchObject({ spent: 0n, operators: [{ operatorId: null, paid: 0n, bytes: SIZE }] });
  });
});

test("an operator that is much slower than others makes room for the next in line", async () => {
  const content = await makeSample({ "a.bin": sampleBytes(24 * MEBIBYTE, 1) }, 262_144);
  const third = STRANGER.address;
  const [slow, fast, next] = await Promise.all(
    [OPERATOR, OTHER, third].map((operator) =>
      sell(content, { terms: { ...TERMS, operator }, seeder: { unchoker: payersOnly } }),
    ),
  );
  const operators = [OPERATOR, OTHER, third].map((address, i) => ({
    ...{ id: i + 1, address, endpoint: undefined, standing: 0.9 - i / 10 },
  }));
  const reach = new Map(operators.map(({ address }) => [address, 10n ** 18n]));
  const peers = [await slowly(slow!.seeder, 200_000), await slowly(fast!.seeder, 1 << 21), next!.seeder];
  const { receipt, said } = await run(content, peers, await paying({ operators, reach, seats: 2 }));
  expect(said.slice(2)).toEqual(["operator 1 is paid no more: too slow", `operator 3 is paid ${PRICE} wei per MiB`]);
  const byId = (id: number) => receipt.operators.find(({ operatorId }) => operatorId === id)!;
  expect(byId(1).lost).toBeLessThan(16_384);
  expect(byId(3).bytes).toBeGreaterThan(byId(1).bytes);
});

test("a magnet link of which only a tracker knows peers is fetched and paid, metadata first", async () => {
  const content = await sample();
  const { seeder } = await sell(content);
  const where = await tracker();
  const signal = AbortSignal.timeout(10_000);
  const { infohashV2 } = content.torrent;
  const seed = announceOf({ infohash: infohashV2.subarray(0, 20), port: seeder.port });
  await announce(
    where.udpUrl,
    { ...seed, transfer: { uploaded: 0, downloaded: 0, left: 0 } },
    { reach: LOCAL, signal },
  );
  const magnet = parseMagnet(formatMagnet({ infohashV2, trackers: [where.udpUrl], peers: [] }));
  const folder = await temporaryFolder();
  const receipt = await fetchContent({ torrent: magnet, folder, peers: [], reach: LOCAL, paying: await paying() });
  await expectWhole(folder, content);
  expect(receipt).toMatchObject({ name: "sample", complete: true, operators: [{ operatorId: 1, bytes: SIZE }] });
  expect(where.heard.map(({ event }) => event).slice(1)).toEqual(["started", "completed", "stopped"]);
});

/** An operator that serves nobody, and asks for more whenever it is paid. */
async function takesMoney(content: Sample, operator: Address): Promise<PeerAddress> {
  const terms = { ...TERMS, operator };
  const credit = encodePayMessage({ type: "refusal", reason: "credit" });
  const extension = (): Extension => {
    let say: (payload: Uint8Array) => void = () => {};
    return {
      name: HF_PAY,
      announces: announceTerms(terms),
      onReady: (send) => {
        say = send;
        say(encodePayMessage({ type: "offer", contentId: CONTENT, price: PRICE, window: MEBIBYTE }));
      },
      onMessage: () => say(credit),
    };
  };
  const has = new Bitfield(SIZE / content.torrent.pieceLength);
  const seeder = await seed(content, { extensions: () => [extension()], has });
  return { host: seeder.host, port: seeder.port };
}
