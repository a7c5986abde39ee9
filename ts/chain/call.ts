import { type Abi, type Address, encodeFunctionData, type Hex } from "viem";

/**
 * A call of a contract's function, without who sends it and how: what a wallet, the agents' transactor, a multisig, and viem's multicall
 * and simulateContract can all take.
 */
export interface Call {
  /** The contract's name, for people, logs and metrics. */
  readonly contract: string;
  readonly address: Address;
  readonly abi: Abi;
  readonly functionName: string;
  readonly args: readonly unknown[];
}

/** A call as a transaction carries it. */
export interface EncodedCall {
  readonly to: Address;
  readonly data: Hex;
  /** For people, logs and metrics, e.g. "Market.accept". */
  readonly name: string;
}

export function encodeCall({ contract, address, abi, functionName, args }: Call): EncodedCall {
  return { to: address, data: encodeFunctionData({ abi, functionName, args }), name: `${contract}.${functionName}` };
}
