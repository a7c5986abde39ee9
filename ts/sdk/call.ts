import {
  type Abi,
  type Client,
  type ContractFunctionArgs,
  type ContractFunctionName,
  type ContractFunctionReturnType,
  encodeFunctionData,
} from "viem";
import { readContract } from "viem/actions";
import type { Call } from "../chain/call.ts";
import { ABIS, type Abis, type ContractName, type Deployment } from "./deployment.ts";
import { explain } from "./errors.ts";

type Writes<N extends ContractName> = ContractFunctionName<Abis[N], "nonpayable">;
type Reads<N extends ContractName> = ContractFunctionName<Abis[N], "view" | "pure">;

/**
 * A call of any function that changes a deployment's state, typed by its ABI; what each does and requires is written in src/interfaces.
 *
 * @example
 * await send(wallet, call(deployment, "Market", "accept", [orderId, replica, operatorId]));
 */
export function call<N extends ContractName, F extends Writes<N>>(
  deployment: Deployment,
  contract: N,
  functionName: F,
  args: ContractFunctionArgs<Abis[N], "nonpayable", F>,
): Call {
  const data = encodeFunctionData({
    abi: ABIS[contract] as Abi,
    functionName: functionName as string,
    args: args as readonly unknown[],
  });
  return { to: deployment.contracts[contract], data, name: `${contract}.${functionName}` };
}

/**
 * Reads a view, typed by its ABI.
 *
 * @throws ContractRevert when the view reverts
 * @example
 * const { stake } = await read(client, deployment, "Operators", "operator", [operatorId]);
 */
export async function read<N extends ContractName, F extends Reads<N>>(
  client: Client,
  deployment: Deployment,
  contract: N,
  functionName: F,
  args: ContractFunctionArgs<Abis[N], "view" | "pure", F>,
): Promise<ContractFunctionReturnType<Abis[N], "view" | "pure", F>> {
  const address = deployment.contracts[contract];
  try {
    const result = await readContract(client, {
      address,
      abi: ABIS[contract] as Abi,
      functionName,
      args: args as readonly unknown[],
    });
    return result as ContractFunctionReturnType<Abis[N], "view" | "pure", F>;
  } catch (error) {
    throw explain(error, `${contract}.${functionName}`);
  }
}
