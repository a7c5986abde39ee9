// `holdfast content disprove`: a content whose possession tree is over other data than its torrent's (H-TREE-2).
import { decodeFunctionData, type Hex, hexToBytes, isAddressEqual } from "viem";
import { getTransaction, readContract } from "viem/actions";
import { EXIT, HoldfastError } from "../errors.ts";
import { disproveSync } from "../sdk/actions/disprove.ts";
import { Catalog, Holdings, Market } from "../sdk/contracts.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { eventsOf } from "../sdk/events.ts";
import { commitmentArgs } from "../sdk/manifest.ts";
import { encodeDisproof } from "../sdk/proofs.ts";
import {
  type BlockDisproof,
  checkData,
  commitmentOf,
  DataFolder,
  disproofOf,
  type Torrent,
  type WordProof,
} from "../torrent/index.ts";
import { BLOCK_LEVELS, depthOf, HASH } from "../torrent/trees.ts";
import { type ChainOptions, type CliWallet, openWallet } from "./chain.ts";
import { print } from "./output.ts";
import { readTorrent } from "./torrent-file.ts";

export interface DisproveOptions extends ChainOptions {
  readonly data: string;
}

export async function disproveContent(contentId: number, path: string, options: DisproveOptions): Promise<void> {
  const torrent = await readTorrent(path);
  const { deployment, wallet } = await openWallet(options);
  const commitment = await publishedAs(wallet, deployment, contentId);
  const folder = await DataFolder.find(torrent, options.data);
  try {
    const { dataRoot, damaged } = await checkData(folder);
    if (dataRoot === null) {
      throw new HoldfastError("the data is not the torrent's", { facts: { damaged }, hint: "correct --data" });
    }
    const honest = commitmentArgs(commitmentOf(torrent, dataRoot));
    if (commitment.infohash !== honest.infohash || commitment.filesRoot !== honest.filesRoot) {
      throw new HoldfastError(`content ${contentId} is another torrent`, { hint: "name its own .torrent" });
    }
    if (commitment.dataRoot === honest.dataRoot) {
      throw new HoldfastError(`content ${contentId} is what it says: there is nothing to disprove`);
    }
    const disproof = await findDisproof(wallet, deployment, contentId, torrent, folder);
    if (disproof === undefined) {
      throw new HoldfastError(`content ${contentId} is a lie, but no word proven on chain shows it yet`, {
        hint: "try again when more of its slots were activated: who activates shows words of its tree",
        exitCode: EXIT.failure,
      });
    }
    const { reward } = await disproveSync(wallet, {
      deployment,
      contentId,
      proof: encodeDisproof(commitment, disproof),
    });
    const { rowIndex, blockIndex } = disproof;
    const text = `content ${contentId} is disproved: block ${blockIndex} of file ${rowIndex}; ${reward} wei of its bond are yours`;
    print(options, { contentId, rowIndex, blockIndex, reward }, text);
  } finally {
    await folder.close();
  }
}

async function publishedAs(wallet: CliWallet, deployment: Deployment, contentId: number) {
  const published = await eventsOf(wallet, deployment, Catalog, "Published", { contentId });
  const last = published.at(-1);
  if (last === undefined)
    throw new HoldfastError(`there is no content ${contentId}`, { hint: "`holdfast status` lists them" });
  return last.args.commitment;
}

/** A word that an activation proved and that is not in the data. */
async function findDisproof(
  wallet: CliWallet,
  deployment: Deployment,
  contentId: number,
  torrent: Torrent,
  folder: DataFolder,
): Promise<BlockDisproof | undefined> {
  for (const { args: order } of await eventsOf(wallet, deployment, Market, "OrderOpened", { contentId })) {
    for (const { transactionHash, blockNumber } of await eventsOf(wallet, deployment, Market, "Activated", {
      orderId: order.orderId,
    })) {
      const { to, input } = await getTransaction(wallet, { hash: transactionHash });
      // One within another contract's transaction cannot be read off it.
      if (!to || !isAddressEqual(to, deployment.contracts.Market)) continue;
      const call = decodeFunctionData({ abi: Market.abi, data: input });
      if (call.functionName !== "activate") continue;
      const [orderId, replica, proof] = call.args;
      const at = { blockNumber };
      const seed = await readContract(wallet, {
        ...{ address: deployment.contracts.Market, abi: Market.abi, functionName: "activationSeed" },
        ...{ args: [orderId, replica], ...at },
      });
      const leaves = await readContract(wallet, {
        ...{ address: deployment.contracts.Holdings, abi: Holdings.abi, functionName: "wordsOf" },
        ...{ args: [contentId, seed], ...at },
      });
      const proofs = wordsIn(proof, BLOCK_LEVELS + depthOf(torrent.blocks));
      for (const [k, leaf] of leaves.entries()) {
        const disproof = await disproofOf(torrent, folder, Number(leaf), proofs[k]!);
        if (disproof !== undefined) return disproof;
      }
    }
  }
  return undefined;
}

function wordsIn(proof: Hex, depth: number): WordProof[] {
  const nodes: Buffer[] = [];
  const bytes = Buffer.from(hexToBytes(proof));
  for (let at = 0; at < bytes.length; at += HASH) nodes.push(bytes.subarray(at, at + HASH));
  return Array.from({ length: nodes.length / (depth + 1) }, (_, k) => {
    const [word, ...path] = nodes.slice(k * (depth + 1), (k + 1) * (depth + 1));
    return { word: word!, path };
  });
}
