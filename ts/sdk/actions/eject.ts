import { Audits, Holdings } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface EjectParameters {
  /** The operator's number. */
  readonly operatorId: number;
}

/**
 * Ejects an operator after 7 non-void rounds in a row without a clean one, by anyone. All it holds is lost from the next round on; `unwind` moves
 * the money slot by slot.
 *
 * @throws ContractRevert: Holdings_NotEjectable, Holdings_Stamped
 * @example
 * const { chunks } = await ejectSync(wallet, { deployment, operatorId: 3 });
 */
export const eject = defineWrite({
  contract: Audits,
  functionName: "eject",
  emitter: Holdings,
  event: "Ejected",
  args: ({ operatorId }: EjectParameters) => [operatorId],
});

/** `eject`, waited for. */
export const ejectSync = sync(eject);
