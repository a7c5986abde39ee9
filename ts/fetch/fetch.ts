import type { Address, LocalAccount } from "viem";
import type { Payer } from "../retrieval/payer.ts";
import type { Domain } from "../retrieval/voucher.ts";
import type { Store } from "../store/store.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import type { Magnet } from "../torrent/magnet.ts";
import { parseInfo, type Torrent } from "../torrent/metainfo.ts";
import { searchPeers } from "../tracker/search.ts";
import type { Timeouts } from "../wire/connection.ts";
import { deferred } from "../wire/deferred.ts";
import { Download, type DownloadLimits } from "../wire/download.ts";
import type { PeerError, PeerFault } from "../wire/errors.ts";
import { fetchMetadata } from "../wire/fetch.ts";
import { type Reach, reachable } from "../wire/reach.ts";
import { Choice } from "./choice.ts";
import type { Operator } from "./operators.ts";
import type { Receipt } from "./receipt.ts";

export interface FetchContentOptions {
  /** The torrent, or a magnet link of it: then the metadata comes from the peers too. */
  readonly torrent: Torrent | Magnet;
  /** Directory the content is written into, and resumed from. */
  readonly folder: string;
  /** Where to ask, operators included, beside the peers that the link and the trackers name. */
  readonly peers: readonly PeerAddress[];
  /** Further trackers' URLs. */
  readonly trackers?: readonly string[] | undefined;
  /** Which peers of those that links and trackers name may be called. Default: none in private networks. */
  readonly reach?: Reach | undefined;
  /** Who is paid, and how; without it all of it is a free download. */
  readonly paying?: Paying | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: FetchProgress) => void) | undefined;
  /** Hears in a sentence what happens with peers and money. */
  readonly say?: ((what: string) => void) | undefined;
  /** Local address to connect from. */
  readonly localAddress?: string | undefined;
  readonly limits?: Partial<DownloadLimits> | undefined;
  readonly timeouts?: Timeouts | undefined;
}

/** All that paying takes: no chain and no wallet, so that neither is needed while it lasts. `Purse` provides it. */
export interface Paying {
  readonly domain: Domain;
  readonly payer: Address;
  /** A session key that the payer authorised. */
  readonly signer: LocalAccount;
  /** Keys that it authorised before (`PayerOptions.formerKeys`). */
  readonly formerKeys?: readonly Address[] | undefined;
  readonly contentId: number;
  /** Operators that hold the content on chain: nobody else is paid. */
  readonly operators: readonly Operator[];
  /** How far the channel to each may go, in asset wei from its beginning on (`PayerOptions.reach`). */
  readonly reach: ReadonlyMap<Address, bigint>;
  /** Most to spend in this run, in asset wei. */
  readonly budget: bigint;
  /** Most to pay, and what to pay where less is asked for, in wei per MiB. */
  readonly maxPrice: bigint;
  readonly bid?: bigint | undefined;
  /** Operators paid at once. */
  readonly seats?: number | undefined;
  /** Where promises are written down before they are given. */
  readonly store: Store;
}

export interface FetchProgress {
  readonly pieces: number;
  readonly pieceCount: number;
  /** Received in this run and verified. */
  readonly bytes: number;
  /** Promised in this run, in asset wei. */
  readonly spent: bigint;
  /** Peers connected now. */
  readonly connected: number;
}

const SEATS = 4;
const EVERYWHERE: Reach = { local: false };
/** How long somebody is waited for who has the metadata (ms). */
const METADATA_MS = 120_000;
/** Faults that are worth a word whoever has them: others, and timeouts of strangers, are everyday life in a swarm. */
const TOLD: readonly PeerFault[] = ["bad-data", "malformed", "oversize", "flood"];
const MAX_DROPPED = 100;

/**
 * Fetches a content from operators that are paid and from peers that are not, all at once; every block is verified, and paid for only then.
 * What is in the folder already is kept.
 *
 * @returns what it cost, whom
 * @throws FetchError, or the signal's reason: what was verified stays, and what it cost is in `ContentFetch.receipt`
 * @example
 * const receipt = await fetchContent({ torrent, folder: "/srv/data", peers, paying: await purse.paying(listing, { maxPrice, budget }) });
 */
export async function fetchContent(options: FetchContentOptions): Promise<Receipt> {
  const fetch = new ContentFetch(options);
  await fetch.run();
  return fetch.receipt;
}

/** One run of fetching a content. */
export class ContentFetch {
  readonly #options: FetchContentOptions;
  readonly #began = new Date();
  readonly #given = new Map<PeerAddress, number>();
  readonly #dropped = new Map<string, PeerAddress & { reason: string }>();
  /** All that were named before the download could begin, some of them more than once. */
  readonly #peers: PeerAddress[] = [];
  #someMore = deferred<void>();
  #torrent: Torrent | undefined;
  #running: Download | undefined;
  #payer: Payer | undefined;
  #complete = false;
  #ended: Date | undefined;

  constructor(options: FetchContentOptions) {
    this.#options = options;
  }

  /** @returns the torrent, whose metadata may have come from the peers. @throws FetchError, or the signal's reason */
  async run(): Promise<Torrent> {
    const { torrent: wanted, peers, trackers = [], reach = EVERYWHERE, localAddress, say } = this.#options;
    const search = searchPeers({
      torrent: { ...wanted, trackers: [...wanted.trackers, ...trackers] },
      ...{ reach, localAddress, say },
      onPeers: (found) => this.#onPeers(found),
    });
    const growing = search.trackers > 0;
    try {
      this.#onPeers(peers);
      if (!isTorrent(wanted)) this.#onPeers(await reachable(wanted.peers, reach));
      this.#torrent = isTorrent(wanted) ? wanted : parseInfo(await this.#metadata(wanted.infohashV2, growing));
      const whole = await this.#download(this.#torrent, growing);
      this.#complete = true;
      return whole;
    } finally {
      await search.end({ completed: this.#complete });
      this.#ended = new Date();
    }
  }

  /** As it stands; final when `run` has ended, however it did. */
  get receipt(): Receipt {
    const { torrent, folder, paying } = this.#options;
    const idOf = new Map(paying?.operators.map(({ id, address }) => [address, id]));
    const lines = (this.#payer?.receipt ?? []).map((line) => ({
      ...line,
      operatorId: idOf.get(line.operator) ?? null,
    }));
    const bytes = this.#bytes;
    const strangers = [...this.#given.keys()].filter((peer) => this.#payer?.operatorAt(peer) === undefined);
    return {
      name: this.#torrent?.name ?? torrent.name ?? "",
      infohash: Buffer.from(torrent.infohashV2).toString("hex"),
      contentId: paying?.contentId ?? null,
      folder,
      complete: this.#complete,
      began: this.#began.toISOString(),
      ended: (this.#ended ?? new Date()).toISOString(),
      bytes,
      spent: this.#payer?.spent ?? 0n,
      operators: lines.sort((a, b) => b.bytes - a.bytes),
      free: { peers: strangers.length, bytes: bytes - lines.reduce((sum, line) => sum + line.bytes, 0) },
      dropped: [...this.#dropped.values()],
    };
  }

  get #bytes(): number {
    return [...this.#given.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  #onPeers(peers: readonly PeerAddress[]): void {
    if (this.#running === undefined) this.#peers.push(...peers);
    else this.#running.add(peers);
    this.#someMore.resolve();
    this.#someMore = deferred();
  }

  /** Asks the peers there are, and those that are found meanwhile. */
  async #metadata(infohash: Uint8Array, growing: boolean): Promise<Buffer> {
    const { signal, limits, ...options } = this.#options;
    const late = AbortSignal.timeout(METADATA_MS);
    const attempts = growing ? { attempts: 1 } : {};
    for (let asked = 0; ; ) {
      const [more, peers] = [this.#someMore.promise, this.#peers.slice(asked)];
      asked = this.#peers.length;
      try {
        return await fetchMetadata({ ...options, infohash, peers, signal, limits: { ...limits, ...attempts } });
      } catch (error) {
        signal?.throwIfAborted();
        if (!growing || late.aborted) throw error;
        const ends = AbortSignal.any([late, ...(signal === undefined ? [] : [signal])]);
        await Promise.race([more, new Promise((resolve) => ends.addEventListener("abort", resolve, { once: true }))]);
        if (late.aborted) throw error;
      }
    }
  }

  async #download(torrent: Torrent, growing: boolean): Promise<Torrent> {
    const { paying, onProgress, ...options } = this.#options;
    const choice = paying && this.#choose(paying, torrent.pieceLength);
    const payer = choice?.payer;
    this.#payer = payer;
    this.#running = new Download(torrent, {
      ...options,
      ...{ peers: this.#peers, growing },
      extensions: payer?.extensions,
      beforeLeaving: payer?.settle,
      onVerified: (address, bytes) => {
        this.#given.set(address, (this.#given.get(address) ?? 0) + bytes);
        payer?.onVerified(address, bytes);
      },
      onPeerGone: (peer, reason) => this.#onPeerGone(peer, reason),
      onProgress: ({ pieces, pieceCount, connected }) =>
        onProgress?.({ pieces, pieceCount, connected, bytes: this.#bytes, spent: payer?.spent ?? 0n }),
    });
    return this.#running.run().finally(() => choice?.stop());
  }

  #choose({ operators, reach, seats = SEATS, ...paying }: Paying, pieceLength: number): Choice {
    const { say = () => {} } = this.#options;
    const reachOf = (operator: Address) => reach.get(operator) ?? 0n;
    const payable = operators.map(({ address }) => address).filter((address) => reachOf(address) > 0n);
    return new Choice(
      { operators, payable: new Set(payable), seats, say },
      { ...paying, pieceLength, reach: async (operator) => reachOf(operator) },
    );
  }

  #onPeerGone(address: PeerAddress, { fault, message }: PeerError): void {
    const { host, port } = address;
    const known = this.#given.has(address) || this.#payer?.operatorAt(address) !== undefined;
    if (!TOLD.includes(fault) && !(fault === "timeout" && known)) return;
    const [place, reason] = [`${host}:${port}`, `${fault}: ${message}`];
    if (this.#dropped.get(place)?.reason === reason) return;
    this.#options.say?.(`${place} is left: ${reason}`);
    if (this.#dropped.size < MAX_DROPPED) this.#dropped.set(place, { host, port, reason });
  }
}

function isTorrent(wanted: Torrent | Magnet): wanted is Torrent {
  return "files" in wanted;
}
