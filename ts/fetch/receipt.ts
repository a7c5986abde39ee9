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
