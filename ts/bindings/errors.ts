import type { Abi } from "viem";
import * as abis from "./abi.ts";

/** Every custom error of the protocol: a contract passes on those of the contracts it calls. */
export const protocolErrors: Abi = Object.values(abis).flatMap((abi) =>
  (abi as Abi).filter(({ type }) => type === "error"),
);
