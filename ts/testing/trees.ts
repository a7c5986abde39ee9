import { createHash } from "node:crypto";

/** Both trees as ts/torrent/README.md and BEP 52 put them, written to be read and not to be fast: what the real ones are tested against,
 * and where `test/vectors/trees.json` comes from. */

const BLOCK = 16_384;
const WORD = 32;

export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** All rows of the tree over `leaves`, which are padded with zeros to a power of two. */
export function plainRows(leaves: readonly Buffer[]): Buffer[][] {
  const row = [...leaves];
  while (!Number.isInteger(Math.log2(row.length))) row.push(Buffer.alloc(WORD));
  const rows = [row];
  for (let below = row; below.length > 1; below = rows.at(-1)!) {
    rows.push(Array.from({ length: below.length / 2 }, (_, i) => sha256(below[2 * i]!, below[2 * i + 1]!)));
  }
  return rows;
}

/** Siblings of leaf `index`, leaf first. */
export function plainPath(rows: readonly Buffer[][], index: number): Buffer[] {
  return rows.slice(0, -1).map((row, height) => row[Math.floor(index / 2 ** height) ^ 1]!);
}

function cut(data: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(data.length / size) }, (_, i) => data.subarray(i * size, (i + 1) * size));
}

/** The file's tree: SHA-256 of its blocks, the last one at its true length. */
export function plainFileRows(file: Buffer): Buffer[][] {
  return plainRows(cut(file, BLOCK).map((block) => sha256(block)));
}

/** The possession tree of files in torrent order, from its words up. */
export function plainPossessionRows(files: readonly Buffer[]): Buffer[][] {
  const blocks = files.flatMap((file) => cut(file, BLOCK)).map((block) => Buffer.concat([block], BLOCK));
  return plainRows(blocks.flatMap((block) => cut(block, WORD)));
}

export interface PlainFileRow {
  readonly piecesRoot: Buffer;
  readonly firstBlock: number;
  readonly length: number;
}

/** The file table: files that are not empty. */
export function plainFileTable(files: readonly Buffer[]): PlainFileRow[] {
  let blocks = 0;
  return files
    .filter(({ length }) => length > 0)
    .map((file) => {
      const firstBlock = blocks;
      blocks += Math.ceil(file.length / BLOCK);
      return { piecesRoot: plainFileRows(file).at(-1)![0]!, firstBlock, length: file.length };
    });
}

export function plainTableRows(table: readonly PlainFileRow[]): Buffer[][] {
  return plainRows(table.map((row) => sha256(row.piecesRoot, uint256(row.firstBlock), uint256(row.length))));
}

function uint256(value: number): Buffer {
  return Buffer.from(value.toString(16).padStart(64, "0"), "hex");
}

/** Bytes that are the same in every run. */
export function sampleBytes(length: number, seed: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 64) }, (_, i) =>
    createHash("sha512").update(`${seed}:${i}`).digest(),
  );
  return Buffer.concat(blocks, length);
}
