import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { promisify } from "node:util";
import { LocalBeacon } from "../beacon/local.ts";
import { encodeKey, openBeacon } from "../beacon/scheme.ts";
import { EXIT, HoldfastError } from "../errors.ts";
import { submitSeedSync } from "../sdk/actions/submitSeed.ts";
import { startOf } from "../sdk/clock.ts";
import { Beacon } from "../sdk/contracts.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { loadDeployment } from "../sdk/node.ts";
import { read } from "../sdk/read.ts";
import { Anvil, LOCAL_CHAIN, type LocalClient, localKey } from "./anvil.ts";

const FORGE = "script/tools/forge.cjs";

export interface LocalChainOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Seconds, at least 60. Default: that of script/config/local.json. */
  readonly roundLength?: number;
  /** Seconds from a round's start to its beacon, below half the round. Default: 10. */
  readonly beaconDelay?: number;
  /** Further parameters of script/Deploy.s.sol, over those of script/config/local.json. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Further arguments of anvil. */
  readonly anvil?: readonly string[];
}

/**
 * A chain of one's own with the protocol on it: anvil, the script that deploys anywhere, and the local beacon whose key it trusts.
 * Local account 0 deploys, governs and owns the asset.
 */
export class LocalChain {
  readonly rpcUrl: string;
  readonly deployment: Deployment;
  /** Where its addresses are written. */
  readonly deploymentFile: string;
  /** Goes by the chain's time, and serves nobody until it is told to listen. */
  readonly beacon: LocalBeacon;
  readonly #anvil: Anvil;
  readonly #folder: string;

  private constructor(anvil: Anvil, deployment: Deployment, folder: string, beacon: LocalBeacon) {
    this.rpcUrl = anvil.rpcUrl;
    this.deployment = deployment;
    this.deploymentFile = deploymentFile(folder);
    this.beacon = beacon;
    this.#anvil = anvil;
    this.#folder = folder;
  }

  /** @throws HoldfastError where there are no contracts to compile */
  static async start({ port = 0, anvil: args = [], ...options }: LocalChainOptions = {}): Promise<LocalChain> {
    if (!existsSync(FORGE))
      throw new HoldfastError("a local chain compiles the contracts, and their sources are not here", {
        hint: "run it in a clone of the repository, at its root",
        exitCode: EXIT.usage,
      });
    const anvil = await Anvil.start({ port, args });
    try {
      const client = anvil.client();
      const now = async () => Number((await client.getBlock()).timestamp);
      const beacon = new LocalBeacon({ seed: "holdfast", genesis: 1, period: 3, now });
      await mkdir(".holdfast", { recursive: true });
      const folder = await mkdtemp(".holdfast/chain-");
      await deploy(anvil.rpcUrl, folder, beacon, options);
      return new LocalChain(anvil, await loadDeployment(deploymentFile(folder)), folder, beacon);
    } catch (error) {
      await anvil.stop();
      throw error;
    }
  }

  /** A client that signs as local account `index`. */
  client(index = 0): LocalClient {
    return this.#anvil.client(index);
  }

  /** Moves the chain's time to `seconds` into a round, by a block there. */
  async toRound(round: number, seconds = 1): Promise<void> {
    const client = this.client();
    await client.setNextBlockTimestamp({ timestamp: BigInt(startOf(this.deployment, round) + seconds) });
    await client.mine({ blocks: 1 });
  }

  /** Moves to the time of a round's beacon, and brings its seed on chain. */
  async seedRound(round: number): Promise<void> {
    const client = this.client();
    const [drandRound, [opens]] = await Promise.all([
      read(client, this.deployment, Beacon, "drandRoundFor", [round]),
      read(client, this.deployment, Beacon, "window", [round]),
    ]);
    await this.toRound(round, Number(opens) - startOf(this.deployment, round));
    const { signature } = openBeacon(
      this.beacon.network.publicKey,
      Number(drandRound),
      this.beacon.sign(Number(drandRound)),
    );
    await submitSeedSync(client, { deployment: this.deployment, round, signature });
  }

  async stop(): Promise<void> {
    await this.#anvil.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function deploy(rpcUrl: string, folder: string, beacon: LocalBeacon, options: LocalChainOptions): Promise<void> {
  const defaults = JSON.parse(await readFile("script/config/local.json", "utf8"));
  const { roundLength = defaults.roundLength, beaconDelay = 10, parameters = {} } = options;
  const { publicKey, genesis, period } = beacon.network;
  const source = { delay: beaconDelay, key: encodeKey(publicKey), genesis, period };
  const script = [
    FORGE,
    "script",
    "script/Deploy.s.sol:Deploy",
    "--rpc-url",
    rpcUrl,
    "--private-key",
    localKey(0),
    "--broadcast",
    "--slow", // anvil 1.7.1 sometimes leaves transactions that arrive together unmined until the next one comes
  ];
  const env = {
    ...process.env,
    HOLDFAST_PARAMETERS: JSON.stringify({ ...defaults, roundLength, beacon: source, ...parameters }),
    HOLDFAST_DEPLOYMENTS: folder,
  };
  await promisify(execFile)(process.execPath, script, { env }).catch(({ stdout, stderr }) => {
    throw new Error(`the contracts could not be deployed: ${stdout}${stderr}`.trim());
  });
}

function deploymentFile(folder: string): string {
  return `${folder}/${LOCAL_CHAIN.id}.json`;
}
