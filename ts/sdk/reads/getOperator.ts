import { type Client, isAddressEqual, zeroAddress } from "viem";
import { HoldfastError } from "../../errors.ts";
import { Holdings, Operators, type OperatorsContract, type ReadResult } from "../contracts.ts";
import type { Deployment, OnDeployment } from "../deployment.ts";
import { gradeOf } from "../grade.ts";
import { type AtBlock, batch, query } from "../query.ts";

/** An operator as IOperators.Operator has it (amounts in asset wei), its standing and its room. */
export interface Operator extends Omit<ReadResult<OperatorsContract, "operator">, "reputation" | "reliability"> {
  readonly operatorId: number;
  /** WAD. */
  readonly reputation: bigint;
  /** WAD, of the last epoch settled. */
  readonly reliability: bigint;
  /** The reliability's grade, A+ to D. */
  readonly grade: string;
  /** Chunks of 8 MiB live now. */
  readonly liveChunks: number;
  /** Chunks that it could still accept, at the stake that new orders ask. */
  readonly spareChunks: number;
  /** Non-void rounds in a row, up to the last one ended, without a clean one. */
  readonly badInARow: number;
  /** Ejected in this round, and not all is unwound; 0: not. */
  readonly stamp: number;
}

export interface GetOperatorParameters extends OnDeployment, AtBlock {
  readonly operatorId: number;
}

/**
 * An operator's standing, keys and room.
 *
 * @throws HoldfastError when there is none of this number
 * @example
 * const { reputation, spareChunks } = await getOperator(client, { deployment, operatorId: 3 });
 */
export async function getOperator(client: Client, parameters: GetOperatorParameters): Promise<Operator> {
  const { deployment, operatorId, blockNumber } = parameters;
  const [operator] = await getOperators(client, deployment, [operatorId], { blockNumber });
  if (operator === undefined || isAddressEqual(operator.owner, zeroAddress))
    throw new HoldfastError(`there is no operator ${operatorId}`);
  return operator;
}

/** Several operators, of one block. */
export async function getOperators(
  client: Client,
  deployment: Deployment,
  ids: readonly number[],
  at: AtBlock = {},
): Promise<Operator[]> {
  const each = <Q>(ask: (operatorId: number) => Q) => ids.map(ask);
  const [[price], operators, standings, reserved, inventories, chunks, bad] = await Promise.all([
    batch(client, [query(deployment, Operators, "stakePerChunk", [])], at),
    batch(
      client,
      each((id) => query(deployment, Operators, "operator", [id])),
      at,
    ),
    batch(
      client,
      each((id) => query(deployment, Operators, "standing", [id])),
      at,
    ),
    batch(
      client,
      each((id) => query(deployment, Operators, "reservedNow", [id])),
      at,
    ),
    batch(
      client,
      each((id) => query(deployment, Holdings, "inventory", [id])),
      at,
    ),
    batch(
      client,
      each((id) => query(deployment, Holdings, "chunksNow", [id])),
      at,
    ),
    batch(
      client,
      each((id) => query(deployment, Holdings, "badInARow", [id])),
      at,
    ),
  ]);
  return ids.map((operatorId, i) => {
    const operator = operators[i]!;
    const [reputation, reliability] = standings[i]!;
    const [reservedChunks, reservedStake] = reserved[i]!;
    const room = BigInt(operator.capacityChunks) - reservedChunks;
    const covered = (operator.stake - reservedStake) / price;
    const spare = room < covered ? room : covered;
    return {
      ...operator,
      ...{ operatorId, reputation, reliability, grade: gradeOf(reliability) },
      liveChunks: Number(chunks[i]![0]),
      spareChunks: spare > 0n ? Number(spare) : 0,
      badInARow: Number(bad[i]!),
      stamp: inventories[i]!.stamp,
    };
  });
}
