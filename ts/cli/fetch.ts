import type { WriteStream } from "node:tty";
import { Command } from "commander";
import { BaseError, isAddressEqual } from "viem";
import type { ChainClient } from "../chain/connection.ts";
import { EXIT, HoldfastError, messageOf } from "../errors.ts";
import { ContentFetch, type FetchProgress, type Paying } from "../fetch/fetch.ts";
import { findContent, type Listing } from "../fetch/operators.ts";
import { preparePayment } from "../fetch/payment.ts";
import { Purse } from "../fetch/purse.ts";
import { keepReceipt, type Receipt } from "../fetch/receipt.ts";
import { MEBIBYTE } from "../retrieval/credit.ts";
import { epochOf, roundAt } from "../sdk/clock.ts";
import { CHUNK_BYTES } from "../sdk/constants.ts";
import { Retrieval } from "../sdk/contracts.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { read } from "../sdk/read.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { type Magnet, parseMagnet } from "../torrent/magnet.ts";
import type { Torrent } from "../torrent/metainfo.ts";
import { printable } from "../torrent/printable.ts";
import { FetchError } from "../wire/errors.ts";
import { reachable } from "../wire/reach.ts";
import { parseSources } from "../wire/sources.ts";
import { openChain, openWallet, readState, withKey } from "./chain.ts";
import { amount, collectPeers, collectTrackers, integer } from "./options.ts";
import { interruptible, plainTable, print } from "./output.ts";
import { hasKey, type PurseOptions, payerOf, stateDirOf, withPurse } from "./purse.ts";
import { readTorrent } from "./torrent-file.ts";

interface FetchOptions extends PurseOptions {
  readonly output: string;
  readonly maxPrice?: bigint;
  readonly bid?: bigint;
  readonly budget?: bigint;
  readonly keyDays: number;
  readonly seats: number;
  readonly free?: true;
  readonly peer: readonly PeerAddress[];
  readonly tracker: readonly string[];
  readonly localSources?: boolean;
}

/** The chain as one download needs it. */
interface Market {
  readonly deployment: Deployment;
  readonly client: ChainClient;
  readonly listing: Listing | undefined;
  readonly epoch: number;
}

type Say = (what: string) => void;

/** Where paying stands before a download begins: `why` says why nobody is paid. */
type Payment = { readonly paying: Paying; readonly purse: Purse } | { readonly why: string };

/** `holdfast fetch FILE.torrent|magnet:…`. */
export function fetchCommand(): Command {
  return withPurse(withKey(new Command("fetch")))
    .description("download a torrent, from operators that are paid and from peers that are not")
    .argument("<torrent>", "a .torrent, v2 or hybrid, or a magnet link of one")
    .option("-o, --output <folder>", "where its files go; what is there already is kept", ".")
    .option("--max-price <amount>", "most to pay for a MiB (default: twice the chain's reference price)", amount)
    .option("--bid <amount>", "what to pay for a MiB where less is asked for: who bids more is served first", amount)
    .option(
      "--budget <amount>",
      "most to spend; with the wallet's key, what is missing of it is set aside first",
      amount,
    )
    .option("--key-days <n>", "how long a session key that --budget authorises signs", integer(1, 3_650), 30)
    .option("--seats <n>", "operators paid at once", integer(1, 64), 4)
    .option("--free", "pay nobody")
    .option("--peer <host:port>", "a peer to ask too; may be repeated", collectPeers, [])
    .option("--tracker <url>", "a tracker to ask too; may be repeated", collectTrackers, [])
    .option("--local-sources", "operators, links and trackers may name private addresses: on networks of one's own")
    .action((path: string, _, command: Command) => fetch(path, command.optsWithGlobals()));
}

async function fetch(path: string, options: FetchOptions): Promise<void> {
  const { maxPrice, bid } = options;
  if (bid !== undefined && maxPrice !== undefined && bid > maxPrice)
    throw new HoldfastError("the bid is above the highest price", { facts: { bid, maxPrice }, exitCode: EXIT.usage });
  const wanted = await readWanted(path);
  await interruptible(async (signal) => {
    const say: Say = options.json ? () => {} : (what) => console.error(what);
    const market = await openMarket(options, wanted.infohashV2);
    const peers = await peersOf(options, market, say);
    const payment = await payFor(options, market, peers, say, signal);
    if ("why" in payment) say(`nobody is paid: ${payment.why}`);
    try {
      await download(options, wanted, peers, payment, say, signal);
    } finally {
      if ("purse" in payment) await payment.purse.close();
    }
  });
}

async function readWanted(text: string): Promise<Torrent | Magnet> {
  if (!/^magnet:/i.test(text)) return readTorrent(text);
  try {
    return parseMagnet(text);
  } catch (cause) {
    throw new HoldfastError((cause as Error).message, { cause, exitCode: EXIT.usage });
  }
}

async function download(
  options: FetchOptions,
  torrent: Torrent | Magnet,
  peers: readonly PeerAddress[],
  payment: Payment,
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  const status = process.stderr.isTTY && !options.json ? new StatusLine(process.stderr) : undefined;
  const fetching = new ContentFetch({
    ...{ torrent, folder: options.output, peers, trackers: options.tracker, signal },
    reach: { local: options.localSources ?? false },
    ...("paying" in payment && { paying: payment.paying }),
    onProgress: (progress) => status?.show(progress),
    say: (what) => {
      status?.clear();
      say(what);
    },
  });
  try {
    await fetching.run();
  } catch (cause) {
    if (!(cause instanceof FetchError) || cause.fault === "disk") throw cause;
    const hint = "what came is kept: start it again, perhaps with another --peer";
    throw new HoldfastError(cause.message, { cause, hint, exitCode: EXIT.retryable });
  } finally {
    status?.end();
    const receipt = { ...fetching.receipt, unpaid: "why" in payment ? payment.why : null };
    const file = await keepReceipt(stateDirOf(options), receipt);
    print(options, { ...receipt, file }, `${describe(receipt)}\nreceipt: ${file}`);
  }
}

/** The chain, or why there is none: whoever names none gets the ordinary swarm. */
async function openMarket(options: FetchOptions, infohash: Uint8Array): Promise<Market | string> {
  try {
    const { deployment, client } = await openChain(options);
    const { state, now } = await readState(client, deployment);
    const round = roundAt(deployment, now);
    return { deployment, client, listing: findContent(state, infohash, round), epoch: epochOf(round) };
  } catch (error) {
    const { HOLDFAST_RPC_URL, HOLDFAST_DEPLOYMENT } = process.env;
    const named = options.rpcUrl ?? options.deployment ?? HOLDFAST_RPC_URL ?? HOLDFAST_DEPLOYMENT;
    if (named !== undefined && !options.free) throw error;
    return messageOf(error);
  }
}

/** Whom to ask: what strangers name only where it may be called, what the user names as it is. */
async function peersOf(
  { peer, localSources }: FetchOptions,
  market: Market | string,
  say: Say,
): Promise<PeerAddress[]> {
  const listing = typeof market === "string" ? undefined : market.listing;
  const operators = (listing?.operators ?? []).flatMap(({ endpoint }) => endpoint ?? []);
  const { manifest, commitment } = listing?.content ?? {};
  const published = parseSources(manifest?.sources ?? [], commitment?.infohash.slice(2) ?? "").peers;
  const [found, named] = await Promise.all([
    reachable([...operators, ...published], { local: localSources ?? false }),
    reachable(peer, { local: true }),
  ]);
  if (operators.length > 0 && found.length === 0)
    say("no operator is at an address that may be called: --local-sources allows private ones");
  return [...found, ...named];
}

/** Readies the money. What cannot be paid for is downloaded for free. */
async function payFor(
  options: FetchOptions,
  market: Market | string,
  peers: readonly PeerAddress[],
  say: Say,
  signal: AbortSignal,
): Promise<Payment> {
  if (options.free) return { why: "--free was given" };
  if (typeof market === "string") return { why: market };
  const { deployment, client, listing } = market;
  if (listing === undefined) return { why: "the torrent is not in the catalog" };
  const { bid, seats, budget } = options;
  const payer = await payerOf(options, deployment);
  if (payer === undefined) return { why: "no wallet's key is configured, and no purse is filled" };
  const wallet = budget !== undefined && hasKey(options) ? (await openWallet(options)).wallet : undefined;
  if (wallet !== undefined && !isAddressEqual(wallet.account.address, payer))
    throw new HoldfastError("only the payer's own key can set its money aside", { exitCode: EXIT.usage });
  const maxPrice = options.maxPrice ?? (await usualPrice(market, bid));
  const funding = wallet && { wallet, peers, keySeconds: options.keyDays * 86_400 };
  let purse: Purse | undefined;
  try {
    purse = await Purse.open(stateDirOf(options), client, deployment, payer);
    const paying = await preparePayment({ purse, listing, maxPrice, bid, seats, budget, funding, say, signal });
    return { paying, purse };
  } catch (error) {
    await purse?.close();
    signal.throwIfAborted();
    if (!(error instanceof HoldfastError || error instanceof BaseError)) throw error;
    return { why: messageOf(error) };
  }
}

/** Twice the reference price, but no less than the bid; in wei per MiB. */
async function usualPrice({ client, deployment, epoch }: Market, bid = 0n): Promise<bigint> {
  const [, perChunk] = await read(client, deployment, Retrieval, "termsOf", [epoch]);
  const price = (2n * perChunk * BigInt(MEBIBYTE)) / BigInt(CHUNK_BYTES);
  return bid > price ? bid : price;
}

function describe({
  name,
  complete,
  bytes,
  spent,
  operators,
  free,
  unpaid,
}: Receipt & { unpaid: string | null }): string {
  const table = plainTable(["operator", "bytes", "paid", "wei per MiB", "lost", ""]);
  for (const { operatorId, operator, bytes, paid, averagePrice, lost, ended } of operators)
    table.push([operatorId ?? operator, bytes, paid, averagePrice, lost, ended ?? ""]);
  return [
    `${printable(name) ?? "content"}: ${complete ? "complete" : "not complete"}, ${bytes} bytes received, ${spent} asset wei spent`,
    ...(operators.length > 0 ? [table.toString()] : []),
    ...(unpaid === null ? [] : [`nobody was paid: ${unpaid}`]),
    `for free: ${free.bytes} bytes from ${free.peers} ${free.peers === 1 ? "peer" : "peers"}`,
  ].join("\n");
}

/** One line at the bottom of a terminal that says how far a download is. */
class StatusLine {
  readonly #out: WriteStream;
  /** Bytes, by when (ms): the last few seconds. */
  readonly #samples: { readonly at: number; readonly bytes: number }[] = [];
  #ended = false;

  constructor(out: WriteStream) {
    this.#out = out;
  }

  show({ pieces, pieceCount, bytes, spent, connected }: FetchProgress): void {
    const at = Date.now();
    if (this.#ended || at - (this.#samples.at(-1)?.at ?? 0) < 200) return;
    this.#samples.push({ at, bytes });
    if (this.#samples.length > 25) this.#samples.shift();
    const first = this.#samples[0]!;
    const rate = at === first.at ? 0 : ((bytes - first.bytes) * 1000) / (at - first.at);
    const percent = pieceCount === 0 ? 100 : (100 * pieces) / pieceCount;
    const parts = [
      `${percent.toFixed(1)}%`,
      `${(bytes / MEBIBYTE).toFixed(1)} MiB received`,
      `${(rate / MEBIBYTE).toFixed(1)} MiB/s`,
      `${connected} peers`,
      `${spent} wei spent`,
    ];
    this.clear();
    this.#out.write(parts.join("  "));
  }

  clear(): void {
    this.#out.write("\r\u001b[K");
  }

  /** An interrupted download may have a last word to say. */
  end(): void {
    this.clear();
    this.#ended = true;
  }
}
