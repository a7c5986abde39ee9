import { Market } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface UnwindParameters {
  readonly orderId: number;
  /** Which copy of the order, 0 to its replicas - 1. */
  readonly replica: number;
}

/**
 * Moves the money of one slot whose holder was ejected, by anyone: the fee from then on returns to the order (H-ESC-2). The last one lets the
 * operator accept again.
 *
 * @throws ContractRevert: Market_NotLive, Holdings_NotStamped
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
