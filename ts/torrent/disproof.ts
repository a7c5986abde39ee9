import { fileProof } from "./commitment.ts";
import { TorrentError } from "./errors.ts";
import type { DataFolder } from "./folder.ts";
import type { Torrent, TorrentFile } from "./metainfo.ts";
import type { WordProof } from "./possession.ts";
import { BLOCK_LEVELS, BLOCK_WORDS, depthOf, hashBlock, hashPair, merklePath, padBlock, rootOf } from "./trees.ts";

/** A block that a content's two trees disagree about, as Catalog.disprove takes it (H-TREE-2). */
export interface BlockDisproof {
  readonly file: TorrentFile;
  /** The file's row in the file table, and its path to filesRoot. */
  readonly rowIndex: number;
  readonly rowPath: readonly Buffer[];
  /** In the file. */
  readonly blockIndex: number;
  readonly data: Buffer;
  /** To the file's pieces root. */
  readonly blockPath: readonly Buffer[];
  /** What the possession tree has where the root over the block's words should be, and its path to dataRoot. */
  readonly wordsRoot: Buffer;
  readonly dataPath: readonly Buffer[];
}

/**
 * The disproof that a word proven on chain gives, if the block it is said to be of is another one; undefined if it is the block's word.
 *
 * @param folder The torrent's data, which is what BEP 52 says: `checkData` finds no damage in it.
 * @param leaf The word's place among the leaves of the possession tree.
 * @param proof The word with its path to the content's dataRoot, as the chain took it.
 * @throws TorrentError when the block is not the torrent's
 */
export async function disproofOf(
  torrent: Torrent,
  folder: DataFolder,
  leaf: number,
  { word, path }: WordProof,
): Promise<BlockDisproof | undefined> {
  const block = Math.floor(leaf / BLOCK_WORDS);
  const wordsRoot = path
    .slice(0, BLOCK_LEVELS)
    .reduce<Buffer>(
      (node, side, height) => (isRight(leaf, height) ? hashPair(side, node) : hashPair(node, side)),
      word,
    );
  const data = await folder.readBlock(block);
  if (rootOf(padBlock(data)).equals(wordsRoot)) return undefined;

  const rows = torrent.files.filter(({ piecesRoot }) => piecesRoot);
  const rowIndex = rows.findLastIndex(({ firstBlock }) => firstBlock <= block);
  const file = rows[rowIndex]!;
  const hashes: Buffer[] = [];
  for (let b = 0; b < file.blocks; b++) hashes.push(hashBlock(await folder.readBlock(file.firstBlock + b)));
  const blockIndex = block - file.firstBlock;
  const { path: blockPath, root } = merklePath(Buffer.concat(hashes), blockIndex, depthOf(file.blocks));
  if (!root.equals(file.piecesRoot!)) throw new TorrentError("the data is not the torrent's", { file: file.path });
  const rowPath = fileProof(torrent, rowIndex);
  return { file, rowIndex, rowPath, blockIndex, data, blockPath, wordsRoot, dataPath: path.slice(BLOCK_LEVELS) };
}

function isRight(leaf: number, height: number): boolean {
  return Math.floor(leaf / 2 ** height) % 2 === 1;
}
