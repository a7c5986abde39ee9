import { Catalog } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

export interface SetHeadParameters {
  /** The series' number. */
  readonly series: bigint;
  /** Any version published in it. */
  readonly version: number;
}

/**
 * Owner of a series: moves its head forward, or rolls it back.
 *
 * @throws ContractRevert: Catalog_NotSeriesOwner, Catalog_NoSuchVersion
 * @example
 * const { contentId } = await setHeadSync(wallet, { deployment, series: 1n, version: 3 });
 */
export const setHead = defineWrite({
  contract: Catalog,
  functionName: "setHead",
  event: "HeadMoved",
  args: ({ series, version }: SetHeadParameters) => [series, version],
});

/** `setHead`, waited for. */
export const setHeadSync = sync(setHead);
