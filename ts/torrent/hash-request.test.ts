import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
import { plainFileRows, sampleBytes } from "../testing/trees.ts";
import { answerHashRequest, type HashRequest, isSane, layersOf, verifyHashes } from "./hash-request.ts";
import { BLOCK, depthOf, HASH } from "./trees.ts";

function fileOf(blocks: number) {
  const rows = plainFileRows(sampleBytes((blocks - 1) * BLOCK + 7, blocks));
  const hashes = Buffer.concat(rows[0]!.slice(0, blocks));
  return { rows, blocks, piecesRoot: rows.at(-1)![0]!, nodes: layersOf(hashes), depth: depthOf(blocks) };
}

type File = ReturnType<typeof fileOf>;

function requestOf({ piecesRoot, depth }: File): HashRequest {
  const baseLayer = randomInt(depth);
  const length = 2 ** randomInt(1, depth - baseLayer + 1);
  const index = length * randomInt(2 ** (depth - baseLayer) / length);
  return { piecesRoot, baseLayer, index, length, proofLayers: depth - baseLayer - 1 };
}

/** BEP 52 to the letter: the hashes, then from each proof layer the uncle, but where the hashes cover the layer below. */
function plainAnswer({ rows }: File, { baseLayer, index, length, proofLayers }: HashRequest): Buffer {
  const parts = rows[baseLayer]!.slice(index, index + length);
  for (let layer = 1, at = index; layer <= proofLayers; layer++) {
    at = Math.floor(at / 2);
    if (layer >= Math.log2(length)) parts.push(rows[baseLayer + layer]![at ^ 1]!);
  }
  return Buffer.concat(parts);
}

const FILES = [2, 3, 4, 5, 8, 13, 33].map(fileOf);

test("answers as BEP 52 says, and an answer that reaches the root proves its hashes", () => {
  for (const file of FILES) {
    for (let i = 0; i < 60; i++) {
      const request = requestOf(file);
      const answer = answerHashRequest(request, file.blocks, file.nodes)!;
      expect(answer).toEqual(plainAnswer(file, request));
      expect(verifyHashes(request, file.blocks, answer)).toBe(true);

      const fewer = { ...request, proofLayers: randomInt(request.proofLayers + 1) };
      expect(answerHashRequest(fewer, file.blocks, file.nodes)).toEqual(plainAnswer(file, fewer));
    }
  }
});

test("H-TREE-1: an answer changed in a bit, of another length or place or file proves nothing", () => {
  for (const file of FILES) {
    for (let i = 0; i < 30; i++) {
      const request = requestOf(file);
      const answer = answerHashRequest(request, file.blocks, file.nodes)!;
      const flipped = Buffer.from(answer);
      flipped[randomInt(flipped.length)]! ^= 1 << randomInt(8);
      expect(verifyHashes(request, file.blocks, flipped)).toBe(false);
      expect(verifyHashes(request, file.blocks, answer.subarray(0, -HASH))).toBe(false);
      expect(verifyHashes(request, file.blocks, Buffer.concat([answer, Buffer.alloc(HASH)]))).toBe(false);
      // Only within the padding do two places have the same hashes.
      const moved = { ...request, index: request.index ^ request.length };
      const there = answerHashRequest(moved, file.blocks, file.nodes);
      expect(verifyHashes(moved, file.blocks, answer)).toBe(there?.equals(answer) ?? false);
      expect(verifyHashes({ ...request, piecesRoot: Buffer.alloc(HASH) }, file.blocks, answer)).toBe(false);
      expect(verifyHashes(request, file.blocks * 4, answer)).toBe(false);
    }
  }
});

test("an answer that stops below the root proves nothing by itself", () => {
  const file = fileOf(16);
  const request = { piecesRoot: file.piecesRoot, baseLayer: 0, index: 4, length: 2, proofLayers: 2 };
  const answer = answerHashRequest(request, 16, file.nodes)!;
  expect(verifyHashes(request, 16, answer)).toBe(false);
});

test.each<[string, Partial<HashRequest>]>([
  ["one hash", { length: 1 }],
  ["no hashes", { length: 0 }],
  ["a length no power of two", { length: 3 }],
  ["more hashes than a request may have", { length: 16_384 }],
  ["an index no multiple of the length", { index: 1 }],
  ["hashes past the layer's end", { index: 16 }],
  ["a negative index", { index: -2 }],
  ["a layer at the root", { baseLayer: 4 }],
  ["a layer above it", { baseLayer: 40 }],
  ["proof layers beyond the root", { proofLayers: 6 }],
  ["a fraction", { index: 0.5 }],
])("refuses %s", (_, change) => {
  const file = fileOf(16);
  const request = { piecesRoot: file.piecesRoot, baseLayer: 0, index: 0, length: 2, proofLayers: 3, ...change };
  expect(isSane(request, 16)).toBe(false);
  expect(answerHashRequest(request, 16, file.nodes)).toBe(null);
  expect(verifyHashes(request, 16, Buffer.alloc(HASH * 5))).toBe(false);
});
