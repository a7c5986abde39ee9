import type { Address } from "viem";
import { Retrieval } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface CollectParameters {
  /** The operator's address that is paid. */
  readonly operator: Address;
}

/**
 * Sends an operator's address what payers have paid it and it has not collected, by anyone.
 *
 * @throws ContractRevert: Retrieval_NothingOwed
 * @example
 * const { amount } = await collectSync(wallet, { deployment, operator });
 */
export const collect = defineWrite({
  contract: Retrieval,
  functionName: "collect",
  event: "Collected",
  args: ({ operator }: CollectParameters) => [operator],
});

/** `collect`, waited for. */
export const collectSync = sync(collect);
