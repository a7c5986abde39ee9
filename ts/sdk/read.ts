import type { Abi, Client } from "viem";
import { readContract } from "viem/actions";
import type { Contract, ReadArgs, ReadOf, ReadResult } from "./contracts.ts";
import type { Deployment } from "./deployment.ts";
import { explain } from "./errors.ts";

/**
 * Reads one view of a contract, typed by its ABI.
 *
 * @throws ContractRevert when the view reverts
 * @example
 * const { stake } = await read(client, deployment, Operators, "operator", [operatorId]);
 */
export async function read<const C extends Contract, F extends ReadOf<C>>(
  client: Client,
  deployment: Deployment,
  { name, abi }: C,
  functionName: F,
  args: ReadArgs<C, F>,
): Promise<ReadResult<C, F>> {
  const address = deployment.contracts[name];
  try {
    const result = await readContract(client, {
      address,
      abi: abi as Abi,
      functionName,
      args: args as readonly unknown[],
    });
    return result as ReadResult<C, F>;
  } catch (error) {
    throw explain(error, `${name}.${functionName}`);
  }
}
