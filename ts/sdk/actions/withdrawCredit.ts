import { Audits } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

/**
 * Draws what the sender is owed of audits: fees earned, or come back.
 *
 * @throws ContractRevert: Audits_NothingOwed
 * @example
 * const { amount } = await withdrawCreditSync(wallet, { deployment });
 */
export const withdrawCredit = defineWrite({
  contract: Audits,
  functionName: "withdraw",
  event: "CreditWithdrawn",
  args: () => [],
});

/** `withdrawCredit`, waited for. */
export const withdrawCreditSync = sync(withdrawCredit);
