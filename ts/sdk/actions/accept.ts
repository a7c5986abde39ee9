import { Market } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface AcceptParameters {
  readonly orderId: number;
  /** Which copy of the order, 0 to its replicas - 1. */
  readonly replica: number;
  /** The operator's number. */
  readonly operatorId: number;
}

/**
 * Reserves a replica for an operator, as its owner or prover: it has 3 rounds to `activate`. For an order that renews another, the holder's
 * replica needs no activation and is live from the start, without a gap.
 *
 * @throws ContractRevert: Market_NotOpen, Market_TooLate, Market_Unsettled, Market_StandingTooLow, Market_NotDesignated,
 * Market_IncumbentsOnly, Market_Barred, Operators_CapacityExceeded, Operators_ProverLimit, Operators_NotAgent, Operators_Exiting,
 * Holdings_ContentHeld, Holdings_TooMuchLost, Holdings_Stamped
 * @example
 * const { round } = await acceptSync(wallet, { deployment, orderId: 7, replica: 0, operatorId: 3 });
 */
export const accept = defineWrite({
  contract: Market,
  functionName: "accept",
  event: "Accepted",
  args: ({ orderId, replica, operatorId }: AcceptParameters) => [orderId, replica, operatorId],
});

/** `accept`, waited for. */
export const acceptSync = sync(accept);
