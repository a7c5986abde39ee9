// The flows that move an account's money: what they cost is read first, drawn by an allowance of exactly that, and bounded.
import { parseEventLogs, type TransactionReceipt } from "viem";
import { call, read } from "./call.ts";
import { ROUNDS } from "./clock.ts";
import { ABIS, type ContractName, type Deployment } from "./deployment.ts";
import { type CommitmentArgs, contentKey, type Manifest, signManifest } from "./manifest.ts";
import { send, type Wallet } from "./send.ts";

/** Lets a contract draw `amount` of the asset, if it may not already. */
export async function allow(
  wallet: Wallet,
  deployment: Deployment,
  spender: ContractName,
  amount: bigint,
): Promise<void> {
  const to = deployment.contracts[spender];
  if ((await read(wallet, deployment, "Asset", "allowance", [wallet.account.address, to])) >= amount) return;
  await send(wallet, call(deployment, "Asset", "approve", [to, amount]));
}

export interface PublishParameters {
  readonly commitment: CommitmentArgs;
  readonly name: string;
  /** The publisher's own count of versions. */
  readonly version?: number;
  /** URI. */
  readonly licence?: string;
  /** Where the .torrent and first peers are found (ts/operator/README.md lists the forms). */
  readonly sources: readonly string[];
}

/**
 * Publishes a content as the wallet's own, with the bond asked now. @throws ContractRevert
 * @returns its number
 */
export async function publish(wallet: Wallet, deployment: Deployment, parameters: PublishParameters): Promise<number> {
  const { commitment, name, version = 1, licence = "", sources } = parameters;
  const manifest: Manifest = {
    publisher: wallet.account.address,
    name,
    infohash: commitment.infohash,
    key: contentKey(commitment),
    series: 0n,
    version,
    licence,
    sources,
  };
  const signature = await signManifest(wallet, deployment, manifest);
  await allow(wallet, deployment, "Catalog", await read(wallet, deployment, "Catalog", "publishBond", []));
  const receipt = await send(wallet, call(deployment, "Catalog", "publish", [manifest, commitment, signature]));
  return onlyLog(parseEventLogs({ abi: ABIS.Catalog, eventName: "Published", logs: receipt.logs }), receipt).args
    .contentId;
}

export interface OrderParameters {
  readonly contentId: number;
  /** Copies, each by another operator, 1 to 16. */
  readonly replicas: number;
  /** The epoch under way or the next. */
  readonly startEpoch: number;
  /** 1 to 12. */
  readonly epochs: number;
  /** Percent, 0 to 100. */
  readonly minReputation?: number;
  /** Percent, 0 to 100. */
  readonly minReliability?: number;
  /** An order of the same content that this one renews. */
  readonly incumbentOrder?: number;
  /** The only operators that may accept; any if empty. */
  readonly designated?: readonly number[];
  /** Most to pay, in asset wei; what the terms of now ask if not given. */
  readonly maxDeposit?: bigint;
}

/**
 * Opens an order and pays its whole deposit. @throws ContractRevert
 * @returns its number
 */
export async function openOrder(wallet: Wallet, deployment: Deployment, parameters: OrderParameters): Promise<number> {
  const { contentId, replicas, startEpoch, epochs } = parameters;
  const { minReputation = 0, minReliability = 0, incumbentOrder = 0, designated = [] } = parameters;
  const maxDeposit = parameters.maxDeposit ?? (await quote(wallet, deployment, parameters));
  const request = {
    contentId,
    replicas,
    startEpoch,
    epochs,
    minReputation,
    minReliability,
    incumbentOrder,
    designated,
  };
  await allow(wallet, deployment, "Market", maxDeposit);
  const receipt = await send(wallet, call(deployment, "Market", "open", [request, maxDeposit]));
  return onlyLog(parseEventLogs({ abi: ABIS.Market, eventName: "OrderOpened", logs: receipt.logs }), receipt).args
    .orderId;
}

/** The most an order opened now would cost, in asset wei: every round of its epochs, of which those already begun fall away. */
export async function quote(
  wallet: Wallet,
  deployment: Deployment,
  { contentId, replicas, epochs }: Pick<OrderParameters, "contentId" | "replicas" | "epochs">,
): Promise<bigint> {
  const [chunks, fee] = await Promise.all([
    read(wallet, deployment, "Catalog", "chunks", [contentId]),
    read(wallet, deployment, "Market", "feePerChunkRound", []),
  ]);
  return BigInt(chunks) * BigInt(replicas * epochs * ROUNDS) * fee;
}

export interface RegisterParameters {
  /** Chunks of 8 MiB offered. */
  readonly capacityChunks: number;
  readonly payout: `0x${string}`;
  /** The key that proves; the wallet's own if not given. */
  readonly prover?: `0x${string}`;
  /** host:port. */
  readonly endpoint: string;
}

/**
 * Registers an operator owned by the wallet, with the stake its capacity asks. @throws ContractRevert
 * @returns its number
 */
export async function register(
  wallet: Wallet,
  deployment: Deployment,
  parameters: RegisterParameters,
): Promise<number> {
  const { capacityChunks, payout, prover = wallet.account.address, endpoint } = parameters;
  const stake = BigInt(capacityChunks) * (await read(wallet, deployment, "Operators", "stakePerChunk", []));
  await allow(wallet, deployment, "Operators", stake);
  const receipt = await send(
    wallet,
    call(deployment, "Operators", "register", [capacityChunks, payout, prover, endpoint]),
  );
  return onlyLog(parseEventLogs({ abi: ABIS.Operators, eventName: "Registered", logs: receipt.logs }), receipt).args
    .operatorId;
}

/** Pays for an audit of one slot. @throws ContractRevert */
export async function openAudit(
  wallet: Wallet,
  deployment: Deployment,
  orderId: number,
  replica: number,
): Promise<void> {
  const fee = await read(wallet, deployment, "Audits", "auditFee", []);
  await allow(wallet, deployment, "Audits", fee);
  await send(wallet, call(deployment, "Audits", "open", [orderId, replica, fee]));
}

function onlyLog<T>(logs: readonly T[], { transactionHash }: TransactionReceipt): T {
  if (logs.length !== 1) throw new Error(`transaction ${transactionHash} did not do what it was for`);
  return logs[0]!;
}
