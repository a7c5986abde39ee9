import type { Address } from "viem";
import { Operators } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface SetKeysParameters {
  /** The operator's number. */
  readonly operatorId: number;
  /** Owns the stake. */
  readonly owner: Address;
  /** The hot key. */
  readonly prover: Address;
  /** Most chunks reserved in all after the prover accepts. */
  readonly proverChunks: number;
  /** Where rewards and audit fees go. */
  readonly payout: Address;
}

/**
 * Owner: says who owns the operator, who signs for it every day and within what limit, and who is paid. All four are replaced.
 *
 * @throws ContractRevert: Operators_NotOwner, Operators_ZeroAddress
 * @example
 * await setKeysSync(wallet, { deployment, operatorId: 3, owner, prover, proverChunks: 512, payout });
 */
export const setKeys = defineWrite({
  contract: Operators,
  functionName: "setKeys",
  event: "KeysSet",
  args: ({ operatorId, owner, prover, proverChunks, payout }: SetKeysParameters) => [
    operatorId,
    owner,
    prover,
    proverChunks,
    payout,
  ],
});

/** `setKeys`, waited for. */
export const setKeysSync = sync(setKeys);
