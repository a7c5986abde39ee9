import type { Client } from "viem";
import { getBlock } from "viem/actions";
import { epochOf, indexOf, roundAt } from "../clock.ts";
import type { OnDeployment } from "../deployment.ts";

export interface Clock {
  /** The round under way. */
  readonly round: number;
  /** Its epoch, from 1. */
  readonly epoch: number;
  /** Its place in the epoch, 0 to 29. */
  readonly roundOfEpoch: number;
  /** Of the newest block, in Unix seconds. */
  readonly timestamp: number;
}

/**
 * Where the protocol's clock stands, by the chain's newest block.
 *
 * @throws RangeError before the genesis
 * @example
 * const { epoch } = await getClock(client, { deployment });
 */
export async function getClock(client: Client, { deployment }: OnDeployment): Promise<Clock> {
  const timestamp = Number((await getBlock(client)).timestamp);
  const round = roundAt(deployment, timestamp);
  return { round, epoch: epochOf(round), roundOfEpoch: indexOf(round), timestamp };
}
