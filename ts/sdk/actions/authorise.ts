import type { Address } from "viem";
import { Retrieval } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface AuthoriseParameters {
  /** The session key. */
  readonly key: Address;
  /** Unix seconds: it signs until before then. */
  readonly expiry: number;
  /** Most that its vouchers draw on the free deposit, in asset wei; 0 for earmarks alone. */
  readonly ceiling: bigint;
}

/**
 * Lets a key sign the sender's vouchers. One that is live can only be widened; earmarks are drawn on first and do not count.
 *
 * @throws ContractRevert: Retrieval_ZeroAddress, Retrieval_KeyExpiryPast, Retrieval_KeyNarrowed
 * @example
 * await authoriseSync(wallet, { deployment, key, expiry: now + 86_400, ceiling: 10n ** 15n });
 */
export const authorise = defineWrite({
  contract: Retrieval,
  functionName: "authorise",
  event: "KeySet",
  args: ({ key, expiry, ceiling }: AuthoriseParameters) => [key, BigInt(expiry), ceiling],
});

/** `authorise`, waited for. */
export const authoriseSync = sync(authorise);
