import { join } from "node:path";
import type { Logger } from "pino";
import { Registry } from "prom-client";
import { type LocalAccount, parseGwei } from "viem";
import { type ChainClient, connect } from "../chain/connection.ts";
import { loadAccount } from "../chain/keys.ts";
import { Transactor } from "../chain/transactor.ts";
import { EXIT, HoldfastError } from "../errors.ts";
import { call, read } from "../sdk/call.ts";
import { type Deployment, loadDeployment } from "../sdk/deployment.ts";
import { ERRORS } from "../sdk/errors.ts";
import { Mirror } from "../sdk/mirror.ts";
import type { ProtocolState } from "../sdk/state.ts";
import { openStore, type Store } from "../store/store.ts";
import { Seeder } from "../wire/seeder.ts";
import { OperatorAgent } from "./agent.ts";
import type { OperatorConfig } from "./config.ts";
import { Library } from "./library.ts";
import { OperatorMetrics } from "./metrics.ts";

export interface RunOptions {
  readonly log: Logger;
  /** Registers an operator for the key, if it has none. */
  readonly register?: boolean;
  readonly registry?: Registry;
}

/** What runs, and how to stop it, last one first. */
type Stops = (() => Promise<void>)[];

/** An operator's agent at work, from its configuration: what `holdfast operator run` and the devnet both run. */
export class OperatorService {
  readonly operatorId: number;
  readonly deployment: Deployment;
  /** As of the last block read. */
  readonly state: ProtocolState;
  readonly seeder: Seeder;
  readonly registry: Registry;
  readonly #stops: Stops;

  private constructor(
    operatorId: number,
    deployment: Deployment,
    state: ProtocolState,
    seeder: Seeder,
    registry: Registry,
    stops: Stops,
  ) {
    [this.operatorId, this.deployment, this.state] = [operatorId, deployment, state];
    [this.seeder, this.registry, this.#stops] = [seeder, registry, stops];
  }

  /** Resolves when it follows the chain. @throws HoldfastError when it cannot work as it is configured */
  static async start(config: OperatorConfig, options: RunOptions): Promise<OperatorService> {
    const { log, registry = new Registry() } = options;
    const stops: Stops = [];
    try {
      const deployment = await loadDeployment(config.deployment);
      const account = await loadAccount(config.key);
      const { rpcUrl, pollingIntervalMs, dataDir } = config;
      const client = await connect({ rpcUrl, chainId: deployment.chainId, log, pollingIntervalMs });
      const store = await openStore(join(dataDir, "store"));
      stops.push(() => store.close());
      const transactor = await openTransactor(config, client, account, store, options, registry);
      stops.push(() => transactor.close());

      const { host } = config.listen;
      const reach = { local: config.localSources };
      const localAddress = host === "0.0.0.0" || host === "::" ? undefined : host;
      const library = await Library.open(dataDir, store, { adopt: config.adopt, reach, localAddress });
      stops.push(() => library.close());
      const metrics = new OperatorMetrics(registry);
      let agent: OperatorAgent | undefined;
      const seeder = await Seeder.listen({
        ...config.listen,
        onLoss: ({ torrent }) => agent?.onLoss(torrent.infohashV2),
        onPeerGone: ({ uploaded }) => metrics.uploaded.inc(uploaded),
      });
      stops.push(() => seeder.close());

      const mirror = await Mirror.open({ client, deployment, store, log });
      const operatorId = await findOperator(config, options, { deployment, client, transactor, mirror, seeder });
      const { policy, parallelFetches, reserveFirst, repairRounds } = config;
      const settings = {
        policy: { ...policy, deny: new Set(policy.deny) },
        parallelFetches,
        reserveFirst,
        repairRounds,
      };
      const { state } = mirror;
      const parts = { deployment, client, state, transactor, library, seeder, metrics, log };
      agent = new OperatorAgent({ operatorId, ...settings }, parts);
      stops.push(() => agent!.stop());
      const stopping = new AbortController();
      agent.onBlock(mirror.head);
      const following = mirror.run((head) => agent!.onBlock(head), stopping.signal);
      stops.push(async () => {
        stopping.abort();
        await following;
      });
      log.info(
        { operatorId, listen: `${seeder.host}:${seeder.port}`, contents: library.all().length },
        "the operator is at work",
      );
      return new OperatorService(operatorId, deployment, state, seeder, registry, stops);
    } catch (error) {
      await stopAll(stops);
      throw error;
    }
  }

  /** Graceful: nothing is left half done, and nothing is lost if it is not called. */
  stop(): Promise<void> {
    return stopAll(this.#stops);
  }
}

async function stopAll(stops: Stops): Promise<void> {
  for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop();
}

function openTransactor(
  { maxFeeGwei }: OperatorConfig,
  client: ChainClient,
  account: LocalAccount,
  store: Store,
  { log }: RunOptions,
  registry: Registry,
): Promise<Transactor> {
  return Transactor.open({
    client,
    account,
    store,
    log,
    errors: ERRORS,
    maxFeePerGas: parseGwei(String(maxFeeGwei)),
    registry,
  });
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
  const stake = BigInt(capacityChunks) * (await read(client, deployment, "Operators", "stakePerChunk", []));
  const { Operators } = deployment.contracts;
  await transactor.send(call(deployment, "Asset", "approve", [Operators, stake]), {
    key: `approve:${Operators}:${stake}`,
  });
  const args = [capacityChunks, payout, transactor.address, endpoint] as const;
  await transactor.send(call(deployment, "Operators", "register", args), { key: `register:${Operators}` });
}
