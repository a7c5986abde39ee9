import type { Address } from "viem";
import { Retrieval } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface RevokeParameters {
  /** The session key. */
  readonly key: Address;
}

/**
 * Ends a session key 2 rounds from now, or when it expires if that is sooner: vouchers it signed can be redeemed until then.
 *
 * @throws ContractRevert: Retrieval_KeyNotLive
 * @example
 * const { expiry } = await revokeSync(wallet, { deployment, key });
 */
export const revoke = defineWrite({
  contract: Retrieval,
  functionName: "revoke",
  event: "KeySet",
  args: ({ key }: RevokeParameters) => [key],
});

/** `revoke`, waited for. */
export const revokeSync = sync(revoke);
