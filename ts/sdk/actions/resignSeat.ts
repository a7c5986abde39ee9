import { Oracle } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

/**
 * Gives the sender's seat up from the next epoch on; what it owes the epoch under way and the one before stays owed.
 *
 * @throws ContractRevert: Oracle_NotJoined, Oracle_Leaving
 * @example
 * const { until } = await resignSeatSync(wallet, { deployment });
 */
export const resignSeat = defineWrite({
  contract: Oracle,
  functionName: "resign",
  event: "KeeperResigned",
  args: () => [],
});

/** `resignSeat`, waited for. */
export const resignSeatSync = sync(resignSeat);
