import { Audits } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface RollAuditParameters {
  readonly orderId: number;
  /** Which copy of the order, 0 to its replicas - 1. */
  readonly replica: number;
}

/**
 * Moves an audit whose round was void, or missed by the operator, to the next round, by anyone: an outage is not made a loss by whoever audits it.
 * Past the slot's term the fee goes back.
 *
 * @throws ContractRevert: Audits_NoneOpen, Audits_NotRollable
 * @example
 * const { eventName } = await rollAuditSync(wallet, { deployment, orderId: 7, replica: 0 });
 */
export const rollAudit = defineWrite({
  contract: Audits,
  functionName: "roll",
  event: ["AuditRolled", "AuditReturned"],
  args: ({ orderId, replica }: RollAuditParameters) => [orderId, replica],
});

/** `rollAudit`, waited for. */
export const rollAuditSync = sync(rollAudit);
