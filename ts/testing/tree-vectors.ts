import {
  plainFileRows,
  plainFileTable,
  plainPath,
  plainPossessionRows,
  plainRows,
  plainTableRows,
  sampleBytes,
  sha256,
} from "./trees.ts";

const BLOCK = 16_384;
const BLOCK_WORDS = 512;

/** Contents of every shape that matters: the lengths of their files, in bytes. */
const SHAPES: Readonly<Record<string, readonly number[]>> = {
  "one whole block": [BLOCK],
  "one block of one byte": [1],
  "a block and a short tail": [BLOCK + 33],
  "five blocks, no power of two": [BLOCK * 5],
  "several files, each from a new block, tails short, an empty one between": [
    BLOCK * 2 + 100,
    0,
    31,
    BLOCK,
    BLOCK * 3 - 1,
  ],
};

/** What the Solidity verifier is tested with, made by the plain trees; `ts/torrent/README.md` tells the shape. */
export function treeVectors() {
  return Object.entries(SHAPES).map(([name, lengths], seed) => contentVector(name, lengths, seed));
}

function contentVector(name: string, lengths: readonly number[], seed: number) {
  const files = lengths.map((length, i) => sampleBytes(length, seed * 100 + i));
  const table = plainFileTable(files);
  const tableRows = plainTableRows(table);
  const possession = plainPossessionRows(files);
  const last = table.at(-1)!;
  const blocks = last.firstBlock + Math.ceil(last.length / BLOCK);
  const leaves = new Set([
    0,
    511,
    Math.floor(blocks / 2) * BLOCK_WORDS + 7,
    (blocks - 1) * BLOCK_WORDS,
    blocks * BLOCK_WORDS - 1,
  ]);
  return {
    name,
    blocks,
    fileCount: table.length,
    depth: possession.length - 1,
    dataRoot: hex(possession.at(-1)![0]!),
    filesRoot: hex(tableRows.at(-1)![0]!),
    words: [...leaves]
      .sort((a, b) => a - b)
      .map((leaf) => ({
        leaf,
        word: hex(possession[0]![leaf]!),
        path: plainPath(possession, leaf).map(hex),
      })),
    files: table.map((row, index) => ({
      piecesRoot: hex(row.piecesRoot),
      firstBlock: row.firstBlock,
      length: row.length,
      index,
      path: plainPath(tableRows, index).map(hex),
    })),
    lastBlock: lastBlock(files.findLast(({ length }) => length > 0)!, blocks, possession),
  };
}

/** The content's last block, with what proves it under its file's pieces root and under the dataRoot: what `disprove` needs. */
function lastBlock(file: Buffer, blocks: number, possession: readonly Buffer[][]) {
  const rows = plainFileRows(file);
  const index = Math.ceil(file.length / BLOCK) - 1;
  const block = file.subarray(index * BLOCK);
  const words = Array.from({ length: BLOCK_WORDS }, (_, i) =>
    Buffer.concat([block.subarray(i * 32, (i + 1) * 32)], 32),
  );
  return {
    block: blocks - 1,
    data: hex(block),
    hash: hex(sha256(block)),
    indexInFile: index,
    piecesPath: plainPath(rows, index).map(hex),
    root: hex(plainRows(words).at(-1)![0]!),
    dataPath: plainPath(possession.slice(9), blocks - 1).map(hex),
  };
}

function hex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString("hex")}`;
}
