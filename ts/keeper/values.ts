import { randomBytes } from "node:crypto";
import { type Address, bytesToHex, encodeAbiParameters, type Hex, keccak256, parseAbiParameters } from "viem";
import { PAGE } from "../sdk/constants.ts";

/** What a keeper says about an operator, in basis points, 0 to 10000. */
export interface Metrics {
  readonly uptimeBps: number;
  readonly availabilityBps: number;
}

const BYTES = 4;

/** A commitment and all it takes to reveal it. */
export interface Pledge {
  /** What is committed: the first link of the chain. */
  readonly link: Hex;
  /** In the order they are revealed, each with the link of the page behind it; the last one's is the salt. */
  readonly pages: readonly { readonly values: Hex; readonly next: Hex }[];
}

/** Pages of values as the Oracle takes them: two big-endian uint16 an operator, each plus 1; zeros for one that was not sampled. */
export function encodePages(metrics: ReadonlyMap<number, Metrics>): Hex[] {
  const last = Math.max(1, ...metrics.keys());
  const bytes = new Uint8Array(last * BYTES);
  const view = new DataView(bytes.buffer);
  for (const [operatorId, { uptimeBps, availabilityBps }] of metrics) {
    view.setUint16((operatorId - 1) * BYTES, uptimeBps + 1);
    view.setUint16((operatorId - 1) * BYTES + 2, availabilityBps + 1);
  }
  const pages: Hex[] = [];
  for (let at = 0; at < bytes.length; at += PAGE * BYTES) pages.push(bytesToHex(bytes.subarray(at, at + PAGE * BYTES)));
  return pages;
}

const LINK = parseAbiParameters("uint256, address, address, uint32, uint256, bytes32, bytes32");

/** Chains the pages with a fresh salt (Oracle.linkOf): nobody can tell them from the commitment, nor reveal them as his own (H-ORC-3). */
export function pledge(
  pages: readonly Hex[],
  { chainId, oracle, keeper, epoch }: { chainId: number; oracle: Address; keeper: Address; epoch: number },
): Pledge {
  let next: Hex = bytesToHex(randomBytes(32));
  const chain: { values: Hex; next: Hex }[] = [];
  for (const [page, values] of [...pages.entries()].reverse()) {
    chain.unshift({ values, next });
    next = keccak256(
      encodeAbiParameters(LINK, [BigInt(chainId), oracle, keeper, epoch, BigInt(page), keccak256(values), next]),
    );
  }
  return { link: next, pages: chain };
}
