// Numbers that are fixed in the contracts' code, under the names they have there. `sdk.test.ts` asks the contracts for them.

/** Reputation, reliability: a ratio of 1. */
export const WAD = 10n ** 18n;
/** Shares of fees: a ratio of 1. */
export const BPS = 10_000n;
/** Weights of operators in an epoch: a ratio of 1 (Pool). */
export const MERIT = 10n ** 9n;
/** Bytes of a chunk, the unit of accounting. */
export const CHUNK_BYTES = 8 << 20;

/** Rounds before its end in which an order is no longer accepted, and before its start in which incumbents renew (Market). */
export const LAST_ROUNDS = 3;
export const RENEWAL_ROUNDS = 3;
/** Rounds, void ones not counted, in which a reservation can be activated (Market). */
export const ACTIVATION_ROUNDS = 3;
/** Rounds in a row, void ones not counted, without a proof after which an operator may be ejected (Holdings). */
export const BAD_ROUNDS = 7;
/** Rounds of the next epoch from which an epoch is settled, and frozen (Settlement). */
export const SETTLE_ROUND = 2;
export const FREEZE_ROUND = 5;

/** Most chunks of one operator (Operators). */
export const MAX_CAPACITY = 1_048_576;
/** What an operator starts with, and below which a claim waits, WAD (Operators). */
export const FIRST_REPUTATION = WAD / 2n;
export const PAID_REPUTATION = (3n * WAD) / 10n;

/** Operators in a page of the keepers' values (Oracle). */
export const PAGE = 512;
/** Epochs whose medians may stand in for one that is missing (Oracle). */
export const CARRY = 3;
