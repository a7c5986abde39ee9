import type { Client } from "viem";
import { Market, type MarketContract, type ReadResult } from "../contracts.ts";
import type { OnDeployment } from "../deployment.ts";
import { type AtBlock, batch, newestBlock, query } from "../query.ts";

/** Of one replica: nobody's, reserved and to be activated, reserved and too late, live, a renewal to come, its term over, given up. */
export type SlotStatus = "open" | "reserved" | "lapsed" | "live" | "to come" | "over" | "cancelled";

export interface OrderSlot {
  readonly replica: number;
  readonly status: SlotStatus;
  /** Who holds or has reserved it; 0: nobody. */
  readonly operatorId: number;
  /** The round in which it was accepted; 0: not. */
  readonly acceptedIn: number;
  /** The first round in which it is owed and paid; 0: not activated. */
  readonly liveFrom: number;
}

/** An order as IMarket.Order has it (amounts in asset wei), its term and its replicas. */
export interface Order extends ReadResult<MarketContract, "order"> {
  readonly orderId: number;
  readonly firstRound: number;
  readonly lastRound: number;
  /** What its uploader can take now. */
  readonly withdrawable: bigint;
  /** By replica. */
  readonly slots: readonly OrderSlot[];
}

export interface GetOrderParameters extends OnDeployment, AtBlock {
  readonly orderId: number;
}

/**
 * An order and who holds its replicas, of one block.
 *
 * @throws ContractRevert: Market_UnknownOrder
 * @example
 * const { slots, lastRound } = await getOrder(client, { deployment, orderId: 7 });
 */
export async function getOrder(client: Client, parameters: GetOrderParameters): Promise<Order> {
  const { deployment, orderId } = parameters;
  const at = { blockNumber: parameters.blockNumber ?? (await newestBlock(client)) };
  const [[firstRound, lastRound], order, withdrawable, round] = await batch(
    client,
    [
      query(deployment, Market, "term", [orderId]),
      query(deployment, Market, "order", [orderId]),
      query(deployment, Market, "withdrawable", [orderId]),
      query(deployment, Market, "currentRound", []),
    ],
    at,
  );
  const replicas = Array.from({ length: order.replicas }, (_, replica) => replica);
  const [slots, lapsed] = await Promise.all([
    batch(
      client,
      replicas.map((replica) => query(deployment, Market, "slot", [orderId, replica])),
      at,
    ),
    batch(
      client,
      replicas.map((replica) => query(deployment, Market, "isLapsed", [orderId, replica])),
      at,
    ),
  ]);
  const statusOf = ({ operatorId, liveFrom, cancelled }: (typeof slots)[number], replica: number): SlotStatus => {
    if (cancelled) return "cancelled";
    if (operatorId === 0) return "open";
    if (liveFrom === 0) return lapsed[replica] ? "lapsed" : "reserved";
    if (round > lastRound) return "over";
    return liveFrom <= round ? "live" : "to come";
  };
  return {
    ...order,
    ...{ orderId, firstRound, lastRound, withdrawable },
    slots: slots.map((slot, replica) => {
      const { operatorId, acceptedIn, liveFrom } = slot;
      return { replica, status: statusOf(slot, replica), operatorId, acceptedIn, liveFrom };
    }),
  };
}
