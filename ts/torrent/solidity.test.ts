import { createHash, randomInt } from "node:crypto";
import { join } from "node:path";
import { type Address, type Hex, parseAbi, toHex } from "viem";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { Anvil, type LocalClient } from "../testing/anvil.ts";
import { deployDouble } from "../testing/doubles.ts";
import { temporaryFolder, writeFiles } from "../testing/folders.ts";
import { sampleBytes } from "../testing/trees.ts";
import { fileProof } from "./commitment.ts";
import { createTorrent } from "./create.ts";
import { DataFolder } from "./folder.ts";
import { PossessionCache } from "./possession.ts";
import { BLOCK, BLOCK_WORDS, depthOf } from "./trees.ts";

const abi = parseAbi([
  "function verifyWord(bytes32 root, bytes32 word, uint256 index, uint256 depth, bytes32[] path) view returns (bool)",
]);

interface Claim {
  readonly root: Uint8Array;
  readonly leaf: Uint8Array;
  readonly index: number;
  readonly depth: number;
  readonly path: readonly Uint8Array[];
}

let anvil: Anvil;
let client: LocalClient;
let verifier: Address;

beforeAll(async () => {
  anvil = await Anvil.start();
  client = anvil.client();
  verifier = await deployDouble(client, "WordVerifier");
}, 300_000); // compiles, the first time

afterAll(() => anvil?.stop());

async function verifies({ root, leaf, index, depth, path }: Claim): Promise<boolean> {
  const args = [hex(root), hex(leaf), BigInt(index), BigInt(depth), path.map(hex)] as const;
  return client.readContract({ address: verifier, abi, functionName: "verifyWord", args });
}

/** The claim, and what it must not be mistaken for. */
async function expectOnly(claim: Claim, what: string): Promise<void> {
  const { root, leaf, index, depth, path } = claim;
  expect(await verifies(claim), what).toBe(true);
  const wrong: Claim[] = [
    { ...claim, root: flip(root) },
    { ...claim, leaf: flip(leaf) },
    { ...claim, index: index + 2 ** depth },
    { ...claim, depth: depth + 1 },
  ];
  if (depth > 0) {
    const height = randomInt(depth);
    wrong.push(
      { ...claim, path: path.with(height, flip(path[height]!)) },
      { ...claim, path: path.slice(0, -1) },
      { ...claim, path: path.slice(1), depth: depth - 1, index: Math.floor(index / 2) },
    );
  }
  for (const [i, one] of wrong.entries()) expect(await verifies(one), `${what}, wrong ${i}`).toBe(false);
}

test("H-TREE-1: the Solidity verifier accepts what the trees here prove of random contents, and nothing near it", async () => {
  for (let round = 0; round < 12; round++) {
    const lengths = Array.from({ length: randomInt(1, 6) }, () => randomLength());
    if (Math.max(...lengths) === 0) lengths.push(1);
    const seed = randomInt(2 ** 32);
    const what = `files of ${lengths} bytes from seed ${seed}`;
    const root = await temporaryFolder();
    const files = lengths.map((length, i) => [`file${i}`, sampleBytes(length, seed + i)] as const);
    const path = await writeFiles(join(root, "content"), Object.fromEntries(files));
    const { torrent, commitment } = await createTorrent(path, { pieceLength: 65_536 });
    const folder = new DataFolder(root, torrent);
    onTestFinished(() => folder.close());
    const cache = await PossessionCache.build(folder, join(root, "cache"));
    onTestFinished(() => cache.close());

    const words = torrent.blocks * BLOCK_WORDS;
    for (const leaf of [0, words - 1, randomInt(words), randomInt(words), randomInt(words)]) {
      const { word, path } = await cache.prove(folder, leaf);
      const depth = 9 + depthOf(torrent.blocks); // as Draw.shape computes it
      await expectOnly({ root: commitment.dataRoot, leaf: word, index: leaf, depth, path }, `word ${leaf} of ${what}`);
    }

    const rows = torrent.files.filter((file) => file.piecesRoot);
    const index = randomInt(rows.length);
    const { piecesRoot, firstBlock, length } = rows[index]!;
    const row = Buffer.from(toHex(piecesRoot!).slice(2) + uint256(firstBlock) + uint256(length), "hex");
    const leaf = createHash("sha256").update(row).digest();
    const depth = depthOf(rows.length);
    const claim = { root: commitment.filesRoot, leaf, index, depth, path: fileProof(torrent, index) };
    await expectOnly(claim, `row ${index} of ${what}`);
  }
});

/** Up to 80 blocks, often at a block's edge or next to one, sometimes empty. */
function randomLength(): number {
  const blocks = randomInt(80) >> randomInt(7);
  return Math.max(0, blocks * BLOCK + [-1, 0, 1, randomInt(BLOCK)][randomInt(4)]!);
}

function flip(bytes: Uint8Array): Uint8Array {
  const at = randomInt(bytes.length);
  return Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ (1 << randomInt(8)) : byte));
}

function uint256(value: number): string {
  return value.toString(16).padStart(64, "0");
}

function hex(bytes: Uint8Array): Hex {
  return toHex(bytes);
}
