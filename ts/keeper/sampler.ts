import { randomInt } from "node:crypto";
import type { Logger } from "pino";
import { hexToBytes } from "viem";
import { messageOf } from "../errors.ts";
import { epochOf, roundAt } from "../sdk/clock.ts";
import type { Deployment } from "../sdk/deployment.ts";
import type { ContentState, OperatorState, ProtocolState } from "../service/state.ts";
import { type PeerAddress, parseEndpoint } from "../torrent/endpoint.ts";
import { filesRoot, parseInfo, parseTorrent, type Torrent } from "../torrent/index.ts";
import { fetchMetadata } from "../wire/fetch.ts";
import { type ProbeOptions, probe } from "../wire/probe.ts";
import { type Reach, reachable } from "../wire/reach.ts";
import { parseSources, readTorrentFile } from "../wire/sources.ts";
import type { Outcome, Samples } from "./samples.ts";
import { TorrentCache } from "./torrent-cache.ts";

export interface SamplerSettings {
  /** How often each content is sampled in a round, on average. */
  readonly probesPerRound: number;
  /** Blocks asked for in one probe. */
  readonly blocks: number;
  /** Which part of the samples reads on from its block, 1 to 4 MiB, as a download does. */
  readonly longReads: number;
  /** Milliseconds to the first byte within which an answer is available. */
  readonly quickMs: number;
  /** Successes that count, of one network (/24, v6 /48) in one sample of a content. */
  readonly successesPerNetwork: number;
  /** From which peers are called. */
  readonly localAddress?: string | undefined;
  readonly reach: Reach;
  /** A peer that does not let us download for this long is down, in ms. */
  readonly unchokeMs: number;
}

export interface SamplerParts {
  readonly deployment: Deployment;
  readonly state: ProtocolState;
  readonly samples: Samples;
  readonly log: Logger;
  readonly onSample: (right: boolean, quick: boolean) => void;
}

/** Blocks of the shortest longer read, and of the longest: 1 and 4 MiB. */
const LONG_READ = [64, 256] as const;
/** Contents sampled at a time: an operator is called no oftener at once than any peer may. */
const PARALLEL = 4;

/**
 * Asks operators for what they promised to hold, as an ordinary peer would: random blocks, each checked against the pieces root that the
 * chain's filesRoot fixes, with no data of its own. Each content has its own random times; all its holders are asked at once, so that one
 * disk behind several names, on one network, counts once.
 */
export class Sampler {
  readonly #settings: SamplerSettings;
  readonly #parts: SamplerParts;
  /** By content: the time of its next probe, Unix seconds. */
  readonly #next = new Map<number, number>();
  readonly #torrents = new TorrentCache();
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(settings: SamplerSettings, parts: SamplerParts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  /** Contents whose time has come. Each is given its next time. */
  due(now: number): ContentState[] {
    const { deployment, state } = this.#parts;
    const round = roundAt(deployment, now);
    const due: ContentState[] = [];
    for (const content of state.contents.values()) {
      if (state.holdersOf(content.id, round).length === 0) continue;
      const next = this.#next.get(content.id);
      if (next !== undefined && next > now) continue;
      this.#next.set(content.id, now + this.#pause());
      due.push(content);
    }
    return due;
  }

  /** Samples all holders of a content at once. What a peer does wrong is a sample; only what we cannot do throws. */
  async sample(content: ContentState, now: number, signal: AbortSignal): Promise<void> {
    while (this.#running >= PARALLEL) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
    try {
      signal.throwIfAborted();
      await this.#sample(content, now, signal);
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  async #sample(content: ContentState, now: number, signal: AbortSignal): Promise<void> {
    const { deployment, state, samples, log, onSample } = this.#parts;
    const round = roundAt(deployment, now);
    const holders = state.holdersOf(content.id, round);
    const torrent = await this.#torrent(content, holders, signal);
    const read = this.#draw();
    const answers = await Promise.all(
      holders.map(async (operator) => ({
        operatorId: operator.id,
        ...(await this.#ask(operator, torrent, read, signal)),
      })),
    );
    const outcomes = countPerNetwork(answers, this.#settings.successesPerNetwork);
    await samples.add(epochOf(round), outcomes);
    for (const { answered, quick } of outcomes) onSample(answered, quick);
    for (const { operatorId, answered, quick, reason } of answers) {
      log.debug({ operatorId, contentId: content.id, answered, quick, reason }, "sampled");
    }
  }

  /** What is asked of all holders alike; nobody can tell from its first block how far it goes. */
  #draw(): Pick<ProbeOptions, "count" | "sequential"> {
    const { blocks, longReads } = this.#settings;
    const sequential = randomInt(2 ** 32) < longReads * 2 ** 32;
    return { count: sequential ? randomInt(LONG_READ[0], LONG_READ[1] + 1) : blocks, sequential };
  }

  async #ask(
    operator: OperatorState,
    torrent: Torrent,
    read: Pick<ProbeOptions, "count" | "sequential">,
    signal: AbortSignal,
  ) {
    const { quickMs, localAddress, reach, unchokeMs } = this.#settings;
    const endpoint = parseEndpoint(operator.endpoint);
    const [peer] = endpoint === undefined ? [] : await reachable([endpoint], reach);
    if (peer === undefined) return { network: "", answered: false, quick: false, reason: "no usable endpoint" };
    const timeouts = { unchokeMs };
    const taken = await probe({ ...peer, ...read, torrent, localAddress, timeouts, signal });
    const answered = taken.every(({ verified }) => verified);
    const timed = read.sequential ? taken.slice(0, 1) : taken;
    const quick = answered && timed.every(({ firstByteMs = Number.POSITIVE_INFINITY }) => firstByteMs <= quickMs);
    return { network: networkOf(peer), answered, quick, reason: taken.find((s) => s.reason)?.reason };
  }

  /** The torrent of a content, from its publication or from the holders themselves; nothing but one that gives the chain's filesRoot will do. */
  async #torrent(content: ContentState, holders: readonly OperatorState[], signal: AbortSignal): Promise<Torrent> {
    const known = this.#torrents.get(content.id);
    if (known !== undefined) return known;
    const { reach, localAddress } = this.#settings;
    const infohash = content.commitment.infohash.slice(2);
    const { torrents, peers: named } = parseSources(content.manifest.sources, infohash);
    const tries = torrents.map((url) => async () => parseTorrent(await readTorrentFile(url, reach, signal)));
    tries.push(async () => {
      const endpoints = holders.flatMap(({ endpoint }) => parseEndpoint(endpoint) ?? []);
      const peers = await reachable([...named, ...endpoints], reach);
      return parseInfo(
        await fetchMetadata({ infohash: hexToBytes(content.commitment.infohash), peers, signal, localAddress }),
      );
    });
    const reasons: string[] = [];
    for (const attempt of tries) {
      try {
        const torrent = await attempt();
        const right =
          Buffer.from(torrent.infohashV2).toString("hex") === infohash &&
          `0x${filesRoot(torrent).toString("hex")}` === content.commitment.filesRoot;
        if (!right) throw new Error("not the content's torrent");
        this.#torrents.put(content.id, torrent);
        return torrent;
      } catch (error) {
        signal.throwIfAborted();
        reasons.push(messageOf(error));
      }
    }
    throw new Error(`no torrent of content ${content.id}: ${reasons.join("; ")}`);
  }

  /** Seconds to a content's next probe: exponential, so that how long ago the last one was tells nothing. */
  #pause(): number {
    const mean = this.#parts.deployment.roundLength / this.#settings.probesPerRound;
    // Of the system's generator: whoever can foresee a probe can be there for it alone.
    return Math.ceil(-Math.log(1 - randomInt(2 ** 47) / 2 ** 47) * mean);
  }
}

/**
 * What the answers of one minute count for. Of those that succeeded from one network only so many do, drawn by chance, and the others are no
 * sample: they show nothing about a second copy. Every failure is its operator's.
 */
export function countPerNetwork<T extends Outcome & { readonly network: string }>(
  answers: readonly T[],
  most: number,
): T[] {
  const networks = new Map<string, T[]>();
  for (const answer of answers) {
    if (answer.answered) networks.set(answer.network, [...(networks.get(answer.network) ?? []), answer]);
  }
  const counted = answers.filter(({ answered }) => !answered);
  for (const same of networks.values()) {
    for (let left = most; left > 0 && same.length > 0; left--) counted.push(...same.splice(randomInt(same.length), 1));
  }
  return counted;
}

/** The /24 of an IPv4 address, the /48 of another. */
function networkOf({ host }: PeerAddress): string {
  const v4 = /^(?:::ffff:)?(\d+\.\d+\.\d+)\.\d+$/i.exec(host)?.[1];
  return v4 ?? expand(host).slice(0, 3).join(":");
}

/** The groups of an IPv6 address, written out. */
function expand(address: string): string[] {
  const [head = "", tail = ""] = address.split("::");
  const [a, b] = [head, tail].map((part) => (part === "" ? [] : part.split(":"))) as [string[], string[]];
  return [...a, ...Array.from({ length: Math.max(0, 8 - a.length - b.length) }, () => "0"), ...b].map((group) =>
    Number.parseInt(group, 16).toString(16),
  );
}
