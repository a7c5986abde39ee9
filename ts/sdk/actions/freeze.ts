import { Pool, Settlement } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface FreezeParameters {
  /** The epoch, an ended one. */
  readonly epoch: number;
}

/**
 * Fixes an epoch's fees, net and weights, by anyone, once and in order, from round 5 of the next epoch: claims can begin (H-EPOCH-1).
 *
 * @throws ContractRevert: Settlement_TooEarly, EpochSchedule_NotNext
 * @example
 * const { fees, net, weight } = await freezeSync(wallet, { deployment, epoch: 1 });
 */
export const freeze = defineWrite({
  contract: Settlement,
  functionName: "freeze",
  emitter: Pool,
  event: "Frozen",
  args: ({ epoch }: FreezeParameters) => [epoch],
});

/** `freeze`, waited for. */
export const freezeSync = sync(freeze);
