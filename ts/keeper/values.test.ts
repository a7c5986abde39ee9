import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PAGE } from "../sdk/constants.ts";
import { Oracle } from "../sdk/contracts.ts";
import { read } from "../sdk/read.ts";
import { openStore } from "../store/store.ts";
import { LocalChain } from "../testing/deploy.ts";
import { Samples } from "./samples.ts";
import { encodePages, pledge } from "./values.ts";

const KEEPER = "0x00000000000000000000000000000000000000aa";
let chain: LocalChain;
let folder: string;

beforeAll(async () => {
  chain = await LocalChain.start();
  folder = await mkdtemp(join(tmpdir(), "holdfast-keeper-"));
});
afterAll(async () => {
  await chain.stop();
  await rm(folder, { recursive: true, force: true });
});

const full = { uptimeBps: 10_000, availabilityBps: 10_000 };

test("values are basis points plus 1, and zeros for who was not sampled", () => {
  const metrics = new Map([
    [1, { uptimeBps: 6_666, availabilityBps: 3_333 }],
    [3, { uptimeBps: 10_000, availabilityBps: 0 }],
  ]);
  expect(encodePages(metrics)).toEqual(["0x1a0b0d060000000027110001"]);
  expect([6_667, 3_334, 10_001].map((value) => value.toString(16))).toEqual(["1a0b", "d06", "2711"]);
});

test("a keeper that saw nobody has a page that says so: it counts for the quorum all the same", () => {
  expect(encodePages(new Map())).toEqual(["0x00000000"]);
});

test("pages are cut at 512 operators", () => {
  const pages = encodePages(new Map([PAGE, PAGE + 1].map((id) => [id, full])));
  expect(pages.map((page) => (page.length - 2) / 8)).toEqual([512, 1]);
  expect(pages[0]!.slice(-8)).toBe("27112711");
  expect(pages[1]).toBe("0x27112711");
});

test("H-ORC-3: the chain of hashes is the Oracle's own, page by page, down to a salt of its own", async () => {
  const pages = ["0x27112711", "0x", "0x00010001"] as const;
  const { chainId, contracts } = chain.deployment;
  const terms = { chainId, oracle: contracts.Oracle, keeper: KEEPER, epoch: 7 } as const;
  const made = pledge(pages, terms);
  let link = made.link;
  for (const [page, { values, next }] of made.pages.entries()) {
    expect(values).toBe(pages[page]);
    const args = [KEEPER, 7, BigInt(page), values, next] as const;
    expect(await read(chain.client(), chain.deployment, Oracle, "linkOf", args)).toBe(link);
    link = next;
  }
  expect(pledge(pages, terms).link).not.toBe(made.link);
});

test("samples taken at the same moment are all counted, each in its epoch, and are there after a restart", async () => {
  let store = await openStore(folder);
  const samples = new Samples(store);
  const outcome = (operatorId: number, quick: boolean) => ({ operatorId, answered: true, quick });
  await Promise.all([
    ...Array.from({ length: 20 }, (_, i) => samples.add(2, [outcome(1, i % 2 === 0), outcome(12, true)])),
    samples.add(2, [{ operatorId: 3, answered: false, quick: false }]),
    samples.add(21, [outcome(1, true)]),
  ]);
  await store.close();
  store = await openStore(folder);
  const again = new Samples(store);
  expect([...(await again.metrics(2))]).toEqual([
    [1, { uptimeBps: 10_000, availabilityBps: 5_000 }],
    [3, { uptimeBps: 0, availabilityBps: 0 }],
    [12, full],
  ]);
  await again.prune(21);
  expect((await again.metrics(2)).size).toBe(0);
  expect((await again.metrics(21)).size).toBe(1);
  await store.close();
});
