import type { Address } from "viem";
import { Oracle } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface ForfeitParameters {
  /** The epoch, an ended one. */
  readonly epoch: number;
  /** Who did not reveal all it committed to. */
  readonly keeper: Address;
}

/**
 * Takes part of a keeper's bond, for the treasury, because it did not reveal all it had committed to. By anyone, once (H-ORC-3).
 *
 * @throws ContractRevert: Oracle_TooEarly, Oracle_NoCommitment, Oracle_AllRevealed
 * @example
 * const { amount } = await forfeitSync(wallet, { deployment, epoch: 1, keeper });
 */
export const forfeit = defineWrite({
  contract: Oracle,
  functionName: "forfeit",
  event: "BondForfeited",
  args: ({ epoch, keeper }: ForfeitParameters) => [epoch, keeper],
});

/** `forfeit`, waited for. */
export const forfeitSync = sync(forfeit);
