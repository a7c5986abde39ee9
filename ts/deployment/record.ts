// What a deployment is meant to be: the file that script/Deploy.s.sol wrote, the reviewed parameters, who may do what.
import { readFile } from "node:fs/promises";
import { type Address, getAddress, type Hex, isAddress, isHex, zeroAddress } from "viem";
import { z } from "zod";
import { EXIT, HoldfastError } from "../errors.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { loadDeployment } from "../sdk/node.ts";

const address = z
  .custom<Address>((value) => typeof value === "string" && isAddress(value), "is no address")
  .transform((value) => getAddress(value));
const hex = z.custom<Hex>((value) => isHex(value), "is no hexadecimal string");
/** A whole number; above 2^53 only digits in a string are exact. */
const amount = z.union([z.int().nonnegative(), z.string().regex(/^\d+$/, "is no whole number")]).transform(BigInt);
const number = amount.pipe(z.bigint().max(BigInt(Number.MAX_SAFE_INTEGER))).transform(Number);

/** script/config/<network>.json. Its bounds are script/Config.sol's business. */
const parameters = z.strictObject({
  name: z.string().min(1),
  chainId: number,
  asset: address,
  assetDecimals: number,
  genesis: amount,
  roundLength: amount,
  beacon: z.strictObject({ delay: amount, key: hex, genesis: amount, period: amount }),
  publishBond: amount,
  stakePerChunk: amount,
  feePerChunkRound: amount,
  slashBps: number,
  auditFee: amount,
  auditFeeBasis: z.strictObject({ gasPrice: amount, assetPerEther: amount }),
  keeperBond: amount,
  oracle: z.strictObject({ toleranceBps: number, shareBps: number, forfeitBps: number }),
  shares: z.strictObject({ oracleBps: number, treasuryBps: number }),
  retrieval: z.strictObject({ takeBps: number, referencePrice: amount }),
  treasury: address,
  governor: address,
  governorDelay: number,
  guardian: address,
  curator: address,
});

/** All that a deployment chooses: docs/parameters.md lists each with unit and bounds. */
export type Parameters = z.output<typeof parameters>;

const recorded = z.object({
  creator: address,
  factory: address,
  parameters,
  contracts: z.object({ Authority: address }),
});

/** A deployment with what it was created from. */
export interface DeploymentRecord extends Deployment {
  readonly authority: Address;
  /** Who created it: its addresses follow from that and `parameters.name`. */
  readonly creator: Address;
  /** What created it: script/Factory.sol. */
  readonly factory: Address;
  /** As they were when it was created. */
  readonly parameters: Parameters;
}

/** @throws HoldfastError when the file is missing, or is not all that the script writes */
export async function loadRecord(path: string): Promise<DeploymentRecord> {
  const deployment = await loadDeployment(path);
  const { contracts, ...rest } = parse(recorded, await readFile(path, "utf8"), path);
  return { ...deployment, ...rest, authority: contracts.Authority };
}

/**
 * The reviewed parameters. What a local chain's file leaves at zero is taken from the record.
 *
 * @throws HoldfastError when the file is missing, lacks a parameter, or has one that there is not
 */
export async function loadParameters(path: string, record: DeploymentRecord): Promise<Parameters> {
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new HoldfastError(`${path} cannot be read`, { cause, exitCode: EXIT.config });
  });
  const reviewed = parse(parameters, text, path);
  const { asset, treasury, governor, guardian, curator, genesis } = reviewed;
  const people = { asset, treasury, governor, guardian, curator };
  const given = Object.fromEntries(Object.entries(people).filter(([, value]) => value !== zeroAddress));
  const { parameters: filled } = record;
  return {
    ...reviewed,
    asset: filled.asset,
    treasury: filled.treasury,
    governor: filled.governor,
    guardian: filled.guardian,
    curator: filled.curator,
    ...given,
    genesis: genesis === 0n ? filled.genesis : genesis,
  };
}

const roles = z.record(
  z.string(),
  z.strictObject({ id: amount, functions: z.record(z.string(), z.array(z.string())) }),
);

/** script/roles.json: by role, the functions that its members may call. */
export type Roles = z.output<typeof roles>;

export async function loadRoles(path = "script/roles.json"): Promise<Roles> {
  return parse(roles, await readFile(path, "utf8"), path);
}

function parse<T extends z.ZodType>(schema: T, text: string, path: string): z.output<T> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new HoldfastError(`${path} is not what it should be: ${reason}`, { cause, exitCode: EXIT.config });
  }
}
