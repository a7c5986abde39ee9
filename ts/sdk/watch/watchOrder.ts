import type { Client } from "viem";
import { Audits, type AuditsContract, Market, type MarketContract } from "../contracts.ts";
import { type EventOfContracts, type WatchParameters, watchEvents } from "./watchEvents.ts";

export interface WatchOrderParameters extends WatchParameters<EventOfContracts<MarketContract | AuditsContract>> {
  /** The order's number. */
  readonly orderId: number;
}

/**
 * Watches all that happens to one order: reservations, activations and endings of slots, audits, refunds. What comes with time alone has no
 * event, so look yourself (`getHealth`): an activated slot goes live a round later, terms end, rounds are missed.
 *
 * @returns what ends the watch
 * @example
 * const stop = watchOrder(client, { deployment, orderId: 7, onEvents: console.log, onRemoved: console.log });
 */
export function watchOrder(client: Client, { orderId, ...rest }: WatchOrderParameters): () => void {
  const matches = ({ args }: { readonly args: object }) => (args as { readonly orderId?: number }).orderId === orderId;
  return watchEvents(client, { ...rest, contracts: [Market, Audits], matches });
}
