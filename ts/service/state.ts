import { type Address, decodeEventLog, type Hex, type Log, zeroAddress } from "viem";
import { firstRound, lastRound } from "../sdk/clock.ts";
import { FIRST_REPUTATION, WAD } from "../sdk/constants.ts";
import { CONTRACTS, type ContractName } from "../sdk/contracts.ts";
import type { Deployment } from "../sdk/deployment.ts";
import type { CommitmentArgs, Manifest } from "../sdk/manifest.ts";
import { chunksOf } from "../torrent/commitment.ts";

export interface OperatorState {
  readonly id: number;
  owner: Address;
  prover: Address;
  payout: Address;
  /** All that its payout ever was: peers' vouchers are to one of them. */
  readonly payouts: Set<Address>;
  capacityChunks: number;
  /** host:port, as its owner wrote it: not to be trusted. */
  endpoint: string;
  /** Asset wei. */
  stake: bigint;
  /** WAD. */
  reputation: bigint;
  /** WAD. */
  reliability: bigint;
  /** Round in which it asked to leave. */
  exitRequested: number | undefined;
  /** Round of an ejection that is not unwound yet. */
  stamp: number | undefined;
  /** Rounds proven in full. */
  readonly proven: Set<number>;
  /** Epochs settled. */
  readonly settled: Set<number>;
  /** Epochs in which it has a share, and those that were paid. */
  readonly weighed: Set<number>;
  readonly paid: Set<number>;
}

export interface ContentState {
  readonly id: number;
  readonly commitment: CommitmentArgs;
  readonly chunks: number;
  /** Of the latest publication. */
  manifest: Manifest;
  /** Whether its bond is here: only then it takes new orders. */
  bonded: boolean;
  /** The round in which it was taken out of service; undefined: it is in service. */
  stamp: number | undefined;
  /** Whether the curator did that: nobody should hold or serve it. */
  blocked: boolean;
}

export interface SlotState {
  readonly operatorId: number;
  readonly acceptedIn: number;
  /** Undefined: reserved, not activated. */
  liveFrom: number | undefined;
}

export interface OrderState {
  readonly id: number;
  readonly contentId: number;
  readonly uploader: Address;
  readonly chunks: number;
  readonly startEpoch: number;
  readonly epochs: number;
  /** Percent. */
  readonly minReputation: number;
  readonly minReliability: number;
  /** 0: none. */
  readonly incumbentOrder: number;
  readonly designated: readonly number[];
  /** Asset wei per chunk and round. */
  readonly feePerChunkRound: bigint;
  /** Asset wei per chunk. */
  readonly stakePerChunk: bigint;
  readonly slashBps: number;
  /** By replica; undefined: nobody's. */
  readonly slots: (SlotState | undefined)[];
  /** Replicas that the uploader gave up. */
  readonly cancelled: Set<number>;
  /** Operators that let a reservation lapse. */
  readonly barred: Set<number>;
}

export interface AuditState {
  readonly orderId: number;
  readonly replica: number;
  readonly operatorId: number;
  readonly payer: Address;
  /** Asset wei. */
  readonly fee: bigint;
  due: number;
}

/** From payers to an operator, in asset wei. */
export interface Earnings {
  /** Redeemed or paid directly, the take not included. */
  credited: bigint;
  /** Of that, sent to it. */
  collected: bigint;
}

/** One replica of one order, with who holds it. */
export interface HeldSlot extends SlotState {
  readonly order: OrderState;
  readonly replica: number;
}

/** The last epoch of an order's term. */
export function lastEpochOf({ startEpoch, epochs }: OrderState): number {
  return startEpoch + epochs - 1;
}

/** The last round of an order's term. */
export function lastRoundOf(order: OrderState): number {
  return lastRound(lastEpochOf(order));
}

/** The first round of an order's term. */
export function firstRoundOf({ startEpoch }: OrderState): number {
  return firstRound(startEpoch);
}

type ProtocolEvent = { [N in ContractName]: ReturnType<typeof decodeOf<N>> }[ContractName];

/**
 * What the protocol's events add up to: operators, contents, orders, slots, audits, seeds. Built from nothing but logs in order, so that
 * agents, the keeper and `status` share one view; what needs the chain's own arithmetic (draws, dues, money) is read from its views.
 *
 * @example
 * const state = new ProtocolState(deployment);
 * for (const log of logs) state.apply(log);
 */
export class ProtocolState {
  readonly operators = new Map<number, OperatorState>();
  readonly contents = new Map<number, ContentState>();
  readonly orders = new Map<number, OrderState>();
  /** By slotKey. */
  readonly audits = new Map<string, AuditState>();
  /** By round. */
  readonly seeds = new Map<number, Hex>();
  /** Epochs whose fees are fixed. */
  readonly frozen = new Set<number>();
  /** What payers take home from Retrieval, by payerKey of the operator it was earmarked for (0: the free deposit): Unix seconds from which it is theirs. */
  readonly thaws = new Map<string, bigint>();
  /** Payers' session keys, by payerKey of the key: Unix seconds until when they sign. */
  readonly sessionKeys = new Map<string, bigint>();
  /** What payers paid in Retrieval, by the address that was paid. */
  readonly earnings = new Map<Address, Earnings>();
  readonly #contracts: ReadonlyMap<string, ContractName>;

  constructor({ contracts }: Deployment) {
    const ours = Object.entries(contracts).filter(([name]) => name in CONTRACTS);
    this.#contracts = new Map(ours.map(([name, address]) => [address.toLowerCase(), name as ContractName]));
  }

  /** Back to the start, before any log. */
  clear(): void {
    const retrieval = [this.thaws, this.sessionKeys, this.earnings];
    for (const part of [this.operators, this.contents, this.orders, this.audits, this.seeds, this.frozen, ...retrieval])
      part.clear();
  }

  /** Takes in one log; logs of other contracts change nothing. */
  apply(log: Pick<Log, "address" | "topics" | "data">): void {
    const contract = this.#contracts.get(log.address.toLowerCase());
    if (contract === undefined || contract === "Asset") return;
    const event = decodeOf(contract, log) as ProtocolEvent;
    this.#take(event);
  }

  /** Slots that an operator holds or has reserved and whose term is not over in `round`. */
  slotsOf(operatorId: number, round: number): HeldSlot[] {
    const held: HeldSlot[] = [];
    for (const order of this.orders.values()) {
      if (lastRoundOf(order) < round) continue;
      for (const [replica, slot] of order.slots.entries()) {
        if (slot?.operatorId === operatorId) held.push({ ...slot, order, replica });
      }
    }
    return held;
  }

  /** Operators with a live slot of a content in `round`. */
  holdersOf(contentId: number, round: number): OperatorState[] {
    const holders = new Set<OperatorState>();
    const stamp = this.contents.get(contentId)?.stamp;
    if (stamp !== undefined && stamp < round) return [];
    for (const order of this.orders.values()) {
      if (order.contentId !== contentId || lastRoundOf(order) < round) continue;
      for (const slot of order.slots) {
        const operator =
          slot?.liveFrom !== undefined && slot.liveFrom <= round ? this.operators.get(slot.operatorId) : undefined;
        if (operator !== undefined) holders.add(operator);
      }
    }
    return [...holders];
  }

  /** Slots that their operator's stamp or their content's ended and that wait for Market.unwind. */
  stampedSlots({ id, stamp }: OperatorState): HeldSlot[] {
    return this.slotsOf(id, 0).filter(({ order, replica, liveFrom }) => {
      const content = this.contents.get(order.contentId);
      const ejected = stamp !== undefined && lastRoundOf(order) >= stamp;
      const withdrawn = content?.stamp !== undefined && lastRoundOf(order) > content.stamp;
      // An audit of what was disproved is decided first.
      const audited = content?.blocked === false && this.audits.has(slotKey(order.id, replica));
      return liveFrom !== undefined && (ejected || (withdrawn && !audited));
    });
  }

  /** Audits under way of an operator's slots. */
  auditsOf(operatorId: number): AuditState[] {
    return [...this.audits.values()].filter((audit) => audit.operatorId === operatorId);
  }

  #take(event: ProtocolEvent): void {
    switch (event.eventName) {
      case "Registered": {
        const { operatorId, owner, capacityChunks, endpoint } = event.args;
        Object.assign(this.#operator(operatorId), { owner, capacityChunks, endpoint });
        return;
      }
      case "StakeAdded":
        this.#operator(event.args.operatorId).stake = event.args.stake;
        return;
      case "KeysSet": {
        const { operatorId, owner, prover, payout } = event.args;
        const operator = this.#operator(operatorId);
        Object.assign(operator, { owner, prover, payout });
        operator.payouts.add(payout);
        return;
      }
      case "CapacitySet":
        this.#operator(event.args.operatorId).capacityChunks = event.args.capacityChunks;
        return;
      case "EndpointSet":
        this.#operator(event.args.operatorId).endpoint = event.args.endpoint;
        return;
      case "Slashed":
        this.#operator(event.args.operatorId).stake -= event.args.taken;
        return;
      case "ExitRequested":
        this.#operator(event.args.operatorId).exitRequested = event.args.round;
        return;
      case "Published": {
        const { contentId: id, commitment, manifest } = event.args;
        const fresh = { bonded: true, stamp: undefined, blocked: false };
        this.contents.set(id, { id, commitment, manifest, ...fresh, chunks: chunksOf(commitment.blocks) });
        return;
      }
      case "Blocked":
        this.#stamp(event.args).blocked = true;
        return;
      case "Disproved":
        this.#stamp(event.args).bonded = false;
        return;
      case "BondWithdrawn": {
        if (!("contentId" in event.args)) return; // a keeper's
        const content = this.contents.get(event.args.contentId);
        if (content !== undefined) content.bonded = false;
        return;
      }
      case "OrderOpened": {
        const {
          orderId: id,
          contentId,
          uploader,
          chunks,
          feePerChunkRound,
          stakePerChunk,
          slashBps,
          request,
        } = event.args;
        const { startEpoch, epochs, minReputation, minReliability, incumbentOrder, designated, replicas } = request;
        const terms = { startEpoch, epochs, minReputation, minReliability, incumbentOrder, designated };
        const prices = { feePerChunkRound, stakePerChunk, slashBps, chunks: Number(chunks) };
        const slots = new Array<undefined>(replicas).fill(undefined);
        this.orders.set(id, {
          id,
          contentId,
          uploader,
          ...terms,
          ...prices,
          slots,
          cancelled: new Set(),
          barred: new Set(),
        });
        return;
      }
      case "Accepted": {
        const { orderId, replica, operatorId, round } = event.args;
        this.#order(orderId).slots[replica] = { operatorId, acceptedIn: round, liveFrom: undefined };
        return;
      }
      case "Activated": {
        const { orderId, replica, liveFrom } = event.args;
        const slot = this.#order(orderId).slots[replica];
        if (slot !== undefined) slot.liveFrom = liveFrom;
        return;
      }
      case "ReservationLapsed": {
        const { orderId, replica, operatorId } = event.args;
        const order = this.#order(orderId);
        order.slots[replica] = undefined;
        order.barred.add(operatorId);
        return;
      }
      case "SlotEnded":
        this.#order(event.args.orderId).slots[event.args.replica] = undefined;
        return;
      case "ReplicaCancelled":
        this.#order(event.args.orderId).cancelled.add(event.args.replica);
        return;
      case "AuditOpened": {
        const { orderId, replica, operatorId, payer, fee, due } = event.args;
        this.audits.set(slotKey(orderId, replica), { orderId, replica, operatorId, payer, fee, due });
        return;
      }
      case "AuditRolled": {
        const audit = this.audits.get(slotKey(event.args.orderId, event.args.replica));
        if (audit !== undefined) audit.due = event.args.due;
        return;
      }
      case "AuditAnswered":
      case "AuditReturned": // every other end of an audit gives the fee back
        this.audits.delete(slotKey(event.args.orderId, event.args.replica));
        return;
      case "Seeded":
        this.seeds.set(event.args.round, event.args.seed);
        return;
      case "Proven":
        this.#operator(event.args.operatorId).proven.add(event.args.round);
        return;
      case "Ejected":
        this.#operator(event.args.operatorId).stamp = event.args.round;
        return;
      case "Unstamped":
        this.#operator(event.args.operatorId).stamp = undefined;
        return;
      case "Settled": {
        const { operatorId, epoch, outcome } = event.args;
        const operator = this.#operator(operatorId);
        operator.settled.add(epoch);
        if (outcome.weighed) operator.weighed.add(epoch);
        if (outcome.due !== 0n)
          Object.assign(operator, { reputation: outcome.reputation, reliability: outcome.reliability });
        return;
      }
      case "Paid":
        this.#operator(event.args.operatorId).paid.add(event.args.epoch);
        return;
      case "Frozen":
        this.frozen.add(event.args.epoch);
        return;
      case "WithdrawalRequested":
        this.#thaw(event.args.payer, zeroAddress, event.args);
        return;
      case "ReleaseRequested":
        this.#thaw(event.args.payer, event.args.operator, event.args);
        return;
      case "Withdrawn":
        if ("payer" in event.args) this.thaws.delete(payerKey(event.args.payer, zeroAddress));
        return;
      case "Released":
        if ("payer" in event.args) this.thaws.delete(payerKey(event.args.payer, event.args.operator));
        return;
      case "KeySet":
        this.sessionKeys.set(payerKey(event.args.payer, event.args.key), event.args.expiry);
        return;
      case "Credited": {
        const { operator, amount, take } = event.args;
        this.#earnings(operator).credited += amount - take;
        return;
      }
      case "Collected":
        if ("operator" in event.args) this.#earnings(event.args.operator).collected += event.args.amount;
        return;
    }
  }

  /** Keys and stake of a new operator are told before its registration, so the first mention makes it. */
  #operator(id: number): OperatorState {
    let operator = this.operators.get(id);
    if (operator === undefined) {
      operator = {
        ...{
          id,
          owner: zeroAddress,
          prover: zeroAddress,
          payout: zeroAddress,
          capacityChunks: 0,
          endpoint: "",
          stake: 0n,
        },
        ...{ reputation: FIRST_REPUTATION, reliability: WAD, exitRequested: undefined, stamp: undefined },
        ...{ proven: new Set(), settled: new Set(), weighed: new Set(), paid: new Set(), payouts: new Set() },
      };
      this.operators.set(id, operator);
    }
    return operator;
  }

  /** An amount of 0 takes the request back. */
  #thaw(payer: Address, operator: Address, { amount, until }: { amount: bigint; until: bigint }): void {
    if (amount === 0n) this.thaws.delete(payerKey(payer, operator));
    else this.thaws.set(payerKey(payer, operator), until);
  }

  #earnings(operator: Address): Earnings {
    const known = this.earnings.get(operator) ?? { credited: 0n, collected: 0n };
    this.earnings.set(operator, known);
    return known;
  }

  #stamp({ contentId, stamp }: { contentId: number; stamp: number }): ContentState {
    const content = this.contents.get(contentId);
    if (content === undefined)
      throw new Error(`content ${contentId} was stamped before it was published: logs are missing`);
    content.stamp = stamp;
    return content;
  }

  #order(id: number): OrderState {
    const order = this.orders.get(id);
    if (order === undefined) throw new Error(`an event of order ${id} came before the order: logs are missing`);
    return order;
  }
}

/** What one replica of one order goes by in `audits`. */
export function slotKey(orderId: number, replica: number): string {
  return `${orderId}:${replica}`;
}

/** What a payer and an address it deals with go by in `thaws` and `sessionKeys`. */
export function payerKey(payer: Address, other: Address): string {
  return `${payer}:${other}`.toLowerCase();
}

function decodeOf<N extends ContractName>(contract: N, { topics, data }: Pick<Log, "topics" | "data">) {
  return decodeEventLog({ abi: CONTRACTS[contract].abi, topics, data });
}
