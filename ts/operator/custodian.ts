import type { Logger } from "pino";
import type { Call } from "../chain/call.ts";
import { reportLoss } from "../sdk/actions/reportLoss.ts";
import { ROUNDS } from "../sdk/clock.ts";
import type { Deployment } from "../sdk/deployment.ts";
import type { Duties } from "../service/duties.ts";
import { type ContentState, type HeldSlot, lastRoundOf, type ProtocolState } from "../service/state.ts";
import { type PeerAddress, parseEndpoint } from "../torrent/endpoint.ts";
import type { DataFolder } from "../torrent/index.ts";
import type { Seeder } from "../wire/seeder.ts";
import type { Held, Library } from "./library.ts";
import type { Chunks, LossLedger } from "./losses.ts";
import type { OperatorMetrics } from "./metrics.ts";
import { DamageError } from "./prover.ts";
import type { AbsentDataError } from "./volume.ts";

export interface CustodianSettings {
  readonly operatorId: number;
  /** Rounds in which a damaged content may be repaired, this one included, before its slots are reported lost; 0: reported at once. */
  readonly repairRounds: number;
}

export interface CustodianParts {
  readonly deployment: Deployment;
  readonly state: ProtocolState;
  readonly library: Library;
  readonly losses: LossLedger;
  readonly seeder: Seeder;
  readonly metrics: OperatorMetrics;
  readonly duties: Duties;
  readonly log: Logger;
  /** Resolves when the state shows what the transaction did. */
  readonly send: (what: Call, key: string) => Promise<void>;
  /** Has everything that is due looked at again. */
  readonly look: () => void;
}

/** A content to be repaired. */
interface Damage {
  readonly content: ContentState;
  /** The round from which it counts as lost. */
  readonly lostFrom: number;
  /** Ends the repair under way. */
  giveUp: AbortController;
}

/** Rounds that a repair which gets on is given beyond its time; one that does not ends by itself. */
const OVERTIME = 3;

/** The library's own volume, among places where data is: all others are contents that another client keeps. */
const OWN = "";

/**
 * Keeps the data: serves it, has it repaired, deletes what nobody orders any more, and gives up what cannot be had again. A loss costs
 * stake and cannot be taken back, so it is believed only of data whose place is there, after a time for repair, and within bounds.
 */
export class Custodian {
  readonly #settings: CustodianSettings;
  readonly #parts: CustodianParts;
  /** By infohash: what the seeder serves, and the reader it does it with. */
  readonly #served = new Map<string, { held: Held; folder: DataFolder }>();
  /** By infohash. */
  readonly #damaged = new Map<string, Damage>();
  /** By infohash, or OWN: places that are not there. */
  readonly #absent = new Map<string, AbsentDataError>();
  /** By infohash: losses that are more than may be reported within a round. */
  readonly #heldBack = new Map<string, string>();
  #round = 0;

  constructor(settings: CustodianSettings, parts: CustodianParts) {
    [this.#settings, this.#parts] = [settings, parts];
  }

  /** What keeps it from its work. */
  faults(): string[] {
    return [...[...this.#absent.values()].map(describe), ...this.#heldBack.values()];
  }

  /** Whether there is a place for new contents. */
  get hasRoom(): boolean {
    return !this.#absent.has(OWN);
  }

  isDamaged(infohash: string): boolean {
    return this.#damaged.has(infohash);
  }

  /** Starts what is due. */
  look(slots: readonly HeldSlot[], round: number): void {
    this.#parts.duties.start("watch:volumes", () => this.#watch());
    if (round !== this.#round) this.#onRound(round);
    this.#withdraw(slots);
    for (const slot of slots) this.#keep(slot);
    for (const [infohash, damage] of this.#damaged) this.#mend(infohash, damage, slots, round);
  }

  /** Has a content here and served. */
  async fetch(content: ContentState, signal: AbortSignal): Promise<void> {
    const { library, log, look } = this.#parts;
    const infohash = infohashOf(content);
    if (library.get(infohash) === undefined)
      log.info({ contentId: content.id, infohash, chunks: content.chunks }, "getting a content");
    this.#serve(infohash, await library.hold(content, this.#holders(content), signal));
    setImmediate(look); // what waited for it is due
  }

  /** Passes on what the work comes to, and looks into damage that it finds. */
  noticing<T>(work: Promise<T>): Promise<T> {
    return work.catch((error) => {
      if (error instanceof DamageError) this.suspect(error.content);
      throw error;
    });
  }

  /** Something of a content could not be read, or was wrong: it is damaged, if it is there at all. */
  suspect(content: ContentState): void {
    const { duties, log, look } = this.#parts;
    const infohash = infohashOf(content);
    if (this.#damaged.has(infohash)) return;
    duties.start(`suspect:${infohash}`, async () => {
      if (await this.#isAbsent(infohash)) return;
      const lostFrom = this.#round + this.#settings.repairRounds;
      this.#damaged.set(infohash, { content, lostFrom, giveUp: new AbortController() });
      log.warn({ contentId: content.id, infohash }, "a content is damaged or missing");
      setImmediate(look);
    });
  }

  async close(): Promise<void> {
    for (const { folder } of this.#served.values()) await folder.close();
  }

  #onRound(round: number): void {
    this.#round = round;
    for (const error of this.#absent.values()) this.#parts.log.error(error.facts, describe(error));
    for (const reason of this.#heldBack.values()) this.#parts.log.error(reason);
    if (this.hasRoom) this.#tidy(round);
  }

  // ---- Whether it is there ----

  /** Looks at the volume, and again at what was not there. */
  async #watch(): Promise<void> {
    for (const place of new Set([OWN, ...this.#absent.keys()])) await this.#lookFor(place);
  }

  /** Whether a content's data cannot be looked at now, though it may be well. */
  isAbsent(content: ContentState): Promise<boolean> {
    return this.#isAbsent(infohashOf(content));
  }

  async #isAbsent(infohash: string): Promise<boolean> {
    return this.#lookFor(this.#parts.library.adoptedFrom(infohash) === undefined ? OWN : infohash);
  }

  async #lookFor(place: string): Promise<boolean> {
    const { library, log, look, metrics } = this.#parts;
    const absence = await (place === OWN ? library.volume.absence() : library.absence(place));
    const before = this.#absent.get(place);
    if (absence !== undefined) {
      this.#absent.set(place, absence);
      if (before === undefined) log.error(absence.facts, describe(absence));
    } else if (before !== undefined) {
      this.#absent.delete(place);
      log.info(before.facts, "data that was not there is back");
      // What peers asked for meanwhile is marked as missing.
      for (const infohash of this.#served.keys()) await this.#unserve(infohash);
      setImmediate(look);
    }
    metrics.absent.set(this.#absent.size);
    return absence !== undefined;
  }

  // ---- What is here ----

  /** Sees to it that a slot's content is here and served. */
  #keep({ order, liveFrom }: HeldSlot): void {
    const { duties, library, state } = this.#parts;
    const content = state.contents.get(order.contentId)!;
    const infohash = infohashOf(content);
    if (this.#damaged.has(infohash) || content.blocked) return;
    const held = library.get(infohash);
    if (held !== undefined) this.#serve(infohash, held);
    else if (!this.hasRoom) return;
    else if (liveFrom !== undefined) this.suspect(content);
    else duties.start(`fetch:${infohash}`, () => this.fetch(content, duties.signal));
  }

  #holders(content: ContentState): PeerAddress[] {
    const { operatorId } = this.#settings;
    return this.#parts.state
      .holdersOf(content.id, this.#round)
      .flatMap(({ id, endpoint }) => (id === operatorId ? [] : (parseEndpoint(endpoint) ?? [])));
  }

  #serve(infohash: string, held: Held): void {
    if (this.#served.get(infohash)?.held === held) return;
    const { duties, library, log, seeder } = this.#parts;
    duties.start(`serve:${infohash}`, async () => {
      await this.#unserve(infohash);
      const folder = await library.folderOf(held);
      this.#served.set(infohash, { held, folder });
      seeder.add({ torrent: held.torrent, folder, cache: held.cache });
      log.info({ infohash, name: held.torrent.name, adopted: held.adopted }, "seeding a content");
    });
  }

  async #unserve(infohash: string): Promise<void> {
    const served = this.#served.get(infohash);
    if (served === undefined) return;
    this.#served.delete(infohash);
    this.#parts.seeder.remove(served.held.torrent.infohashV2);
    await served.folder.close();
  }

  /** Serves no more what is blocked, and deletes it, but for what another client keeps. */
  #withdraw(slots: readonly HeldSlot[]): void {
    const { duties, library, log, state } = this.#parts;
    for (const content of state.contents.values()) {
      const infohash = infohashOf(content);
      const held = library.get(infohash);
      const ours = held !== undefined && !held.adopted;
      if (!content.blocked || !(ours || this.#served.has(infohash))) continue;
      // The same torrent may stand under another number that is in service.
      const others = slots.map(({ order }) => state.contents.get(order.contentId)!).filter(({ blocked }) => !blocked);
      if (others.some((other) => infohashOf(other) === infohash)) continue;
      duties.start(`withdraw:${infohash}`, async () => {
        await this.#unserve(infohash);
        if (ours) await library.drop(infohash);
        this.#clear(infohash);
        log.warn({ contentId: content.id, infohash, deleted: ours }, "a content is blocked: it is served no more");
      });
    }
  }

  /** Deletes what was fetched for orders that are over since an epoch: time to order it again, and then the space is another's. */
  #tidy(round: number): void {
    const { duties, library, log, state } = this.#parts;
    const wanted = new Set<string>();
    for (const order of state.orders.values()) {
      if (lastRoundOf(order) + ROUNDS >= round) wanted.add(infohashOf(state.contents.get(order.contentId)!));
    }
    for (const { torrent, adopted } of library.all()) {
      const infohash = Buffer.from(torrent.infohashV2).toString("hex");
      if (adopted || wanted.has(infohash)) continue;
      duties.start(`drop:${infohash}`, async () => {
        await this.#unserve(infohash);
        await library.drop(infohash);
        log.info({ infohash, name: torrent.name }, "a content that nobody orders any more is deleted");
      });
    }
  }

  // ---- What is damaged ----

  /** Repairs damaged contents while there is time, then says that they are lost: silence would cost more, round after round. */
  #mend(infohash: string, damage: Damage, slots: readonly HeldSlot[], round: number): void {
    const { duties } = this.#parts;
    const lost = slots.filter(({ order, liveFrom }) => order.contentId === damage.content.id && liveFrom !== undefined);
    if (round < damage.lostFrom || !this.#mayReport(infohash, damage, lost, slots, round)) {
      this.#repair(infohash, damage);
    } else if (duties.isRunning(`repair:${infohash}`)) {
      if (round >= damage.lostFrom + OVERTIME) damage.giveUp.abort();
    } else this.#giveUp(infohash, damage, lost, round);
  }

  #repair(infohash: string, damage: Damage): void {
    const { duties, library, log } = this.#parts;
    const { content } = damage;
    duties.start(`repair:${infohash}`, async () => {
      damage.giveUp = new AbortController();
      if (await this.#isAbsent(infohash)) return this.#clear(infohash);
      await this.#unserve(infohash);
      const signal = AbortSignal.any([duties.signal, damage.giveUp.signal]);
      const held = await library.repair(content, this.#holders(content), signal);
      this.#clear(infohash);
      this.#serve(infohash, held);
      log.info({ contentId: content.id, infohash }, "a content is whole again");
    });
  }

  /** Whether the loss of these slots is within what may be reported in a round; says what to do if it is not. */
  #mayReport(
    infohash: string,
    { content }: Damage,
    lost: readonly HeldSlot[],
    slots: readonly HeldSlot[],
    round: number,
  ): boolean {
    const { log, losses } = this.#parts;
    const live = slots.filter(({ liveFrom }) => liveFrom !== undefined);
    const allowed = lost.length === 0 || losses.allows(round, chunksOf(lost), chunksOf(live));
    if (allowed) this.#heldBack.delete(infohash);
    else if (!this.#heldBack.has(infohash)) {
      const named = lost.map(({ order, replica }) => `\`holdfast operator report-loss ${order.id} ${replica}\``);
      const reason =
        `content ${content.id} seems lost, and that is more than may be reported within a round: ` +
        `bring its data back, or confirm the loss with ${named.join(", ")}, or raise maxLossShare`;
      this.#heldBack.set(infohash, reason);
      log.error({ contentId: content.id, infohash }, reason);
    }
    return allowed;
  }

  #giveUp(infohash: string, { content }: Damage, lost: readonly HeldSlot[], round: number): void {
    const { deployment, duties, library, log, losses, metrics, send } = this.#parts;
    duties.start(`lose:${infohash}`, async () => {
      await losses.note(round, chunksOf(lost));
      await this.#unserve(infohash);
      for (const slot of lost) {
        const { order, replica } = slot;
        if (await this.#isAbsent(infohash)) return this.#clear(infohash);
        await send(reportLoss.call({ deployment, orderId: order.id, replica }), `lose:${slotKey(slot)}`);
        metrics.losses.inc();
        log.error({ orderId: order.id, replica, contentId: content.id }, "a slot is reported lost");
      }
      await library.drop(infohash);
      this.#clear(infohash);
    });
  }

  #clear(infohash: string): void {
    this.#damaged.delete(infohash);
    this.#heldBack.delete(infohash);
  }
}

function infohashOf({ commitment }: ContentState): string {
  return commitment.infohash.slice(2);
}

/** A slot's own for ever: a replica that is accepted again is another slot. */
function slotKey({ order, replica, acceptedIn }: HeldSlot): string {
  return `${order.id}:${replica}:${acceptedIn}`;
}

function chunksOf(slots: readonly HeldSlot[]): Chunks {
  return new Map(slots.map((slot) => [slotKey(slot), slot.order.chunks]));
}

function describe({ message, hint }: AbsentDataError): string {
  return `${message}: ${hint}`;
}
