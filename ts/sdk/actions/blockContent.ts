import { Catalog } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface BlockContentParameters {
  /** The content's number. */
  readonly contentId: number;
  /** Why nobody should hold it, at most 512 bytes. */
  readonly reason: string;
}

/**
 * Curator: takes a content out of service for good. It takes no more orders, and from the next round on its slots are neither sampled nor paid
 * (`unwind` ends them). Its bond stays the publisher's.
 *
 * @throws ContractRevert: AccessManagedUnauthorized, Catalog_Unknown, Catalog_Stamped, Catalog_TextTooLong
 * @example
 * await blockContentSync(wallet, { deployment, contentId: 12, reason: "https://example.org/orders/17-2026" });
 */
export const blockContent = defineWrite({
  contract: Catalog,
  functionName: "blockContent",
  event: "Blocked",
  args: ({ contentId, reason }: BlockContentParameters) => [contentId, reason],
});

/** `blockContent`, waited for. */
export const blockContentSync = sync(blockContent);
