import { Operators } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface RequestExitParameters {
  /** The operator's number. */
  readonly operatorId: number;
}

/**
 * Owner: leaves. Nothing may be held or reserved, and every epoch must be settled. The stake thaws 1 epoch if reputation is above 0.8 when
 * withdrawing, else 6, and a slash reaches it meanwhile (H-STAKE-1).
 *
 * @throws ContractRevert: Operators_NotOwner, Operators_HasSlots, Operators_Unsettled, Operators_Exiting
 * @example
 * const { round } = await requestExitSync(wallet, { deployment, operatorId: 3 });
 */
export const requestExit = defineWrite({
  contract: Operators,
  functionName: "requestExit",
  event: "ExitRequested",
  args: ({ operatorId }: RequestExitParameters) => [operatorId],
});

/** `requestExit`, waited for. */
export const requestExitSync = sync(requestExit);
