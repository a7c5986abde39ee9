import { Retrieval } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface RequestWithdrawalParameters {
  /** Asset wei; replaces an earlier request, and 0 takes it back. */
  readonly amount: bigint;
}

/**
 * Asks for part of the sender's free deposit, in 2 rounds; vouchers may draw on it until then.
 *
 * @throws ContractRevert: Retrieval_BalanceTooLow
 * @example
 * const { until } = await requestWithdrawalSync(wallet, { deployment, amount: 10n ** 15n });
 */
export const requestWithdrawal = defineWrite({
  contract: Retrieval,
  functionName: "requestWithdrawal",
  event: "WithdrawalRequested",
  args: ({ amount }: RequestWithdrawalParameters) => [amount],
});

/** `requestWithdrawal`, waited for. */
export const requestWithdrawalSync = sync(requestWithdrawal);
