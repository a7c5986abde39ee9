import { bytesToHex, concatBytes, type Hex, numberToBytes } from "viem";
import type { BlockDisproof } from "../torrent/disproof.ts";
import type { WordProof } from "../torrent/possession.ts";
import type { Disproof } from "./actions/disprove.ts";
import type { CommitmentArgs } from "./manifest.ts";

/** One draw of a round, as Holdings.challenges lists it, and what answers it. */
export interface RoundAnswer {
  /** Index of the entry drawn. */
  readonly entry: number;
  /** Undefined where the draw hit something dead or pending: the entry is named and nothing proven. */
  readonly proof: WordProof | undefined;
}

/** What Holdings.prove takes: for each draw 4 bytes of entry index, then the word and its path where one is due. */
export function encodeRound(answers: readonly RoundAnswer[]): Hex {
  return bytesToHex(
    concatBytes(
      answers.flatMap(({ entry, proof }) => [
        numberToBytes(entry, { size: 4 }),
        ...(proof === undefined ? [] : wordAndPath(proof)),
      ]),
    ),
  );
}

/** What Market.activate and Audits.answer take: K times a word and its path. */
export function encodeWords(proofs: readonly WordProof[]): Hex {
  return bytesToHex(concatBytes(proofs.flatMap(wordAndPath)));
}

/** A block that a content's trees disagree about (`disproofOf`), as the action `disprove` takes it. */
export function encodeDisproof(commitment: CommitmentArgs, disproof: BlockDisproof): Disproof {
  const { file, rowIndex, blockIndex } = disproof;
  const hex = (nodes: readonly Uint8Array[]) => nodes.map((node) => bytesToHex(node));
  return {
    commitment,
    row: { piecesRoot: bytesToHex(file.piecesRoot!), firstBlock: file.firstBlock, length: BigInt(file.length) },
    ...{ rowIndex, rowPath: hex(disproof.rowPath) },
    ...{ blockIndex, data: bytesToHex(disproof.data), blockPath: hex(disproof.blockPath) },
    ...{ wordsRoot: bytesToHex(disproof.wordsRoot), dataPath: hex(disproof.dataPath) },
  };
}

function wordAndPath({ word, path }: WordProof): Uint8Array[] {
  return [word, ...path];
}
