import type { Address } from "viem";
import { Oracle } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface WithdrawKeeperBondParameters {
  /** Whose bond. */
  readonly keeper: Address;
}

/**
 * Sends a keeper's bond home, by anyone, 2 epochs after its seat stopped.
 *
 * @throws ContractRevert: Oracle_NotLeaving, Oracle_BondThawing
 * @example
 * const { amount } = await withdrawKeeperBondSync(wallet, { deployment, keeper });
 */
export const withdrawKeeperBond = defineWrite({
  contract: Oracle,
  functionName: "withdrawBond",
  event: "BondWithdrawn",
  args: ({ keeper }: WithdrawKeeperBondParameters) => [keeper],
});

/** `withdrawKeeperBond`, waited for. */
export const withdrawKeeperBondSync = sync(withdrawKeeperBond);
