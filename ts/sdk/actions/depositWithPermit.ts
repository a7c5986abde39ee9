import { type Address, type Hex, parseSignature } from "viem";
import { Retrieval } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface DepositWithPermitParameters {
  /** Whose free deposit grows. */
  readonly payer: Address;
  /** Asset wei. */
  readonly amount: bigint;
  /** Of the permit, Unix seconds. */
  readonly deadline: bigint;
  /** The sender's ERC-2612 permit for Retrieval to draw the amount: `signPermit` makes it. */
  readonly permit: Hex;
}

/**
 * The same as `deposit`, with a permit instead of an approval before it. One that somebody used already does no harm: the allowance is what counts.
 *
 * @throws ContractRevert: Retrieval_ZeroAddress, EnforcedPause, ERC20InsufficientAllowance
 * @example
 * await depositWithPermitSync(wallet, { deployment, payer, amount, deadline, permit });
 */
export const depositWithPermit = defineWrite({
  contract: Retrieval,
  functionName: "depositWithPermit",
  event: "Deposited",
  args: ({ payer, amount, deadline, permit }: DepositWithPermitParameters) => {
    const { r, s, yParity } = parseSignature(permit);
    return [payer, amount, deadline, 27 + yParity, r, s];
  },
});

/** `depositWithPermit`, waited for. */
export const depositWithPermitSync = sync(depositWithPermit);
