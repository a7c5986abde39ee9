import { type OpenOrderParameters, openOrder } from "../actions/openOrder.ts";
import type { OnDeployment } from "../deployment.ts";
import { pay } from "../pay.ts";
import { quoteOrder } from "../reads/quoteOrder.ts";
import type { Wallet } from "../send.ts";

export interface PlaceOrderParameters extends OnDeployment, Omit<OpenOrderParameters, "maxDeposit"> {
  /** Most to pay, in asset wei; what the terms of now ask if not given. */
  readonly maxDeposit?: bigint;
}

/**
 * Opens an order at the price of now and pays its whole deposit.
 *
 * @throws HoldfastError when the wallet has less than that, before anything is sent
 * @throws ContractRevert as `openOrder`
 * @example
 * const { orderId } = await placeOrder(wallet, { deployment, contentId, replicas: 3, startEpoch: epoch + 1, epochs: 1 });
 */
export async function placeOrder(wallet: Wallet, parameters: PlaceOrderParameters) {
  const maxDeposit = parameters.maxDeposit ?? (await quoteOrder(wallet, parameters));
  return pay(wallet, openOrder, { ...parameters, maxDeposit });
}
