import type { Hex } from "viem";
import { Beacon } from "../contracts.ts";
import { defineWrite, syncAll } from "../define.ts";

export interface SubmitSeedParameters {
  /** The round under way, from its beacon's time to its middle (H-RAND-2). */
  readonly round: number;
  /** The beacon's, as the uncompressed point: x and y of 48 big-endian bytes each. */
  readonly signature: Hex;
}

/**
 * Brings a round's seed on chain, by anyone. Only the one drand beacon of that round is taken (H-RAND-1); when the seed is there already, nothing
 * happens, and there is no event.
 *
 * @throws ContractRevert: Beacon_NotYet, Beacon_TooLate, Beacon_BadSignature
 * @example
 * await submitSeedSync(wallet, { deployment, round: 42, signature });
 */
export const submitSeed = defineWrite({
  contract: Beacon,
  functionName: "submit",
  event: "Seeded",
  args: ({ round, signature }: SubmitSeedParameters) => [round, signature],
});

/** `submitSeed`, waited for. */
export const submitSeedSync = syncAll(submitSeed);
