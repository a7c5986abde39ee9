import type { Address } from "viem";
import { Retrieval } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface ReleaseEarmarkParameters {
  /** The operator's address that is paid. */
  readonly operator: Address;
}

/**
 * Moves what has thawed of an earmark to the sender's free deposit: what was requested, or what redemptions left.
 *
 * @throws ContractRevert: Retrieval_NothingThawing, Retrieval_Thawing
 * @example
 * const { amount } = await releaseEarmarkSync(wallet, { deployment, operator });
 */
export const releaseEarmark = defineWrite({
  contract: Retrieval,
  functionName: "release",
  event: "Released",
  args: ({ operator }: ReleaseEarmarkParameters) => [operator],
});

/** `releaseEarmark`, waited for. */
export const releaseEarmarkSync = sync(releaseEarmark);
