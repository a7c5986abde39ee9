import { hash as sha256 } from "node:crypto";
import { hashInto } from "@chainsafe/hashtree";

/** Bytes of a BEP 52 leaf. */
export const BLOCK = 16_384;
/** 32-byte words in a block; a block's subtree in the possession tree has 9 levels. */
export const BLOCK_WORDS = 512;
export const BLOCK_LEVELS = 9;
/** Blocks in a chunk of 8 MiB, the unit of accounting. */
export const CHUNK_BLOCKS = 512;
export const HASH = 32;

const zeros: Buffer[] = [Buffer.alloc(HASH)];

/** Root of a subtree of `level` levels over zero leaves: what both trees are padded with (BEP 52). */
export function zeroRoot(level: number): Buffer {
  while (zeros.length <= level) zeros.push(hashPair(zeros.at(-1)!, zeros.at(-1)!));
  return zeros[level]!;
}

export function hashPair(left: Uint8Array, right: Uint8Array): Buffer {
  return sha256("sha256", Buffer.concat([left, right], 2 * HASH), "buffer");
}

export function hashBlock(block: Uint8Array): Buffer {
  return sha256("sha256", block, "buffer");
}

/** Levels above `leaves` leaves: log2 of the smallest power of two that holds them. */
export function depthOf(leaves: number): number {
  let depth = 0;
  for (let width = 1; width < leaves; width *= 2) depth++;
  return depth;
}

/** The next level of a tree: parents of `nodes`, an odd one paired with padding. @param level of `nodes`, 0 for leaves. */
export function parents(nodes: Uint8Array, level: number): Buffer {
  const count = nodes.length / HASH;
  const input = count % 2 ? Buffer.concat([nodes, zeroRoot(level)]) : nodes;
  const output = Buffer.allocUnsafe(input.length / 2);
  if (count > 0) hashInto(input, output);
  return output;
}

/** Every level from `nodes` to the root. @param nodes concatenated hashes, at least one. @param level of `nodes`. */
export function levelsOf(nodes: Uint8Array, level = 0): Buffer[] {
  const levels = [Buffer.from(nodes.buffer, nodes.byteOffset, nodes.length)];
  while (levels.at(-1)!.length > HASH) levels.push(parents(levels.at(-1)!, level + levels.length - 1));
  return levels;
}

export function rootOf(nodes: Uint8Array, level = 0): Buffer {
  return levelsOf(nodes, level).at(-1)!;
}

/** A leaf's way to its root: the siblings, leaf first, and the root they lead to. */
export interface MerklePath {
  readonly path: readonly Buffer[];
  readonly root: Buffer;
}

/** The way from node `index` of `nodes` to the root of the tree of `depth` levels that begins with them and is padded with zeros.
 * @param level of `nodes`. */
export function merklePath(nodes: Uint8Array, index: number, depth: number, level = 0): MerklePath {
  const path: Buffer[] = [];
  let row = Buffer.from(nodes.buffer, nodes.byteOffset, nodes.length);
  for (let height = 0; height < depth; height++) {
    const sibling = Math.floor(index / 2 ** height) ^ 1;
    path.push(nodeAt(row, sibling) ?? zeroRoot(level + height));
    row = parents(row, level + height);
  }
  return { path, root: row };
}

/** Node `index` of a level, if it is there. */
export function nodeAt(nodes: Buffer, index: number): Buffer | undefined {
  return (index + 1) * HASH <= nodes.length ? nodes.subarray(index * HASH, (index + 1) * HASH) : undefined;
}

/** A block at the full length that the possession tree has it in: a file's last one is filled up with zeros. */
export function padBlock(block: Uint8Array): Buffer {
  return Buffer.concat([block], BLOCK);
}

/** Builds a root from nodes that come in order, holding one node a level: memory does not grow with the tree. */
export class RootBuilder {
  readonly #level: number;
  readonly #pending: (Buffer | undefined)[] = [];
  #count = 0;

  /** @param level of the nodes pushed. */
  constructor(level = 0) {
    this.#level = level;
  }

  get count(): number {
    return this.#count;
  }

  /** @param nodes concatenated hashes. */
  push(nodes: Uint8Array): void {
    this.#count += nodes.length / HASH;
    let row = nodes;
    for (let height = 0; row.length > 0; height++) {
      const held = this.#pending[height];
      if (held) row = Buffer.concat([held, row]);
      const paired = row.length - (row.length % (2 * HASH));
      this.#pending[height] = paired < row.length ? Buffer.from(row.subarray(paired)) : undefined;
      row = parents(row.subarray(0, paired), this.#level + height);
    }
  }

  /** The root, padded to the next power of two; at least one node must have been pushed. */
  root(): Buffer {
    const depth = depthOf(this.#count);
    let node: Buffer | undefined;
    for (let height = 0; height < depth; height++) {
      const left = this.#pending[height];
      if (left) node = hashPair(left, node ?? zeroRoot(this.#level + height));
      else if (node) node = hashPair(node, zeroRoot(this.#level + height));
    }
    return node ?? this.#pending[depth]!;
  }
}
