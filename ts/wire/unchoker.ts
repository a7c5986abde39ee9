/** A downloader of ours, as a policy sees it. */
export interface Candidate {
  /** When it was unchoked, as Date.now() has it; undefined while it is choked. */
  readonly unchokedAt: number | undefined;
  /** When it last began to wait. */
  readonly waitingSince: number;
  /** Bytes of blocks sent to it. */
  readonly uploaded: number;
}

/** Who may download: called whenever the interested peers change, and every `RECHOKE_MS`. */
export type Unchoker = <C extends Candidate>(interested: readonly C[]) => readonly C[];

export const RECHOKE_MS = 10_000;

/**
 * `slots` at a time, taking turns: whoever waits gets the place of the one that has had its own longest, after at least
 * one period. A seed has no deeds of others to reward; another policy may order by bid.
 */
export function roundRobin(slots: number, turnMs = RECHOKE_MS): Unchoker {
  return (interested) => {
    const now = Date.now();
    const waiting = interested.filter((peer) => peer.unchokedAt === undefined);
    const placed = interested.filter((peer) => peer.unchokedAt !== undefined);
    waiting.sort((a, b) => a.waitingSince - b.waitingSince);
    placed.sort((a, b) => b.unchokedAt! - a.unchokedAt!);
    let free = slots - placed.length;
    while (free < waiting.length && placed.length > 0 && now - placed.at(-1)!.unchokedAt! >= turnMs) {
      placed.pop();
      free++;
    }
    return [...placed, ...waiting.slice(0, Math.max(0, free))];
  };
}
