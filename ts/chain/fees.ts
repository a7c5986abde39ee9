import { type Block, formatGwei } from "viem";
import type { ChainClient } from "./connection.ts";

/** EIP-1559 fees, in wei per gas. */
export interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/** What the chain asks for now, within the ceiling: room for the base fee to double, and the tip that the RPC suggests. */
export async function currentFees(client: ChainClient, ceiling: Fees): Promise<Fees & { baseFee: bigint }> {
  const [block, tip] = await Promise.all([client.getBlock(), client.estimateMaxPriorityFeePerGas()]);
  const baseFee = (block as Block).baseFeePerGas ?? 0n;
  const maxFeePerGas = min(baseFee * 2n + tip, ceiling.maxFeePerGas);
  return { baseFee, maxFeePerGas, maxPriorityFeePerGas: min(tip, ceiling.maxPriorityFeePerGas, maxFeePerGas) };
}

/**
 * The fees of a replacement: both at least 12.5% above the last ones, for nodes refuse less, and no less than current ones.
 *
 * @returns undefined when the ceiling leaves no room for that
 */
export function bump(last: Fees, current: Fees, ceiling: Fees): Fees | undefined {
  const [leastFee, leastTip] = [raise(last.maxFeePerGas), raise(last.maxPriorityFeePerGas)];
  if (leastFee > ceiling.maxFeePerGas || leastTip > ceiling.maxPriorityFeePerGas) return undefined;
  const maxFeePerGas = max(leastFee, current.maxFeePerGas);
  return { maxFeePerGas, maxPriorityFeePerGas: min(max(leastTip, current.maxPriorityFeePerGas), maxFeePerGas) };
}

/** For people, e.g. "1.5 gwei". */
export function gwei(wei: bigint): string {
  return `${formatGwei(wei)} gwei`;
}

/** By an eighth, rounded up, and by something. */
function raise(fee: bigint): bigint {
  return fee + fee / 8n + 1n;
}

function min(first: bigint, ...others: bigint[]): bigint {
  let least = first;
  for (const value of others) if (value < least) least = value;
  return least;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
