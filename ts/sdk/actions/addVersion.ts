import type { Hex } from "viem";
import { Catalog } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface AddVersionParameters {
  /** A series of the wallet's. */
  readonly series: bigint;
  /** Its next version, greater than any before. */
  readonly version: number;
  /** A published content's, whoever published it: `contentKey`, or `getContent(…).manifest.key`. */
  readonly key: Hex;
}

/**
 * Makes a content that is published already the next version of a series, and its head. The series' owner only. A publication by the owner
 * does the same in one step (`manifestOf`).
 *
 * @throws ContractRevert: Catalog_NotSeriesOwner, Catalog_Unknown, Catalog_Stamped, Catalog_NotNewer
 * @example
 * await addVersionSync(wallet, { deployment, series: 1n, version: 2, key });
 */
export const addVersion = defineWrite({
  contract: Catalog,
  functionName: "addVersion",
  event: "HeadMoved",
  args: ({ series, version, key }: AddVersionParameters) => [series, version, key],
});

/** `addVersion`, waited for. */
export const addVersionSync = sync(addVersion);
