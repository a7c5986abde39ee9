import { Audits } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface CloseAuditParameters {
  readonly orderId: number;
  /** Which copy of the order, 0 to its replicas - 1. */
  readonly replica: number;
}

/**
 * Closes an audit that the operator was there for and left unanswered, by anyone: the slot is lost and slashed on that evidence (H-STAKE-2). Or one
 * whose slot is not what it was. The fee goes back either way.
 *
 * @throws ContractRevert: Audits_NoneOpen, Audits_NotClosable
 * @example
 * const { eventName } = await closeAuditSync(wallet, { deployment, orderId: 7, replica: 0 });
 */
export const closeAudit = defineWrite({
  contract: Audits,
  functionName: "close",
  event: ["AuditFailed", "AuditReturned"],
  args: ({ orderId, replica }: CloseAuditParameters) => [orderId, replica],
});

/** `closeAudit`, waited for. */
export const closeAuditSync = sync(closeAudit);
