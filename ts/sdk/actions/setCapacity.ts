import { Operators } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface SetCapacityParameters {
  /** The operator's number. */
  readonly operatorId: number;
  /** Chunks of 8 MiB offered: at least what is reserved, at most 1,048,576, covered by the stake. */
  readonly capacityChunks: number;
}

/**
 * Owner: offers more or less.
 *
 * @throws ContractRevert: Operators_NotOwner, Operators_CapacityOutOfBounds, Operators_StakeTooLow
 * @example
 * await setCapacitySync(wallet, { deployment, operatorId: 3, capacityChunks: 2048 });
 */
export const setCapacity = defineWrite({
  contract: Operators,
  functionName: "setCapacity",
  event: "CapacitySet",
  args: ({ operatorId, capacityChunks }: SetCapacityParameters) => [operatorId, capacityChunks],
});

/** `setCapacity`, waited for. */
export const setCapacitySync = sync(setCapacity);
