import { join } from "node:path";
import { expect, test } from "vitest";
import { cost, MEBIBYTE } from "../retrieval/credit.ts";
import { CONTENT, DOMAIN, OPERATOR, openTestStore, PAYER, PRICE, SESSION, sell, TERMS } from "../retrieval/testing.ts";
import { hashFiles, hashFolder, makeSample, type Sample, sampleBytes, seed, temporaryFolder } from "../wire/testing.ts";
import { fetchContent, type Paying } from "./fetch.ts";

const SIZE = 8 * MEBIBYTE;
const FILES = { "a.bin": sampleBytes(SIZE, 1) };
const OTHER = DOMAIN.contract;
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
