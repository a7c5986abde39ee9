import {
  type Abi,
  type AbiEvent,
  type Address,
  BlockNotFoundError,
  type Client,
  type Hash,
  type Hex,
  isAddressEqual,
  type Log,
  type ParseEventLogsReturnType,
  parseEventLogs,
  toEventSelector,
} from "viem";
import { getBlock, getLogs } from "viem/actions";
import { isTooMuch } from "./too-much.ts";

/** An event of the ABI, decoded, from a block on chain. */
export type FollowedLog<abi extends Abi> = ParseEventLogsReturnType<abi, undefined, true>[number];

export interface BlockRange {
  readonly fromBlock: bigint;
  readonly toBlock: bigint;
}

/** Where a follower keeps its place, and what it makes of the logs with it. */
export interface Journal<Writes> {
  /** Undefined before the first save. */
  load(): Promise<Cursor | undefined>;
  /** Both or neither. */
  save(cursor: Cursor, writes: Writes): Promise<void>;
}

export interface LogFollowerOptions<abi extends Abi, Writes> {
  readonly client: Client;
  readonly journal: Journal<Writes>;
  readonly log: FollowerLog;
  /** For people and logs. */
  readonly name: string;
  readonly addresses: readonly Address[];
  /** Its events are followed. */
  readonly abi: abi;
  /** Where the contracts' events start. */
  readonly fromBlock: bigint;
  /** Blocks behind the newest one. Default 0: reorganisations are rolled back. */
  readonly lag?: number;
  /** Most blocks asked for at once. Default 2000; halved when the RPC finds that too much. */
  readonly maxRange?: number;
  /**
   * Takes the logs of a range, in the chain's order. What it returns is saved together with the cursor, all or nothing; it keeps no
   * other state, for it is called again if that fails.
   */
  readonly onLogs: (logs: readonly FollowedLog<abi>[], range: BlockRange) => Writes | Promise<Writes>;
  /** Undoes everything above a block that the chain has left behind. What it returns is saved as above. */
  readonly onRollback: (block: bigint) => Writes | Promise<Writes>;
}

/** As much of a logger as a follower uses. */
interface FollowerLog {
  warn(facts: object, message: string): void;
  debug(facts: object, message: string): void;
}

/** A block on chain. */
export interface FollowedBlock {
  readonly number: bigint;
  readonly hash: Hash;
  /** Unix seconds. */
  readonly timestamp: bigint;
}

export interface Cursor {
  /** The ends of the last ranges, oldest first: where a reorganisation may have branched off. */
  readonly blocks: readonly FollowedBlock[];
}

/** Block hashes kept. A reorganisation below them all starts over at `fromBlock`. */
export const DEPTH = 128;

/**
 * Follows contracts' events, each once and in order, from where it was when it was last stopped.
 *
 * @example
 * const follower = new LogFollower({ client, journal: storeJournal(store, "market", chainId), log, name: "market", addresses: [market],
 *   abi: marketAbi, fromBlock: 1n,
 *   onLogs: (logs) => logs.map((log) => ({ type: "put", sublevel: orders, key: …, value: … })),
 *   onRollback: (block) => … });
 * await follower.catchUp();
 */
export class LogFollower<const abi extends Abi, Writes> {
  readonly #options: LogFollowerOptions<abi, Writes>;
  /** By the hash of their signatures. */
  readonly #events: ReadonlyMap<Hex, AbiEvent>;
  readonly #maxRange: bigint;
  #range: bigint;
  #cursor: Cursor | undefined;

  constructor(options: LogFollowerOptions<abi, Writes>) {
    this.#options = options;
    const events = (options.abi as Abi).filter((item) => item.type === "event");
    this.#events = new Map(events.map((event) => [toEventSelector(event), event]));
    this.#maxRange = BigInt(options.maxRange ?? 2000);
    this.#range = this.#maxRange;
  }

  /** The last block taken. Undefined before the first. */
  async last(): Promise<FollowedBlock | undefined> {
    return (await this.#load()).blocks.at(-1);
  }

  /** Takes everything up to the chain's newest block. */
  async catchUp(): Promise<void> {
    while (await this.step());
  }

  /** Takes the next range, or rolls back; asks once when there is nothing new. Says whether there may be more to do. */
  async step(): Promise<boolean> {
    const { client, lag = 0 } = this.#options;
    const cursor = await this.#load();
    const last = cursor.blocks.at(-1);
    const head = await getBlock(client);
    if (head.hash === last?.hash) return false;

    const fromBlock = this.#positionOf(cursor) + 1n;
    const end = fromBlock + this.#range - 1n;
    const newest = head.number - BigInt(lag);
    const toBlock = end < newest ? end : newest;
    const block = toBlock === head.number ? head : await this.#blockAt(toBlock);
    const common = head.parentHash === last?.hash ? cursor : await this.#commonWith(cursor, head.number);
    if (common.blocks.length < cursor.blocks.length) return this.#rollBack(cursor, common);
    if (toBlock < fromBlock) return false;

    const logs = await this.#search({ fromBlock, toBlock });
    // A block that is still what it was before the cursor and the logs were looked at ends the chain that they are of.
    if (!logs || !block || (await this.#blockAt(toBlock))?.hash !== block.hash) return true;

    const writes = await this.#options.onLogs(logs, { fromBlock, toBlock });
    const { number, hash, timestamp } = block;
    await this.#save({ blocks: [...cursor.blocks, { number, hash, timestamp }].slice(-DEPTH) }, writes);
    this.#range = this.#range * 2n < this.#maxRange ? this.#range * 2n : this.#maxRange;
    return toBlock < newest;
  }

  async #rollBack(cursor: Cursor, common: Cursor): Promise<boolean> {
    const { log, name, onRollback } = this.#options;
    const block = this.#positionOf(common);
    log.warn({ follower: name, from: this.#positionOf(cursor), to: block }, "the chain was reorganised; rolling back");
    await this.#save(common, await onRollback(block));
    return true;
  }

  /** What of the cursor is on the chain. A node that is behind, or a chain that got shorter, says nothing yet. */
  async #commonWith(cursor: Cursor, head: bigint): Promise<Cursor> {
    for (let length = cursor.blocks.length; length > 0; length--) {
      const { number, hash } = cursor.blocks[length - 1]!;
      if ((await this.#blockAt(number))?.hash === hash) {
        const next = cursor.blocks[length];
        return next && next.number <= head ? { blocks: cursor.blocks.slice(0, length) } : cursor;
      }
    }
    const oldest = cursor.blocks[0];
    return oldest && oldest.number <= head ? { blocks: [] } : cursor;
  }

  /** Undefined when it was too much for the RPC: less is asked for next time. */
  async #search({ fromBlock, toBlock }: BlockRange): Promise<FollowedLog<abi>[] | undefined> {
    const { client, addresses, log, name } = this.#options;
    try {
      const address = [...addresses];
      const logs = await getLogs(client, { address, fromBlock, toBlock });
      // What an RPC adds of its own is left out.
      const ours = logs.filter(
        (entry) =>
          entry.blockNumber >= fromBlock &&
          entry.blockNumber <= toBlock &&
          addresses.some((followed) => isAddressEqual(followed, entry.address)),
      );
      ours.sort((a, b) => Number(a.blockNumber - b.blockNumber) || a.logIndex - b.logIndex);
      return ours.flatMap((entry) => this.#decode(entry));
    } catch (error) {
      if (!isTooMuch(error) || toBlock === fromBlock) throw error;
      this.#range = (toBlock - fromBlock + 1n) / 2n;
      log.debug({ follower: name, blocks: this.#range }, "that many blocks are too much for the RPC");
      return undefined;
    }
  }

  /** Found by its selector: trying every event of the ABI on every log costs more than reading the log. */
  #decode(entry: Log): FollowedLog<abi>[] {
    const event = entry.topics[0] && this.#events.get(entry.topics[0]);
    if (!event) return [];
    return parseEventLogs({ abi: [event], logs: [entry], strict: true }) as unknown as FollowedLog<abi>[];
  }

  async #blockAt(blockNumber: bigint): Promise<FollowedBlock | undefined> {
    if (blockNumber < 0n) return undefined;
    return getBlock(this.#options.client, { blockNumber }).catch((error) => {
      if (error instanceof BlockNotFoundError) return undefined;
      throw error;
    });
  }

  async #load(): Promise<Cursor> {
    this.#cursor ??= (await this.#options.journal.load()) ?? { blocks: [] };
    return this.#cursor;
  }

  async #save(cursor: Cursor, writes: Writes): Promise<void> {
    await this.#options.journal.save(cursor, writes);
    this.#cursor = cursor;
  }

  #positionOf({ blocks }: Cursor): bigint {
    return blocks.at(-1)?.number ?? this.#options.fromBlock - 1n;
  }
}
