import type { Logger } from "pino";
import type { Hex } from "viem";
import { HoldfastError } from "../errors.ts";
import { encodeRound, encodeWords, type RoundAnswer } from "../sdk/proofs.ts";
import type { ContentState } from "../service/state.ts";
import { BLOCK_WORDS, type DataFolder, TorrentError, type WordProof } from "../torrent/index.ts";
import type { Library } from "./library.ts";

/** A word is due of a content that is not here, or no longer what it was. */
export class DamageError extends HoldfastError {
  override readonly name = "DamageError";
  readonly content: ContentState;

  constructor(content: ContentState, reason: string) {
    super(`content ${content.id} cannot be proven: ${reason}`, { facts: { infohash: content.commitment.infohash } });
    this.content = content;
  }
}

/** A draw, as Holdings.challenges lists it. */
export interface Challenge {
  readonly entry: number;
  readonly contentId: number;
  readonly answer: boolean;
  readonly leaf: bigint;
}

/** Answers draws from the disk. Files are opened for each answer, so that one deleted or swapped meanwhile is noticed. */
export class Prover {
  readonly #library: Library;
  readonly #contentOf: (contentId: number) => ContentState;
  readonly #log: Logger;

  constructor(library: Library, contentOf: (contentId: number) => ContentState, log: Logger) {
    this.#library = library;
    this.#contentOf = contentOf;
    this.#log = log;
  }

  /** What Holdings.prove takes. @throws DamageError for the first content that cannot be proven */
  async round(drawn: readonly Challenge[]): Promise<Hex> {
    const answers: RoundAnswer[] = [];
    for (const { entry, contentId, answer, leaf } of drawn) {
      answers.push({ entry, proof: answer ? (await this.#prove(contentId, [leaf]))[0] : undefined });
    }
    return encodeRound(answers);
  }

  /** What Market.activate and Audits.answer take. @throws DamageError */
  async words(contentId: number, leaves: readonly bigint[]): Promise<Hex> {
    return encodeWords(await this.#prove(contentId, leaves));
  }

  /** Blocks of a content that is held, from `first` to before `end`, of which no word can be proven. */
  async badBlocks({ commitment, id }: ContentState, first: number, end: number): Promise<number[]> {
    const held = this.#library.get(commitment.infohash.slice(2));
    if (held === undefined) throw new HoldfastError(`content ${id} is not held any more`);
    const bad: number[] = [];
    const folder = await this.#library.folderOf(held);
    try {
      for (let block = first; block < end; block++) {
        await held.cache.prove(folder, block * BLOCK_WORDS).catch((error) => {
          if (!(error instanceof TorrentError)) throw error;
          bad.push(block);
        });
      }
    } finally {
      await folder.close();
    }
    return bad;
  }

  async #prove(contentId: number, leaves: readonly bigint[]): Promise<WordProof[]> {
    const content = this.#contentOf(contentId);
    const held = this.#library.get(content.commitment.infohash.slice(2));
    if (held === undefined) throw new DamageError(content, "its data is not here");
    let folder: DataFolder | undefined;
    try {
      folder = await this.#library.folderOf(held);
      const proofs: WordProof[] = [];
      for (const leaf of leaves) proofs.push(await held.cache.prove(folder, Number(leaf)));
      return proofs;
    } catch (error) {
      // Of the data, or of the cache beside it: either way the content must be checked again before it can be proven.
      if (!(error instanceof TorrentError)) throw error;
      this.#log.warn({ contentId, ...error.facts }, error.message);
      throw new DamageError(content, error.message);
    } finally {
      await folder?.close();
    }
  }
}
