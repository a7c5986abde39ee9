import type { Address } from "viem";
import { Retrieval } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface RequestReleaseParameters {
  /** The operator's address that is paid. */
  readonly operator: Address;
  /** Asset wei; replaces an earlier request, and 0 takes it back. */
  readonly amount: bigint;
}

/**
 * Asks for part of an earmark back, in 2 rounds; the operator may draw on it until then.
 *
 * @throws ContractRevert: Retrieval_BalanceTooLow
 * @example
 * const { until } = await requestReleaseSync(wallet, { deployment, operator, amount: 10n ** 15n });
 */
export const requestRelease = defineWrite({
  contract: Retrieval,
  functionName: "requestRelease",
  event: "ReleaseRequested",
  args: ({ operator, amount }: RequestReleaseParameters) => [operator, amount],
});

/** `requestRelease`, waited for. */
export const requestReleaseSync = sync(requestRelease);
