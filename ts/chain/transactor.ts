import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import {
  type Abi,
  type Address,
  formatEther,
  type Hash,
  type Hex,
  keccak256,
  type LocalAccount,
  TransactionNotFoundError,
  type TransactionReceipt,
  TransactionReceiptNotFoundError,
} from "viem";
import { holdfastErrorIn } from "../errors.ts";
import { DURABLE, type Store, type Table, table } from "../store/store.ts";
import { type Call, type EncodedCall, encodeCall } from "./call.ts";
import type { ChainClient } from "./connection.ts";
import { bump, currentFees, type Fees, gwei } from "./fees.ts";
import { TransactionMetrics } from "./metrics.ts";
import { SerialQueue } from "./queue.ts";
import { ContractRevert, toContractRevert } from "./revert.ts";
import {
  DeadlinePassed,
  refusalOf,
  TransactionDropped,
  TransactionReplaced,
  TransactorClosed,
} from "./transaction-errors.ts";

export interface SendOptions {
  /** Idempotency key: what this transaction is for, e.g. "prove/42". */
  readonly key: string;
  /** Higher ones go first. Default 0. */
  readonly priority?: number;
  /** Chain time, Unix seconds, after which it is not sent any more. */
  readonly deadline?: number;
}

export interface TransactorOptions {
  readonly client: ChainClient;
  /** Nobody else sends with this key while the transactor is open. */
  readonly account: LocalAccount;
  readonly store: Store;
  readonly log: Logger;
  /** The custom errors that calls may revert with. */
  readonly errors?: Abi;
  /** Most that is paid, wei per gas, tip included. */
  readonly maxFeePerGas: bigint;
  /** Most of that given as a tip, wei per gas. Default: all of it. */
  readonly maxPriorityFeePerGas?: bigint;
  /** Blocks, its own included, that make a transaction final. Default 1. */
  readonly confirmations?: number;
  /** Not mined after this many ms, a transaction is replaced by one with higher fees. Default 60000. */
  readonly stuckAfterMs?: number;
  /** Gas limit above the estimate, in percent. Default 20. */
  readonly gasMarginPercent?: number;
  readonly registry?: Registry;
}

/** A transaction as signed; written before it is sent. */
interface Attempt extends Fees {
  readonly nonce: number;
  readonly hash: Hash;
  readonly raw: Hex;
  readonly gas: bigint;
  /** Unix milliseconds. */
  readonly sentAt: number;
}

interface Intent {
  readonly key: string;
  readonly call: EncodedCall;
  /** Signed for this purpose, the newest last: at most one of them can be mined, or the ones before it are dead. */
  readonly attempts: readonly Attempt[];
  /** Once mined with success, and final. */
  readonly receipt?: TransactionReceipt;
  /** No node took it: a further send signs it anew, and still looks whether an old attempt was mined. */
  readonly dropped?: true;
}

/** EIP-7825's limit to one transaction's gas. */
const MAX_GAS = 16_777_216n;
/** A nonce must be seen taken this often, without a receipt of ours, before we believe that another transaction took it. */
const REPLACED_POLLS = 3;

/**
 * Sends one key's transactions, one after the other, each once: what is signed is on disk before it is sent, so that after a crash
 * the same transaction is taken up again and never a second one made. Stuck ones are replaced with higher fees up to a ceiling,
 * forgotten ones sent again.
 *
 * @example
 * const transactor = await Transactor.open({ client, account, store, log, errors: protocolErrors, maxFeePerGas: parseGwei("50") });
 * const receipt = await transactor.send(prove.call({ deployment, operatorId, proof }), { key: "prove/42", priority: 1 });
 */
export class Transactor {
  readonly #options: Required<Omit<TransactorOptions, "registry">>;
  readonly #log: Logger;
  readonly #intents: Table<Intent>;
  readonly #active = new Map<string, Promise<TransactionReceipt>>();
  /** The nonces of what was signed and is not final. */
  readonly #nonces = new Map<string, number>();
  readonly #queue = new SerialQueue();
  readonly #closing = new AbortController();
  readonly #metrics: TransactionMetrics | undefined;

  private constructor(options: TransactorOptions) {
    this.#options = {
      errors: [],
      confirmations: 1,
      stuckAfterMs: 60_000,
      gasMarginPercent: 20,
      maxPriorityFeePerGas: options.maxFeePerGas,
      ...options,
    };
    const { account, client, store, log, registry } = options;
    this.#log = log.child({ sender: account.address });
    this.#intents = table<Intent>(store, `transactions/${client.chain.id}/${account.address}`);
    this.#metrics = registry && new TransactionMetrics(registry);
  }

  /** Takes up again what was pending when it was last closed, or died. */
  static async open(options: TransactorOptions): Promise<Transactor> {
    const transactor = new Transactor(options);
    const pending = (await transactor.#intents.values().all()).filter((intent) => !intent.receipt && !intent.dropped);
    pending.sort((a, b) => nonceOf(a) - nonceOf(b));
    for (const intent of pending) transactor.#adopt(intent);
    return transactor;
  }

  get address(): Address {
    return this.#options.account.address;
  }

  /** Transactions that are not final yet. */
  get pending(): number {
    return this.#active.size;
  }

  /**
   * Tries the call, sends it, and resolves when it is final. The same key means the same transaction: it is sent once, and who asks
   * again, even after a restart, gets its receipt. A call that had no effect (one of the errors below) leaves its key free.
   *
   * @throws ContractRevert when it would revert, before it is sent; or did, which has `facts.transaction`
   * @throws TransactionReplaced when another transaction of the key's took its nonce
   * @throws TransactionDropped when the node refuses it, e.g. for want of funds
   * @throws DeadlinePassed when it was not sent in time
   * @throws TransactorClosed while waiting: it goes on when a transactor is opened again
   */
  send(call: Call, options: SendOptions): Promise<TransactionReceipt> {
    const { key } = options;
    const active = this.#active.get(key);
    if (active) return active;
    return this.#track(key, this.#send(encodeCall(call), options));
  }

  /** Stops waiting; what is pending stays pending. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#active.values());
  }

  #track(key: string, work: Promise<TransactionReceipt>): Promise<TransactionReceipt> {
    const { signal } = this.#closing;
    const tracked = work
      .catch((error) => {
        throw signal.aborted ? new TransactorClosed(key, error) : error;
      })
      .finally(() => this.#active.delete(key));
    this.#active.set(key, tracked);
    return tracked;
  }

  #adopt(intent: Intent): void {
    this.#log.info(
      { key: intent.key, call: intent.call.name, transaction: intent.attempts.at(-1)?.hash },
      "taking up a transaction",
    );
    this.#nonces.set(intent.key, nonceOf(intent));
    const work = async () => {
      const leave = await this.#queue.enter(Infinity);
      return this.#follow(intent, leave).finally(leave);
    };
    // Nobody may be waiting for it.
    this.#track(intent.key, work()).catch(
      (error) =>
        error instanceof TransactorClosed || this.#log.warn({ err: error, key: intent.key }, "a transaction failed"),
    );
  }

  async #send(call: EncodedCall, { key, priority = 0, deadline = Infinity }: SendOptions): Promise<TransactionReceipt> {
    const stored = await this.#intents.get(key);
    if (stored?.receipt) return stored.receipt;
    const leave = await this.#queue.enter(priority);
    try {
      this.#closing.signal.throwIfAborted();
      // Before looking for dropped ones: one that a node takes only now has this nonce too, so that no more than one is mined.
      const taken = await this.#options.client.getTransactionCount({ address: this.address, blockTag: "pending" });
      const intent =
        (await this.#goingOn(stored)) ?? (await this.#sign(key, call, stored?.attempts ?? [], taken, deadline));
      return await this.#follow(intent, leave);
    } finally {
      leave();
    }
  }

  /** What is stored, unless it was dropped and no node has taken an attempt of it all the same, mined or not. */
  async #goingOn(stored: Intent | undefined): Promise<Intent | undefined> {
    if (!stored?.dropped) return stored;
    const { key, call, attempts } = stored;
    return (await this.#anyKnown(stored)) ? this.#write({ key, call, attempts }) : undefined;
  }

  /** Simulates, then settles nonce, gas and fees; what it returns is on disk. */
  async #sign(
    key: string,
    call: EncodedCall,
    earlier: readonly Attempt[],
    taken: number,
    deadline: number,
  ): Promise<Intent> {
    const { client, gasMarginPercent } = this.#options;
    const { to, data, name } = call;
    const fees = await this.#affordableFees(name, deadline);
    const request = { account: this.address, to, data };
    const gas = await this.#explained(name, async () => {
      await client.call(request);
      return client.estimateGas(request);
    });
    const nonce = Math.max(taken, ...[...this.#nonces.values()].map((own) => own + 1));
    const withMargin = gas + (gas * BigInt(gasMarginPercent)) / 100n;
    const attempt = await this.#attempt(call, nonce, withMargin < MAX_GAS ? withMargin : MAX_GAS, fees);
    return this.#write({ key, call, attempts: [...earlier, attempt] });
  }

  async #attempt({ to, data }: EncodedCall, nonce: number, gas: bigint, fees: Fees): Promise<Attempt> {
    const { account, client } = this.#options;
    const { maxFeePerGas, maxPriorityFeePerGas } = fees;
    const transaction = {
      type: "eip1559",
      chainId: client.chain.id,
      to,
      data,
      nonce,
      gas,
      maxFeePerGas,
      maxPriorityFeePerGas,
    } as const;
    const raw = await account.signTransaction(transaction);
    return { nonce, hash: keccak256(raw), raw, gas, maxFeePerGas, maxPriorityFeePerGas, sentAt: Date.now() };
  }

  async #write(intent: Intent): Promise<Intent> {
    await this.#intents.put(intent.key, intent, DURABLE);
    if (intent.receipt || intent.dropped) this.#nonces.delete(intent.key);
    else this.#nonces.set(intent.key, nonceOf(intent));
    return intent;
  }

  /** Waits while the base fee alone is above the ceiling. */
  async #affordableFees(call: string, deadline: number): Promise<Fees> {
    const { client } = this.#options;
    for (let told = false; ; await this.#pause()) {
      const { timestamp } = await client.getBlock();
      if (Number(timestamp) > deadline) throw new DeadlinePassed(call, deadline);
      const fees = await currentFees(client, this.#ceiling());
      if (fees.baseFee <= this.#options.maxFeePerGas) return fees;
      if (!told)
        this.#log.warn(
          { call, baseFee: gwei(fees.baseFee), ceiling: gwei(this.#options.maxFeePerGas) },
          "fees are above the ceiling; waiting",
        );
      told = true;
    }
  }

  /** Until it is final. `leave` lets the next one in, as soon as this one is mined. */
  async #follow(intent: Intent, leave: () => void): Promise<TransactionReceipt> {
    for (let current = intent, takenPolls = 0; ; await this.#pause()) {
      try {
        const mined = await this.#nonceAt("latest");
        if (mined <= nonceOf(current)) {
          takenPolls = 0;
          current = await this.#nudge(current);
          continue;
        }
        const receipt = await this.#findReceipt(current);
        if (receipt) leave();
        const final = await this.#finalBlock();
        if (receipt && receipt.blockNumber <= final) return await this.#finish(current, receipt);
        takenPolls = !receipt && (await this.#nonceAt(final)) > nonceOf(current) ? takenPolls + 1 : 0;
        if (takenPolls === REPLACED_POLLS)
          await this.#fail(current, new TransactionReplaced(current.call.name, nonceOf(current)));
      } catch (error) {
        // Whatever the RPC has today, what is signed must be seen through.
        if (holdfastErrorIn(error) || this.#closing.signal.aborted) throw error;
        this.#log.warn({ err: error, key: current.key }, "cannot follow a transaction; trying again");
      }
    }
  }

  /** The newest block with enough confirmations. */
  async #finalBlock(): Promise<bigint> {
    const head = await this.#options.client.getBlockNumber();
    const final = head - BigInt(Math.max(this.#options.confirmations, 1) - 1);
    return final < 0n ? 0n : final;
  }

  async #nonceAt(block: bigint | "latest"): Promise<number> {
    const at = block === "latest" ? { blockTag: block } : { blockNumber: block };
    return this.#options.client.getTransactionCount({ address: this.address, ...at });
  }

  /** Not mined: replaces it when it is stuck, sends it again when the node forgot it. */
  async #nudge(intent: Intent): Promise<Intent> {
    const { client, stuckAfterMs } = this.#options;
    const last = intent.attempts.at(-1)!;
    if (Date.now() - last.sentAt >= stuckAfterMs) {
      const fees = bump(last, await currentFees(client, this.#ceiling()), this.#ceiling());
      const { key, call, attempts } = intent;
      if (fees) {
        const attempt = await this.#attempt(call, last.nonce, last.gas, fees);
        this.#log.warn(
          { key, call: call.name, transaction: attempt.hash, maxFee: gwei(fees.maxFeePerGas) },
          "a transaction is stuck; replacing it",
        );
        const replaced = await this.#write({ key, call, attempts: [...attempts, attempt] });
        await this.#broadcast(replaced);
        return replaced;
      }
    }
    if (!(await this.#isKnown(last.hash))) await this.#broadcast(intent);
    return intent;
  }

  /** Sends the newest attempt. When the node refuses that and knows no other, the transaction is dropped. */
  async #broadcast(intent: Intent): Promise<void> {
    const { key, call, attempts } = intent;
    const { hash, raw, nonce } = attempts.at(-1)!;
    try {
      await this.#options.client.sendRawTransaction({ serializedTransaction: raw });
      this.#log.debug({ key, call: call.name, transaction: hash, nonce }, "sent a transaction");
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === "none") return;
      if (refusal === "unclear") throw error;
      if (!(await this.#anyKnown(intent)))
        await this.#fail(intent, new TransactionDropped(call.name, refusal.reason, hash));
      this.#log.warn({ key, call: call.name, transaction: hash, ...refusal }, "the node refuses a replacement");
    }
  }

  async #finish(intent: Intent, receipt: TransactionReceipt): Promise<TransactionReceipt> {
    const { key, call } = intent;
    this.#metrics?.mined(call.name, receipt);
    if (receipt.status === "reverted") {
      await this.#forget(key);
      throw await this.#whyReverted(call, receipt);
    }
    await this.#write({ key, call, attempts: [], receipt });
    const { transactionHash: transaction, gasUsed } = receipt;
    this.#log.info(
      { key, call: call.name, transaction, gasUsed, feeEther: formatEther(gasUsed * receipt.effectiveGasPrice) },
      "a transaction is final",
    );
    return receipt;
  }

  async #fail(intent: Intent, error: TransactionReplaced | TransactionDropped): Promise<never> {
    this.#metrics?.failed(intent.call.name, error.name);
    if (error instanceof TransactionDropped) await this.#write({ ...intent, dropped: true });
    else await this.#forget(intent.key);
    throw error;
  }

  async #forget(key: string): Promise<void> {
    await this.#intents.del(key, DURABLE);
    this.#nonces.delete(key);
  }

  /** Asks the state before its block: close, if not always what the transaction met. */
  async #whyReverted(
    { name, to, data }: EncodedCall,
    { blockNumber, transactionHash }: TransactionReceipt,
  ): Promise<Error> {
    const details = { facts: { transaction: transactionHash } };
    const request = { account: this.address, to, data, blockNumber: blockNumber - 1n };
    const error = await this.#options.client.call(request).catch((reason) => reason);
    const revert = toContractRevert(error, name, this.#options.errors, details);
    const text = "when it was mined, though not a block before";
    return revert ?? new ContractRevert(name, { errorName: undefined, args: [], text }, details);
  }

  async #explained<T>(call: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw toContractRevert(error, call, this.#options.errors) ?? error;
    }
  }

  async #findReceipt(intent: Intent): Promise<TransactionReceipt | undefined> {
    for (const { hash } of intent.attempts.toReversed()) {
      const receipt = await this.#receiptOf(hash);
      if (receipt) return receipt;
    }
    return undefined;
  }

  async #receiptOf(hash: Hash): Promise<TransactionReceipt | undefined> {
    return this.#options.client.getTransactionReceipt({ hash }).catch(orAbsent(TransactionReceiptNotFoundError));
  }

  async #anyKnown({ attempts }: Intent): Promise<boolean> {
    return (await Promise.all(attempts.map(({ hash }) => this.#isKnown(hash)))).includes(true);
  }

  async #isKnown(hash: Hash): Promise<boolean> {
    return !!(await this.#options.client.getTransaction({ hash }).catch(orAbsent(TransactionNotFoundError)));
  }

  #ceiling(): Fees {
    const { maxFeePerGas, maxPriorityFeePerGas } = this.#options;
    return { maxFeePerGas, maxPriorityFeePerGas };
  }

  #pause(): Promise<void> {
    return sleep(this.#options.client.pollingInterval, undefined, { signal: this.#closing.signal });
  }
}

function nonceOf({ attempts }: Intent): number {
  return attempts.at(-1)!.nonce;
}

function orAbsent(kind: new (...args: never[]) => Error): (error: unknown) => undefined {
  return (error) => {
    if (!(error instanceof kind)) throw error;
  };
}
