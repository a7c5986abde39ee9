import { type Address, type Client, isAddressEqual } from "viem";
import { Market, type MarketContract } from "../contracts.ts";
import type { EventLog } from "../define.ts";
import { type EventOfContracts, type WatchParameters, watchEvents } from "./watchEvents.ts";

type Opened = EventLog<MarketContract, "OrderOpened">;

export interface WatchOrdersParameters extends WatchParameters<Opened> {
  /** Of this content alone. */
  readonly contentId?: number;
  /** Of this uploader alone. */
  readonly uploader?: Address;
}

/**
 * Watches for new orders, by which uploaders look for operators.
 *
 * @returns what ends the watch
 * @example
 * const stop = watchOrders(client, {
 *   deployment,
 *   onEvents: (orders) => orders.forEach(({ args }) => console.log(args.orderId, args.request.replicas)),
 *   onRemoved: (orders) => orders.forEach(({ args }) => console.log(`${args.orderId} did not happen`)),
 * });
 */
export function watchOrders(client: Client, parameters: WatchOrdersParameters): () => void {
  const { contentId, uploader, onEvents, onRemoved, ...rest } = parameters;
  const matches = (event: EventOfContracts<MarketContract>) =>
    event.eventName === "OrderOpened" &&
    (contentId === undefined || event.args.contentId === contentId) &&
    (uploader === undefined || isAddressEqual(event.args.uploader, uploader));
  return watchEvents(client, {
    ...rest,
    ...{ contracts: [Market], matches },
    onEvents: (events) => onEvents(events as unknown as Opened[]),
    onRemoved: (events) => onRemoved(events as unknown as Opened[]),
  });
}
