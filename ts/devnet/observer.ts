import { type Address, parseEventLogs } from "viem";
import { Market, Pool, Retrieval, Settlement } from "../sdk/contracts.ts";
import { type Deployment, protocolAddresses } from "../sdk/deployment.ts";
import { ProtocolState } from "../service/state.ts";
import type { LocalClient } from "../testing/anvil.ts";

/** What settling found about an operator (ISettlement.Outcome); ratios WAD, amounts asset wei. */
export interface Outcome {
  readonly due: bigint;
  readonly clean: bigint;
  readonly chunks: bigint;
  readonly fees: bigint;
  readonly retention: bigint;
  readonly reliability: bigint;
  readonly reputation: bigint;
  readonly weighed: boolean;
}

/** Watches the chain as any client could: everything it knows comes from events. */
export class Observer {
  readonly state: ProtocolState;
  /** By operator, of the run's epoch. */
  readonly outcomes = new Map<number, Outcome>();
  readonly paid = new Map<number, bigint>();
  readonly keeperPay = new Map<Address, bigint>();
  /** What vouchers to an address were redeemed for, take included, asset wei. */
  readonly redeemed = new Map<Address, bigint>();
  /** Orders and replicas whose slot ended early, and how. */
  readonly endings: { orderId: number; replica: number; operatorId: number; ending: number; slashed: bigint }[] = [];
  readonly lapses: { orderId: number; replica: number; operatorId: number }[] = [];
  readonly #client: LocalClient;
  readonly #addresses: Address[];
  #next: bigint;

  constructor(client: LocalClient, deployment: Deployment) {
    this.#client = client;
    this.#addresses = protocolAddresses(deployment);
    this.state = new ProtocolState(deployment);
    this.#next = BigInt(deployment.fromBlock);
  }

  /** Takes in what happened since. */
  async sync(): Promise<void> {
    const head = await this.#client.getBlockNumber({ cacheTime: 0 });
    if (head < this.#next) return;
    const logs = await this.#client.getLogs({ address: this.#addresses, fromBlock: this.#next, toBlock: head });
    this.#next = head + 1n;
    for (const log of logs) this.state.apply(log);
    for (const { args } of parseEventLogs({ abi: Settlement.abi, eventName: "Settled", logs }))
      this.outcomes.set(args.operatorId, args.outcome);
    for (const { args } of parseEventLogs({ abi: Pool.abi, eventName: "Paid", logs }))
      this.paid.set(args.operatorId, args.owed);
    for (const { args } of parseEventLogs({ abi: Pool.abi, eventName: "KeeperPaid", logs }))
      this.keeperPay.set(args.keeper, args.amount);
    for (const { args } of parseEventLogs({ abi: Retrieval.abi, eventName: "Redeemed", logs }))
      this.redeemed.set(args.operator, (this.redeemed.get(args.operator) ?? 0n) + args.amount);
    for (const { args } of parseEventLogs({ abi: Market.abi, eventName: "SlotEnded", logs })) this.endings.push(args);
    for (const { args } of parseEventLogs({ abi: Market.abi, eventName: "ReservationLapsed", logs }))
      this.lapses.push(args);
  }

  /** Waits until something shows in the events. @returns false if it does not within `ms`. */
  async until(shown: () => boolean, ms: number): Promise<boolean> {
    const end = Date.now() + ms;
    for (;;) {
      await this.sync();
      if (shown()) return true;
      if (Date.now() > end) return false;
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }
}
