import Table from "cli-table3";
import { formatUnits } from "viem";
import { ROUNDS } from "../sdk/clock.ts";
import { gradeOf } from "../sdk/grade.ts";
import type { Ledger } from "./ledgers.ts";
import type { Outcome } from "./observer.ts";

/** One operator's epoch, as the run ends. */
export interface Row {
  readonly operatorId: number;
  readonly outcome: Outcome;
  readonly voidRounds: number;
  /** Basis points, of the keepers' medians; undefined: not measured. */
  readonly uptimeBps: number | undefined;
  readonly availabilityBps: number | undefined;
  /** WAD, before the epoch was settled. */
  readonly reputationBefore: bigint;
  /** Asset wei. */
  readonly earned: bigint;
  /** Bytes sent to peers of all kinds. */
  readonly served: number;
  /** What payers promised for downloads, and what of it was redeemed, take included, in asset wei. */
  readonly promised: bigint;
  readonly redeemed: bigint;
}

const percent = (wad: bigint) => `${(Number(wad) / 1e16).toFixed(1)}%`;
const ofBps = (bps: number | undefined) => (bps === undefined ? "–" : `${(bps / 100).toFixed(1)}%`);
const ratio = (wad: bigint) => (Number(wad) / 1e18).toFixed(3);
const money = (wei: bigint) => Number(formatUnits(wei, 12)).toFixed(2);
const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);

export function operatorTable(rows: readonly Row[]): string {
  const head = [
    ...["operator", "chunks", "clean/\nbad/void", "uptime", "avail-\nability", "reten-\ntion"],
    ...["reliability", "reputation", "fees\naccrued", "earned", "served\n(MiB)", "paid", "redeemed"],
  ];
  const table = new Table({
    head,
    style: { head: [], border: [], compact: true },
    colAligns: ["left", ...head.slice(1).map(() => "right" as const)],
  });
  for (const row of rows) {
    const { due, clean, chunks, fees, retention, reliability, reputation } = row.outcome;
    table.push([
      String(row.operatorId),
      String(chunks),
      `${clean}/${due - clean}/${row.voidRounds}`,
      ofBps(row.uptimeBps),
      ofBps(row.availabilityBps),
      percent(retention),
      `${percent(reliability)} ${gradeOf(reliability)}`,
      `${ratio(row.reputationBefore)} > ${ratio(reputation)}`,
      money(fees),
      money(row.earned),
      mebibytes(row.served),
      money(row.promised),
      money(row.redeemed),
    ]);
  }
  const notes = [
    `An epoch of ${ROUNDS} rounds. Amounts in millionths of the asset.`,
    "Earned: of the epoch's fees. Paid and redeemed: by downloaders, with vouchers.",
  ];
  return [table.toString(), ...notes].join("\n");
}

export function ledgerTable(ledgers: readonly Ledger[]): string {
  const table = new Table({
    head: ["ledger", "accounted (wei)", "its parts (wei)", "balance (wei)", ""],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", "right", "right", "right", "left"],
  });
  for (const { contract, accounted, parts, balance, holds } of ledgers) {
    table.push([contract, String(accounted), String(parts), String(balance), holds ? "adds up" : "DOES NOT ADD UP"]);
  }
  return table.toString();
}
