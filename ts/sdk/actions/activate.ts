import type { Hex } from "viem";
import { Market } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface ActivateParameters {
  readonly orderId: number;
  /** Which copy of the order, 0 to its replicas - 1. */
  readonly replica: number;
  /** K words with their paths: `encodeWords` makes it. */
  readonly proof: Hex;
}

/**
 * Makes a reserved replica live, paid and owed from the next round, by proving K = 5 words of it drawn from this round's seed (H-RAND-3). Of the
 * operator's owner or prover, in one of the first 3 non-void rounds after `accept`.
 *
 * @throws ContractRevert: Market_NotReserved, Market_Lapsed, Market_NotYet, Market_NoSeed, Operators_NotAgent, Holdings_WrongProof,
 * Holdings_WrongProofLength
 * @example
 * const seed = await read(client, deployment, Market, "activationSeed", [orderId, replica]);
 * const leaves = await read(client, deployment, Holdings, "wordsOf", [contentId, seed]);
 * const { liveFrom } = await activateSync(wallet, { deployment, orderId, replica, proof: encodeWords(await wordsAt(leaves)) });
 */
export const activate = defineWrite({
  contract: Market,
  functionName: "activate",
  event: "Activated",
  args: ({ orderId, replica, proof }: ActivateParameters) => [orderId, replica, proof],
});

/** `activate`, waited for. */
export const activateSync = sync(activate);
