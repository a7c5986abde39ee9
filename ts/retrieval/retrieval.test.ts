import { join } from "node:path";
import { expect, test } from "vitest";
import { fetchTorrent } from "../wire/fetch.ts";
import { hashFiles, hashFolder, makeSample, sampleBytes, temporaryFolder } from "../wire/testing.ts";
import { cost, MEBIBYTE } from "./credit.ts";
import { CONTENT, OPERATOR, PAYER, PRICE, payerFor, payingWith, sell } from "./testing.ts";

const FILES = { "a.bin": sampleBytes(20 * MEBIBYTE, 1), "b.bin": sampleBytes(100_000, 2) };

test("H-RET-1: a downloader pays an operator for what it verified, and both have it on record", async () => {
  const sample = await makeSample(FILES, 262_144);
  const { seeder, ledger, refusals } = await sell(sample);
  const payer = await payerFor(sample);
  const folder = await temporaryFolder();
  await fetchTorrent({ torrent: sample.torrent, peers: [seeder], folder, ...payingWith(payer) });
  expect(await hashFolder(join(folder, "sample"))).toEqual(hashFiles(FILES));
  const bytes = 20 * MEBIBYTE + 100_000;
  const [line] = payer.receipt;
  expect(line).toMatchObject({ operator: OPERATOR, bytes, averagePrice: PRICE, ended: undefined });
  expect(line!.lost).toBeLessThan(16_384);
  expect(refusals).toEqual([]);
  await expect.poll(() => ledger.get(PAYER.address, CONTENT)?.voucher.cumulativeBytes).toBeGreaterThanOrEqual(bytes);
  const { voucher } = ledger.get(PAYER.address, CONTENT)!;
  expect(voucher.cumulativeAmount).toBe(line!.paid);
  expect(voucher.cumulativeAmount - cost(bytes, PRICE)).toBeLessThan(PRICE / 32n);
});
