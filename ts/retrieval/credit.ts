/** What prices are per. */
export const MEBIBYTE = 1 << 20;

/** The credit window unless an operator says otherwise, in bytes. */
export const DEFAULT_WINDOW = MEBIBYTE;

/** Windows grow no further than this, in bytes, unless they begin larger. */
const MAX_GROWN = 64 * MEBIBYTE;

/**
 * What one side risks with the other, in bytes: what a seeder sends beyond the last good voucher, what a downloader pays
 * beyond what it has verified. Half of what this channel has paid for, at least `window`: so that
 * signatures and durable writes grow rare on a fast and proven connection, and a loss stays small beside what was earned.
 */
export function creditWindow(window: number, history: number): number {
  return Math.max(window, Math.min(MAX_GROWN, Math.floor(history / 2)));
}

/** The window of a content: at least a piece, since less cannot be verified. In bytes. */
export function contentWindow(window: number, pieceLength: number): number {
  return Math.max(window, pieceLength);
}

/** What `bytes` cost at a price in wei per MiB, in wei: rounded up, in the operator's favour. */
export function cost(bytes: number, price: bigint): bigint {
  return (BigInt(bytes) * price + BigInt(MEBIBYTE - 1)) / BigInt(MEBIBYTE);
}

/** How many bytes an amount (wei) pays for at a price in wei per MiB: rounded down. */
export function affordable(amount: bigint, price: bigint): number {
  if (amount <= 0n) return 0;
  if (price === 0n) return Number.MAX_SAFE_INTEGER;
  const bytes = (amount * BigInt(MEBIBYTE)) / price;
  return bytes > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(bytes);
}
