import type { Client } from "viem";
import { ROUNDS } from "../clock.ts";
import { Catalog, Market } from "../contracts.ts";
import type { OnDeployment } from "../deployment.ts";
import { batch, query } from "../query.ts";

export interface QuoteOrderParameters extends OnDeployment {
  readonly contentId: number;
  /** Copies, 1 to 16. */
  readonly replicas: number;
  /** 1 to 12. */
  readonly epochs: number;
}

/**
 * The most that an order opened now would cost, in asset wei: every round of its epochs, of which those already begun fall away.
 *
 * @throws ContractRevert: Catalog_Unknown, Catalog_Unbonded
 * @example
 * const maxDeposit = await quoteOrder(client, { deployment, contentId: 1, replicas: 3, epochs: 2 });
 */
export async function quoteOrder(client: Client, parameters: QuoteOrderParameters): Promise<bigint> {
  const { deployment, contentId, replicas, epochs } = parameters;
  const [chunks, fee] = await batch(client, [
    query(deployment, Catalog, "orderable", [contentId]),
    query(deployment, Market, "feePerChunkRound", []),
  ]);
  return BigInt(chunks) * BigInt(replicas * epochs * ROUNDS) * fee;
}
