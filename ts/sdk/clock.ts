// Rounds and epochs, as src/libraries/Clock.sol counts them: pure functions of time and a deployment's genesis.

/** Rounds in an epoch. Round ROUNDS, of epoch 1, is the first. */
export const ROUNDS = 30;

/** A deployment's schedule. */
export interface Schedule {
  /** When the first round starts, in Unix seconds. */
  readonly genesis: number;
  /** Seconds. */
  readonly roundLength: number;
}

/** The round under way at `time` (Unix seconds). @throws RangeError before the genesis. */
export function roundAt({ genesis, roundLength }: Schedule, time: number): number {
  if (time < genesis) throw new RangeError(`there are no rounds before the genesis at ${genesis}`);
  return Math.floor((time - genesis) / roundLength) + ROUNDS;
}

/** When a round starts, in Unix seconds. */
export function startOf({ genesis, roundLength }: Schedule, round: number): number {
  return genesis + (round - ROUNDS) * roundLength;
}

/** When a round's seed is no longer accepted, in Unix seconds (H-RAND-2). */
export function middleOf(schedule: Schedule, round: number): number {
  return startOf(schedule, round) + Math.floor(schedule.roundLength / 2);
}

/** The epoch that a round belongs to; epochs count from 1. */
export function epochOf(round: number): number {
  return Math.floor(round / ROUNDS);
}

/** The place of a round in its epoch, 0 to ROUNDS - 1. */
export function indexOf(round: number): number {
  return round % ROUNDS;
}

/** The first round of an epoch. */
export function firstRound(epoch: number): number {
  return epoch * ROUNDS;
}

/** The last round of an epoch. */
export function lastRound(epoch: number): number {
  return epoch * ROUNDS + ROUNDS - 1;
}
