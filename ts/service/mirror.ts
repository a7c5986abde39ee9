import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { type Abi, BaseError, type Log } from "viem";
import type { ChainClient } from "../chain/connection.ts";
import { type FollowedLog, LogFollower } from "../chain/log-follower.ts";
import { storeJournal } from "../chain/store-journal.ts";
import { holdfastErrorIn } from "../errors.ts";
import { CONTRACTS } from "../sdk/contracts.ts";
import { type Deployment, protocolAddresses } from "../sdk/deployment.ts";
import { numberKey, type Store, type Table, table, type Write } from "../store/store.ts";
import { ProtocolState } from "./state.ts";

export interface MirrorOptions {
  readonly client: ChainClient;
  readonly deployment: Deployment;
  readonly store: Store;
  readonly log: Logger;
}

/** A block that a state stands at. */
export interface Head {
  readonly number: bigint;
  /** Unix seconds. */
  readonly timestamp: bigint;
}

type Entry = Pick<Log, "address" | "topics" | "data">;

const EVENTS = Object.values(CONTRACTS).flatMap(({ abi }) => (abi as Abi).filter(({ type }) => type === "event"));

/**
 * The protocol's state, kept as the chain has it: its events are in the store, so a restart replays them from the disk and reads only
 * what is new, and a reorganisation takes back what it undid.
 */
export class Mirror {
  readonly state: ProtocolState;
  readonly #client: ChainClient;
  readonly #log: Logger;
  readonly #follower: LogFollower<Abi, readonly Write[]>;
  /** In the chain's order. */
  readonly #entries: Table<Entry>;
  /** What the last step of the follower is about to write. */
  #fresh: readonly Entry[] = [];
  #rolledBack = false;
  #head: Head = { number: -1n, timestamp: 0n };

  private constructor({ client, deployment, store, log }: MirrorOptions) {
    this.#client = client;
    this.#log = log;
    this.state = new ProtocolState(deployment);
    this.#entries = table<Entry>(store, `events/${deployment.chainId}/${deployment.contracts.Market}`);
    const name = `protocol/${deployment.contracts.Market}`;
    this.#follower = new LogFollower<Abi, readonly Write[]>({
      client,
      journal: storeJournal(store, name, deployment.chainId),
      log,
      name,
      addresses: protocolAddresses(deployment),
      abi: EVENTS,
      fromBlock: BigInt(deployment.fromBlock),
      onLogs: (logs) => this.#keep(logs),
      onRollback: (block) => this.#undo(block),
    });
  }

  /** Resolves when the state is the chain's. */
  static async open(options: MirrorOptions): Promise<Mirror> {
    const mirror = new Mirror(options);
    await mirror.#replay();
    await mirror.catchUp();
    return mirror;
  }

  /** The block that the state stands at. */
  get head(): Head {
    return this.#head;
  }

  /** Takes everything up to the chain's newest block. */
  async catchUp(): Promise<void> {
    for (let more = true; more; ) {
      more = await this.#follower.step();
      if (this.#rolledBack) await this.#replay();
      else for (const entry of this.#fresh) this.state.apply(entry);
      this.#fresh = [];
      this.#rolledBack = false;
    }
    const last = await this.#follower.last();
    if (last === undefined) return;
    const { number, timestamp } = last;
    if (number !== this.#head.number || timestamp !== this.#head.timestamp) this.#head = { number, timestamp };
  }

  /** Calls `onBlock` with each new head, until aborted. What the RPC fails at today it may do tomorrow: it is asked again. */
  async run(onBlock: (head: Head) => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const before = this.#head;
      try {
        await this.catchUp();
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof BaseError) || holdfastErrorIn(error)) throw error;
        this.#log.warn({ err: error }, "cannot read the chain; trying again");
      }
      if (this.#head !== before && !signal.aborted) onBlock(this.#head);
      await sleep(this.#client.pollingInterval, undefined, { signal }).catch(() => {});
    }
  }

  async #replay(): Promise<void> {
    this.state.clear();
    for await (const entry of this.#entries.values()) this.state.apply(entry);
  }

  #keep(logs: readonly FollowedLog<Abi>[]): Write[] {
    this.#fresh = logs;
    return logs.map(({ blockNumber, logIndex, address, topics, data }) => ({
      type: "put",
      sublevel: this.#entries,
      key: `${numberKey(blockNumber)}/${numberKey(logIndex)}`,
      value: { address, topics, data },
    }));
  }

  async #undo(block: bigint): Promise<Write[]> {
    this.#rolledBack = true;
    const keys = await this.#entries.keys({ gte: numberKey(block + 1n) }).all();
    return keys.map((key) => ({ type: "del", sublevel: this.#entries, key }));
  }
}
