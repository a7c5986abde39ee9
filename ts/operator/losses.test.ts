import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openStore } from "../store/store.ts";
import { temporaryFolder } from "../testing/folders.ts";
import { LossLedger } from "./losses.ts";

const slots = (...entries: [string, number][]) => new Map(entries);

test("no more than a share of what is held is given up within a round, across restarts, each slot counted once", async () => {
  const folder = join(await temporaryFolder(), "store");
  let store = await openStore(folder);
  let ledger = await LossLedger.open(store, 0.25);
  const live = slots(["a", 10], ["b", 10], ["c", 20]);
  expect(ledger.allows(40, slots(["a", 10]), live)).toBe(true);
  expect(ledger.allows(40, slots(["c", 20]), live)).toBe(false);
  await ledger.note(40, slots(["a", 10]));
  await store.close();

  store = await openStore(folder);
  onTestFinished(() => store.close());
  ledger = await LossLedger.open(store, 0.25);
  // Its report may not have reached the chain: it is made again, and is no second loss.
  expect(ledger.allows(40, slots(["a", 10]), live)).toBe(true);
  // It has ended since: what was held in the round is the measure still.
  expect(ledger.allows(40, slots(["b", 10]), slots(["b", 10], ["c", 20]))).toBe(false);
  expect(ledger.allows(41, slots(["b", 7]), slots(["b", 7], ["c", 23]))).toBe(true);
  const noted = ledger.note(41, slots(["b", 7]));
  // At once, for another that is about to be given up.
  expect(ledger.allows(41, slots(["c", 23]), slots(["c", 23]))).toBe(false);
  await noted;
});

test("a share of all confirms every loss beforehand, a share of nothing none", async () => {
  const store = await openStore(join(await temporaryFolder(), "store"));
  onTestFinished(() => store.close());
  const all = slots(["a", 1]);
  expect((await LossLedger.open(store, 1)).allows(1, all, all)).toBe(true);
  expect((await LossLedger.open(store, 0)).allows(1, all, all)).toBe(false);
});
