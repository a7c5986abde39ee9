import type { PeerAddress } from "../torrent/endpoint.ts";
import type { Reach } from "../wire/reach.ts";
import { TrackerError } from "./errors.ts";
import { announceHttp } from "./http.ts";
import { announceUdp } from "./udp.ts";

/** What a tracker is told (BEP 3). */
export interface Announce {
  /** 20 bytes: a v1 infohash, or a v2 one truncated (BEP 52). */
  readonly infohash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** TCP port on which peers may call us. */
  readonly port: number;
  readonly transfer: Transfer;
  /** What has happened; nothing, when it is only time to ask again. */
  readonly event?: "started" | "completed" | "stopped" | undefined;
  /** 32 bits, the same each time: shows a tracker that it is us, though our address has changed. */
  readonly key: number;
  /** Peers wanted; a tracker may give more, of which MAX_PEERS are taken. */
  readonly want: number;
  /** What this tracker last asked us to bring back. */
  readonly trackerId?: Uint8Array | undefined;
}

/** Bytes since we came, and still missing. */
export interface Transfer {
  readonly uploaded: number;
  readonly downloaded: number;
  /** 0 says that we have everything, and want nobody who has. */
  readonly left: number;
}

/** What a tracker says. */
export interface Answer {
  /** Seconds until it wants to be asked again: any number from 0. */
  readonly interval: number;
  /** By IP address, at most MAX_PEERS; whether they may be called is not judged yet. */
  readonly peers: readonly PeerAddress[];
  readonly trackerId?: Uint8Array | undefined;
  /** For people to read; safe to show at a terminal. */
  readonly warning?: string | undefined;
}

export interface AnnounceOptions {
  readonly reach: Reach;
  readonly signal: AbortSignal;
  /** Local address to connect from. */
  readonly localAddress?: string | undefined;
  /** How long to wait (ms): over HTTP for all of the answer, over UDP for the first, and twice as long each time after. Default: WAIT_MS. */
  readonly waitMs?: number | undefined;
}

/** As BEP 15 has it. */
export const WAIT_MS = 15_000;
/** Peers taken from one answer. */
export const MAX_PEERS = 200;

/** Trackers that can be asked; WebSocket ones are for browsers. */
export function isSupported(url: string): boolean {
  return URL.canParse(url) && /^(https?|udp):$/.test(new URL(url).protocol);
}

/** Asks one tracker once. @throws TrackerError, or the signal's reason */
export async function announce(url: string, what: Announce, options: AnnounceOptions): Promise<Answer> {
  const place = new URL(url);
  try {
    return await (place.protocol === "udp:" ? announceUdp : announceHttp)(place, what, options);
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof TrackerError) throw error;
    throw new TrackerError("unreachable", (error as Error).message, { cause: error });
  }
}
