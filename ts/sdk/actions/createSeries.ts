import { Catalog } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";

/**
 * Begins a series of versions of one data set; it is the sender's. Contents join it by their manifest's series and version.
 *
 * @throws ContractRevert
 * @example
 * const { series } = await createSeriesSync(wallet, { deployment });
 */
export const createSeries = defineWrite({
  contract: Catalog,
  functionName: "createSeries",
  event: "SeriesCreated",
  args: () => [],
});

/** `createSeries`, waited for. */
export const createSeriesSync = sync(createSeries);
