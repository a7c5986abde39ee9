import type { Address } from "viem";
import { Oracle } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface AdmitKeeperParameters {
  /** Who may join. */
  readonly keeper: Address;
}

/**
 * Governance: lets a keeper join the committee.
 *
 * @throws ContractRevert: AccessManagedUnauthorized, Oracle_AlreadyAdmitted
 * @example
 * await admitKeeperSync(governance, { deployment, keeper });
 */
export const admitKeeper = defineWrite({
  contract: Oracle,
  functionName: "admit",
  event: "KeeperAdmitted",
  args: ({ keeper }: AdmitKeeperParameters) => [keeper],
});

/** `admitKeeper`, waited for. */
export const admitKeeperSync = sync(admitKeeper);
