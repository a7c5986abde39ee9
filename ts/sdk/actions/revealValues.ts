import type { Hex } from "viem";
import { Oracle } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface RevealValuesParameters {
  /** The epoch sampled; this is round 1 of the next. */
  readonly epoch: number;
  /** The next page: 4 bytes an operator. */
  readonly values: Hex;
  /** Link of the page after it, or the salt if it is the last. */
  readonly next: Hex;
}

/**
 * Reveals the sending keeper's next page. A commitment not fully revealed costs part of the bond (`forfeit`).
 *
 * @throws ContractRevert: Oracle_WrongRound, Oracle_NoCommitment, Oracle_AllRevealed, Oracle_WrongLength, Oracle_WrongLink
 * @example
 * await revealValuesSync(wallet, { deployment, epoch: 1, values, next });
 */
export const revealValues = defineWrite({
  contract: Oracle,
  functionName: "reveal",
  event: "Revealed",
  args: ({ epoch, values, next }: RevealValuesParameters) => [epoch, values, next],
});

/** `revealValues`, waited for. */
export const revealValuesSync = sync(revealValues);
