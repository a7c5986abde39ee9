import type { Address } from "viem";
import { Retrieval } from "../contracts.ts";
import { defineWrite, priced, sync } from "../define.ts";

export interface DepositParameters {
  /** Whose free deposit grows. */
  readonly payer: Address;
  /** Asset wei. */
  readonly amount: bigint;
}

/**
 * Adds to a payer's free deposit, from the sender. `addDeposit` does it in one transaction when the asset takes permits.
 *
 * @throws ContractRevert: Retrieval_ZeroAddress, EnforcedPause
 * @example
 * await pay(wallet, deposit, { deployment, payer: wallet.account.address, amount: 10n ** 18n });
 */
export const deposit = priced(
  defineWrite({
    contract: Retrieval,
    functionName: "deposit",
    event: "Deposited",
    args: ({ payer, amount }: DepositParameters) => [payer, amount],
  }),
  async (_, { amount }) => amount,
);

/** `deposit`, waited for. */
export const depositSync = sync(deposit);
