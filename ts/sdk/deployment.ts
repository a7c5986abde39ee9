import { readFile } from "node:fs/promises";
import { type Address, erc20Abi, isAddress } from "viem";
import { z } from "zod";
import {
  auditsAbi,
  beaconAbi,
  catalogAbi,
  holdingsAbi,
  marketAbi,
  operatorsAbi,
  oracleAbi,
  poolAbi,
  retrievalAbi,
  settlementAbi,
} from "../bindings/abi.ts";
import { EXIT, HoldfastError } from "../errors.ts";

export const ABIS = {
  Asset: erc20Abi,
  Beacon: beaconAbi,
  Catalog: catalogAbi,
  Pool: poolAbi,
  Operators: operatorsAbi,
  Oracle: oracleAbi,
  Holdings: holdingsAbi,
  Market: marketAbi,
  Audits: auditsAbi,
  Settlement: settlementAbi,
  Retrieval: retrievalAbi,
} as const;

export type Abis = typeof ABIS;
export type ContractName = keyof Abis;

const address = z.custom<Address>((value) => typeof value === "string" && isAddress(value), "is no address");

const schema = z.object({
  chainId: z.int().positive(),
  /** Block from which the protocol's events start. */
  fromBlock: z.int().nonnegative(),
  /** Unix seconds. */
  genesis: z.int().positive(),
  /** Seconds. */
  roundLength: z.int().min(60),
  contracts: z.object({
    Asset: address,
    Beacon: address,
    Catalog: address,
    Pool: address,
    Operators: address,
    Oracle: address,
    Holdings: address,
    Market: address,
    Audits: address,
    Settlement: address,
    Retrieval: address,
  } satisfies Record<ContractName, typeof address>),
});

/** Where a community's contracts are, and its schedule: what script/Deploy.s.sol writes to deployments/<chainId>.json. */
export type Deployment = z.infer<typeof schema>;

/** The protocol's contracts, whose events and errors are its own: all but the asset. */
export function protocolAddresses({ contracts: { Asset, ...protocol } }: Deployment): Address[] {
  return Object.values(protocol);
}

/** @throws HoldfastError when the file is missing or says something else. */
export async function loadDeployment(path: string): Promise<Deployment> {
  try {
    return schema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : code === "ENOENT" ? "no such file" : message;
    throw new HoldfastError(`${path} is no deployment: ${reason}`, {
      cause,
      hint: "give the file that script/Deploy.s.sol wrote for this chain, deployments/<chainId>.json; holdfast chain starts a local one",
      exitCode: EXIT.config,
    });
  }
}
