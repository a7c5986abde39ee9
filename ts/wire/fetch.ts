import { setTimeout as sleep } from "node:timers/promises";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { parseInfo, type Torrent } from "../torrent/metainfo.ts";
import { PeerClient } from "./client.ts";
import type { Timeouts } from "./connection.ts";
import { DEFAULT_LIMITS, Download, type DownloadLimits, type DownloadOptions } from "./download.ts";
import { FetchError, PeerError } from "./errors.ts";
import { MetadataFetch } from "./metadata.ts";
import { newPeerId } from "./peer-id.ts";

export interface FetchOptions extends DownloadOptions {
  /** The torrent, or its whole 32-byte v2 infohash: then the metadata comes from the peers too. */
  readonly torrent: Torrent | Uint8Array;
}

/**
 * Fetches a torrent's content into a folder, from any of the peers, and verifies all of it against the v2 tree. What is
 * there already is kept. Ends when the content is complete; to stop earlier, abort the signal.
 *
 * @returns the torrent, with the piece layers that it came without
 * @throws FetchError, or the signal's reason
 * @example
 * const torrent = await fetchTorrent({ torrent: infohash, peers: [{ host: "127.0.0.1", port: 6881 }], folder: "/srv/data" });
 */
export async function fetchTorrent(options: FetchOptions): Promise<Torrent> {
  const { torrent } = options;
  const known =
    torrent instanceof Uint8Array ? parseInfo(await fetchMetadata({ ...options, infohash: torrent })) : torrent;
  return new Download(known, options).run();
}

export interface MetadataOptions {
  /** 32 bytes. */
  readonly infohash: Uint8Array;
  readonly peers: readonly PeerAddress[];
  readonly signal?: AbortSignal | undefined;
  readonly localAddress?: string | undefined;
  readonly timeouts?: Timeouts | undefined;
  readonly limits?: Partial<DownloadLimits> | undefined;
}

/** For one peer's whole answer, in ms. */
const ANSWER_MS = 30_000;

/** Peers asked at once: one that stalls holds nobody up, and memory stays within three times MAX_METADATA. */
const SEATS = 3;

/** The info dictionary of an infohash, from the first peer that gives the right one (BEP 9). @throws FetchError */
export async function fetchMetadata(options: MetadataOptions): Promise<Buffer> {
  const { attempts, retryMs } = { ...DEFAULT_LIMITS, ...options.limits };
  const queue = Array.from({ length: attempts }, (_, attempt) =>
    options.peers.map((peer) => ({ peer, attempt })),
  ).flat();
  const reasons = new Map<PeerAddress, string>();
  const found = new AbortController();
  const signal = AbortSignal.any([found.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const seat = async (): Promise<Buffer> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { peer, attempt } = next;
      try {
        if (attempt > 0) await sleep(retryMs * 2 ** (attempt - 1), undefined, { signal });
        return await metadataFrom(peer, options, signal);
      } catch (error) {
        signal.throwIfAborted();
        reasons.set(peer, `${peer.host}:${peer.port} ${(error as Error).message}`);
      }
    }
    throw new PeerError("refused", "no peer is left");
  };
  try {
    return await Promise.any(Array.from({ length: SEATS }, seat));
  } catch {
    options.signal?.throwIfAborted();
    throw new FetchError(
      "no-peers",
      `no peer gave the metadata: ${[...reasons.values()].join("; ") || "no peers were given"}`,
    );
  } finally {
    found.abort();
  }
}

async function metadataFrom(peer: PeerAddress, options: MetadataOptions, signal: AbortSignal): Promise<Buffer> {
  const { infohash, localAddress, timeouts } = options;
  const metadata = new MetadataFetch(infohash);
  const infohashV2 = infohash.subarray(0, 20);
  const client = await PeerClient.dial({
    host: peer.host,
    port: peer.port,
    localAddress,
    timeouts,
    signal,
    infohashV2,
    handshake: { infohash: infohashV2, peerId: newPeerId(), v2: true, extended: true, fast: true },
    extensions: () => [metadata],
  });
  const stop = () => client.close();
  const timer = setTimeout(() => client.close("timeout", `no metadata within ${ANSWER_MS} ms`), ANSWER_MS);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await metadata.info;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    client.close();
  }
}
