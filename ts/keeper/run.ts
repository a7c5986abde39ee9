import { join } from "node:path";
import type { Logger } from "pino";
import { Registry } from "prom-client";
import { parseGwei } from "viem";
import { connect } from "../chain/connection.ts";
import { HeadWatch } from "../chain/head-watch.ts";
import { loadAccount } from "../chain/keys.ts";
import { Transactor } from "../chain/transactor.ts";
import { Oracle } from "../sdk/contracts.ts";
import { ERRORS } from "../sdk/errors.ts";
import { loadDeployment } from "../sdk/node.ts";
import { read } from "../sdk/read.ts";
import { Health } from "../service/health.ts";
import { Mirror } from "../service/mirror.ts";
import { openStore } from "../store/store.ts";
import { KeeperAgent } from "./agent.ts";
import type { KeeperConfig } from "./config.ts";
import { KeeperMetrics } from "./metrics.ts";

export interface RunOptions {
  readonly log: Logger;
  readonly registry?: Registry;
  /** Where it says what keeps it from its work. */
  readonly health?: Health;
}

/** A keeper at work, from its configuration: what `holdfast keeper run` and the devnet both run. */
export class KeeperService {
  readonly registry: Registry;
  /** Resolves when it has been stopped; rejects when it cannot go on. */
  readonly finished: Promise<void>;
  readonly #stops: (() => Promise<void>)[];
  #stopped: Promise<void> | undefined;

  private constructor(registry: Registry, finished: Promise<void>, stops: (() => Promise<void>)[]) {
    [this.registry, this.finished, this.#stops] = [registry, finished, stops];
    finished.catch(() => {}); // it is for whoever waits for it
  }

  /** Resolves when it follows the chain. @throws HoldfastError when it cannot work as it is configured */
  static async start(config: KeeperConfig, options: RunOptions): Promise<KeeperService> {
    const { log, registry = new Registry(), health = new Health() } = options;
    const stops: (() => Promise<void>)[] = [];
    try {
      const deployment = await loadDeployment(config.deployment);
      const account = await loadAccount(config.key);
      const { rpcUrl, pollingIntervalMs } = config;
      const client = await connect({ rpcUrl, chainId: deployment.chainId, log, pollingIntervalMs });
      const store = await openStore(join(config.dataDir, "store"));
      stops.push(() => store.close());
      const maxFeePerGas = parseGwei(String(config.maxFeeGwei));
      const transactor = await Transactor.open({ client, account, store, log, errors: ERRORS, maxFeePerGas, registry });
      stops.push(() => transactor.close());
      const { fullBond } = await read(client, deployment, Oracle, "keeper", [account.address]);
      if (fullBond === 0n) log.warn({ keeper: account.address }, "has not joined the committee: it only does chores");

      const mirror = await Mirror.open({ client, deployment, store, log });
      const watch = new HeadWatch(registry, config.chainSilence);
      watch.saw(mirror.head);
      stops.push(health.watch(() => watch.faults()));
      const agent = new KeeperAgent(
        { ...config, reach: { local: config.localSources } },
        {
          ...{ deployment, client, transactor, store, log },
          state: mirror.state,
          account: account.address,
          beaconUrls: config.beaconUrls,
          turnMs: config.turnMs,
          metrics: new KeeperMetrics(registry),
        },
      );
      // Together: the agent's duties may be waiting for a transaction that is stuck. It is taken up again at the next start.
      stops.push(async () => void (await Promise.all([agent.stop(), transactor.close()])));
      const stopping = new AbortController();
      agent.onBlock(mirror.head);
      const following = mirror.run((head) => {
        watch.saw(head);
        agent.onBlock(head);
      }, stopping.signal);
      stops.push(async () => {
        stopping.abort();
        await following.catch(() => {});
      });
      log.info({ keeper: account.address }, "the keeper is at work");
      return new KeeperService(registry, following, stops);
    } catch (error) {
      await stopAll(stops);
      throw error;
    }
  }

  /** Graceful: nothing is left half done, and nothing is lost if it is not called. */
  stop(): Promise<void> {
    this.#stopped ??= stopAll(this.#stops);
    return this.#stopped;
  }
}

async function stopAll(stops: (() => Promise<void>)[]): Promise<void> {
  for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop();
}
