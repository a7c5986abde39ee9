// What an operator does at the turns of an order's life that are not its daily round.
import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { encodePages, pledge } from "../keeper/values.ts";
import { admitKeeperSync } from "../sdk/actions/admitKeeper.ts";
import { blockContentSync } from "../sdk/actions/blockContent.ts";
import { commitValuesSync } from "../sdk/actions/commitValues.ts";
import { ejectSync } from "../sdk/actions/eject.ts";
import { joinCommittee } from "../sdk/actions/joinCommittee.ts";
import { revealValuesSync } from "../sdk/actions/revealValues.ts";
import { epochOf, firstRound, indexOf } from "../sdk/clock.ts";
import { Holdings, Market, Operators, Oracle, Pool } from "../sdk/contracts.ts";
import { placeOrder } from "../sdk/flows/placeOrder.ts";
import { pay } from "../sdk/pay.ts";
import { read } from "../sdk/read.ts";
import { LocalChain } from "../testing/deploy.ts";
import { eventually } from "../testing/eventually.ts";
import { DataFolder } from "../torrent/index.ts";
import { probe } from "../wire/probe.ts";
import { Seeder } from "../wire/seeder.ts";
import { currentRoundOf, fund, Holder } from "./testing.ts";

const KEEPER = 9;
const closing: (() => Promise<unknown>)[] = [];
let chain: LocalChain;

beforeAll(async () => {
  // The first epoch begins when the keeper has its seat.
  chain = await LocalChain.start({ roundLength: 600, parameters: { genesis: Math.floor(Date.now() / 1000) + 3_600 } });
  for (const index of [1, 2, 3, 4, 5, KEEPER]) await fund(chain, index);
  const { deployment } = chain;
  const keeper = chain.client(KEEPER);
  await admitKeeperSync(chain.client(), { deployment, keeper: keeper.account.address });
  await pay(keeper, joinCommittee, { deployment });
  await chain.toRound(firstRound(1));
});
afterAll(() => chain.stop());
afterEach(async () => {
  for (let close = closing.pop(); close !== undefined; close = closing.pop()) await close();
});

async function open(...args: Parameters<typeof Holder.open> extends [LocalChain, ...infer Rest] ? Rest : never) {
  const holder = await Holder.open(chain, ...args);
  closing.push(() => holder.close());
  return holder;
}

test("settling an epoch whose medians nobody has tallied tallies them first", async () => {
  const holder = await open(1);
  await holder.goLive();
  await holder.proves();

  const { deployment } = chain;
  const keeper = chain.client(KEEPER);
  const { address } = keeper.account;
  const domain = { chainId: keeper.chain.id, oracle: deployment.contracts.Oracle, keeper: address, epoch: 1 };
  const seen = new Map([[holder.operatorId, { uptimeBps: 9_000, availabilityBps: 8_000 }]]);
  const { link, pages } = pledge(encodePages(seen), domain);
  await chain.toRound(firstRound(2));
  await commitValuesSync(keeper, { deployment, epoch: 1, link, pages: pages.length });
  await chain.toRound(firstRound(2) + 1);
  await revealValuesSync(keeper, { deployment, epoch: 1, values: pages[0]!.values, next: pages[0]!.next });

  await chain.toRound(firstRound(2) + 2);
  const settled = () => read(keeper, deployment, Pool, "settledThrough", [holder.operatorId, 1]);
  await eventually(async () => expect(await settled()).toBe(true));
  const metrics = await read(keeper, deployment, Oracle, "metrics", [holder.operatorId, 1]);
  expect(metrics).toEqual([true, true, 9_000, 8_000]);
});

test("an order that renews one it holds is accepted before it starts, and proven without a gap", async () => {
  const holder = await open(2);
  await holder.goLive(1);
  await holder.proves();
  const epoch = epochOf(await currentRoundOf(chain));
  const { contentId } = holder.publication;
  const terms = { contentId, replicas: 1, startEpoch: epoch + 1, epochs: 1, incumbentOrder: holder.orderId };
  const { orderId: renewal } = await placeOrder(chain.client(), { deployment: chain.deployment, ...terms });
  const slot = () => holder.service.state.orders.get(renewal)?.slots[0];

  const start = firstRound(epoch + 1);
  await chain.toRound(start - 4);
  await chain.client().mine({ blocks: 1 });
  await eventually(() => expect(holder.service.state.orders.has(renewal)).toBe(true));
  expect(slot()).toBeUndefined();
  await chain.toRound(start - 3);
  await eventually(() => expect(slot()).toMatchObject({ operatorId: holder.operatorId, liveFrom: start }));
  await chain.seedRound(start - 1);
  await eventually(() => expect(holder.state.proven).toContain(start - 1));
  await holder.proves();
  expect(holder.state.proven).toContain(start);
});

test("with reserveFirst an order is accepted before its content is here, which is fetched and activated in time", async () => {
  const holder = await open(3, () => ({ reserveFirst: true }));
  const { created, data, seeder } = holder.publication;
  const { port } = seeder;
  await seeder.close();
  await holder.reserve();
  await chain.seedRound((await currentRoundOf(chain)) + 1);

  const back = await Seeder.listen({ host: "127.0.0.1", port });
  const folder = new DataFolder(dirname(data), created.torrent);
  closing.push(
    () => folder.close(),
    () => back.close(),
  );
  back.add({ torrent: created.torrent, folder });
  const round = await currentRoundOf(chain);
  await eventually(() => expect(holder.slot?.liveFrom).toBe(round + 1));
  await holder.proves();
});

test.each([
  ["whose content could not be had", { reserveFirst: true }, 4],
  ["that was not there in time to activate", {}, 5],
] as const)("an operator %s gives its lapsed reservation back", async (_, config, index) => {
  const holder = await open(index, () => config);
  const online = !("reserveFirst" in config);
  if (!online) await holder.publication.seeder.close();
  await holder.reserve();
  const { operatorId, orderId } = holder;
  if (online) await holder.service.stop();
  const round = await currentRoundOf(chain);
  for (let later = 1; later <= 3; later++) await chain.seedRound(round + later);
  await chain.seedRound(round + 4);
  if (online) await holder.start(config);
  await eventually(() => expect(holder.slot).toBeUndefined());
  expect(holder.service.state.orders.get(orderId)!.barred).toContain(operatorId);
  const [chunks] = await read(chain.client(), chain.deployment, Operators, "reservedNow", [operatorId]);
  expect(chunks).toBe(0n);
});

test("an operator that was ejected unwinds its slots when it is back", async () => {
  await fund(chain, 6);
  const holder = await open(6);
  await holder.goLive();
  await holder.proves();
  const { operatorId, orderId } = holder;
  await holder.service.stop();
  const round = await currentRoundOf(chain);
  for (let missed = 1; missed <= 7; missed++) await chain.seedRound(round + missed);
  await chain.toRound(round + 8);
  await ejectSync(chain.client(), { deployment: chain.deployment, operatorId });
  expect(await read(chain.client(), chain.deployment, Market, "slot", [orderId, 0])).toMatchObject({ operatorId });

  await holder.start();
  await eventually(() => expect(holder.slot).toBeUndefined());
  await eventually(() => expect(holder.state.stamp).toBeUndefined());
});

test("H-ESC-2: what is blocked is served no more, deleted, and unwound in the round of the stamp: nothing is due, nothing is slashed", async () => {
  await fund(chain, 7);
  const holder = await open(7);
  await holder.goLive();
  await holder.proves();
  const { operatorId, orderId, publication, service } = holder;
  const { contentId, created } = publication;
  const { stake } = await read(chain.client(), chain.deployment, Operators, "operator", [operatorId]);
  await blockContentSync(chain.client(), { deployment: chain.deployment, contentId, reason: "a court's order" });

  await eventually(() => expect(holder.slot).toBeUndefined());
  const round = await currentRoundOf(chain);
  const [ending] = await chain.client().getContractEvents({
    ...{ address: chain.deployment.contracts.Market, abi: Market.abi, eventName: "SlotEnded", strict: true },
    ...{ args: { orderId }, fromBlock: 0n },
  });
  expect(ending?.args).toMatchObject({ from: round + 1, slashed: 0n });
  expect(await read(chain.client(), chain.deployment, Operators, "operator", [operatorId])).toMatchObject({ stake });
  await eventually(async () => expect(await readdir(holder.contents)).toEqual([".holdfast-volume"]));
  const [sample] = await probe({ ...service.address, torrent: created.torrent, count: 1 });
  expect(sample).toMatchObject({ answered: false });
  const { idle } = await read(chain.client(), chain.deployment, Holdings, "tally", [operatorId, epochOf(round)]);
  expect((idle >> indexOf(round + 1)) & 1).toBe(1);
});
