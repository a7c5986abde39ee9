import { Retrieval } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

/**
 * Sends the take of retrieval payments to the treasury's ledger, by anyone.
 *
 * @throws ContractRevert
 * @example
 * const { amount } = await sendTakeSync(wallet, { deployment });
 */
export const sendTake = defineWrite({
  contract: Retrieval,
  functionName: "sendTake",
  event: "TakeSent",
  args: () => [],
});

/** `sendTake`, waited for. */
export const sendTakeSync = sync(sendTake);
