import type { Address } from "viem";
import { Retrieval } from "../contracts.ts";
import { defineWrite, priced, sync } from "../define.ts";

export interface PayDirectParameters {
  /** The operator's address that is paid. */
  readonly operator: Address;
  /** What was downloaded. */
  readonly contentId: number;
  /** Asset wei, the take included. */
  readonly amount: bigint;
  /** Bytes got, as the sender says; credited as far as the amount buys them at the reference price. */
  readonly served: number;
}

/**
 * Pays an operator at once from the sender's wallet, without a voucher.
 *
 * @throws ContractRevert: Retrieval_ZeroAddress, Retrieval_UnknownContent
 * @example
 * await pay(wallet, payDirect, { deployment, operator, contentId: 1, amount: 10n ** 12n, served: 8_388_608 });
 */
export const payDirect = priced(
  defineWrite({
    contract: Retrieval,
    functionName: "payDirect",
    event: "PaidDirect",
    args: ({ operator, contentId, amount, served }: PayDirectParameters) => [
      operator,
      BigInt(contentId),
      amount,
      BigInt(served),
    ],
  }),
  async (_, { amount }) => amount,
);

/** `payDirect`, waited for. */
export const payDirectSync = sync(payDirect);
