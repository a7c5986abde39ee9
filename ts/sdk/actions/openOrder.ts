import { Market } from "../contracts.ts";
import { defineWrite, priced, sync } from "../define.ts";

export interface OpenOrderParameters {
  readonly contentId: number;
  /** Copies, each by another operator, 1 to 16. */
  readonly replicas: number;
  /** The epoch under way or the next. */
  readonly startEpoch: number;
  /** 1 to 12. */
  readonly epochs: number;
  /** Least reputation of who may accept, in percent, 0 to 100. Default 0. */
  readonly minReputation?: number;
  /** Least reliability of who may accept, in percent, 0 to 100. Default 0. */
  readonly minReliability?: number;
  /** An order of the same content that ends when this one starts: its holders may renew without a gap. Default none. */
  readonly incumbentOrder?: number;
  /** The only operators that may accept, at most 32; any if empty, the default. */
  readonly designated?: readonly number[];
  /** Most to pay, in asset wei: terms may change before the transaction lands. `quoteOrder` says what they ask now. */
  readonly maxDeposit: bigint;
}

/**
 * Opens an order to hold a content and pays its whole deposit: chunks x replicas x fee x rounds to the end, less rounds already begun. Fee, stake
 * and slash are fixed in it (H-ESC-1); operators choose by its event. With `incumbentOrder` it renews an order.
 *
 * @throws ContractRevert: Market_BadRequest, Market_BadStart, Market_DepositAbove, Market_BadIncumbent, Market_TooLate, Catalog_Unknown,
 * Catalog_Unbonded, Catalog_AlreadyDisproved, Catalog_Stamped, EnforcedPause
 * @example
 * const order = { deployment, contentId: 1, replicas: 3, startEpoch: epoch + 1, epochs: 2 };
 * const maxDeposit = await quoteOrder(wallet, order);
 * const { orderId, deposit } = await pay(wallet, openOrder, { ...order, maxDeposit });
 */
export const openOrder = priced(
  defineWrite({
    contract: Market,
    functionName: "open",
    event: "OrderOpened",
    args: ({ contentId, replicas, startEpoch, epochs, maxDeposit, ...optional }: OpenOrderParameters) => {
      const { minReputation = 0, minReliability = 0, incumbentOrder = 0, designated = [] } = optional;
      const restrictions = { minReputation, minReliability, incumbentOrder, designated };
      return [{ contentId, replicas, startEpoch, epochs, ...restrictions }, maxDeposit];
    },
  }),
  async (_, { maxDeposit }) => maxDeposit,
);

/** `openOrder`, waited for. */
export const openOrderSync = sync(openOrder);
