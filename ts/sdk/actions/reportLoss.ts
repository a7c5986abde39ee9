import { Audits } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface ReportLossParameters {
  readonly orderId: number;
  /** Which copy of the order, 0 to its replicas - 1. */
  readonly replica: number;
}

/**
 * Says, as the operator's owner or prover, that a slot is lost: half the slash. A failed audit nevertheless, if one opened in an earlier round is
 * pending.
 *
 * @throws ContractRevert: Operators_NotAgent, Audits_TooLate, Market_NotLive
 * @example
 * await reportLossSync(wallet, { deployment, orderId: 7, replica: 0 });
 */
export const reportLoss = defineWrite({
  contract: Audits,
  functionName: "reportLoss",
  event: ["LossReported", "AuditFailed"],
  args: ({ orderId, replica }: ReportLossParameters) => [orderId, replica],
});

/** `reportLoss`, waited for. */
export const reportLossSync = sync(reportLoss);
