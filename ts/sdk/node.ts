import { readFile } from "node:fs/promises";
import { type Address, isAddress } from "viem";
import { z } from "zod";
import { EXIT, HoldfastError } from "../errors.ts";
import type { Deployment } from "./deployment.ts";

const address = z.custom<Address>((value) => typeof value === "string" && isAddress(value), "is no address");

const schema: z.ZodType<Deployment> = z.object({
  chainId: z.int().positive(),
  fromBlock: z.int().nonnegative(),
  genesis: z.int().positive(),
  roundLength: z.int().min(60),
  contracts: z.object({
    Authority: address,
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
  } satisfies Record<keyof Deployment["contracts"], typeof address>),
});

/**
 * Reads a deployment from the file that script/Deploy.s.sol wrote.
 *
 * @throws HoldfastError when the file is missing or says something else
 */
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
