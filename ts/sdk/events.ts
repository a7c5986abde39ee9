import type { Abi, Client } from "viem";
import { getContractEvents } from "viem/actions";
import { isTooMuch } from "../chain/too-much.ts";
import type { Contract, EventOf } from "./contracts.ts";
import type { EventLog } from "./define.ts";
import type { Deployment } from "./deployment.ts";
import { newestBlock } from "./query.ts";

/** Blocks of logs asked for at once; halved when the RPC finds that too much. */
const MOST_BLOCKS = 10_000n;

/**
 * All events of one kind that a deployment's contract has emitted, oldest first.
 *
 * @param args Values of indexed arguments that they must have.
 */
export async function eventsOf<const C extends Contract, E extends EventOf<C>>(
  client: Client,
  { contracts, fromBlock: first }: Deployment,
  { name, abi }: C,
  eventName: E,
  args: Readonly<Record<string, unknown>>,
): Promise<EventLog<C, E>[]> {
  const last = await newestBlock(client);
  const where = {
    address: contracts[name],
    abi: abi as Abi,
    eventName: eventName as string,
    args,
    strict: true,
  } as const;
  const found: unknown[] = [];
  let step = MOST_BLOCKS;
  for (let fromBlock = BigInt(first); fromBlock <= last; ) {
    const end = fromBlock + step - 1n;
    const toBlock = end < last ? end : last;
    try {
      found.push(...(await getContractEvents(client, { ...where, fromBlock, toBlock })));
      fromBlock = toBlock + 1n;
    } catch (error) {
      if (!isTooMuch(error) || step === 1n) throw error;
      step = (step + 1n) / 2n;
    }
  }
  return found as EventLog<C, E>[];
}
