import type { Address } from "viem";
import { Retrieval } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface WithdrawDepositParameters {
  /** Where the money goes. */
  readonly to: Address;
}

/**
 * Sends what has thawed of the sender's free deposit: what was requested, or what redemptions and earmarks left.
 *
 * @throws ContractRevert: Retrieval_NothingThawing, Retrieval_Thawing, Retrieval_ZeroAddress
 * @example
 * const { amount } = await withdrawDepositSync(wallet, { deployment, to: wallet.account.address });
 */
export const withdrawDeposit = defineWrite({
  contract: Retrieval,
  functionName: "withdraw",
  event: "Withdrawn",
  args: ({ to }: WithdrawDepositParameters) => [to],
});

/** `withdrawDeposit`, waited for. */
export const withdrawDepositSync = sync(withdrawDeposit);
