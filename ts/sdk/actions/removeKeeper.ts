import type { Address } from "viem";
import { Oracle } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface RemoveKeeperParameters {
  /** Whose admission ends. */
  readonly keeper: Address;
}

/**
 * Governance: takes an admission back; a seat stops from the next epoch on, as if the keeper had resigned.
 *
 * @throws ContractRevert: AccessManagedUnauthorized, Oracle_NotAdmitted
 * @example
 * await removeKeeperSync(governance, { deployment, keeper });
 */
export const removeKeeper = defineWrite({
  contract: Oracle,
  functionName: "remove",
  event: "KeeperRemoved",
  args: ({ keeper }: RemoveKeeperParameters) => [keeper],
});

/** `removeKeeper`, waited for. */
export const removeKeeperSync = sync(removeKeeper);
