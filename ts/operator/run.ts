import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { Registry } from "prom-client";
import { parseGwei } from "viem";
import { type ChainClient, connect } from "../chain/connection.ts";
import { HeadWatch } from "../chain/head-watch.ts";
import { loadAccount } from "../chain/keys.ts";
import { Transactor } from "../chain/transactor.ts";
import { EXIT, HoldfastError } from "../errors.ts";
import { byBid } from "../retrieval/unchoker.ts";
import { approve } from "../sdk/actions/approve.ts";
import { register } from "../sdk/actions/register.ts";
import { roundAt } from "../sdk/clock.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { ERRORS } from "../sdk/errors.ts";
import { loadDeployment } from "../sdk/node.ts";
import { Health } from "../service/health.ts";
import { Mirror } from "../service/mirror.ts";
import type { ProtocolState } from "../service/state.ts";
import { openStore, type Store } from "../store/store.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { Seeder } from "../wire/seeder.ts";
import { OperatorAgent } from "./agent.ts";
import type { OperatorConfig } from "./config.ts";
import { Library } from "./library.ts";
import { LossLedger } from "./losses.ts";
import { OperatorMetrics } from "./metrics.ts";
import { Till } from "./till.ts";
import { AbsentDataError, Volume } from "./volume.ts";

/** How often a volume that is not there is looked for, in ms, and how often that is logged. */
const LOOK_MS = 1_000;
const LOOKS_PER_LOG = 60;

export interface RunOptions {
  readonly log: Logger;
  /** Registers an operator for the key, if it has none. */
  readonly register?: boolean;
  /** Takes the data folder for the operator's as it is, though it is not the one it had, or lacks what it should hold. */
  readonly newVolume?: boolean;
  /** Told what keeps it from its work, from the start on. */
  readonly health?: Health;
  readonly registry?: Registry;
  /** Stops it. */
  readonly signal?: AbortSignal;
}

/** An operator's agent at work, from its configuration: what `holdfast operator run` and the devnet both run. */
export class OperatorService {
  readonly operatorId: number;
  readonly registry: Registry;
  /** Resolves when the agent was told to stop. Rejects when it cannot follow the chain any more. */
  readonly finished: Promise<void>;
  readonly #mirror: Mirror;
  readonly #seeder: Seeder;
  readonly #agent: OperatorAgent;
  readonly #stopping: AbortController;
  readonly #parts: Parts;
  #leaving: Promise<void> | undefined;

  private constructor(
    operatorId: number,
    registry: Registry,
    stopping: AbortController,
    parts: Parts,
    running: Running,
  ) {
    const { agent, mirror, seeder, watch } = running;
    [this.operatorId, this.registry, this.#stopping, this.#parts] = [operatorId, registry, stopping, parts];
    [this.#mirror, this.#seeder, this.#agent] = [mirror, seeder, agent];
    this.finished = mirror
      .run((head) => {
        watch.saw(head);
        agent.onBlock(head);
      }, stopping.signal)
      .catch((error) => {
        if (!stopping.signal.aborted) throw error;
      });
    this.finished.catch(() => {}); // it is for whoever waits for it
  }

  /** Resolves when it follows the chain. @throws HoldfastError when it cannot work as it is configured */
  static async start(config: OperatorConfig, options: RunOptions): Promise<OperatorService> {
    const { log, registry = new Registry(), signal } = options;
    const stopping = new AbortController();
    let service: OperatorService | undefined;
    const stop = () => void (service === undefined ? stopping.abort() : service.#leave());
    signal?.addEventListener("abort", stop, { once: true });
    const parts = new Parts();
    parts.add(async () => signal?.removeEventListener("abort", stop));
    try {
      const running = await open(config, options, registry, stopping.signal, parts);
      const { operatorId, agent, mirror, library, seeder } = running;
      agent.onBlock(mirror.head);
      const listen = `${seeder.host}:${seeder.port}`;
      log.info({ operatorId, listen, contents: library.all().length }, "the operator is at work");
      service = new OperatorService(operatorId, registry, stopping, parts, running);
      return service;
    } catch (error) {
      stopping.abort();
      await parts.close();
      throw error;
    }
  }

  /** The protocol, as of the last block read. */
  get state(): ProtocolState {
    return this.#mirror.state;
  }

  /** Where it serves peers. */
  get address(): PeerAddress {
    return { host: this.#seeder.host, port: this.#seeder.port };
  }

  /** In good order; nothing is lost if it is not called. */
  async stop(): Promise<void> {
    await this.#leave();
    await this.finished.catch(() => {});
    await this.#parts.close();
  }

  /** While what it does last can still be sent. */
  #leave(): Promise<void> {
    this.#leaving ??= this.#agent.leave().finally(() => this.#stopping.abort());
    return this.#leaving;
  }
}

/** What was opened: closed in the opposite order, whatever fails. */
class Parts {
  readonly #closings: (() => Promise<unknown>)[] = [];

  add(close: () => Promise<unknown>): void {
    this.#closings.push(close);
  }

  async close(): Promise<void> {
    for (let close = this.#closings.pop(); close !== undefined; close = this.#closings.pop()) await close();
  }
}

interface Running {
  readonly operatorId: number;
  readonly agent: OperatorAgent;
  readonly mirror: Mirror;
  readonly library: Library;
  readonly seeder: Seeder;
  readonly watch: HeadWatch;
}

async function open(
  config: OperatorConfig,
  options: RunOptions,
  registry: Registry,
  signal: AbortSignal,
  parts: Parts,
): Promise<Running> {
  const { log, health = new Health() } = options;
  const { dataDir, rpcUrl, pollingIntervalMs } = config;
  const maxFeePerGas = parseGwei(String(config.maxFeeGwei));
  const [deployment, account] = [await loadDeployment(config.deployment), await loadAccount(config.key)];
  const client = await connect({ rpcUrl, chainId: deployment.chainId, log, pollingIntervalMs, signal });
  const store = await openStore(join(dataDir, "store"));
  parts.add(() => store.close());
  const transactor = await Transactor.open({ client, account, store, log, errors: ERRORS, maxFeePerGas, registry });
  parts.add(() => transactor.close());

  const { host } = config.listen;
  const localAddress = host === "0.0.0.0" || host === "::" ? undefined : host;
  const reach = { local: config.localSources };
  const volume = await openVolume(join(dataDir, "contents"), store, options, health, signal);
  const { adopt, fetchIdle: fetchIdleMs } = config;
  const library = await Library.open(dataDir, store, { volume, adopt, reach, localAddress, fetchIdleMs });
  parts.add(() => library.close());
  const metrics = new OperatorMetrics(registry);
  const { retrieval } = config;
  const [toFree, toPaying] = [metrics.uploaded.labels("free"), metrics.uploaded.labels("paying")];
  let agent: OperatorAgent | undefined;
  let till: Till | undefined;
  const seeder = await Seeder.listen({
    ...config.listen,
    unchoker: byBid(retrieval.uploadSlots),
    extensions: (peer, torrent) => till?.extensions(peer, torrent) ?? [],
    onLoss: ({ torrent }) => agent?.onLoss(torrent.infohashV2),
    onSent: ({ meter }, bytes) => (meter?.bid === undefined ? toFree : toPaying).inc(bytes),
  });
  parts.add(() => seeder.close());

  const mirror = await Mirror.open({ client, deployment, store, log });
  const watch = new HeadWatch(registry, config.chainSilence);
  watch.saw(mirror.head);
  parts.add(health.watch(() => watch.faults()));
  const operatorId = await findOperator(config, options, { deployment, client, transactor, mirror, seeder });
  if (volume.isNew) await claimFirst(library, mirror, deployment, operatorId);
  const { state } = mirror;
  till = await Till.open(retrieval, state.operators.get(operatorId)!, {
    ...{ store, deployment, client, state, seeder, metrics, log },
    now: () => Math.max(Date.now() / 1000, Number(mirror.head.timestamp)),
  });
  const losses = await LossLedger.open(store, config.maxLossShare);
  const { parallelFetches, reserveFirst, repairRounds } = config;
  const scrub = { periodMs: config.scrub.period, maxRate: config.scrub.maxRate };
  const policy = { ...config.policy, deny: new Set(config.policy.deny) };
  agent = new OperatorAgent(
    { operatorId, policy, parallelFetches, reserveFirst, repairRounds, scrub, redeem: retrieval },
    { store, deployment, client, state, transactor, library, losses, seeder, till, metrics, log },
  );
  parts.add(health.watch(() => agent!.faults()));
  // Duties wait for their transactions, so both are told to stop at once.
  parts.add(() => Promise.all([agent!.stop(), transactor.close()]));
  return { operatorId, agent, mirror, library, seeder, watch };
}

/** The volume, once it is there: until then there is nothing to prove, and nothing to conclude from that. */
async function openVolume(
  folder: string,
  store: Store,
  { log, newVolume = false }: RunOptions,
  health: Health,
  signal: AbortSignal,
): Promise<Volume> {
  const volume = await Volume.open(folder, store);
  if (newVolume) await volume.claim();
  let absence = volume.isNew ? undefined : await volume.absence();
  const unwatch = health.watch(() => (absence === undefined ? [] : [absence.message]));
  try {
    for (let looks = 0; absence !== undefined; looks++) {
      if (looks % LOOKS_PER_LOG === 0) log.error({ ...absence.facts, hint: absence.hint }, absence.message);
      await sleep(LOOK_MS, undefined, { signal });
      absence = await volume.absence();
    }
    return volume;
  } finally {
    await unwatch();
  }
}

/** Takes the folder for the operator's first volume, unless it lacks what the operator promised: then it is more likely that its volume,
 * with the store in it, is not mounted. */
async function claimFirst(library: Library, { state, head }: Mirror, deployment: Deployment, operatorId: number) {
  const now = Number(head.timestamp);
  const slots = now < deployment.genesis ? [] : state.slotsOf(operatorId, roundAt(deployment, now));
  const lacking = slots.filter(({ liveFrom, order }) => {
    const { infohash } = state.contents.get(order.contentId)!.commitment;
    return liveFrom !== undefined && !library.has(infohash.slice(2));
  });
  if (lacking.length === 0) return library.volume.claim();
  throw new AbsentDataError(
    `operator ${operatorId} holds ${lacking.length} slots whose data is not in its data folder, which is new`,
    library.volume.folder,
    "mount the data folder, with the store in it; or start once with --new-volume: what is there is checked, and the rest fetched again",
  );
}

interface Registration {
  readonly deployment: Deployment;
  readonly client: ChainClient;
  readonly transactor: Transactor;
  readonly mirror: Mirror;
  readonly seeder: Seeder;
}

/** The key's operator; registered first if that is asked for. */
async function findOperator(
  config: OperatorConfig,
  { log, register = false }: RunOptions,
  parts: Registration,
): Promise<number> {
  const { transactor, mirror } = parts;
  const mine = () =>
    [...mirror.state.operators.values()].filter(({ owner, prover }) => [owner, prover].includes(transactor.address));
  const { operatorId } = config;
  if (mine().length === 0 && register && operatorId === undefined) {
    await registerOperator(config, parts);
    await mirror.catchUp();
    log.info({ operatorId: mine()[0]!.id }, "registered");
  }
  const found = operatorId === undefined ? mine() : mine().filter(({ id }) => id === operatorId);
  if (found.length === 1) return found[0]!.id;
  const facts = { key: transactor.address, operators: mine().map(({ id }) => id) };
  if (found.length > 1) {
    throw new HoldfastError("the key has several operators", { facts, hint: "set operatorId", exitCode: EXIT.config });
  }
  throw new HoldfastError(
    operatorId === undefined ? "the key has no operator" : `operator ${operatorId} is not the key's`,
    {
      facts,
      hint: "register one with --register, or use the key of its owner or prover",
      exitCode: EXIT.config,
    },
  );
}

async function registerOperator(
  config: OperatorConfig,
  { deployment, client, transactor, seeder }: Registration,
): Promise<void> {
  const { capacityChunks, payout = transactor.address, endpoint = `${seeder.host}:${seeder.port}` } = config;
  const terms = { deployment, capacityChunks, payout, prover: transactor.address, endpoint };
  const stake = await register.cost(client, terms);
  const { Operators } = deployment.contracts;
  const allowance = approve.call({ deployment, spender: "Operators", amount: stake });
  await transactor.send(allowance, { key: `approve:${Operators}:${stake}` });
  await transactor.send(register.call(terms), { key: `register:${Operators}` });
}
