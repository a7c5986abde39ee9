import type { Hex } from "viem";
import { Holdings } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface ProveParameters {
  /** The operator's number. */
  readonly operatorId: number;
  /** What `Holdings.challenges` draws, answered in order: `encodeRound` makes it. */
  readonly proof: Hex;
}

/**
 * Answers all challenges of the round under way, over everything the operator holds: the round is clean, or this reverts. Of its owner or prover
 * (H-PROOF-4).
 *
 * @throws ContractRevert: Operators_NotAgent, Holdings_NoSeed, Holdings_NothingHeld, Holdings_NothingLive, Holdings_WrongEntry,
 * Holdings_WrongProof, Holdings_WrongProofLength
 * @example
 * const drawn = await read(client, deployment, Holdings, "challenges", [operatorId]);
 * const { round } = await proveSync(wallet, { deployment, operatorId, proof: encodeRound(await answersTo(drawn)) });
 */
export const prove = defineWrite({
  contract: Holdings,
  functionName: "prove",
  event: "Proven",
  args: ({ operatorId, proof }: ProveParameters) => [operatorId, proof],
});

/** `prove`, waited for. */
export const proveSync = sync(prove);
