// What each contract of a deployment is created from: forge's artifacts, and the arguments of its constructor.
import { readFile } from "node:fs/promises";
import { type Abi, type Address, encodeAbiParameters, type Hex, toFunctionSelector } from "viem";
import { EXIT, HoldfastError } from "../errors.ts";
import type { DeploymentRecord, Parameters } from "./record.ts";

/** Every contract that script/Deployer.sol creates, in its order. */
export const CREATED = [
  "Authority",
  "Beacon",
  "Catalog",
  "Pool",
  "Operators",
  "Oracle",
  "Holdings",
  "Market",
  "Audits",
  "Settlement",
  "Retrieval",
] as const;

export type CreatedName = (typeof CREATED)[number];

/** What forge made of a contract's source. */
export interface Artifact {
  readonly abi: Abi;
  readonly bytecode: { readonly object: Hex };
  readonly deployedBytecode: { readonly object: Hex };
  /** The compiler's own JSON: sources, settings, version. */
  readonly rawMetadata: string;
}

/** @throws HoldfastError when the contracts are not compiled */
export async function loadArtifact(name: CreatedName | "Factory", folder = "out"): Promise<Artifact> {
  const source = name === "Authority" ? "AccessManager" : name;
  try {
    return JSON.parse(await readFile(`${folder}/${source}.sol/${source}.json`, "utf8"));
  } catch (cause) {
    throw new HoldfastError(`${source} is not compiled`, {
      cause,
      hint: "run npm run build in a clone of the repository, at the commit that was deployed",
      exitCode: EXIT.config,
    });
  }
}

export function addressOf(record: DeploymentRecord, name: CreatedName): Address {
  return name === "Authority" ? record.authority : record.contracts[name];
}

/** The arguments of a contract's constructor, as script/Deployer.sol gives them. */
export function argumentsOf(name: CreatedName, record: DeploymentRecord, p: Parameters): readonly unknown[] {
  const d = {
    authority: record.authority,
    asset: p.asset,
    genesis: p.genesis,
    roundLength: p.roundLength,
    beacon: record.contracts.Beacon,
    catalog: record.contracts.Catalog,
    pool: record.contracts.Pool,
    operators: record.contracts.Operators,
    oracle: record.contracts.Oracle,
    holdings: record.contracts.Holdings,
    market: record.contracts.Market,
    audits: record.contracts.Audits,
    settlement: record.contracts.Settlement,
    retrieval: record.contracts.Retrieval,
  };
  switch (name) {
    case "Authority":
      return [record.creator];
    case "Beacon": {
      const { delay, key, genesis, period } = p.beacon;
      return [record.authority, p.genesis, p.roundLength, delay, key, genesis, period];
    }
    case "Catalog":
      return [d, p.publishBond];
    case "Pool":
      return [d, p.treasury, p.shares.oracleBps, p.shares.treasuryBps];
    case "Operators":
      return [d, p.stakePerChunk];
    case "Oracle":
      return [d, p.keeperBond, p.oracle];
    case "Market":
      return [d, p.feePerChunkRound, p.slashBps];
    case "Audits":
      return [d, p.auditFee];
    case "Retrieval":
      return [d, p.retrieval.takeBps, p.retrieval.referencePrice];
    case "Holdings":
    case "Settlement":
      return [d];
  }
}

/** The same in the ABI's encoding, as explorers ask for them. */
export function encodedArguments(artifact: Artifact, values: readonly unknown[]): Hex {
  const inputs = artifact.abi.flatMap((item) => (item.type === "constructor" ? item.inputs : []));
  return encodeAbiParameters(inputs, values);
}

/** By selector, the names of functions that change anything. */
export function writesOf({ abi }: Artifact): Map<Hex, string> {
  const writes = new Map<Hex, string>();
  for (const item of abi) {
    if (item.type !== "function" || item.stateMutability === "view" || item.stateMutability === "pure") continue;
    writes.set(toFunctionSelector(item), item.name);
  }
  return writes;
}
