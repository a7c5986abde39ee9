import type { Logger } from "pino";
import type { Address } from "viem";
import { fetchBeacon } from "../beacon/client.ts";
import { decodeKey } from "../beacon/scheme.ts";
import type { Call } from "../chain/call.ts";
import type { ChainClient } from "../chain/connection.ts";
import type { Transactor } from "../chain/transactor.ts";
import { commitValues } from "../sdk/actions/commitValues.ts";
import { revealValues } from "../sdk/actions/revealValues.ts";
import { submitSeed } from "../sdk/actions/submitSeed.ts";
import { epochOf, indexOf, roundAt, startOf } from "../sdk/clock.ts";
import { Beacon, Oracle } from "../sdk/contracts.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { read } from "../sdk/read.ts";
import { Duties } from "../service/duties.ts";
import type { Head } from "../service/mirror.ts";
import type { ProtocolState } from "../service/state.ts";
import { DURABLE, type Store, type Table, table } from "../store/store.ts";
import { Chores } from "./chores.ts";
import { Errands } from "./errands.ts";
import type { KeeperMetrics } from "./metrics.ts";
import { Sampler, type SamplerSettings } from "./sampler.ts";
import { Samples } from "./samples.ts";
import { Turns } from "./turns.ts";
import { encodePages, type Pledge, pledge } from "./values.ts";

export interface KeeperParts {
  readonly deployment: Deployment;
  readonly client: ChainClient;
  readonly state: ProtocolState;
  readonly transactor: Pick<Transactor, "send">;
  readonly store: Store;
  readonly account: Address;
  /** Relays that beacons are fetched from. What they must be, the chain says. */
  readonly beaconUrls: readonly string[];
  /** How long a keeper leaves what any may do to the one whose turn is before its own, in ms. */
  readonly turnMs: number;
  readonly metrics: KeeperMetrics;
  readonly log: Logger;
}

/** What the committee's clock asks for comes before chores. */
const SEED = 30;
const COMMITTEE = 20;
/** Rounds of the next epoch in which values are committed and revealed (Oracle). */
const [COMMIT, REVEAL] = [0, 1];

/**
 * A keeper: brings each round's seed on chain, samples operators in the swarm, commits to what it saw and reveals it, and does what anyone
 * may do and somebody must (`Chores`). All follows from the chain and the store, so it can be stopped at any moment and goes on.
 */
export class KeeperAgent {
  readonly #parts: KeeperParts;
  readonly #duties: Duties;
  readonly #samples: Samples;
  readonly #sampler: Sampler;
  readonly #turns: Turns;
  readonly #chores: Chores;
  /** By epoch: what was committed, with the salt; on disk before the commitment is. */
  readonly #pledges: Table<Pledge>;
  /** By epoch: whether this keeper has a seat in it. */
  readonly #seated = new Map<number, boolean>();
  readonly #sent = new Set<string>();
  /** Unix seconds, of the block that the state stands at. */
  #now = 0;
  #round = 0;

  constructor(settings: SamplerSettings, parts: KeeperParts) {
    const { deployment, log, metrics, state, store } = parts;
    this.#parts = parts;
    this.#duties = new Duties(log, {
      onFailure: (duty) => metrics.failures.inc({ duty }),
      onRetry: () => this.#look(),
    });
    this.#samples = new Samples(store);
    this.#pledges = table<Pledge>(store, "pledges");
    this.#sampler = new Sampler(settings, {
      deployment,
      state,
      samples: this.#samples,
      log,
      onSample: (right, quick) => metrics.samples.inc({ answer: !right ? "none" : quick ? "quick" : "late" }),
    });
    this.#turns = new Turns(parts);
    const send = (what: Call, key: string) => this.#send(what, key);
    const errands = new Errands({ log, metrics, duties: this.#duties, turns: this.#turns, send });
    this.#chores = new Chores({ ...parts, errands });
  }

  /** Starts what is due. The state must stand at this block. */
  onBlock({ timestamp }: Head): void {
    this.#now = Number(timestamp);
    this.#look();
  }

  #look(): void {
    const { deployment, log, metrics } = this.#parts;
    const now = this.#now;
    if (now < deployment.genesis || this.#duties.signal.aborted) return;
    const round = roundAt(deployment, now);
    if (round !== this.#round) {
      this.#round = round;
      metrics.round.set(round);
      log.info({ round, epoch: epochOf(round) }, "a round began");
    }
    this.#seed(round, now);
    for (const content of this.#sampler.due(now)) {
      this.#duties.start(`sample:${content.id}`, () => this.#sampler.sample(content, now, this.#duties.signal));
    }
    const ended = epochOf(round) - 1;
    if (ended >= 1 && indexOf(round) === COMMIT) this.#commit(ended);
    if (ended >= 1 && indexOf(round) === REVEAL) this.#reveal(ended);
    this.#chores.onRound(round);
  }

  async stop(): Promise<void> {
    await this.#duties.stop();
  }

  /** Brings the round's seed (H-RAND-2): every keeper tries in its turn, and one is enough. */
  #seed(round: number, now: number): void {
    const { beaconUrls, client, deployment, log, metrics, state } = this.#parts;
    if (state.seeds.has(round)) return;
    this.#duties.start(`seed:${round}`, async () => {
      const [opens, closes] = await read(client, deployment, Beacon, "window", [round]);
      if (BigInt(now) < opens || BigInt(now) >= closes) return;
      await this.#turns.wait("seed", round, this.#duties.signal);
      if (state.seeds.has(round)) return;
      const drandRound = await read(client, deployment, Beacon, "drandRoundFor", [round]);
      const [key] = await read(client, deployment, Beacon, "source", [epochOf(round)]);
      const { signature } = await fetchBeacon({ publicKey: decodeKey(key), urls: beaconUrls }, Number(drandRound));
      if (state.seeds.has(round)) return;
      const what = submitSeed.call({ deployment, round, signature });
      await this.#parts.transactor.send(what, { key: `seed:${round}`, priority: SEED, deadline: Number(closes) - 1 });
      metrics.seeds.inc();
      log.info({ round, drandRound: Number(drandRound) }, "the round has its seed");
    });
  }

  #commit(epoch: number): void {
    const { account, client, deployment, log } = this.#parts;
    if (this.#sent.has(`commit:${epoch}`)) return;
    this.#duties.start(`commit:${epoch}`, async () => {
      if (!(await this.#isSeated(epoch))) return;
      const { link } = await read(client, deployment, Oracle, "commitment", [epoch, account]);
      const metrics = await this.#samples.metrics(epoch);
      // Who saw nobody commits to that: without it the others may lack the quorum.
      if (BigInt(link) === 0n) {
        const made = (await this.#pledges.get(String(epoch))) ?? (await this.#pledge(epoch, encodePages(metrics)));
        const what = commitValues.call({ deployment, epoch, link: made.link, pages: made.pages.length });
        await this.#inRound(what, `commit:${epoch}`);
        log.info({ epoch, operators: metrics.size }, "committed to what was sampled");
      }
      this.#sent.add(`commit:${epoch}`);
    });
  }

  /** Salt and values are on disk before anybody can see that there is a commitment. */
  async #pledge(epoch: number, pages: readonly `0x${string}`[]): Promise<Pledge> {
    const { account, client, deployment } = this.#parts;
    const oracle = deployment.contracts.Oracle;
    const made = pledge(pages, { chainId: client.chain.id, oracle, keeper: account, epoch });
    await this.#pledges.put(String(epoch), made, DURABLE);
    return made;
  }

  #reveal(epoch: number): void {
    const { account, client, deployment, log } = this.#parts;
    if (this.#sent.has(`reveal:${epoch}`)) return;
    this.#duties.start(`reveal:${epoch}`, async () => {
      const made = await this.#pledges.get(String(epoch));
      if (made === undefined) return void this.#sent.add(`reveal:${epoch}`);
      const { pages, revealed } = await read(client, deployment, Oracle, "commitment", [epoch, account]);
      for (let page = revealed; page < pages; page++) {
        const { values, next } = made.pages[page]!;
        await this.#inRound(revealValues.call({ deployment, epoch, values, next }), `reveal:${epoch}:${page}`);
      }
      if (pages > 0) log.info({ epoch, pages }, "revealed");
      this.#sent.add(`reveal:${epoch}`);
      await this.#samples.prune(epoch);
    });
  }

  async #isSeated(epoch: number): Promise<boolean> {
    const { account, client, deployment } = this.#parts;
    let seated = this.#seated.get(epoch);
    if (seated === undefined) {
      const committee = await read(client, deployment, Oracle, "committee", [epoch]);
      seated = committee.some((seat) => seat.toLowerCase() === account.toLowerCase());
      this.#seated.set(epoch, seated);
    }
    return seated;
  }

  /** Sends what is worth nothing after the round. */
  async #inRound(what: Call, key: string): Promise<void> {
    const deadline = startOf(this.#parts.deployment, this.#round + 1) - 1;
    await this.#parts.transactor.send(what, { key, priority: COMMITTEE, deadline });
  }

  async #send(what: Call, key: string): Promise<void> {
    await this.#parts.transactor.send(what, { key });
  }
}
