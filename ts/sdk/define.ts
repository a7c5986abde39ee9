import {
  type Abi,
  type Address,
  type Client,
  type Hash,
  isAddressEqual,
  type Log,
  type ParseEventLogsReturnType,
  parseEventLogs,
  type TransactionReceipt,
} from "viem";
import type { Call } from "../chain/call.ts";
import { HoldfastError } from "../errors.ts";
import type { Contract, EventOf, WriteArgs, WriteOf } from "./contracts.ts";
import type { OnDeployment } from "./deployment.ts";
import { send, submit, type Wallet } from "./send.ts";

/** A call as viem's multicall, simulateContract and writeContract take it, and the transactor and `send` here. */
export interface ContractCall<C extends Contract, F extends WriteOf<C>> {
  readonly contract: C["name"];
  readonly address: Address;
  readonly abi: C["abi"];
  readonly functionName: F;
  readonly args: WriteArgs<C, F>;
}

/** An event that a write leaves, with its facts in `args`. */
export type EventLog<M extends Contract, E extends EventOf<M>> = ParseEventLogsReturnType<M["abi"], E, true>[number];

/** A function that changes a deployment's state: called, it is sent, and gives the transaction's hash. */
export interface WriteAction<C extends Contract, F extends WriteOf<C>, M extends Contract, E extends EventOf<M>, P> {
  /** Tries it, then sends it. @throws ContractRevert when it would revert, before anything is sent */
  (client: Wallet, parameters: P & OnDeployment): Promise<Hash>;
  /** The call alone: to batch, simulate, or hand to somebody else to send. */
  readonly call: (parameters: P & OnDeployment) => ContractCall<C, F>;
  /** The first event of the action among a receipt's logs. @throws HoldfastError when there is none */
  readonly extractEvent: (logs: readonly Log[]) => EventLog<M, E>;
  /** All events of the action among a receipt's logs, in order. */
  readonly extractEvents: (logs: readonly Log[]) => EventLog<M, E>[];
  /** Which contract emits them. */
  readonly emitter: M;
}

/** A write that draws the asset from its sender: `pay` approves `cost` first. */
export type PaidAction<A, P> = A & {
  /** What it will draw, in asset wei. */
  readonly cost: (client: Client, parameters: P & OnDeployment) => Promise<bigint>;
};

interface Definition<C extends Contract, F extends WriteOf<C>, M extends Contract, E extends EventOf<M>, P, A> {
  readonly contract: C;
  readonly functionName: F;
  /** The contract that emits the event; the called one if not given. */
  readonly emitter?: M;
  /** What it leaves behind; one of several if it can end in several ways. */
  readonly event: E | readonly E[];
  /** The function's arguments, in order. */
  readonly args: (parameters: P) => A;
}

/** Makes a write action of a contract's function. */
export function defineWrite<
  const C extends Contract,
  F extends WriteOf<C>,
  E extends EventOf<M>,
  P extends object,
  const A extends WriteArgs<C, F> & readonly unknown[],
  const M extends Contract = C,
>(definition: Definition<C, F, M, E, P, A>): WriteAction<C, F, M, E, P> {
  const { contract, functionName, args, event } = definition;
  const emitter = definition.emitter ?? (contract as unknown as M);
  const call = (parameters: P & OnDeployment): ContractCall<C, F> => ({
    contract: contract.name,
    address: parameters.deployment.contracts[contract.name],
    abi: contract.abi,
    functionName,
    args: args(parameters),
  });
  const extractEvents = (logs: readonly Log[]) => {
    const eventName = event as string | string[];
    return parseEventLogs({ abi: emitter.abi as Abi, eventName, logs: [...logs] }) as unknown as EventLog<M, E>[];
  };
  const extractEvent = (logs: readonly Log[]) => {
    const [first] = extractEvents(logs);
    if (first !== undefined) return first;
    throw new HoldfastError(`${contract.name}.${functionName} left no ${[event].flat().join(" or ")} event`, {
      hint: "give the logs of the receipt of this very call",
    });
  };
  const action = (client: Wallet, parameters: P & OnDeployment) => submit(client, call(parameters) as Call);
  return Object.assign(action, { call, extractEvent, extractEvents, emitter });
}

/** Says what a write draws from its sender. */
export function priced<A, P>(
  action: A & ((client: Wallet, parameters: P & OnDeployment) => Promise<Hash>),
  cost: (client: Client, parameters: P & OnDeployment) => Promise<bigint>,
): PaidAction<A, P> {
  return Object.assign(action, { cost });
}

/** The facts of an event, which event it was, and the receipt. */
export type SyncResult<Event> = (Event extends { args: infer Args; eventName: infer Name }
  ? Args & { readonly eventName: Name }
  : never) & { readonly receipt: TransactionReceipt };

/** A write that is waited for. An interface, so that declarations name it rather than spell out the ABI. */
export type SyncAction<M extends Contract, E extends EventOf<M>, P> = (
  client: Wallet,
  parameters: P & OnDeployment,
) => Promise<SyncResult<EventLog<M, E>>>;

/** The same write, waited for: resolves, when it is mined, with the facts of the event it left. */
export function sync<C extends Contract, F extends WriteOf<C>, M extends Contract, E extends EventOf<M>, P>(
  action: WriteAction<C, F, M, E, P>,
): SyncAction<M, E, P> {
  return async (client, parameters) => {
    const receipt = await send(client, action.call(parameters) as Call);
    const { args, eventName } = action.extractEvent(ownLogs(receipt, action, parameters)) as unknown as {
      args: object;
      eventName: string;
    };
    return { ...args, eventName, receipt } as unknown as SyncResult<EventLog<M, E>>;
  };
}

/** A write that leaves any number of events, waited for. */
export type SyncAllAction<M extends Contract, E extends EventOf<M>, P> = (
  client: Wallet,
  parameters: P & OnDeployment,
) => Promise<{
  readonly events: EventLog<M, E>[];
  readonly receipt: TransactionReceipt;
}>;

/** The same for a write that leaves any number of events: resolves with all of them. */
export function syncAll<C extends Contract, F extends WriteOf<C>, M extends Contract, E extends EventOf<M>, P>(
  action: WriteAction<C, F, M, E, P>,
): (
  client: Wallet,
  parameters: P & OnDeployment,
) => Promise<{
  readonly events: EventLog<M, E>[];
  readonly receipt: TransactionReceipt;
}> {
  return async (client, parameters) => {
    const receipt = await send(client, action.call(parameters) as Call);
    return { events: action.extractEvents(ownLogs(receipt, action, parameters)), receipt };
  };
}

/** A receipt's logs of the contract that emits an action's events: other contracts may have events of the same form. */
function ownLogs(
  { logs }: TransactionReceipt,
  { emitter }: { readonly emitter: Contract },
  { deployment }: OnDeployment,
): Log[] {
  return logs.filter(({ address }) => isAddressEqual(address, deployment.contracts[emitter.name]));
}
