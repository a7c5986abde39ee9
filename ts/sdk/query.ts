import type { Abi, Address, Client } from "viem";
import { getBlockNumber, multicall } from "viem/actions";
import type { Contract, ReadArgs, ReadOf, ReadResult } from "./contracts.ts";
import type { Deployment } from "./deployment.ts";
import { explain } from "./errors.ts";

/** One view to read: viem's readContract and multicall take it. */
export interface Query {
  /** The contract's name, for people. */
  readonly contract: string;
  readonly address: Address;
  readonly abi: Abi;
  readonly functionName: string;
  readonly args: readonly unknown[];
}

/** A view, with the type of what reading it gives. */
export type QueryOf<Result> = Query & { readonly result?: Result };

/**
 * A view of a contract to read in a batch, typed by its ABI.
 *
 * @example
 * const [order, slot] = await batch(client, [
 *   query(deployment, Market, "order", [7]),
 *   query(deployment, Market, "slot", [7, 0]),
 * ]);
 */
export function query<const C extends Contract, F extends ReadOf<C>>(
  { contracts }: Deployment,
  { name, abi }: C,
  functionName: F,
  args: ReadArgs<C, F>,
): QueryOf<ReadResult<C, F>> {
  return { contract: name, address: contracts[name], abi, functionName, args: args as readonly unknown[] };
}

type ResultsOf<Queries extends readonly Query[]> = {
  -readonly [I in keyof Queries]: Queries[I] extends QueryOf<infer Result> ? Result : never;
};

export interface AtBlock {
  /** The block whose state is read. Default: the newest. */
  readonly blockNumber?: bigint | undefined;
}

/** Views read by one eth_call: sent along with the call, Multicall3 and 288 bytes for each stay below the 49,152 of EIP-3860. */
const PAGE = 128;

/**
 * Reads any number of views of one block, through Multicall3 if the client's chain says where it is (viem's definitions of public chains
 * do), else by the same code sent along with the call (viem's deployless multicall), which works on any chain.
 *
 * @throws ContractRevert when a view reverts
 */
export async function batch<const Queries extends readonly Query[]>(
  client: Client,
  queries: Queries,
  { blockNumber }: AtBlock = {},
): Promise<ResultsOf<Queries>> {
  const pages: Query[][] = [];
  for (let start = 0; start < queries.length; start += PAGE) pages.push(queries.slice(start, start + PAGE));
  const at = blockNumber ?? (pages.length > 1 ? await newestBlock(client) : undefined);
  const deployless = client.chain?.contracts?.multicall3 === undefined;
  const options = { batchSize: 0, deployless, ...(at !== undefined && { blockNumber: at }) };
  const results: unknown[] = [];
  for (const contracts of pages) {
    const answers = await multicall(client, { contracts, ...options });
    for (const [i, answer] of answers.entries()) {
      const { contract, functionName } = contracts[i]!;
      if (answer.status === "failure") throw explain(answer.error, `${contract}.${functionName}`);
      results.push(answer.result);
    }
  }
  return results as ResultsOf<Queries>;
}

/** The newest block's number: what several batches are read at, so that they agree. */
export function newestBlock(client: Client): Promise<bigint> {
  return getBlockNumber(client, { cacheTime: 0 });
}
