import type { Address, LocalAccount } from "viem";
import type { Payer } from "../retrieval/payer.ts";
import type { Domain } from "../retrieval/voucher.ts";
import type { Store } from "../store/store.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { parseInfo, type Torrent } from "../torrent/metainfo.ts";
import type { Timeouts } from "../wire/connection.ts";
import { Download, type DownloadLimits } from "../wire/download.ts";
import type { PeerError, PeerFault } from "../wire/errors.ts";
import { fetchMetadata } from "../wire/fetch.ts";
import { Choice } from "./choice.ts";
import type { Operator } from "./operators.ts";
import type { Receipt } from "./receipt.ts";

export interface FetchContentOptions {
  /** The torrent, or its whole 32-byte v2 infohash: then the metadata comes from the peers too. */
  readonly torrent: Torrent | Uint8Array;
  /** Directory the content is written into, and resumed from. */
  readonly folder: string;
  /** Where to ask, operators included. */
  readonly peers: readonly PeerAddress[];
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
/** Faults that are worth a word: the others are everyday life in a swarm. */
const TOLD: readonly PeerFault[] = ["bad-data", "malformed", "oversize", "flood", "timeout"];
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
  #torrent: Torrent | undefined;
  #payer: Payer | undefined;
  #complete = false;
  #ended: Date | undefined;

  constructor(options: FetchContentOptions) {
    this.#options = options;
  }

  /** @returns the torrent, whose metadata may have come from the peers. @throws FetchError, or the signal's reason */
  async run(): Promise<Torrent> {
    const { torrent, paying, ...options } = this.#options;
    try {
      this.#torrent =
        torrent instanceof Uint8Array ? parseInfo(await fetchMetadata({ ...options, infohash: torrent })) : torrent;
      const choice = paying && this.#choose(paying, this.#torrent.pieceLength);
      const payer = choice?.payer;
      this.#payer = payer;
      const download = new Download(this.#torrent, {
        ...options,
        extensions: payer?.extensions,
        beforeLeaving: payer?.settle,
        onVerified: (address, bytes) => {
          this.#given.set(address, (this.#given.get(address) ?? 0) + bytes);
          payer?.onVerified(address, bytes);
        },
        onPeerGone: (peer, reason) => this.#onPeerGone(peer, reason),
        onProgress: ({ pieces, pieceCount, connected }) =>
          options.onProgress?.({ pieces, pieceCount, connected, bytes: this.#bytes, spent: payer?.spent ?? 0n }),
      });
      const whole = await download.run().finally(() => choice?.stop());
      this.#complete = true;
      return whole;
    } finally {
      this.#ended = new Date();
    }
  }

  /** As it stands; final when `run` has ended, however it did. */
  get receipt(): Receipt {
    const { torrent, folder, paying } = this.#options;
    const infohash = this.#torrent?.infohashV2 ?? (torrent as Uint8Array);
    const idOf = new Map(paying?.operators.map(({ id, address }) => [address, id]));
    const lines = (this.#payer?.receipt ?? []).map((line) => ({
      ...line,
      operatorId: idOf.get(line.operator) ?? null,
    }));
    const bytes = this.#bytes;
    const strangers = [...this.#given.keys()].filter((peer) => this.#payer?.operatorAt(peer) === undefined);
    return {
      name: this.#torrent?.name ?? "",
      infohash: Buffer.from(infohash).toString("hex"),
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

  #choose({ operators, reach, seats = SEATS, ...paying }: Paying, pieceLength: number): Choice {
    const { say = () => {} } = this.#options;
    const reachOf = (operator: Address) => reach.get(operator) ?? 0n;
    const payable = operators.filter(({ address }) => reachOf(address) > 0n);
    return new Choice(
      { operators: payable, seats, say },
      { ...paying, pieceLength, reach: async (operator) => reachOf(operator) },
    );
  }

  #onPeerGone({ host, port }: PeerAddress, { fault, message }: PeerError): void {
    if (!TOLD.includes(fault)) return;
    const [place, reason] = [`${host}:${port}`, `${fault}: ${message}`];
    if (this.#dropped.get(place)?.reason === reason) return;
    this.#options.say?.(`${place} is left: ${reason}`);
    if (this.#dropped.size < MAX_DROPPED) this.#dropped.set(place, { host, port, reason });
  }
}
