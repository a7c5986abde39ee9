// What costs stake when it goes wrong: telling data that is lost from data whose disk is not there.

import { mkdir, open as openFile, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { EXIT } from "../errors.ts";
import { reportLossSync } from "../sdk/actions/reportLoss.ts";
import { LocalChain } from "../testing/deploy.ts";
import { eventually } from "../testing/eventually.ts";
import { temporaryFolder } from "../testing/folders.ts";
import { DataFolder } from "../torrent/index.ts";
import { fetchTorrent } from "../wire/fetch.ts";
import { Seeder } from "../wire/seeder.ts";
import type { OperatorConfigInput } from "./config.ts";
import { contentsIn, currentRoundOf, fund, Holder, metricOf, type Publication, spoil } from "./testing.ts";

/** Nothing but what is under test keeps the agent from reporting a loss at once. */
const HASTY = { repairRounds: 0, maxLossShare: 1 };

const closing: (() => Promise<unknown>)[] = [];
let chain: LocalChain;

beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
  for (const index of [1, 2, 3, 4, 5, 6, 7]) await fund(chain, index);
});
afterAll(() => chain.stop());
afterEach(async () => {
  for (let close = closing.pop(); close !== undefined; close = closing.pop()) await close();
});

async function open(index: number, config: (published: Publication) => Partial<OperatorConfigInput>): Promise<Holder> {
  const holder = await Holder.open(chain, index, config);
  closing.push(() => holder.close());
  await holder.goLive();
  await holder.proves();
  return holder;
}

/** Fetches a holder's content as any peer. */
function fetchFrom({ publication, service }: Holder, folder: string) {
  const { torrent } = publication.created;
  return fetchTorrent({ torrent, peers: [service.address], folder, limits: { idleMs: 1_000 } });
}

const currentRound = () => currentRoundOf(chain);

test("H-STAKE-2: a volume that is missing, empty or another one is no loss: nothing is reported, nothing written, and it goes on when it is back", async () => {
  const holder = await open(1, () => HASTY);
  const aside = `${holder.contents}.aside`;
  await rename(holder.contents, aside);
  await holder.fails("the folder is missing or empty");
  await mkdir(holder.contents);
  await holder.fails("the folder is missing or empty");
  expect(await readdir(holder.contents)).toEqual([]);
  await writeFile(join(holder.contents, ".holdfast-volume"), "another's\n");
  await holder.fails("another operator's");
  const folder = await temporaryFolder();
  await expect(fetchFrom(holder, folder)).rejects.toMatchObject({ fault: "idle" });
  expect(await contentsIn(holder.dataDir)).toEqual([]);
  expect(holder.slot).toBeDefined();

  await rm(holder.contents, { recursive: true });
  await rename(aside, holder.contents);
  await eventually(() => expect(holder.health.faults()).toEqual([]));
  await holder.proves();
  expect(await metricOf(holder.service, "losses_reported_total")).toBe(0);
  await fetchFrom(holder, folder); // served again, what was asked for in vain meanwhile included
});

test("an operator that starts without its volume waits for it", async () => {
  const holder = await open(2, () => HASTY);
  await holder.service.stop();
  const aside = `${holder.contents}.aside`;
  await rename(holder.contents, aside);
  const started = holder.start(HASTY);
  await eventually(() => expect(holder.health.faults()).toHaveLength(1));
  expect(await readdir(holder.dataDir)).not.toContain("contents");
  await rename(aside, holder.contents);
  await started;
  expect(holder.health.faults()).toEqual([]);
  await holder.proves();
});

test("an operator whose whole data folder is another one does not start, unless it is told that this is its folder now", async () => {
  const holder = await open(3, () => ({}));
  await holder.service.stop();
  await rename(holder.dataDir, `${holder.dataDir}.aside`);
  closing.push(() => rm(`${holder.dataDir}.aside`, { recursive: true, force: true }));
  await mkdir(holder.dataDir);
  await expect(holder.start({})).rejects.toMatchObject({ name: "AbsentDataError", exitCode: EXIT.retryable });
  expect(holder.slot).toBeDefined();
  await holder.start({}, { newVolume: true });
  await eventually(async () => expect(await contentsIn(holder.dataDir)).toEqual([holder.publication.infohash]));
  await holder.proves();
});

test("data of another client that is not where it was is no loss either, and is not fetched", async () => {
  const adopt = ({ torrentFile, data }: Publication) => ({ ...HASTY, adopt: [{ torrent: torrentFile, data }] });
  const holder = await open(4, adopt);
  const { data } = holder.publication;
  await rename(data, `${data}.aside`);
  await holder.fails("is where another client kept it");
  await chain.toRound((await currentRound()) + 1);
  await rename(`${data}.aside`, data);
  await eventually(() => expect(holder.health.faults()).toEqual([]));
  expect(await contentsIn(holder.dataDir)).toEqual([]);
  await holder.proves();
});

test("a loss of more than its share within a round waits for the owner's word", async () => {
  const holder = await open(5, () => ({ repairRounds: 0 }));
  const { publication, orderId } = holder;
  await publication.seeder.close();
  await spoil(join(holder.contents, publication.infohash, publication.created.torrent.name));
  await holder.fails(`holdfast operator report-loss ${orderId} 0`);
  await chain.toRound((await currentRound()) + 1);
  expect(holder.slot).toBeDefined();
  expect(await metricOf(holder.service, "losses_reported_total")).toBe(0);

  await reportLossSync(chain.client(5), { deployment: chain.deployment, orderId, replica: 0 });
  await eventually(() => expect(holder.slot).toBeUndefined());
  await eventually(() => expect(holder.health.faults()).toEqual([]));
  await eventually(async () => expect(await contentsIn(holder.dataDir)).toEqual([]));
});

test("rot is found without a challenge, and repaired from the swarm; what cannot be repaired is reported", async () => {
  const scrub = { period: "1s", maxRate: "64 MiB" };
  const holder = await open(6, () => ({ ...HASTY, repairRounds: 1, scrub }));
  const { publication, service } = holder;
  const data = join(holder.contents, publication.infohash, publication.created.torrent.name);
  const rot = async () => {
    const file = await openFile(data, "r+");
    await file.write(Buffer.from("rotten"), 0, 6, 300_000);
    await file.close();
  };
  await rot();
  const original = await readFile(publication.data);
  await eventually(async () => expect(await metricOf(service, "scrub_bad_blocks_total")).toBeGreaterThan(0));
  await eventually(async () => expect((await readFile(data)).equals(original)).toBe(true));
  await holder.proves();

  await publication.seeder.close();
  const before = await metricOf(service, "scrub_bad_blocks_total");
  await rot();
  await eventually(async () => expect(await metricOf(service, "scrub_bad_blocks_total")).toBeGreaterThan(before));
  await chain.toRound((await currentRound()) + 1);
  await eventually(() => expect(holder.slot).toBeUndefined());
  await eventually(async () => expect(await metricOf(service, "losses_reported_total")).toBe(1));
});

test("a repair that gets on is not cut off at the end of its time", async () => {
  const holder = await open(7, () => ({ ...HASTY, repairRounds: 1 }));
  const { publication, service } = holder;
  const { port } = publication.seeder;
  await publication.seeder.close();
  // The publisher's host takes calls, and answers when it is let.
  const inner = await Seeder.listen({ host: "127.0.0.1", port: 0 });
  const folder = new DataFolder(dirname(publication.data), publication.created.torrent);
  inner.add({ torrent: publication.created.torrent, folder });
  const waiting: Socket[] = [];
  let answering = false;
  const answer = (socket: Socket) => socket.pipe(connect(inner.port, "127.0.0.1")).pipe(socket);
  const outer = createServer((socket) => {
    waiting.push(socket.on("error", () => {}));
    if (answering) answer(socket);
  }).listen(port, "127.0.0.1");
  closing.push(
    async () => outer.close(),
    () => inner.close(),
    () => folder.close(),
  );
  await spoil(join(holder.contents, publication.infohash, publication.created.torrent.name));
  await chain.seedRound((await currentRound()) + 1);
  await eventually(() => expect(waiting).not.toEqual([]));
  const next = (await currentRound()) + 1;
  await chain.toRound(next);
  await eventually(async () => expect(await metricOf(service, "round")).toBe(next));
  answering = true;
  for (const socket of waiting) answer(socket);
  await holder.proves();
  expect(await metricOf(service, "losses_reported_total")).toBe(0);
});
