import type { Hex } from "viem";
import { Catalog } from "../contracts.ts";
import { defineWrite, sync } from "../define.ts";
import type { CommitmentArgs } from "../manifest.ts";

/** A block that a content's two trees disagree about (ICatalog.Disproof). */
export interface Disproof {
  readonly commitment: CommitmentArgs;
  /** The file's row in the table under filesRoot. */
  readonly row: { readonly piecesRoot: Hex; readonly firstBlock: number; readonly length: bigint };
  /** Its place in the table. */
  readonly rowIndex: number;
  /** To filesRoot. */
  readonly rowPath: readonly Hex[];
  /** Of 16 KiB, in the file. */
  readonly blockIndex: number;
  /** The block's bytes, a file's last block at its true length. */
  readonly data: Hex;
  /** To the file's piecesRoot. */
  readonly blockPath: readonly Hex[];
  /** What stands in the possession tree where the root over the block's 512 words should. */
  readonly wordsRoot: Hex;
  /** From there to dataRoot. */
  readonly dataPath: readonly Hex[];
}

export interface DisproveParameters {
  /** The content's number. */
  readonly contentId: number;
  readonly proof: Disproof;
}

/**
 * Shows that a content's two trees disagree about a block (H-TREE-2): half of the publisher's bond goes to the sender, and running orders unwind
 * without fault (`unwind`). Send it privately: whoever sees it pending can send the same.
 *
 * @throws ContractRevert: Catalog_Unknown, Catalog_Unbonded, Catalog_AlreadyDisproved, Catalog_NotItsCommitment, Catalog_NotItsRow,
 * Catalog_NotItsBlock, Catalog_NotItsWords, Catalog_Agreed
 * @example
 * const { reward } = await disproveSync(wallet, { deployment, contentId: 1, proof });
 */
export const disprove = defineWrite({
  contract: Catalog,
  functionName: "disprove",
  event: "Disproved",
  args: ({ contentId, proof }: DisproveParameters) => [contentId, proof],
});

/** `disprove`, waited for. */
export const disproveSync = sync(disprove);
