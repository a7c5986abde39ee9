import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { type Address, getAddress } from "viem";
import { acceptSync } from "../sdk/actions/accept.ts";
import { openAudit } from "../sdk/actions/openAudit.ts";
import { epochOf, firstRound, lastRound, ROUNDS, startOf } from "../sdk/clock.ts";
import { FREEZE_ROUND, PAID_REPUTATION } from "../sdk/constants.ts";
import { Audits, Beacon, Oracle } from "../sdk/contracts.ts";
import { pay } from "../sdk/pay.ts";
import { read } from "../sdk/read.ts";
import type { HeldSlot } from "../service/state.ts";
import { download, takeHome } from "./downloads.ts";
import { checkLedgers, type Ledger } from "./ledgers.ts";
import { ledgerTable, operatorTable, type Row } from "./table.ts";
import { makeView, type View } from "./view.ts";
import { World, type WorldOptions } from "./world.ts";

export interface DevnetOptions extends WorldOptions {
  readonly json: boolean;
  /** Leaves the run's folder where it is. */
  readonly keep: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Report {
  readonly holds: boolean;
  /** What did not come out as it must. */
  readonly failures: readonly string[];
  readonly seconds: number;
  readonly operators: readonly Row[];
  readonly ledgers: readonly Ledger[];
}

const EPOCH = 1;
const FIRST = firstRound(EPOCH);
const LAST = lastRound(EPOCH);
/** The first round of the next epoch in which everything is paid. */
const PAYDAY = LAST + 1 + FREEZE_ROUND;
/** What happens, and in which round. */
const VOID = FIRST + 6;
const DOWNLOADS = FIRST + 2;
const FOUND_LOSS = FIRST + 9;
const AUDITED_LOSS = FIRST + 13;
const [OUTAGE, BACK] = [FIRST + 17, FIRST + 20];
/** How long a round's participants are waited for, in ms of this machine: a round that is late is a round missed. */
const PATIENCE_MS = 20_000;

/**
 * A whole epoch of a whole network on this machine, with its mishaps. Time is moved round by round; what the participants do in each they do
 * by themselves, and the run looks at the chain to see it done.
 *
 * @returns the report; `holds` is false if any promise of the protocol was not kept
 */
export async function runDevnet(options: DevnetOptions): Promise<Report> {
  const view = makeView(options.json);
  const began = Date.now();
  view.say("starting a chain, the contracts and a beacon");
  const world = await World.start(options);
  try {
    const run = new Run(world, view, options);
    await run.epoch();
    const report = await run.report((Date.now() - began) / 1000);
    view.finish(
      `${operatorTable(report.operators)}\n\n${ledgerTable(report.ledgers)}\n\n${verdict(report)}`,
      options.json ? report : undefined,
    );
    if (options.keep) view.say(`everything is kept in ${world.folder}`);
    return report;
  } finally {
    await world.stop({ keep: options.keep });
  }
}

function verdict({ holds, failures, seconds }: Report): string {
  if (holds) return `Every ledger adds up to the wei. ${seconds.toFixed(0)} s.`;
  return ["What does not hold:", ...failures.map((failure) => `  - ${failure}`)].join("\n");
}

class Run {
  readonly #world: World;
  readonly #view: View;
  readonly #options: DevnetOptions;
  readonly #failures: string[] = [];
  /** Reputations before the epoch is settled, by operator. */
  readonly #before = new Map<number, bigint>();
  #ghost = { operatorId: 0, orderId: 0, replica: 0 };
  #finder: HeldSlot | undefined;
  #loser: HeldSlot | undefined;
  #absent = 0;
  /** What payers promised, by the address that is paid. */
  readonly #promised = new Map<Address, bigint>();
  /** Slots that had ended when the round began. */
  #endedBefore = 0;

  constructor(world: World, view: View, options: DevnetOptions) {
    this.#world = world;
    this.#view = view;
    this.#options = options;
  }

  async epoch(): Promise<void> {
    const { operators, keepers } = this.#options;
    const [world, say] = [this.#world, (what: string) => this.#view.say(what)];
    say(`${keepers} keepers take their seats, ${operators} operators register with a stake`);
    await world.seatKeepers(keepers);
    await this.#moveTo(FIRST, 1);
    const registrations = Array.from({ length: operators }, (_, i) => i);
    for (const i of registrations) await world.startOperator(i, { register: true });
    const ghost = await world.registerGhost(operators);
    // Who need not fetch is the first to accept.
    await world.publishAll(this.#options, say, () => this.#ghostAccepts(ghost));
    for (let round = FIRST; round <= PAYDAY; round++) {
      this.#options.signal?.throwIfAborted();
      await this.#round(round);
    }
  }

  /** One day of the network. */
  async #round(round: number): Promise<void> {
    this.#view.progress(round - FIRST, PAYDAY - FIRST, `epoch ${epochOf(round)}, round ${round % ROUNDS}`);
    if (round !== FIRST) await this.#moveTo(round, 1);
    this.#endedBefore = this.#world.observer.endings.length;
    if (round === BACK) await this.#comeBack();
    const seeded = await this.#seed(round);
    if (seeded) await this.#proofs(round);
    await this.#happenings(round);
    if (round <= LAST) return;
    const index = round - LAST - 1;
    if (index === 0) await this.#committed();
    if (index === 1) await this.#revealed();
    if (index === 2) await this.#settled();
    if (round === PAYDAY) await this.#paid();
  }

  async #happenings(round: number): Promise<void> {
    if (round === FIRST) await this.#fetched();
    if (round === FIRST + 1) this.#view.say(`slots are live: ${this.#liveSlots(round + 1).length}`);
    if (round === DOWNLOADS) await this.#download(round);
    if (round === FIRST + 5) await this.#replaced(this.#ghost, "the reservation of the operator that never fetches");
    if (round === FOUND_LOSS) await this.#findLoss();
    if (round === FOUND_LOSS + 3 && this.#finder)
      await this.#replaced({ ...this.#finder, orderId: this.#finder.order.id }, "the slot reported lost");
    if (round === AUDITED_LOSS) await this.#loseAndAudit();
    if (round === AUDITED_LOSS + 1) await this.#auditEnds();
    if (round === OUTAGE - 1) await this.#goOut();
  }

  // ---- Time and seeds ----

  async #moveTo(round: number, seconds: number): Promise<void> {
    const { chain, deployment } = this.#world;
    const { timestamp } = await chain.client().getBlock();
    if (timestamp < startOf(deployment, round) + seconds) await chain.toRound(round, seconds);
  }

  /** Moves to the round's beacon and waits until a keeper has brought it. @returns whether the round has a seed */
  async #seed(round: number): Promise<boolean> {
    const { chain, observer, deployment } = this.#world;
    const client = this.#world.client();
    const [opens, closes] = await read(client, deployment, Beacon, "window", [round]);
    const start = startOf(deployment, round);
    if (round === VOID) {
      chain.beacon.withheld.add(Number(await read(client, deployment, Beacon, "drandRoundFor", [round])));
      await this.#moveTo(round, Number(closes) - start + 1);
      this.#view.say(`round ${round % ROUNDS}: the beacon is withheld, the round is void`);
      return false;
    }
    await this.#moveTo(round, Number(opens) - start + 1);
    const seeded = await observer.until(() => observer.state.seeds.has(round), PATIENCE_MS);
    this.#expect(seeded, `round ${round % ROUNDS} has a seed`);
    return seeded;
  }

  // ---- What the participants must have done ----

  #liveSlots(round: number): HeldSlot[] {
    const { state } = this.#world.observer;
    return [...state.operators.keys()].flatMap((id) =>
      state.slotsOf(id, round).filter(({ liveFrom }) => liveFrom !== undefined && liveFrom <= round),
    );
  }

  /** Waits for the round's proofs, and for what was reserved to become live. */
  async #proofs(round: number): Promise<void> {
    const { observer } = this.#world;
    const done = () =>
      this.#running().every((id) => {
        // A round that draws what was just lost cannot be proven any more; reporting the loss is all that can be done.
        if (observer.endings.slice(this.#endedBefore).some(({ operatorId }) => operatorId === id)) return true;
        const slots = observer.state.slotsOf(id, round);
        const live = slots.some(({ liveFrom }) => liveFrom !== undefined && liveFrom <= round);
        const reserved = slots.some(({ liveFrom, acceptedIn }) => liveFrom === undefined && acceptedIn < round);
        return (!live || observer.state.operators.get(id)!.proven.has(round)) && !reserved;
      });
    const all = await observer.until(done, PATIENCE_MS);
    this.#expect(all, `every operator that is there proves round ${round % ROUNDS}`);
    const proven = [...observer.state.operators.values()].filter(({ proven }) => proven.has(round)).length;
    if (proven) this.#view.say(`round ${round % ROUNDS}: ${proven} operators proved what they hold`);
  }

  /** Operators whose agents are running. */
  #running(): number[] {
    return this.#world.operators.flatMap((service) => service?.operatorId ?? []);
  }

  async #ghostAccepts({ client, operatorId }: Awaited<ReturnType<World["registerGhost"]>>): Promise<void> {
    const { orderId } = this.#world.publications[0]!;
    await this.#world.observer.sync();
    const slots = this.#world.observer.state.orders.get(orderId)!.slots;
    const replica = slots.indexOf(undefined);
    this.#ghost = { operatorId, orderId, replica };
    await acceptSync(client, { deployment: this.#world.deployment, orderId, replica, operatorId });
    this.#view.say(`operator ${operatorId} accepts a replica and never fetches it`);
  }

  /** Every replica must find its operator: fetched from the uploader, checked, accepted. */
  async #fetched(): Promise<void> {
    const { observer, publications } = this.#world;
    const orders = () => publications.map(({ orderId }) => observer.state.orders.get(orderId)!);
    const total = publications.length * 3;
    let last = -1;
    const all = await observer.until(() => {
      const held = orders().reduce((sum, order) => sum + order.slots.filter(Boolean).length, 0);
      if (held !== last)
        this.#view.progress(0, PAYDAY - FIRST, `operators fetch, check and accept: ${held} of ${total}`);
      last = held;
      return held === total;
    }, 4 * PATIENCE_MS);
    this.#expect(all, "every replica is accepted");
    this.#view.say(
      `operators fetched the contents from the uploader, checked and accepted them: ${last} of ${total} replicas`,
    );
  }

  async #replaced(
    { operatorId, orderId, replica }: { operatorId: number; orderId: number; replica: number },
    what: string,
  ): Promise<void> {
    const { observer } = this.#world;
    const holder = () => observer.state.orders.get(orderId)?.slots[replica];
    const taken = await observer.until(
      () => holder() !== undefined && holder()!.operatorId !== operatorId,
      PATIENCE_MS,
    );
    this.#expect(taken, `${what} finds another operator`);
    if (taken) this.#view.say(`${what} is operator ${holder()!.operatorId}'s now`);
  }

  // ---- Downloads ----

  /** The operators are paid for what they serve, and redeem it before the payers' money has gone home. */
  async #download(round: number): Promise<void> {
    const { observer, publications } = this.#world;
    const archive = publications[1]!;
    const [bidder, other, free] = await download(this.#world, archive, round, this.#view);
    for (const { receipt } of [bidder, other]) {
      for (const { operator, paid } of receipt!.operators)
        this.#promised.set(operator, (this.#promised.get(operator) ?? 0n) + paid);
    }
    const [first, second, third] = [bidder, other, free].map(({ who, seconds }) => `${who} in ${seconds.toFixed(1)} s`);
    this.#expect(bidder.seconds < other.seconds, "who bids more has its download first");
    this.#view.say(
      `downloads: ${first}, ${second}, ${third}; bidding twice as much saved ${(other.seconds - bidder.seconds).toFixed(1)} s`,
    );
    await takeHome(this.#world);
    const sum = (amounts: Iterable<bigint>) => [...amounts].reduce((total, wei) => total + wei, 0n);
    const all = await observer.until(
      () => sum(observer.redeemed.values()) === sum(this.#promised.values()),
      PATIENCE_MS,
    );
    this.#expect(all, "operators redeem every voucher before the payers' money has thawed");
    this.#view.say(
      `the payers take the rest home; operators redeemed ${sum(observer.redeemed.values())} wei before that`,
    );
  }

  // ---- What goes wrong ----

  /** A small content of which an operator holds a live copy, on its disk. */
  #smallSlot(operatorId: number, but: readonly number[] = []): HeldSlot | undefined {
    const { observer, publications } = this.#world;
    const [first, archive] = publications;
    const spared = [first!.contentId, archive!.contentId, ...but];
    return observer.state
      .slotsOf(operatorId, LAST)
      .find(({ order, liveFrom }) => liveFrom !== undefined && !spared.includes(order.contentId));
  }

  /** Empties an operator's copy of one content, as a failing disk might. */
  async #destroy({ operatorId, order }: HeldSlot): Promise<void> {
    const index = this.#world.operators.findIndex((service) => service?.operatorId === operatorId);
    const { torrent } = this.#world.publications.find(({ contentId }) => contentId === order.contentId)!;
    const infohash = Buffer.from(torrent.infohashV2).toString("hex");
    const path = join(this.#world.dataOf(index), "contents", infohash, torrent.name);
    await truncate(path, 0);
  }

  #byChunks(): number[] {
    const { state } = this.#world.observer;
    const held = (id: number) => state.slotsOf(id, LAST).reduce((sum, { order }) => sum + order.chunks, 0);
    return this.#running().sort((a, b) => held(b) - held(a));
  }

  /** One operator's disk loses a content; a peer's question or a draw shows it, and the operator says so itself. */
  async #findLoss(): Promise<void> {
    const { observer } = this.#world;
    const operatorId = this.#byChunks()[1]!;
    const slot = this.#smallSlot(operatorId);
    if (!slot) return this.#expect(false, "an operator holds a small content to lose");
    this.#finder = slot;
    await this.#destroy(slot);
    this.#view.say(`operator ${operatorId} loses a content`);
    const client = this.#world.client();
    // Its draws may miss the loss for days; keepers' questions about the content do not.
    const reported = () => observer.endings.some((e) => e.orderId === slot.order.id && e.replica === slot.replica);
    for (let minutes = 1; minutes <= 20 && !reported(); minutes++) {
      const now = Number((await client.getBlock()).timestamp);
      await client.setNextBlockTimestamp({ timestamp: BigInt(now + 3_600) });
      await client.mine({ blocks: 1 });
      await observer.until(reported, 1_000);
    }
    this.#expect(reported(), "the operator that found a loss reports it");
    const ending = observer.endings.find((e) => e.orderId === slot.order.id && e.replica === slot.replica);
    if (ending)
      this.#view.say(`operator ${operatorId} found it and reported it: slashed by half, ${ending.slashed} wei`);
  }

  /** A twentieth of an operator's chunks is lost, and somebody who suspects it pays for an audit. */
  async #loseAndAudit(): Promise<void> {
    const { observer, deployment } = this.#world;
    const operatorId = this.#byChunks()[0]!;
    const slot = this.#smallSlot(operatorId, [this.#finder?.order.contentId ?? 0]);
    if (!slot) return this.#expect(false, "an operator holds a small content to lose");
    this.#loser = slot;
    const held = observer.state.slotsOf(operatorId, LAST).reduce((sum, { order }) => sum + order.chunks, 0);
    const client = this.#world.client();
    const maxFee = await read(client, deployment, Audits, "auditFee", []);
    await pay(client, openAudit, { deployment, orderId: slot.order.id, replica: slot.replica, maxFee });
    await this.#destroy(slot);
    this.#view.say(
      `operator ${operatorId} loses ${slot.order.chunks} of its ${held} chunks, and somebody audits that slot`,
    );
  }

  async #auditEnds(): Promise<void> {
    const slot = this.#loser;
    if (!slot) return;
    const { observer } = this.#world;
    const found = () => observer.endings.find((e) => e.orderId === slot.order.id && e.replica === slot.replica);
    await observer.until(() => found() !== undefined, PATIENCE_MS);
    this.#expect(found()?.ending === 0, "the audited loss counts as a failed audit");
    if (found())
      this.#view.say(`the audit failed: operator ${slot.operatorId} is slashed in full, ${found()!.slashed} wei`);
  }

  async #goOut(): Promise<void> {
    const index = this.#world.operators.findIndex(
      (service) => service && ![this.#finder?.operatorId, this.#loser?.operatorId].includes(service.operatorId),
    );
    this.#absent = this.#world.operators[index]!.operatorId;
    await this.#world.stopOperator(index);
    this.#view.say(`operator ${this.#absent} goes out`);
  }

  async #comeBack(): Promise<void> {
    await this.#world.startOperator(this.#world.operators.indexOf(undefined));
    this.#view.say(`operator ${this.#absent} is back after ${BACK - OUTAGE} rounds`);
  }

  // ---- The end of the epoch ----

  async #committed(): Promise<void> {
    for (const { id, reputation } of this.#world.observer.state.operators.values()) this.#before.set(id, reputation);
    const { client, deployment, committee } = await this.#oracle();
    const committed = async () => {
      const links = await Promise.all(committee.map((k) => read(client, deployment, Oracle, "commitment", [EPOCH, k])));
      return links.every(({ pages }) => pages > 0);
    };
    this.#expect(await eventually(committed), "every keeper commits");
    this.#view.say(`${committee.length} keepers committed to what they sampled`);
  }

  async #revealed(): Promise<void> {
    const { client, deployment, committee } = await this.#oracle();
    const counted = async () =>
      (await read(client, deployment, Oracle, "session", [EPOCH])).revealers === (1 << committee.length) - 1;
    this.#expect(await eventually(counted), "every keeper reveals");
    this.#view.say(`${committee.length} keepers revealed it`);
  }

  async #settled(): Promise<void> {
    const { observer } = this.#world;
    const all = await observer.until(() => this.#running().every((id) => observer.outcomes.has(id)), PATIENCE_MS);
    this.#expect(all, "every operator is settled in time");
    this.#view.say(`the medians are tallied, ${observer.outcomes.size} operators settled`);
  }

  async #paid(): Promise<void> {
    const { observer } = this.#world;
    const waits = (id: number) => observer.outcomes.get(id)!.reputation < PAID_REPUTATION;
    const due = this.#running().filter((id) => !waits(id));
    const all = await observer.until(
      () => due.every((id) => observer.paid.has(id)) && observer.keeperPay.size === this.#options.keepers,
      PATIENCE_MS,
    );
    this.#expect(all, "every operator whose reputation allows it, and every keeper, is paid");
    for (const id of this.#running().filter(waits)) {
      this.#view.say(`operator ${id}'s share waits: its reputation is below 0.3 after the loss`);
    }
    const total = [...observer.paid.values()].reduce((sum, owed) => sum + owed, 0n);
    this.#view.say(`the epoch's fees are split: ${total} wei to ${observer.paid.size} operators`);
  }

  async #oracle() {
    const { deployment } = this.#world;
    const client = this.#world.client();
    return { client, deployment, committee: await read(client, deployment, Oracle, "committee", [EPOCH]) };
  }

  // ---- The report ----

  async report(seconds: number): Promise<Report> {
    const { observer, deployment } = this.#world;
    const client = this.#world.client();
    await observer.sync();
    const seeded = await read(client, deployment, Beacon, "seededMask", [EPOCH]);
    const voidRounds = Array.from({ length: ROUNDS }, (_, i) => (seeded >> i) & 1).filter((bit) => bit === 0).length;
    const rows: Row[] = [];
    for (const [operatorId, outcome] of [...observer.outcomes].sort(([a], [b]) => a - b)) {
      const [, present, uptimeBps, availabilityBps] = await read(client, deployment, Oracle, "metrics", [
        operatorId,
        EPOCH,
      ]);
      const service = this.#world.operators.find((running) => running?.operatorId === operatorId);
      const payout = getAddress(observer.state.operators.get(operatorId)!.payout);
      rows.push({
        operatorId,
        outcome,
        voidRounds,
        uptimeBps: present ? uptimeBps : undefined,
        availabilityBps: present ? availabilityBps : undefined,
        reputationBefore: this.#before.get(operatorId) ?? 0n,
        earned: observer.paid.get(operatorId) ?? 0n,
        served: service === undefined ? 0 : await this.#world.sentBy(service),
        promised: this.#promised.get(payout) ?? 0n,
        redeemed: observer.redeemed.get(payout) ?? 0n,
      });
    }
    const payers = [0, 1].map((index) => this.#world.payer(index).account.address);
    const ledgers = await checkLedgers(client, deployment, observer.state, EPOCH, [client.account.address], payers);
    for (const { contract, holds } of ledgers) this.#expect(holds, `the ledger of ${contract} adds up to the wei`);
    this.#expect(voidRounds === 1, "one round is void");
    this.#expect(
      observer.lapses.some(({ operatorId }) => operatorId === this.#ghost.operatorId),
      "the reservation that was never activated lapses",
    );
    for (const { operatorId, outcome } of rows) {
      const bad = Number(outcome.due - outcome.clean);
      const least = operatorId === this.#absent ? BACK - OUTAGE : 0;
      const most = [this.#finder?.operatorId, this.#loser?.operatorId].includes(operatorId) ? 1 : least;
      this.#expect(
        bad >= least && bad <= most,
        `operator ${operatorId} has ${least} to ${most} bad rounds (it has ${bad})`,
      );
    }
    return { holds: this.#failures.length === 0, failures: this.#failures, seconds, operators: rows, ledgers };
  }

  #expect(holds: boolean, what: string): void {
    if (holds) return;
    this.#failures.push(what);
    this.#view.say(`NOT SO: ${what}`);
  }
}

async function eventually(holds: () => Promise<boolean>): Promise<boolean> {
  for (
    const end = Date.now() + PATIENCE_MS;
    Date.now() < end;
    await new Promise((resolve) => setTimeout(resolve, 100))
  ) {
    if (await holds()) return true;
  }
  return holds();
}
