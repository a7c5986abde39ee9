import { Market } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface ReleaseReservationParameters {
  readonly orderId: number;
  /** Which copy of the order, 0 to its replicas - 1. */
  readonly replica: number;
}

/**
 * Frees a reservation that was not activated in time, or whose content was blocked or disproved, by anyone. Its operator cannot take this order again.
 *
 * @throws ContractRevert: Market_UnknownOrder, Market_NotLapsed
 * @example
 * await releaseReservationSync(wallet, { deployment, orderId: 7, replica: 0 });
 */
export const releaseReservation = defineWrite({
  contract: Market,
  functionName: "release",
  event: "ReservationLapsed",
  args: ({ orderId, replica }: ReleaseReservationParameters) => [orderId, replica],
});

/** `releaseReservation`, waited for. */
export const releaseReservationSync = sync(releaseReservation);
