import type { Client } from "viem";
import { Catalog, Operators } from "../contracts.ts";
import type { OnDeployment } from "../deployment.ts";
import { batch, newestBlock, query } from "../query.ts";
import { getOperators, type Operator } from "./getOperator.ts";

export interface ChooseOperatorsParameters extends OnDeployment {
  /** What they are to hold. */
  readonly contentId: number;
  /** How many to name at most: an order designates up to 32. */
  readonly count: number;
  /** Percent, 0 to 100. Default 0. */
  readonly minReputation?: number;
  /** Percent, 0 to 100. Default 0. */
  readonly minReliability?: number;
  /** Not these: those who hold the content already, for one, cannot take it twice. */
  readonly exclude?: readonly number[];
}

const PERCENT = 10n ** 16n;

/**
 * The operators to designate for a content: those with room, stake and standing for it, that neither leave nor miss rounds, the best by
 * reputation x reliability first, and no two of one owner. Fewer than asked for if there are no more.
 *
 * @throws ContractRevert: Catalog_Unknown, Catalog_Unbonded, Catalog_Stamped
 * @example
 * const chosen = await chooseOperators(client, { deployment, contentId: 1, count: 3, minReputation: 60 });
 * const designated = chosen.map(({ operatorId }) => operatorId);
 */
export async function chooseOperators(client: Client, parameters: ChooseOperatorsParameters): Promise<Operator[]> {
  const { deployment, contentId, count, minReputation = 0, minReliability = 0, exclude = [] } = parameters;
  const at = { blockNumber: await newestBlock(client) };
  const questions = [
    query(deployment, Catalog, "orderable", [contentId]),
    query(deployment, Operators, "count", []),
  ] as const;
  const [chunks, registered] = await batch(client, questions, at);
  const ids = Array.from({ length: registered }, (_, i) => i + 1).filter((id) => !exclude.includes(id));
  const fit = (await getOperators(client, deployment, ids, at)).filter(
    ({ reputation, reliability, exitRequested, stamp, badInARow, spareChunks }) =>
      reputation >= BigInt(minReputation) * PERCENT &&
      reliability >= BigInt(minReliability) * PERCENT &&
      exitRequested + stamp + badInARow === 0 &&
      spareChunks >= chunks,
  );
  fit.sort((a, b) => Number(merit(b) - merit(a)) || a.operatorId - b.operatorId);
  const owners = new Set<string>();
  return fit.filter(({ owner }) => owners.size < count && owners.size < owners.add(owner).size);
}

/** Reputation x reliability, in parts per billion. */
function merit({ reputation, reliability }: Operator): bigint {
  return (reputation * reliability) / 10n ** 27n;
}
