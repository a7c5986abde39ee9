import type { Address } from "viem";
import { Asset } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface TransferParameters {
  readonly to: Address;
  /** Asset wei. */
  readonly amount: bigint;
}

/**
 * Sends some of the asset to somebody.
 *
 * @throws ContractRevert: ERC20InsufficientBalance
 * @example
 * await transferSync(wallet, { deployment, to, amount: 10n ** 18n });
 */
export const transfer = defineWrite({
  contract: Asset,
  functionName: "transfer",
  event: "Transfer",
  args: ({ to, amount }: TransferParameters) => [to, amount],
});

/** `transfer`, waited for. */
export const transferSync = sync(transfer);
