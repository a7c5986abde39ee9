import { Audits } from "../contracts.ts";
import { defineWrite, priced, sync } from "../define.ts";

export interface OpenAuditParameters {
  readonly orderId: number;
  /** Which copy of the order, 0 to its replicas - 1. */
  readonly replica: number;
  /** Most to pay, in asset wei: `read(client, deployment, Audits, "auditFee", [])` says what it costs now. */
  readonly maxFee: bigint;
}

/**
 * Pays for an audit: K words of one live slot, due in the next round. Answered, the fee is the operator's; failed, it comes back and the slot is
 * slashed.
 *
 * @throws ContractRevert: Audits_NotLive, Audits_TooLate, Audits_AlreadyOpen, Audits_TooMany, Audits_FeeAbove
 * @example
 * const maxFee = await read(client, deployment, Audits, "auditFee", []);
 * const { due } = await pay(wallet, openAudit, { deployment, orderId: 7, replica: 0, maxFee });
 */
export const openAudit = priced(
  defineWrite({
    contract: Audits,
    functionName: "open",
    event: "AuditOpened",
    args: ({ orderId, replica, maxFee }: OpenAuditParameters) => [orderId, replica, maxFee],
  }),
  async (_, { maxFee }) => maxFee,
);

/** `openAudit`, waited for. */
export const openAuditSync = sync(openAudit);
