import type { Address } from "viem";
import { Operators } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface WithdrawStakeParameters {
  /** The operator's number. */
  readonly operatorId: number;
  /** Where the stake goes. */
  readonly to: Address;
}

/**
 * Owner: takes the stake home when it has thawed (`requestExit`).
 *
 * @throws ContractRevert: Operators_NotOwner, Operators_NotExiting, Operators_Thawing, Operators_Unsettled, Operators_ZeroAddress
 * @example
 * const { amount } = await withdrawStakeSync(wallet, { deployment, operatorId: 3, to: wallet.account.address });
 */
export const withdrawStake = defineWrite({
  contract: Operators,
  functionName: "withdraw",
  event: "Withdrawn",
  args: ({ operatorId, to }: WithdrawStakeParameters) => [operatorId, to],
});

/** `withdrawStake`, waited for. */
export const withdrawStakeSync = sync(withdrawStake);
