import { Asset, type ContractName } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";
import type { OnDeployment } from "../deployment.ts";

export interface ApproveParameters {
  /** The contract that may draw. */
  readonly spender: ContractName;
  /** Asset wei; replaces what was approved before. */
  readonly amount: bigint;
}

/**
 * Lets one of the protocol's contracts draw the asset from the sender. `pay` does it for a write that needs it, and for no more than that.
 *
 * @throws ContractRevert
 * @example
 * await approveSync(wallet, { deployment, spender: "Market", amount: 10n ** 18n });
 */
export const approve = defineWrite({
  contract: Asset,
  functionName: "approve",
  event: "Approval",
  args: ({ deployment, spender, amount }: ApproveParameters & OnDeployment) => [deployment.contracts[spender], amount],
});

/** `approve`, waited for. */
export const approveSync = sync(approve);
