import { Operators } from "../contracts.ts";
import { defineWrite, priced, sync } from "../define.ts";

export interface AddStakeParameters {
  /** The operator's number. */
  readonly operatorId: number;
  /** Asset wei. */
  readonly amount: bigint;
}

/**
 * Adds to an operator's stake, from the sender, whoever it is; never paused. Stake leaves only by exit or slash (H-STAKE-1).
 *
 * @throws ContractRevert: Operators_Unknown
 * @example
 * const { stake } = await pay(wallet, addStake, { deployment, operatorId: 3, amount: 10n ** 18n });
 */
export const addStake = priced(
  defineWrite({
    contract: Operators,
    functionName: "addStake",
    event: "StakeAdded",
    args: ({ operatorId, amount }: AddStakeParameters) => [operatorId, amount],
  }),
  async (_, { amount }) => amount,
);

/** `addStake`, waited for. */
export const addStakeSync = sync(addStake);
