import type { Address } from "viem";
import { Retrieval } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface EarmarkParameters {
  /** The operator's address that is paid. */
  readonly operator: Address;
  /** Asset wei, of the sender's free deposit. */
  readonly amount: bigint;
}

/**
 * Moves part of the sender's free deposit to where only one operator can draw on it, and does so first (H-RET-1).
 *
 * @throws ContractRevert: Retrieval_BalanceTooLow, Retrieval_ZeroAddress
 * @example
 * await earmarkSync(wallet, { deployment, operator, amount: 10n ** 15n });
 */
export const earmark = defineWrite({
  contract: Retrieval,
  functionName: "earmark",
  event: "Earmarked",
  args: ({ operator, amount }: EarmarkParameters) => [operator, amount],
});

/** `earmark`, waited for. */
export const earmarkSync = sync(earmark);
