import type { Logger } from "pino";
import { type Address, concat, keccak256, zeroAddress } from "viem";
import type { Call } from "../chain/call.ts";
import type { ChainClient } from "../chain/connection.ts";
import { currentFees } from "../chain/fees.ts";
import type { Entry } from "../retrieval/ledger.ts";
import { call, read } from "../sdk/call.ts";
import { ABIS, type Deployment } from "../sdk/deployment.ts";
import { type OperatorState, type ProtocolState, payerKey } from "../sdk/state.ts";
import type { Duties } from "../service/duties.ts";
import type { OperatorMetrics } from "./metrics.ts";
import type { Till } from "./till.ts";

export interface RedeemerSettings {
  /** What is drawn is at least so many times what its gas costs, unless it would be lost otherwise. */
  readonly worth: number;
  /** What an ether is worth in the asset: asset wei for a wei of gas. */
  readonly assetPerEther: number;
}

export interface RedeemerParts {
  readonly deployment: Deployment;
  readonly client: ChainClient;
  readonly state: ProtocolState;
  readonly duties: Duties;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
  readonly sender: Address;
  /** Resolves when the state shows what the transaction did. */
  readonly send: (what: Call, key: string) => Promise<void>;
}

/** Vouchers in one transaction. */
const BATCH = 64;
/** How often it is asked whether redeeming is worth its gas, and one voucher at most (ms). */
const LOOK_MS = 60_000;
/** A session key that expires within so long has its vouchers redeemed (seconds). */
const KEY_MARGIN = 3_600n;
/** What collecting costs, in gas: measured 58,000 with a first balance. */
const COLLECT_GAS = 60_000n;
/** IRetrieval.Outcome: those that pay, and one that already did. */
const [PAID, SHORT, NOTHING_NEW] = [0, 1, 2];
const OUTCOMES = [
  ...["paid", "short", "nothing new", "unknown content", "bad signature"],
  ...["the session key expired", "the session key's ceiling is reached", "the payer has nothing left"],
];

/**
 * Turns vouchers into money: many at once, when that is worth its gas; those of a payer who takes its money home, of a key that ends, or
 * of an operator that leaves, at once. What became of each is read from the chain, so that nothing is lost or sent twice.
 */
export class Redeemer {
  readonly #settings: RedeemerSettings;
  readonly #till: Till;
  readonly #parts: RedeemerParts;
  /** By signature: when an urgent one was last tried, in ms. */
  readonly #tried = new Map<string, number>();
  #next = 0;

  constructor(settings: RedeemerSettings, till: Till, parts: RedeemerParts) {
    [this.#settings, this.#till, this.#parts] = [settings, till, parts];
  }

  /** Starts what is due. @param now The chain's time, Unix seconds. */
  look(me: OperatorState, now: bigint): void {
    const { duties, metrics } = this.#parts;
    if (duties.isRunning("redeem:vouchers")) return;
    const entries = this.#till.ledger.redeemable();
    metrics.promised.set(Number(entries.reduce((sum, entry) => sum + owed(entry), 0n)));
    const urgent = entries.filter((entry) => this.#isUrgent(entry, me, now));
    const at = Date.now();
    if (urgent.length === 0 && (entries.length === 0 || at < this.#next)) return;
    this.#next = at + LOOK_MS;
    for (const { voucher } of urgent) this.#tried.set(voucher.signature, at);
    for (const [signature, tried] of this.#tried) if (at - tried >= LOOK_MS) this.#tried.delete(signature);
    const rest = entries.filter((entry) => !urgent.includes(entry)).sort((a, b) => (owed(a) > owed(b) ? -1 : 1));
    duties.start("redeem:vouchers", () => this.#redeem([...urgent, ...rest].slice(0, BATCH), urgent.length > 0));
  }

  /** Whether waiting may lose it. */
  #isUrgent({ voucher: { payer, signature }, signer }: Entry, me: OperatorState, now: bigint): boolean {
    if (Date.now() - (this.#tried.get(signature) ?? 0) < LOOK_MS) return false;
    const { thaws, sessionKeys } = this.#parts.state;
    const takesHome = [this.#till.terms.operator, zeroAddress].some((from) => thaws.has(payerKey(payer, from)));
    const expiry = sessionKeys.get(payerKey(payer, signer));
    return takesHome || (expiry !== undefined && expiry < now + KEY_MARGIN) || me.exitRequested !== undefined;
  }

  async #redeem(entries: readonly Entry[], urgent: boolean): Promise<void> {
    const { client, deployment, log, metrics, send, sender } = this.#parts;
    const { operator } = this.#till.terms;
    const outcomes = await this.#outcomes(entries);
    for (const [i, { voucher }] of entries.entries()) {
      const { payer, contentId } = voucher;
      if (outcomes[i] === NOTHING_NEW) await this.#learn(payer, contentId);
      else if (!pays(outcomes[i]))
        log.warn({ payer, contentId, reason: OUTCOMES[outcomes[i]!] }, "a voucher is worth nothing now");
    }
    const good = entries.filter((_, i) => pays(outcomes[i]));
    if (good.length === 0) return;
    const what = call(deployment, "Retrieval", "redeem", [operator, good.map(argsOf)]);
    const gas = await client.estimateGas({ account: sender, to: what.to, data: what.data });
    const before = good.reduce((sum, { redeemed }) => sum + redeemed, 0n);
    const gain = good.reduce((sum, entry) => sum + owed(entry), 0n);
    if (!(await this.#isWorth(gain, gas, urgent))) return;
    await send(what, `redeem:${keccak256(concat(good.map(({ voucher }) => voucher.signature)))}`);
    for (const { voucher } of good) await this.#learn(voucher.payer, voucher.contentId);
    const after = good.reduce((sum, { voucher }) => sum + (this.#entry(voucher)?.redeemed ?? 0n), 0n);
    metrics.redeemed.inc(Number(after - before));
    log.info({ vouchers: good.length, amount: after - before, urgent }, "vouchers are redeemed");
    await this.#collect();
  }

  /** Sends home what was redeemed. */
  async #collect(): Promise<void> {
    const { client, deployment, log, send } = this.#parts;
    const { operator } = this.#till.terms;
    const { credit, up } = await read(client, deployment, "Retrieval", "earnings", [operator]);
    if (credit === 0n || !(await this.#isWorth(credit, COLLECT_GAS, false))) return;
    await send(call(deployment, "Retrieval", "collect", [operator]), `collect:${operator}:${credit}:${up}`);
    log.info({ operator, amount: credit }, "what peers paid is collected");
  }

  /** What would become of each, as the contract says. */
  async #outcomes(entries: readonly Entry[]): Promise<readonly number[]> {
    const { client, deployment, sender } = this.#parts;
    const { result } = await client.simulateContract({
      address: deployment.contracts.Retrieval,
      abi: ABIS.Retrieval,
      functionName: "redeem",
      args: [this.#till.terms.operator, entries.map(argsOf)],
      account: sender,
    });
    return result[1];
  }

  /** @param gain Asset wei. */
  async #isWorth(gain: bigint, gas: bigint, urgent: boolean): Promise<boolean> {
    const { worth, assetPerEther } = this.#settings;
    const none = { maxFeePerGas: 2n ** 128n, maxPriorityFeePerGas: 2n ** 128n };
    const { baseFee, maxPriorityFeePerGas } = await currentFees(this.#parts.client, none);
    const cost = Number(gas * (baseFee + maxPriorityFeePerGas)) * assetPerEther;
    return Number(gain) >= cost * (urgent ? 1 : worth);
  }

  /** Takes over what the contract has paid of a channel. */
  async #learn(payer: Address, contentId: number): Promise<void> {
    const { client, deployment } = this.#parts;
    const args = [payer, this.#till.terms.operator, BigInt(contentId)] as const;
    const { paid } = await read(client, deployment, "Retrieval", "channel", args);
    await this.#till.accountant.redeemed(payer, contentId, paid);
  }

  #entry({ payer, contentId }: Entry["voucher"]): Entry | undefined {
    return this.#till.ledger.get(payer, contentId);
  }
}

function argsOf({ voucher: { payer, contentId, cumulativeAmount, cumulativeBytes, signature } }: Entry) {
  return { payer, contentId: BigInt(contentId), cumulativeAmount, cumulativeBytes: BigInt(cumulativeBytes), signature };
}

function owed({ voucher, redeemed }: Entry): bigint {
  return voucher.cumulativeAmount > redeemed ? voucher.cumulativeAmount - redeemed : 0n;
}

function pays(outcome: number | undefined): boolean {
  return outcome === PAID || outcome === SHORT;
}
