import { Oracle } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface TallyParameters {
  /** The epoch, an ended one. */
  readonly epoch: number;
  /** Page of operators, from 0. */
  readonly page: number;
}

/**
 * Takes the medians of one page of operators, by anyone, and scores the keepers up to the end of round 4 (H-ORC-1).
 *
 * @throws ContractRevert: Oracle_TooEarly, Oracle_NotCounted, Oracle_NoSuchPage, Oracle_AlreadyTallied
 * @example
 * const { operators } = await tallySync(wallet, { deployment, epoch: 1, page: 0 });
 */
export const tally = defineWrite({
  contract: Oracle,
  functionName: "tally",
  event: "Tallied",
  args: ({ epoch, page }: TallyParameters) => [epoch, BigInt(page)],
});

/** `tally`, waited for. */
export const tallySync = sync(tally);
