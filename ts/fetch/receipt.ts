import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { toJson } from "../json.ts";
import type { ReceiptLine } from "../retrieval/payer.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";

/** What one run of a download got from whom, and what it cost. Amounts in asset wei, prices in wei per MiB. */
export interface Receipt {
  readonly name: string;
  /** v2, in hex. */
  readonly infohash: string;
  /** Its number in the catalog; null when it is not there, or no chain was asked. */
  readonly contentId: number | null;
  readonly folder: string;
  readonly complete: boolean;
  /** ISO 8601. */
  readonly began: string;
  readonly ended: string;
  /** Bytes received in this run that matched the torrent. */
  readonly bytes: number;
  readonly spent: bigint;
  /** Operators that offered to be paid. */
  readonly operators: readonly OperatorLine[];
  /** Everybody else. */
  readonly free: { readonly peers: number; readonly bytes: number };
  /** Peers that broke the rules, or stopped. */
  readonly dropped: readonly (PeerAddress & { readonly reason: string })[];
}

export interface OperatorLine extends ReceiptLine {
  /** Its number on chain; null when it does not hold the content there. */
  readonly operatorId: number | null;
}

/** Keeps a receipt below a state folder, for good. @returns the file */
export async function keepReceipt(state: string, receipt: Receipt): Promise<string> {
  const folder = join(state, "receipts");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${receipt.infohash.slice(0, 16)}-${receipt.began.replace(/[:.]/g, "-")}.json`);
  await writeFile(file, `${toJson(receipt, 2)}\n`);
  return file;
}
