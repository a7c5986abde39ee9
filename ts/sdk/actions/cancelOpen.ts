import { Market } from "../contracts.ts";
import { defineWrite, syncAll } from "../define.ts";

export interface CancelOpenParameters {
  readonly orderId: number;
  /** Which copies to give up, each 0 to the order's replicas - 1. */
  readonly replicas: readonly number[];
}

/**
 * Uploader: gives up replicas that nobody holds or has reserved; their deposit can then be withdrawn (`withdrawOrder`, H-ESC-2).
 *
 * @throws ContractRevert: Market_NotUploader, Market_NoSuchReplica, Market_NotOpen, Market_UnknownOrder
 * @example
 * const { events } = await cancelOpenSync(wallet, { deployment, orderId: 7, replicas: [1, 2] });
 */
export const cancelOpen = defineWrite({
  contract: Market,
  functionName: "cancelOpen",
  event: "ReplicaCancelled",
  args: ({ orderId, replicas }: CancelOpenParameters) => [
    orderId,
    replicas.reduce((mask, replica) => mask | (1 << replica), 0),
  ],
});

/** `cancelOpen`, waited for. */
export const cancelOpenSync = syncAll(cancelOpen);
