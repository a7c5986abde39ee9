import type { Abi, Address, Client, Hash, ParseEventLogsReturnType } from "viem";
import { type Cursor, DEPTH, type FollowedLog, type Journal, LogFollower } from "../../chain/log-follower.ts";
import { HoldfastError } from "../../errors.ts";
import type { Contract } from "../contracts.ts";
import type { OnDeployment } from "../deployment.ts";
import { newestBlock } from "../query.ts";

/** An event of one of these contracts, with its facts in `args`, and where on the chain it is. */
export type EventOfContracts<C extends Contract> = C extends Contract
  ? ParseEventLogsReturnType<C["abi"], undefined, true>[number]
  : never;

/** How a watcher tells what it sees. */
export interface WatchCallbacks<Event> {
  /** New events, in the chain's order, each once. */
  readonly onEvents: (events: readonly Event[]) => void;
  /** Events told before whose blocks the chain has left behind, the last one first: they did not happen. */
  readonly onRemoved: (events: readonly Event[]) => void;
  /** What the RPC failed at, which is tried again; or a ReorganisedTooDeepError, which ends the watch. */
  readonly onError?: (error: unknown) => void;
}

export interface WatchParameters<Event> extends OnDeployment, WatchCallbacks<Event> {
  /** The first block that is looked at. Default: the next one. */
  readonly fromBlock?: bigint;
}

export interface WatchEventsParameters<C extends Contract> extends WatchParameters<EventOfContracts<C>> {
  readonly contracts: readonly C[];
  /** Which of their events. Default: all. */
  readonly matches?: (event: EventOfContracts<C>) => boolean;
}

/** The chain has left behind more blocks than a watcher remembers: begin anew, from a block that is final. */
export class ReorganisedTooDeepError extends HoldfastError {
  override readonly name = "ReorganisedTooDeepError";
}

/** Where an event is: what tells it from every other. */
interface Placed {
  readonly address: Address;
  readonly blockNumber: bigint;
  readonly blockHash: Hash;
  readonly logIndex: number;
}

/**
 * Watches events of a deployment's contracts, across reorganisations: each is told once, and taken back when its block is no longer on
 * the chain. It remembers the last 128 looks at the chain.
 *
 * @returns what ends the watch
 * @example
 * const stop = watchEvents(client, { deployment, contracts: [Beacon], onEvents: console.log, onRemoved: console.log });
 */
export function watchEvents<const C extends Contract>(
  client: Client,
  parameters: WatchEventsParameters<C>,
): () => void {
  const { deployment, contracts, matches = () => true, onEvents, onRemoved, onError = () => {} } = parameters;
  type Event = EventOfContracts<C> & Placed;
  let told: Event[] = [];
  let [fresh, removed]: [Event[], Event[]] = [[], []];
  let forgotten = -1n;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;

  const take = (logs: readonly FollowedLog<Abi>[]) => {
    fresh = (logs as unknown as Event[]).filter((event) => matches(event));
  };
  const undo = (block: bigint) => {
    if (block < forgotten)
      throw new ReorganisedTooDeepError(`the chain was reorganised below block ${forgotten}`, {
        hint: "watch again from a block that is final",
      });
    removed = told.filter(({ blockNumber }) => blockNumber > block).reverse();
  };
  const journal: Journal<void> = {
    load: async () => undefined,
    save: async ({ blocks }: Cursor) => {
      told = [...told.slice(0, told.length - removed.length), ...fresh];
      // Once the follower forgets blocks, nothing is taken back below the oldest that it remembers.
      const oldest = blocks.length < DEPTH ? forgotten : blocks[0]!.number;
      const known = told.length;
      told = told.filter(({ blockNumber }) => blockNumber > oldest);
      if (told.length < known) forgotten = oldest;
    },
  };
  const tell = () => {
    const [gone, come] = [removed, fresh];
    [fresh, removed] = [[], []];
    if (gone.length > 0) onRemoved(gone);
    if (come.length > 0) onEvents(come);
  };

  let follower: LogFollower<Abi, void> | undefined;
  const look = async () => {
    follower ??= new LogFollower<Abi, void>({
      ...{
        client,
        journal,
        log: SILENT,
        name: "watch",
        fromBlock: parameters.fromBlock ?? (await newestBlock(client)) + 1n,
      },
      addresses: contracts.map(({ name }) => deployment.contracts[name]),
      abi: contracts.flatMap(({ abi }) => abi.filter(({ type }) => type === "event")),
      ...{ onLogs: take, onRollback: undo },
    });
    for (let more = true; more && !stopped; ) {
      more = await follower.step();
      if (!stopped) tell();
    }
  };
  const round = async () => {
    try {
      await look();
    } catch (error) {
      if (stopped) return;
      onError(error);
      if (error instanceof ReorganisedTooDeepError) return;
    }
    if (!stopped) timer = setTimeout(round, client.pollingInterval);
  };
  void round();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

const SILENT = { warn() {}, debug() {} };
