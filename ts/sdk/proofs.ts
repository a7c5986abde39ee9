import { bytesToHex, concatBytes, type Hex, numberToBytes } from "viem";
import type { WordProof } from "../torrent/possession.ts";

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

function wordAndPath({ word, path }: WordProof): Uint8Array[] {
  return [word, ...path];
}
