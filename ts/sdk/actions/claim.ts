import { Operators, Pool } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface ClaimParameters {
  /** The operator's number. */
  readonly operatorId: number;
  /** The epoch, a frozen one. */
  readonly epoch: number;
}

/**
 * Pays an operator's share of a frozen epoch to its payout address, by anyone, once (H-EPOCH-2). While reputation is below 0.3 it waits; if
 * it still is when more than 6 epochs have passed since, the share goes to the treasury (H-EPOCH-3).
 *
 * @throws ContractRevert: Operators_Withheld, Pool_NotFrozen, Pool_NothingToPay
 * @example
 * const { owed, to } = await claimSync(wallet, { deployment, operatorId: 3, epoch: 1 });
 */
export const claim = defineWrite({
  contract: Operators,
  functionName: "claim",
  emitter: Pool,
  event: "Paid",
  args: ({ operatorId, epoch }: ClaimParameters) => [operatorId, epoch],
});

/** `claim`, waited for. */
export const claimSync = sync(claim);
