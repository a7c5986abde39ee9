import { Catalog } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface WithdrawPublishBondParameters {
  /** The content's number. */
  readonly contentId: number;
}

/**
 * Sends a content's bond home to its publisher, by anyone. The content takes no new orders until it is published again.
 *
 * @throws ContractRevert: Catalog_Unknown, Catalog_Unbonded, Catalog_BondTied
 * @example
 * const { bond } = await withdrawPublishBondSync(wallet, { deployment, contentId: 1 });
 */
export const withdrawPublishBond = defineWrite({
  contract: Catalog,
  functionName: "withdrawBond",
  event: "BondWithdrawn",
  args: ({ contentId }: WithdrawPublishBondParameters) => [contentId],
});

/** `withdrawPublishBond`, waited for. */
export const withdrawPublishBondSync = sync(withdrawPublishBond);
