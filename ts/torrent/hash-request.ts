import { depthOf, HASH, hashPair, levelsOf, parents, rootOf, zeroRoot } from "./trees.ts";

/** A BEP 52 hash request: `length` hashes of layer `baseLayer` from `index` on, and the uncles above them. */
export interface HashRequest {
  readonly piecesRoot: Uint8Array;
  /** 0: hashes of blocks. */
  readonly baseLayer: number;
  readonly index: number;
  /** A power of two, at least 2. */
  readonly length: number;
  /** Layers above the base up to and including which a proof is wanted. */
  readonly proofLayers: number;
}

/** Most hashes that one request may ask for. */
export const MAX_HASHES = 8192;

/** Whether a request makes sense for a file of that many blocks; a peer that asks otherwise is refused. */
export function isSane(request: HashRequest, blocks: number): boolean {
  const { baseLayer, index, length, proofLayers } = request;
  const depth = depthOf(blocks);
  const whole = [baseLayer, index, length, proofLayers].every((n) => Number.isSafeInteger(n) && n >= 0);
  return (
    whole &&
    baseLayer < depth &&
    length >= 2 &&
    length <= MAX_HASHES &&
    (length & (length - 1)) === 0 &&
    index % length === 0 &&
    index + length <= 2 ** (depth - baseLayer) &&
    proofLayers < depth - baseLayer + 1
  );
}

/** Uncles in an answer: from the layer of the subtree's root up, as many as the proof layers reach beyond it. */
export function uncles(request: HashRequest, depth: number): number {
  const covered = depthOf(request.length);
  const top = Math.min(request.baseLayer + request.proofLayers + 1, depth);
  return Math.max(0, top - request.baseLayer - covered);
}

/** The answer to a request, or null if it makes no sense.
 * @param nodes reads `count` hashes of `layer` from `index` on; beyond the file's end it is not asked. */
export function answerHashRequest(
  request: HashRequest,
  blocks: number,
  nodes: (layer: number, index: number, count: number) => Uint8Array,
): Buffer | null {
  if (!isSane(request, blocks)) return null;
  const { baseLayer, index, length } = request;
  const read = (layer: number, from: number, count: number): Buffer => {
    const real = Math.max(0, Math.min(Math.ceil(blocks / 2 ** layer) - from, count));
    const padding = Array.from({ length: count - real }, () => zeroRoot(layer));
    return Buffer.concat([real ? nodes(layer, from, real) : Buffer.alloc(0), ...padding]);
  };
  const parts = [read(baseLayer, index, length)];
  const covered = depthOf(length);
  for (let i = 0; i < uncles(request, depthOf(blocks)); i++) {
    parts.push(read(baseLayer + covered + i, ((index / length) >> i) ^ 1, 1));
  }
  return Buffer.concat(parts);
}

/** Whether an answer leads to the pieces root. Only a request that reaches it can be checked against it alone.
 * @param hashes concatenated: the hashes asked for, then the uncles. */
export function verifyHashes(request: HashRequest, blocks: number, hashes: Uint8Array): boolean {
  if (!isSane(request, blocks)) return false;
  const depth = depthOf(blocks);
  const covered = depthOf(request.length);
  const count = depth - request.baseLayer - covered;
  if (hashes.length !== (request.length + count) * HASH || uncles(request, depth) !== count) return false;
  let node = rootOf(hashes.subarray(0, request.length * HASH), request.baseLayer);
  let index = request.index / request.length;
  for (let at = request.length * HASH; at < hashes.length; at += HASH, index = Math.floor(index / 2)) {
    const uncle = hashes.subarray(at, at + HASH);
    node = index & 1 ? hashPair(uncle, node) : hashPair(node, uncle);
  }
  return node.equals(request.piecesRoot);
}

/** The layers of a file's tree from its block hashes up, for answering requests. */
export function layersOf(blockHashes: Uint8Array): (layer: number, index: number, count: number) => Uint8Array {
  const levels = levelsOf(blockHashes);
  return (layer, index, count) => {
    let nodes = levels[layer];
    for (let at = levels.length - 1; !nodes; at++) nodes = parents(levels[at]!, at);
    return nodes.subarray(index * HASH, (index + count) * HASH);
  };
}
