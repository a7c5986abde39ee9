import type { Address, Hex } from "viem";

/** A transaction to be, without who sends it and how: what a wallet, the agents' transactor and a multisig can all take. */
export interface Call {
  readonly to: Address;
  readonly data: Hex;
  /** For people, logs and metrics, e.g. "Market.accept". */
  readonly name: string;
}
