import type { Hex } from "viem";
import { Audits } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface AnswerAuditParameters {
  readonly orderId: number;
  /** Which copy of the order, 0 to its replicas - 1. */
  readonly replica: number;
  /** K words with their paths: `encodeWords` makes it. */
  readonly proof: Hex;
}

/**
 * Answers an audit in the round it is due, as the operator's owner or prover. The fee is credited to its payout (`withdrawCredit`).
 *
 * @throws ContractRevert: Audits_NoneOpen, Operators_NotAgent, Audits_NotDue, Audits_ObjectLost, Audits_NoSeed, Holdings_WrongProof,
 * Holdings_WrongProofLength
 * @example
 * const seed = await read(client, deployment, Audits, "auditSeed", [orderId, replica]);
 * const leaves = await read(client, deployment, Holdings, "wordsOf", [contentId, seed]);
 * await answerAuditSync(wallet, { deployment, orderId, replica, proof: encodeWords(await wordsAt(leaves)) });
 */
export const answerAudit = defineWrite({
  contract: Audits,
  functionName: "answer",
  event: "AuditAnswered",
  args: ({ orderId, replica, proof }: AnswerAuditParameters) => [orderId, replica, proof],
});

/** `answerAudit`, waited for. */
export const answerAuditSync = sync(answerAudit);
