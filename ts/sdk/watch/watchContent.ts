import type { Client } from "viem";
import { Catalog, type CatalogContract, Market, type MarketContract } from "../contracts.ts";
import { type EventOfContracts, type WatchParameters, watchEvents } from "./watchEvents.ts";

export interface WatchContentParameters extends WatchParameters<EventOfContracts<CatalogContract | MarketContract>> {
  /** The content's number. */
  readonly contentId: number;
}

/**
 * Watches all that happens to one content: publications, its bond, blocks and disproofs, verdicts, new orders of it.
 *
 * @returns what ends the watch
 * @example
 * const stop = watchContent(client, { deployment, contentId: 1, onEvents: console.log, onRemoved: console.log });
 */
export function watchContent(client: Client, { contentId, ...rest }: WatchContentParameters): () => void {
  const matches = ({ args }: { readonly args: object }) =>
    (args as { readonly contentId?: number }).contentId === contentId;
  return watchEvents(client, { ...rest, contracts: [Catalog, Market], matches });
}
