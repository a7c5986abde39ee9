import type { Address, Hex } from "viem";
import { Retrieval } from "../contracts.ts";
import { defineWrite, syncAll } from "../define.ts";

/** A voucher without its operator, who is the same for a batch, as the ABI takes it (IRetrieval.SignedVoucher). */
export interface SignedVoucherArgs {
  readonly payer: Address;
  readonly contentId: bigint;
  /** Owed in this channel from its beginning on, in asset wei. */
  readonly cumulativeAmount: bigint;
  /** Delivered in this channel from its beginning on. */
  readonly cumulativeBytes: bigint;
  readonly signature: Hex;
}

export interface RedeemParameters {
  /** The operator's address that is paid. */
  readonly operator: Address;
  /** All to that operator. */
  readonly vouchers: readonly SignedVoucherArgs[];
}

/**
 * Redeems vouchers to one operator, by anyone: each pays what its channel has grown by; one that cannot be paid is skipped with a reason and costs
 * the others nothing (H-RET-1, H-RET-2).
 *
 * @throws ContractRevert: Retrieval_ZeroAddress, Erc1271_TooLittleGas
 * @example
 * const { events } = await redeemSync(wallet, { deployment, operator, vouchers });
 */
export const redeem = defineWrite({
  contract: Retrieval,
  functionName: "redeem",
  event: ["Redeemed", "Skipped"],
  args: ({ operator, vouchers }: RedeemParameters) => [operator, vouchers],
});

/** `redeem`, waited for. */
export const redeemSync = syncAll(redeem);
