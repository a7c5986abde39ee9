// How commands print.

import Table from "cli-table3";
import { EXIT } from "../errors.ts";
import { toJson } from "../json.ts";
import { WAD } from "../sdk/constants.ts";
import type { GlobalOptions } from "./options.ts";

/** Prints a result: `text` for people, `facts` for programs. */
export function print({ json }: GlobalOptions, facts: object, text: string): void {
  console.log(json ? toJson(facts, 2) : text);
}

/** A table without colours: what it says is the same in a file. */
export function plainTable(head: readonly string[]): Table.Table {
  return new Table({ head: [...head], style: { head: [], border: [] } });
}

/** WAD as a percentage, e.g. "92.3%". */
export function percent(wad: bigint): string {
  return `${Number((wad * 1000n) / WAD) / 10}%`;
}

/** Runs what Ctrl-C, or SIGTERM, stops in good order by `signal`; the process then exits as shells expect it. */
export async function interruptible(action: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.on("SIGINT", stop).on("SIGTERM", stop);
  try {
    await action(stopping.signal);
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
    console.error("interrupted");
    process.exitCode = EXIT.interrupted;
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}
