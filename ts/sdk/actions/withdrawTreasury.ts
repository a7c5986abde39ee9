import { Pool } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

/**
 * Sends the treasury's ledger to the treasury's address, by anyone.
 *
 * @throws ContractRevert
 * @example
 * const { amount } = await withdrawTreasurySync(wallet, { deployment });
 */
export const withdrawTreasury = defineWrite({
  contract: Pool,
  functionName: "withdrawTreasury",
  event: "TreasuryWithdrawn",
  args: () => [],
});

/** `withdrawTreasury`, waited for. */
export const withdrawTreasurySync = sync(withdrawTreasury);
