import { Market } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface UnwindParameters {
  readonly orderId: number;
  /** Which copy of the order, 0 to its replicas - 1. */
  readonly replica: number;
}

/**
 * Ends one slot whose holder was ejected, or whose content was blocked or disproved, by anyone: the fee from the round after on returns to the
 * order (H-ESC-2). The last one of an ejection lets the operator accept again; a content's end is nobody's fault and slashes nobody.
 *
 * @throws ContractRevert: Market_UnknownOrder, Market_NotLive, Holdings_NotStamped, Holdings_AuditPending
 * @example
 * const { returned } = await unwindSync(wallet, { deployment, orderId: 7, replica: 0 });
 */
export const unwind = defineWrite({
  contract: Market,
  functionName: "unwind",
  event: "SlotEnded",
  args: ({ orderId, replica }: UnwindParameters) => [orderId, replica],
});

/** `unwind`, waited for. */
export const unwindSync = sync(unwind);
