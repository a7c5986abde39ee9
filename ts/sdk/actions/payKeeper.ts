import { Oracle, Pool } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface PayKeeperParameters {
  /** The epoch, a frozen one. */
  readonly epoch: number;
  /** Seat in the committee of that epoch, from 0. */
  readonly seat: number;
}

/**
 * Pays a keeper for its seat in a frozen epoch, by anyone, if its values agreed with the medians.
 *
 * @throws ContractRevert: Pool_KeeperNotOwed, Oracle_NoSuchSeat
 * @example
 * const { keeper, amount } = await payKeeperSync(wallet, { deployment, epoch: 1, seat: 0 });
 */
export const payKeeper = defineWrite({
  contract: Oracle,
  functionName: "payKeeper",
  emitter: Pool,
  event: "KeeperPaid",
  args: ({ epoch, seat }: PayKeeperParameters) => [epoch, BigInt(seat)],
});

/** `payKeeper`, waited for. */
export const payKeeperSync = sync(payKeeper);
