import { type Address, parseAbi } from "viem";
import type { Call } from "../chain/call.ts";
import type { LocalClient } from "./anvil.ts";
import { deployDouble } from "./doubles.ts";

/** test/doubles/Counter.sol */
export const counterAbi = parseAbi([
  "function add(uint256 amount)",
  "function addFrom(uint256 seen, uint256 amount)",
  "function total() view returns (uint256)",
  "event Added(uint256 indexed amount, uint256 total)",
  "error Counter_TooMuch(uint256 amount, uint256 most)",
]);

export async function deployCounter(client: LocalClient): Promise<Address> {
  return deployDouble(client, "Counter");
}

export function add(counter: Address, amount: bigint): Call {
  return { contract: "Counter", address: counter, abi: counterAbi, functionName: "add", args: [amount] };
}

export function addFrom(counter: Address, seen: bigint, amount: bigint): Call {
  return { contract: "Counter", address: counter, abi: counterAbi, functionName: "addFrom", args: [seen, amount] };
}

export async function totalOf(client: LocalClient, counter: Address): Promise<bigint> {
  return client.readContract({ address: counter, abi: counterAbi, functionName: "total" });
}
