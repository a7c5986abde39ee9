import type { Address } from "viem";
import { Operators } from "../contracts.ts";
import { defineWrite, priced, sync } from "../define.ts";
import { read } from "../read.ts";

export interface RegisterParameters {
  /** Chunks of 8 MiB offered, 1 to 1,048,576. */
  readonly capacityChunks: number;
  /** Where rewards and audit fees go. */
  readonly payout: Address;
  /** The hot key that proves; accepts nothing until `setKeys` says how much, unless it is the owner. */
  readonly prover: Address;
  /** Where peers and keepers find it, host:port, at most 256 bytes. */
  readonly endpoint: string;
}

/**
 * Registers an operator owned by the sender, with a stake of capacityChunks x stakePerChunk from it. Reputation starts at 0.5.
 *
 * @throws ContractRevert: Operators_CapacityOutOfBounds, Operators_ZeroAddress, Operators_EndpointTooLong, EnforcedPause
 * @example
 * const { address } = wallet.account;
 * const { operatorId } = await pay(wallet, register, {
 *   ...{ deployment, capacityChunks: 1024, payout: address, prover: address, endpoint: "seed.example.org:6881" },
 * });
 */
export const register = priced(
  defineWrite({
    contract: Operators,
    functionName: "register",
    event: "Registered",
    args: ({ capacityChunks, payout, prover, endpoint }: RegisterParameters) => [
      capacityChunks,
      payout,
      prover,
      endpoint,
    ],
  }),
  async (client, { deployment, capacityChunks }) =>
    BigInt(capacityChunks) * (await read(client, deployment, Operators, "stakePerChunk", [])),
);

/** `register`, waited for. */
export const registerSync = sync(register);
