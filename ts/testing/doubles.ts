import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import type { Address } from "viem";
import type { LocalClient } from "./anvil.ts";

/** Deploys a contract of test/doubles by its name. */
export async function deployDouble(client: LocalClient, name: string): Promise<Address> {
  const artifact = `out/${name}.sol/${name}.json`;
  if (!existsSync(artifact)) {
    await promisify(execFile)(process.execPath, ["script/tools/forge.cjs", "build", `test/doubles/${name}.sol`]);
  }
  const { bytecode } = JSON.parse(readFileSync(artifact, "utf8"));
  const hash = await client.deployContract({ abi: [], bytecode: bytecode.object });
  return (await client.waitForTransactionReceipt({ hash })).contractAddress!;
}
