// What commands that talk to a deployment share: its options, a client or a wallet, and the state read once.
import type { Command } from "commander";
import { pino } from "pino";
import { type Account, type Chain, type Client, createClient, custom, type Transport } from "viem";
import type { z } from "zod";
import { type ChainClient, connect } from "../chain/connection.ts";
import { loadAccount } from "../chain/keys.ts";
import { operatorConfig } from "../operator/config.ts";
import { type Deployment, protocolAddresses } from "../sdk/deployment.ts";
import { loadDeployment } from "../sdk/node.ts";
import { loadConfig } from "../service/config.ts";
import { ProtocolState } from "../service/state.ts";
import type { GlobalOptions } from "./options.ts";

/** As `withChain` and `withKey` declare them, and the global ones. */
export interface ChainOptions extends GlobalOptions {
  readonly rpcUrl?: string;
  readonly deployment?: string;
  readonly keyFile?: string;
  readonly keystore?: string;
  readonly passwordFile?: string;
}

const chainConfig = operatorConfig.pick({ rpcUrl: true, deployment: true });
const walletConfig = operatorConfig.pick({ rpcUrl: true, deployment: true, key: true });

/** How long a command waits for an RPC that is away, in ms. */
const PATIENCE_MS = 5_000;
/** Blocks of logs asked for at once. */
const STEP = 2_000n;

/** Adds the options by which a command finds its deployment. */
export function withChain(command: Command): Command {
  return command
    .option("--rpc-url <url>", "the chain's RPC, or HOLDFAST_RPC_URL (default: http://127.0.0.1:8545)")
    .option("--deployment <file>", "the addresses, or HOLDFAST_DEPLOYMENT (default: deployments/31337.json)");
}

/** Adds the options by which a command finds its key. */
export function withKey(command: Command): Command {
  return withChain(command)
    .option("--key-file <file>", "a file with the private key in hex, or HOLDFAST_KEY_PRIVATE_KEY")
    .option("--keystore <file>", "an encrypted keystore, version 3")
    .option("--password-file <file>", "the keystore's password");
}

/** The part of a configuration that `withKey`'s options give. */
export function flagsOf({ rpcUrl, deployment, keyFile: file, keystore, passwordFile }: ChainOptions) {
  const key = { file, keystore, passwordFile };
  const given = Object.fromEntries(Object.entries(key).filter(([, value]) => value !== undefined));
  return { rpcUrl, deployment, ...(Object.keys(given).length > 0 && { key: given }) };
}

/** Where the chain is and which file has its addresses, by option, variable or default. */
export function chainConfigOf({ rpcUrl, deployment }: ChainOptions): Promise<z.output<typeof chainConfig>> {
  return loadConfig(chainConfig, { flags: { rpcUrl, deployment } });
}

export async function openChain(options: ChainOptions): Promise<{ deployment: Deployment; client: ChainClient }> {
  return connectTo(await chainConfigOf(options));
}

/** A client that reads, and signs with the command's key. */
export type CliWallet = Client<Transport, Chain, Account>;

export async function openWallet(options: ChainOptions): Promise<{ deployment: Deployment; wallet: CliWallet }> {
  const config = await loadConfig(walletConfig, { flags: flagsOf(options) });
  const account = await loadAccount(config.key);
  const { deployment, client } = await connectTo(config);
  const { chain, pollingInterval } = client;
  return { deployment, wallet: createClient({ account, chain, pollingInterval, transport: custom(client) }) };
}

async function connectTo({ rpcUrl, deployment: file }: z.output<typeof chainConfig>) {
  const deployment = await loadDeployment(file);
  const log = pino({ level: "silent" });
  const { chainId } = deployment;
  const client = await connect({ rpcUrl, chainId, log, patienceMs: PATIENCE_MS, pollingIntervalMs: 500 });
  return { deployment, client };
}

/** The protocol's state now, from the chain's events. */
export async function readState(
  client: ChainClient,
  deployment: Deployment,
): Promise<{ state: ProtocolState; now: number }> {
  const state = new ProtocolState(deployment);
  const { number, timestamp } = await client.getBlock();
  const address = protocolAddresses(deployment);
  for (let fromBlock = BigInt(deployment.fromBlock); fromBlock <= number; fromBlock += STEP) {
    const toBlock = fromBlock + STEP - 1n < number ? fromBlock + STEP - 1n : number;
    for (const log of await client.getLogs({ address, fromBlock, toBlock })) state.apply(log);
  }
  return { state, now: Number(timestamp) };
}
