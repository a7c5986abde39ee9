import type { Hex } from "viem";
import { Oracle } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface CommitValuesParameters {
  /** The epoch sampled; this is round 0 of the next. */
  readonly epoch: number;
  /** Head of the chain of hashes over the pages. */
  readonly link: Hex;
  /** How many pages are in it, 1 to 128. */
  readonly pages: number;
}

/**
 * Commits the sending keeper to its values of an epoch before any are shown (H-ORC-3); until the round ends it may be replaced.
 *
 * @throws ContractRevert: Oracle_WrongRound, Oracle_NotSeated, Oracle_BondShort, Oracle_PagesOutOfBounds
 * @example
 * await commitValuesSync(wallet, { deployment, epoch: 1, link, pages: 1 });
 */
export const commitValues = defineWrite({
  contract: Oracle,
  functionName: "commit",
  event: "Committed",
  args: ({ epoch, link, pages }: CommitValuesParameters) => [epoch, link, BigInt(pages)],
});

/** `commitValues`, waited for. */
export const commitValuesSync = sync(commitValues);
