import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Call } from "../chain/call.ts";
import type { ChainClient } from "../chain/connection.ts";
import type { Transactor } from "../chain/transactor.ts";
import { HoldfastError } from "../errors.ts";
import { accept } from "../sdk/actions/accept.ts";
import { activate } from "../sdk/actions/activate.ts";
import { answerAudit } from "../sdk/actions/answerAudit.ts";
import { prove } from "../sdk/actions/prove.ts";
import { releaseReservation } from "../sdk/actions/releaseReservation.ts";
import { rollAudit } from "../sdk/actions/rollAudit.ts";
import { unwind } from "../sdk/actions/unwind.ts";
import { epochOf, roundAt, startOf } from "../sdk/clock.ts";
import { ACTIVATION_ROUNDS } from "../sdk/constants.ts";
import { Audits, Holdings, Market, Operators } from "../sdk/contracts.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { isRevert } from "../sdk/errors.ts";
import { read } from "../sdk/read.ts";
import { attempt } from "../sdk/send.ts";
import { Duties } from "../service/duties.ts";
import type { Head } from "../service/mirror.ts";
import {
  type ContentState,
  firstRoundOf,
  type HeldSlot,
  lastRoundOf,
  type OperatorState,
  type OrderState,
  type ProtocolState,
} from "../service/state.ts";
import type { Store } from "../store/store.ts";
import type { Seeder } from "../wire/seeder.ts";
import { Custodian, type CustodianSettings } from "./custodian.ts";
import { type Library, UnprovableContentError } from "./library.ts";
import type { LossLedger } from "./losses.ts";
import type { OperatorMetrics } from "./metrics.ts";
import { type Candidate, choose, type Policy } from "./policy.ts";
import { Prover } from "./prover.ts";
import { Redeemer, type RedeemerSettings } from "./redeemer.ts";
import { Scrubber, type ScrubSettings } from "./scrubber.ts";
import { Settler } from "./settler.ts";
import type { Till } from "./till.ts";

export interface AgentSettings extends CustodianSettings {
  readonly policy: Policy;
  /** Contents fetched at once. */
  readonly parallelFetches: number;
  /** Accept an order first and fetch its content then: no fetch in vain, but a slow one lets the reservation lapse. */
  readonly reserveFirst: boolean;
  readonly scrub: ScrubSettings;
  readonly redeem: RedeemerSettings;
}

export interface AgentParts {
  readonly store: Store;
  readonly deployment: Deployment;
  readonly client: ChainClient;
  readonly state: ProtocolState;
  readonly transactor: Pick<Transactor, "send" | "address">;
  readonly library: Library;
  readonly losses: LossLedger;
  readonly seeder: Seeder;
  readonly till: Till;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
}

/** Priorities of what must be on chain before the round ends. An audit left open fails once the round is proven, so answers come first. */
const ANSWER = 20;
const PROOF = 10;
/** For the last vouchers to be redeemed when it stops (ms). */
const LEAVE_MS = 5_000;
/** Capacity in stake is bounded by the chain alone. */
const BOUNDLESS = { chunks: Number.MAX_SAFE_INTEGER, stake: 1n << 255n, diskBytes: Number.MAX_SAFE_INTEGER };

/**
 * A seeder that keeps its promises. With each block it looks at what the protocol's events add up to and starts what is due: proving the
 * round, answering audits, activating, fetching and accepting orders, repairing or reporting what is damaged, settling and claiming.
 * Everything it does follows from the chain and the library, so it can be stopped at any moment and goes on where it was.
 */
export class OperatorAgent {
  readonly #settings: AgentSettings;
  readonly #parts: AgentParts;
  readonly #duties: Duties;
  readonly #prover: Prover;
  readonly #settler: Settler;
  readonly #redeemer: Redeemer;
  readonly #custodian: Custodian;
  readonly #scrubber: Scrubber;
  /** Contents whose publication is a lie. */
  readonly #unprovable = new Set<number>();
  /** By order: chunks that are being fetched for it, which are not reserved yet. */
  readonly #taking = new Map<number, number>();
  /** By order: how often taking it failed. */
  readonly #setbacks = new Map<number, number>();
  /** The block that the state stands at. */
  #block: Head = { number: 0n, timestamp: 0n };
  readonly #awaitingBlock: (() => void)[] = [];
  #round = 0;
  /** A round in which the chain draws nothing of ours. */
  #nothingDueIn = 0;

  constructor(settings: AgentSettings, parts: AgentParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#duties = new Duties(parts.log, {
      onFailure: (duty) => parts.metrics.failures.inc({ duty }),
      onRetry: () => this.#look(),
    });
    this.#prover = new Prover(parts.library, (id) => this.#content(id), parts.log);
    const shared = { ...parts, duties: this.#duties, send: (what: Call, key: string) => this.#send(what, key) };
    this.#settler = new Settler(shared);
    this.#redeemer = new Redeemer(settings.redeem, parts.till, { ...shared, sender: parts.transactor.address });
    this.#custodian = new Custodian(settings, { ...shared, look: () => this.#look() });
    this.#scrubber = new Scrubber(settings.scrub, {
      ...parts,
      prover: this.#prover,
      contents: () => this.#readable(),
      isAbsent: (content) => this.#custodian.isAbsent(content),
      onDamage: (content) => this.#custodian.suspect(content),
    });
  }

  /** Starts what is due. The state must stand at `block`. */
  onBlock(block: Head): void {
    this.#block = block;
    for (const resolve of this.#awaitingBlock.splice(0)) resolve();
    this.#look();
  }

  #look(): void {
    const { deployment, state } = this.#parts;
    const now = Number(this.#block.timestamp);
    const me = state.operators.get(this.#settings.operatorId);
    if (me === undefined || now < deployment.genesis || this.#duties.signal.aborted) return;
    const round = roundAt(deployment, now);
    const slots = state.slotsOf(me.id, round);
    if (round !== this.#round) this.#onRound(me, round);
    this.#measure(slots);
    this.#custodian.look(slots, round);
    this.#duties.start("scrub:data", () => this.#scrubber.run(this.#duties.signal));
    this.#unwind(me);
    if (state.seeds.has(round)) this.#prove(me, slots, round);
    for (const slot of slots) if (slot.liveFrom === undefined) this.#activate(slot, round);
    this.#audits(me, round);
    this.#seek(me, round);
    this.#settler.settle(me, round);
    this.#redeemer.look(me, this.#block.timestamp);
  }

  /** A peer found a piece missing: what it belongs to is looked at now, not when the chain asks. */
  onLoss(infohash: Uint8Array): void {
    const key = `0x${Buffer.from(infohash).toString("hex")}`;
    for (const content of this.#parts.state.contents.values()) {
      if (content.commitment.infohash === key) this.#custodian.suspect(content);
    }
  }

  /** What keeps it from its work; nothing when all is well. */
  faults(): string[] {
    return this.#custodian.faults();
  }

  /** Redeems what is worth it, while the chain is still followed; a chain that does not answer is not waited for. */
  async leave(): Promise<void> {
    const failed = (error: unknown) => this.#parts.log.warn({ err: error }, "vouchers could not be redeemed");
    await Promise.race([this.#redeemer.leave().catch(failed), sleep(LEAVE_MS, undefined, { ref: false })]);
  }

  /** Ends what can be ended and waits for the rest. What was signed goes on when the agent runs again. */
  async stop(): Promise<void> {
    const stopped = this.#duties.stop();
    for (const resolve of this.#awaitingBlock.splice(0)) resolve();
    await stopped;
    await this.#custodian.close();
  }

  // ---- The round ----

  #onRound(me: OperatorState, round: number): void {
    const { log, metrics, state } = this.#parts;
    const before = this.#round;
    this.#round = round;
    metrics.round.set(round);
    log.info({ round, epoch: epochOf(round) }, "a round began");
    for (let past = Math.max(before, round - 2); before !== 0 && past < round; past++) {
      const due = state.slotsOf(me.id, past).some(({ liveFrom }) => liveFrom !== undefined && liveFrom <= past);
      if (!state.seeds.has(past) || !due || me.proven.has(past) || this.#nothingDueIn === past) continue;
      metrics.missed.inc();
      log.error({ round: past }, "a round was missed");
    }
  }

  #prove(me: OperatorState, slots: readonly HeldSlot[], round: number): void {
    const live = slots.some(({ liveFrom }) => liveFrom !== undefined && liveFrom <= round);
    if (!live || me.proven.has(round) || this.#nothingDueIn === round) return;
    this.#duties.start(`prove:${round}`, async () => {
      const { client, deployment, log, metrics } = this.#parts;
      const drawn = await read(client, deployment, Holdings, "challenges", [me.id]);
      // Nothing at all, or nothing but what was taken out of service.
      if (!drawn.some(({ answer, passed }) => answer || passed)) {
        this.#nothingDueIn = round;
        return;
      }
      const proof = await this.#custodian.noticing(this.#prover.round(drawn));
      const contents = new Set(drawn.map(({ contentId }) => contentId));
      await this.#send(prove.call({ deployment, operatorId: me.id, proof }), `prove:${me.id}:${round}`, {
        round,
        priority: PROOF,
      });
      metrics.proven.inc();
      log.info({ round, words: drawn.length, contents: [...contents] }, "the round is proven");
    });
  }

  #audits(me: OperatorState, round: number): void {
    const { client, deployment, log, metrics, state } = this.#parts;
    for (const { orderId, replica, due } of state.auditsOf(me.id)) {
      const subject = `${orderId}:${replica}:${due}`;
      if (due === round && state.seeds.has(round)) {
        this.#duties.start(`answer:${subject}`, async () => {
          const { contentId } = this.#order(orderId);
          const seed = await read(client, deployment, Audits, "auditSeed", [orderId, replica]);
          const leaves = await read(client, deployment, Holdings, "wordsOf", [contentId, seed]);
          const proof = await this.#custodian.noticing(this.#prover.words(contentId, leaves));
          await this.#send(answerAudit.call({ deployment, orderId, replica, proof }), `answer:${subject}`, {
            round,
            priority: ANSWER,
          });
          metrics.audits.inc();
          log.info({ orderId, replica, round }, "an audit is answered");
        });
      } else if (due < round && !me.proven.has(due)) {
        // Missed or void: it moves on, and settling does not wait for it.
        this.#duties.start(`roll:${subject}`, () =>
          this.#send(rollAudit.call({ deployment, orderId, replica }), `roll:${subject}`),
        );
      }
    }
  }

  // ---- From an order to a live slot ----

  /** Looks for orders worth taking. */
  #seek(me: OperatorState, round: number): void {
    const { library, state } = this.#parts;
    const { policy, parallelFetches } = this.#settings;
    if (this.#taking.size >= parallelFetches || !this.#custodian.hasRoom) return;
    const held = (infohash: string) => library.has(infohash.slice(2));
    const worth = ({ order }: Candidate) =>
      !this.#taking.has(order.id) &&
      !this.#unprovable.has(order.contentId) &&
      !this.#custodian.isDamaged(this.#content(order.contentId).commitment.infohash.slice(2));
    if (!choose(state, me, policy, BOUNDLESS, round, held).some(worth)) return;
    this.#duties.start("seek:orders", async () => {
      const room = await this.#room(me);
      const setbacks = ({ order }: Candidate) => this.#setbacks.get(order.id) ?? 0;
      const candidates = choose(state, me, policy, room, round, held).filter(worth);
      // Orders whose content could not be had before come last, so that they hold up no other.
      for (const candidate of candidates.sort((a, b) => setbacks(a) - setbacks(b))) {
        if (this.#taking.size >= parallelFetches) return;
        if (candidate.order.chunks > room.chunks) continue;
        room.chunks -= candidate.order.chunks;
        this.#take(me, candidate);
      }
    });
  }

  async #room(me: OperatorState) {
    const { client, deployment, library } = this.#parts;
    const [operator, [chunks, stake], free] = await Promise.all([
      read(client, deployment, Operators, "operator", [me.id]),
      read(client, deployment, Operators, "reservedNow", [me.id]),
      library.freeBytes(),
    ]);
    const taking = [...this.#taking.values()].reduce((sum, n) => sum + n, 0);
    return {
      chunks: operator.capacityChunks - Number(chunks) - taking,
      stake: operator.stake - stake,
      diskBytes: free,
    };
  }

  #take(me: OperatorState, { order, replica }: Candidate): void {
    const { log, library } = this.#parts;
    this.#duties.start(`take:${order.id}`, async () => {
      const content = this.#content(order.contentId);
      this.#taking.set(order.id, order.chunks);
      try {
        if (!this.#settings.reserveFirst) {
          // What would not be accepted need not be fetched.
          const { client, deployment, transactor } = this.#parts;
          await attempt(
            client,
            transactor.address,
            accept.call({ deployment, orderId: order.id, replica, operatorId: me.id }),
          );
          await this.#custodian.fetch(content, this.#duties.signal);
        }
        await this.#accept(me, order);
      } catch (error) {
        this.#setbacks.set(order.id, (this.#setbacks.get(order.id) ?? 0) + 1);
        if (!(error instanceof UnprovableContentError)) throw error;
        this.#unprovable.add(content.id);
        log.warn({ contentId: content.id, ...error.facts }, error.message);
        await library.drop(content.commitment.infohash.slice(2));
      } finally {
        this.#taking.delete(order.id);
        setImmediate(() => this.#look()); // its place is another's
      }
    });
  }

  /** Accepts a replica that is open now: while the content was fetched, others may have come. */
  async #accept(me: OperatorState, order: OrderState): Promise<void> {
    const { deployment, log, state } = this.#parts;
    const round = this.#round;
    const again = choose(state, me, this.#settings.policy, BOUNDLESS, round, () => true).find(
      (c) => c.order.id === order.id,
    );
    if (again === undefined) return log.info({ orderId: order.id }, "an order went to others");
    const { replica } = again;
    try {
      await this.#send(
        accept.call({ deployment, orderId: order.id, replica, operatorId: me.id }),
        `accept:${order.id}:${replica}:${me.id}:${round}`,
      );
      log.info(
        { orderId: order.id, replica, contentId: order.contentId, chunks: order.chunks },
        "an order is accepted",
      );
    } catch (error) {
      if (!isRevert(error, "Market_NotOpen")) throw error;
      log.info({ orderId: order.id, replica }, "another operator was faster");
    }
  }

  /** Activates a reservation, or gives it back when it has lapsed: with its data or without, its room is for others. */
  #activate({ order, replica, acceptedIn }: HeldSlot, round: number): void {
    const { client, deployment, library, state } = this.#parts;
    const from = Math.max(acceptedIn, firstRoundOf(order) - 2) + 1;
    const subject = `${order.id}:${replica}:${acceptedIn}`;
    if (round >= from + ACTIVATION_ROUNDS || round >= lastRoundOf(order)) {
      this.#duties.start(`release:${subject}`, async () => {
        if (await read(client, deployment, Market, "isLapsed", [order.id, replica]))
          await this.#release(order, replica, subject);
      });
    }
    const content = this.#content(order.contentId);
    if (content.stamp !== undefined) return;
    const held = library.get(content.commitment.infohash.slice(2)) !== undefined;
    if (round < from || !held || !state.seeds.has(round)) return;
    this.#duties.start(`activate:${subject}:${round}`, async () => {
      const seed = await read(client, deployment, Market, "activationSeed", [order.id, replica]);
      const leaves = await read(client, deployment, Holdings, "wordsOf", [content.id, seed]);
      const proof = await this.#custodian.noticing(this.#prover.words(content.id, leaves));
      const what = activate.call({ deployment, orderId: order.id, replica, proof });
      try {
        await this.#send(what, `activate:${subject}`, { round, priority: ANSWER });
        this.#parts.log.info(
          { orderId: order.id, replica, contentId: content.id },
          "a slot is live from the next round",
        );
      } catch (error) {
        if (!isRevert(error, "Market_Lapsed") && !isRevert(error, "Market_NotReserved")) throw error; // it is given back
      }
    });
  }

  async #release({ id }: OrderState, replica: number, subject: string): Promise<void> {
    const { deployment, log } = this.#parts;
    await this.#send(releaseReservation.call({ deployment, orderId: id, replica }), `release:${subject}`);
    log.warn({ orderId: id, replica }, "a reservation has lapsed; it is given back");
  }

  // ---- Endings and money ----

  /** Ends what a stamp ended, in its round: with nothing else live, nothing is due from the next one on. */
  #unwind(me: OperatorState): void {
    const { deployment, state } = this.#parts;
    for (const { order, replica, acceptedIn } of state.stampedSlots(me)) {
      const subject = `${order.id}:${replica}:${acceptedIn}`;
      this.#duties.start(`unwind:${subject}`, async () => {
        await this.#send(unwind.call({ deployment, orderId: order.id, replica }), `unwind:${me.id}:${subject}`);
      });
    }
  }

  // ---- Small things ----

  /** Resolves when the state shows what the transaction did. @param due The round in which it must be sent, if there is one. */
  async #send(what: Call, key: string, due?: { round: number; priority: number }): Promise<void> {
    const within = due && { priority: due.priority, deadline: startOf(this.#parts.deployment, due.round + 1) - 1 };
    const { blockNumber } = await this.#parts.transactor.send(what, { key, ...within });
    while (this.#block.number < blockNumber && !this.#duties.signal.aborted) {
      await new Promise<void>((resolve) => this.#awaitingBlock.push(resolve));
    }
  }

  #measure(slots: readonly HeldSlot[]): void {
    const { library, metrics } = this.#parts;
    metrics.slots.set(slots.length);
    metrics.chunks.set(slots.reduce((sum, { order }) => sum + order.chunks, 0));
    metrics.contents.set(library.all().length);
  }

  /** What of the slots is here and counts as whole, each data once. */
  #readable(): ContentState[] {
    const { library, state } = this.#parts;
    const contents = new Map<string, ContentState>();
    for (const { order } of state.slotsOf(this.#settings.operatorId, this.#round)) {
      const content = this.#content(order.contentId);
      const infohash = content.commitment.infohash.slice(2);
      if (library.get(infohash) && !this.#custodian.isDamaged(infohash)) contents.set(infohash, content);
    }
    return [...contents.values()];
  }

  #content(id: number): ContentState {
    const content = this.#parts.state.contents.get(id);
    if (content === undefined) throw new HoldfastError(`content ${id} is not in the events read so far`);
    return content;
  }

  #order(id: number): OrderState {
    const order = this.#parts.state.orders.get(id);
    if (order === undefined) throw new HoldfastError(`order ${id} is not in the events read so far`);
    return order;
  }
}
