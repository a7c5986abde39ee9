import { randomInt } from "node:crypto";
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { PeerAddress } from "../torrent/endpoint.ts";
import type { Magnet } from "../torrent/magnet.ts";
import { newPeerId } from "../wire/peer-id.ts";
import { type Reach, reachable } from "../wire/reach.ts";
import { type Announce, type Answer, announce, isSupported, type Transfer } from "./announce.ts";

export interface SearchOptions {
  /** A torrent, or the magnet link of one. */
  readonly torrent: Pick<Magnet, "infohashV1" | "infohashV2" | "trackers">;
  readonly reach: Reach;
  /** Hears of peers as trackers name them, some of them again. All may be called. */
  readonly onPeers: (peers: readonly PeerAddress[]) => void;
  /** Hears in a sentence what trackers failed in or warn of. */
  readonly say?: ((what: string) => void) | undefined;
  /** TCP port on which we serve what we have. Without one we announce a port on which nobody answers, since trackers refuse 0. */
  readonly port?: number | undefined;
  /** How far the download is. Default: nothing is known but that something is missing. */
  readonly transfer?: (() => Transfer) | undefined;
  /** Local address to connect from. */
  readonly localAddress?: string | undefined;
  readonly pace?: Partial<Pace> | undefined;
}

export interface Pace {
  /** Bounds (ms) for the time a tracker is not asked again, whatever interval it names. */
  readonly least: number;
  readonly most: number;
  /** First pause (ms) after a failure; it doubles each time, up to `most`. */
  readonly retry: number;
  /** For all goodbyes together (ms). */
  readonly leave: number;
}

const PACE: Pace = { least: 60_000, most: 4 * 3_600_000, retry: 15_000, leave: 5_000 };
/** Trackers asked, of those a torrent names. */
const MAX_TRACKERS = 32;
const WANT = 80;
/** RFC 863: whatever is sent there is discarded. */
const DISCARD_PORT = 9;
const UNKNOWN: Transfer = { uploaded: 0, downloaded: 0, left: 1 };

/**
 * Asks all of a torrent's trackers for peers, and again whenever they want to be asked, until `end`. Each is on its own: one that is dead or
 * lies holds up no other. A hybrid is announced by both infohashes, a v2 torrent by its own, truncated (BEP 52).
 *
 * @example
 * const search = searchPeers({ torrent, reach: { local: false }, onPeers: (peers) => download.add(peers), say: console.error });
 * await download.run().then(() => search.end({ completed: true }), () => search.end());
 */
export function searchPeers(options: SearchOptions): PeerSearch {
  return new PeerSearch(options);
}

/** A search under way. */
export class PeerSearch {
  readonly #stop = new AbortController();
  readonly #announcers: readonly Announcer[];
  readonly #leaveMs: number;

  constructor(options: SearchOptions) {
    const { infohashV1, infohashV2, trackers } = options.torrent;
    const infohashes = [infohashV2.subarray(0, 20), ...(infohashV1 === null ? [] : [infohashV1])];
    const us = { peerId: newPeerId(), key: randomInt(2 ** 32) };
    const urls = trackers.filter(isSupported).slice(0, MAX_TRACKERS);
    this.#leaveMs = options.pace?.leave ?? PACE.leave;
    this.#announcers = urls.flatMap((url) =>
      infohashes.map((infohash) => new Announcer(url, { ...us, infohash }, options)),
    );
    setMaxListeners(0, this.#stop.signal); // as many as announcers
    for (const announcer of this.#announcers) void announcer.run(this.#stop.signal);
  }

  /** Trackers asked. 0: nothing will be found. */
  get trackers(): number {
    return new Set(this.#announcers.map(({ url }) => url)).size;
  }

  /** Takes leave of the trackers that know us, and tells them whether we have everything. Never fails. */
  async end({ completed = false } = {}): Promise<void> {
    this.#stop.abort();
    const signal = AbortSignal.timeout(this.#leaveMs);
    setMaxListeners(0, signal);
    await Promise.all(this.#announcers.map((announcer) => announcer.leave(completed, signal)));
  }
}

/** One infohash at one tracker. */
class Announcer {
  readonly url: string;
  readonly #us: Pick<Announce, "infohash" | "peerId" | "key">;
  readonly #options: SearchOptions;
  readonly #pace: Pace;
  #known = false;
  #lastSaid = "";
  #trackerId: Uint8Array | undefined;

  constructor(url: string, us: Pick<Announce, "infohash" | "peerId" | "key">, options: SearchOptions) {
    this.url = url;
    this.#us = us;
    this.#options = options;
    this.#pace = { ...PACE, ...options.pace };
  }

  async run(signal: AbortSignal): Promise<void> {
    const { least, most, retry } = this.#pace;
    for (let failures = 0; !signal.aborted; ) {
      let pause: number;
      try {
        const { peers, interval } = await this.#announce(this.#known ? undefined : "started", WANT, signal);
        this.#known = true;
        // Whoever announces that port serves nothing: we among them.
        const serving = peers.filter((peer) => peer.port !== DISCARD_PORT);
        const callable = await reachable(serving, this.#options.reach);
        if (callable.length > 0 && !signal.aborted) this.#options.onPeers(callable);
        failures = 0;
        pause = Math.max(least, interval * 1_000);
      } catch (error) {
        if (signal.aborted) return;
        this.#say((error as Error).message);
        pause = retry * 2 ** failures++;
      }
      await sleep(Math.min(pause, most), undefined, { signal }).catch(() => {});
    }
  }

  async leave(completed: boolean, signal: AbortSignal): Promise<void> {
    if (!this.#known) return;
    this.#known = false;
    try {
      if (completed) await this.#announce("completed", 0, signal);
      await this.#announce("stopped", 0, signal);
    } catch (error) {
      this.#say(`no goodbye: ${(error as Error).message}`);
    }
  }

  async #announce(event: Announce["event"], want: number, signal: AbortSignal): Promise<Answer> {
    const { reach, localAddress, port = DISCARD_PORT } = this.#options;
    const transfer = this.#options.transfer?.() ?? UNKNOWN;
    const answer = await announce(
      this.url,
      {
        ...this.#us,
        port,
        event,
        want,
        trackerId: this.#trackerId,
        transfer: event === "completed" ? { ...transfer, left: 0 } : transfer,
      },
      { reach, localAddress, signal },
    );
    this.#trackerId = answer.trackerId ?? this.#trackerId;
    if (answer.warning !== undefined) this.#say(`it warns: ${answer.warning}`);
    return answer;
  }

  /** Names the tracker by its host: what follows in the URL may be a member's key. Says nothing twice in a row. */
  #say(what: string): void {
    if (what === this.#lastSaid) return;
    this.#lastSaid = what;
    const { protocol, host } = new URL(this.url);
    this.#options.say?.(`tracker ${protocol}//${host}: ${what}`);
  }
}
