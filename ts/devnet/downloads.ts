import { join } from "node:path";
import type { Address } from "viem";
import { fetchContent } from "../fetch/fetch.ts";
import { findContent, type Listing } from "../fetch/operators.ts";
import { Purse } from "../fetch/purse.ts";
import type { Receipt } from "../fetch/receipt.ts";
import { cost } from "../retrieval/credit.ts";
import { requestReleaseSync } from "../sdk/actions/requestRelease.ts";
import { Retrieval } from "../sdk/contracts.ts";
import { isRevert } from "../sdk/errors.ts";
import { read } from "../sdk/read.ts";
import { getPayer } from "../sdk/reads/getPayer.ts";
import type { Wallet } from "../sdk/send.ts";
import { hasClient } from "../testing/installed.ts";
import { Libtorrent } from "../testing/libtorrent.ts";
import type { View } from "./view.ts";
import { PRICE, type Publication, type World } from "./world.ts";

/** What a download came to. */
export interface Downloaded {
  readonly who: string;
  readonly seconds: number;
  /** Undefined for a client that knows nothing of paying. */
  readonly receipt: Receipt | undefined;
}

/**
 * Two payers fetch a content from the operators that hold it, one for twice the other's bid, and beside them a stock client that pays
 * nothing: libtorrent if it is installed, else our own downloader without hf_pay. All begin at once.
 *
 * @returns the bidder's, the other payer's, the free peer's
 */
export async function download(
  world: World,
  publication: Publication,
  round: number,
  view: View,
): Promise<[Downloaded, Downloaded, Downloaded]> {
  const listing = findContent(world.observer.state, publication.torrent.infohashV2, round)!;
  const bidder = await ready(world, publication, listing, 0);
  const other = await ready(world, publication, listing, 1);
  const name = publication.torrent.name;
  view.say(
    `two payers and a free peer fetch ${name} from ${listing.operators.length} operators; the first payer bids twice the price`,
  );
  return Promise.all([
    timed("the higher bid", () => bidder(2n * PRICE)),
    timed("the lower bid", () => other(PRICE)),
    freely(world, publication, listing),
  ]);
}

async function timed(who: string, run: () => Promise<Receipt>): Promise<Downloaded> {
  const began = performance.now();
  const receipt = await run();
  return { who, receipt, seconds: (performance.now() - began) / 1000 };
}

/** Puts a payer's money in order. @returns its download, at a bid */
async function ready(world: World, { torrent }: Publication, listing: Listing, index: number) {
  const { deployment } = world;
  const wallet = await world.fundPayer(index);
  const payer = wallet.account.address;
  const folder = join(world.folder, `payer-${index + 1}`);
  const purse = await Purse.open(folder, wallet, deployment, payer);
  const operators = listing.operators.map(({ address }) => address);
  // Enough for each to send all of it.
  const budget = cost(torrent.length, 2n * PRICE) * BigInt(operators.length);
  await purse.fund(wallet, listing.content.id, { budget, operators, keySeconds: 7 * 86_400 }, () => {});
  return async (bid: bigint): Promise<Receipt> => {
    try {
      const paying = await purse.paying(listing, { maxPrice: 2n * PRICE, bid });
      const peers = listing.operators.flatMap(({ endpoint }) => endpoint ?? []);
      return await fetchContent({ torrent, folder, peers, paying, localAddress: world.downloaderHost(index) });
    } finally {
      await purse.close();
    }
  };
}

async function freely(
  world: World,
  { torrent, torrentFile }: Publication,
  { operators }: Listing,
): Promise<Downloaded> {
  const peers = operators.flatMap(({ endpoint }) => endpoint ?? []);
  const [folder, host] = [join(world.folder, "free-peer"), world.downloaderHost(2)];
  if (!hasClient("libtorrent"))
    return timed("a free peer", () => fetchContent({ torrent, folder, peers, localAddress: host }));
  const peer = new Libtorrent({
    host,
    torrent: torrentFile,
    folder,
    peers: peers.map((at) => `${at.host}:${at.port}`),
  });
  try {
    return { who: "a free peer (libtorrent)", receipt: undefined, seconds: (await peer.complete).seconds };
  } finally {
    await peer.close();
  }
}

/** The payers take what is left of their money home: operators have until it has thawed to redeem. */
export async function takeHome(world: World): Promise<void> {
  for (const index of [0, 1]) {
    const wallet = world.payer(index);
    const { earmarks } = await getPayer(wallet, { deployment: world.deployment, payer: wallet.account.address });
    for (const { operator } of earmarks) await releaseAll(world, wallet, operator);
  }
}

/** An operator may redeem in the very moment in which we ask: then there is less to have. */
async function releaseAll({ deployment }: World, wallet: Wallet, operator: Address): Promise<void> {
  for (;;) {
    const amount = await read(wallet, deployment, Retrieval, "earmarkOf", [wallet.account.address, operator]);
    if (amount === 0n) return;
    try {
      await requestReleaseSync(wallet, { deployment, operator, amount });
      return;
    } catch (error) {
      if (!isRevert(error, "Retrieval_BalanceTooLow")) throw error;
    }
  }
}
