import type { Client } from "viem";
import {
  Audits,
  type AuditsContract,
  Holdings,
  type HoldingsContract,
  Market,
  type MarketContract,
  Operators,
  type OperatorsContract,
  Pool,
  type PoolContract,
  Settlement,
  type SettlementContract,
} from "../contracts.ts";
import { type EventOfContracts, type WatchParameters, watchEvents } from "./watchEvents.ts";

export interface WatchOperatorParameters
  extends WatchParameters<
    EventOfContracts<
      OperatorsContract | HoldingsContract | MarketContract | AuditsContract | SettlementContract | PoolContract
    >
  > {
  /** The operator's number. */
  readonly operatorId: number;
}

/**
 * Watches all that happens to one operator: keys, stake, slots, rounds proven, audits, slashes, settlements, pay.
 *
 * @returns what ends the watch
 * @example
 * const stop = watchOperator(client, { deployment, operatorId: 3, onEvents: console.log, onRemoved: console.log });
 */
export function watchOperator(client: Client, { operatorId, ...rest }: WatchOperatorParameters): () => void {
  const matches = ({ args }: { readonly args: object }) =>
    (args as { readonly operatorId?: number }).operatorId === operatorId;
  return watchEvents(client, { ...rest, contracts: [Operators, Holdings, Market, Audits, Settlement, Pool], matches });
}
