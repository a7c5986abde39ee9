import type { Address } from "viem";
import { Market } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface WithdrawOrderParameters {
  readonly orderId: number;
  /** Where the money goes. */
  readonly to: Address;
}

/**
 * Uploader: takes what an order does not need any more: cancelled replicas, rounds that passed without a holder, slashes (H-ESC-2).
 *
 * @throws ContractRevert: Market_NotUploader, Market_UnknownOrder, Market_ZeroAddress
 * @example
 * const { amount } = await withdrawOrderSync(wallet, { deployment, orderId: 7, to: wallet.account.address });
 */
export const withdrawOrder = defineWrite({
  contract: Market,
  functionName: "withdraw",
  event: "OrderWithdrawn",
  args: ({ orderId, to }: WithdrawOrderParameters) => [orderId, to],
});

/** `withdrawOrder`, waited for. */
export const withdrawOrderSync = sync(withdrawOrder);
