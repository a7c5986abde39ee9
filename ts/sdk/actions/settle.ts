import { Settlement } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface SettleParameters {
  /** The operator's number. */
  readonly operatorId: number;
  /** The epoch, an ended one. */
  readonly epoch: number;
}

/**
 * Settles an operator's epoch, by anyone, once and in order, from round 2 of the next epoch: reputation, reliability, weight. By the end of round 4
 * it weighs; later its weight is zero (H-EPOCH-3).
 *
 * @throws ContractRevert: Settlement_TooEarly, Settlement_NothingToSettle, Settlement_AuditsPending, Settlement_NotUnwound,
 * Settlement_NotTallied, EpochSchedule_NotNext
 * @example
 * const { outcome } = await settleSync(wallet, { deployment, operatorId: 3, epoch: 1 });
 */
export const settle = defineWrite({
  contract: Settlement,
  functionName: "settle",
  event: "Settled",
  args: ({ operatorId, epoch }: SettleParameters) => [operatorId, epoch],
});

/** `settle`, waited for. */
export const settleSync = sync(settle);
