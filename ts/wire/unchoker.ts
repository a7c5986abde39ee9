/** What a peer may be sent when it pays for it. An extension (ts/retrieval) sets it on the `UploadPeer`. */
export interface Meter {
  /** What it pays, in wei per MiB; undefined while it is a free peer. */
  readonly bid: bigint | undefined;
  /** It owes more than it may: it stays choked, whatever the policy. */
  readonly overdue: boolean;
  /** Whether so many bytes may be sent; a promise while that is to be seen. What was admitted counts as sent. */
  admit(bytes: number): boolean | Promise<boolean>;
  /** So many of the bytes admitted were not sent. */
  refund(bytes: number): void;
}

/** A downloader of ours, as a policy sees it. */
export interface Candidate {
  /** When it was unchoked, as Date.now() has it; undefined while it is choked. */
  readonly unchokedAt: number | undefined;
  /** When it last began to wait. */
  readonly waitingSince: number;
  /** Bytes of blocks sent to it. */
  readonly uploaded: number;
  /** Undefined for a peer that never spoke of paying. */
  readonly meter?: Meter | undefined;
}

/** A policy: who may download, and when. */
export interface Unchoker {
  /** Who gets a slot: called whenever the interested peers change, and every `RECHOKE_MS`. */
  choose<C extends Candidate>(interested: readonly C[]): readonly C[];
  /** Asked before so many bytes are sent to a peer; a promise while it has to wait. They count as sent. */
  admit?(peer: Candidate, bytes: number): Promise<void> | undefined;
  /** So many of the bytes admitted were not sent. */
  refund?(peer: Candidate, bytes: number): void;
}

export const RECHOKE_MS = 10_000;

/**
 * `slots` at a time, taking turns: whoever waits gets the place of the one that has had its own longest, after at least
 * one period. A seed has no deeds of others to reward; another policy may order by bid.
 */
export function roundRobin(slots: number, turnMs = RECHOKE_MS): Unchoker {
  return { choose: (interested) => inTurn(interested, slots, turnMs) };
}

/** One round of it, for `slots` that may be fewer or more than in the round before. */
export function inTurn<C extends Candidate>(interested: readonly C[], slots: number, turnMs = RECHOKE_MS): C[] {
  const now = Date.now();
  const waiting = interested.filter((peer) => peer.unchokedAt === undefined);
  const placed = interested.filter((peer) => peer.unchokedAt !== undefined);
  waiting.sort((a, b) => a.waitingSince - b.waitingSince);
  placed.sort((a, b) => b.unchokedAt! - a.unchokedAt!);
  placed.length = Math.min(placed.length, slots);
  let free = slots - placed.length;
  while (free < waiting.length && placed.length > 0 && now - placed.at(-1)!.unchokedAt! >= turnMs) {
    placed.pop();
    free++;
  }
  return [...placed, ...waiting.slice(0, free)];
}
