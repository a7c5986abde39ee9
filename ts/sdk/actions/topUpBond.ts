import type { Address } from "viem";
import { Oracle } from "../contracts.ts";
import { defineWrite, priced, sync } from "../define.ts";
import { read } from "../read.ts";

export interface TopUpBondParameters {
  /** Whose bond is short. */
  readonly keeper: Address;
}

/**
 * Brings a keeper's bond back to its full bond after a forfeit, from the sender.
 *
 * @throws ContractRevert: Oracle_NotJoined, Oracle_BondFull
 * @example
 * const { amount } = await pay(wallet, topUpBond, { deployment, keeper });
 */
export const topUpBond = priced(
  defineWrite({
    contract: Oracle,
    functionName: "topUp",
    event: "BondToppedUp",
    args: ({ keeper }: TopUpBondParameters) => [keeper],
  }),
  async (client, { deployment, keeper }) => {
    const { bond, fullBond } = await read(client, deployment, Oracle, "keeper", [keeper]);
    return fullBond - bond;
  },
);

/** `topUpBond`, waited for. */
export const topUpBondSync = sync(topUpBond);
