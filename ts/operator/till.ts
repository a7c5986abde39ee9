import type { Logger } from "pino";
import { type Address, zeroAddress } from "viem";
import type { ChainClient } from "../chain/connection.ts";
import { Accountant, type Means } from "../retrieval/accountant.ts";
import type { Terms } from "../retrieval/hf-pay.ts";
import { Ledger } from "../retrieval/ledger.ts";
import { read } from "../sdk/call.ts";
import { epochOf, roundAt } from "../sdk/clock.ts";
import type { Deployment } from "../sdk/deployment.ts";
import type { OperatorState, ProtocolState } from "../sdk/state.ts";
import type { Store } from "../store/store.ts";
import type { Torrent } from "../torrent/metainfo.ts";
import type { Seeder } from "../wire/seeder.ts";
import type { OperatorMetrics } from "./metrics.ts";

export interface TillSettings {
  /** Asset wei; the contract's reference price if not given. */
  readonly pricePerMiB?: bigint | undefined;
  /** Bytes given on credit to a payer of whom nothing is known. */
  readonly window: number;
  /** Of a payer's free deposit, which other operators may draw on too: the share that is counted on, 0 to 1. */
  readonly trust: number;
}

export interface TillParts {
  readonly store: Store;
  readonly deployment: Deployment;
  readonly client: ChainClient;
  readonly state: ProtocolState;
  readonly seeder: Pick<Seeder, "rechoke">;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
}

/** MiB in a chunk. */
const MIB_PER_CHUNK = 8n;
/** Questions to the chain about payers within a minute: whoever asks for more, with one key after the other, waits. */
const MAX_LOOKUPS = 600;
const MINUTE_MS = 60_000;
const TRUST_SCALE = 1_000_000;

/** Where an operator is paid for what it serves: the terms, the vouchers on its disk, and what the chain says of payers. */
export class Till {
  readonly terms: Terms;
  readonly ledger: Ledger;
  readonly accountant: Accountant;
  readonly #settings: TillSettings;
  readonly #parts: TillParts;
  readonly #operatorId: number;
  #lookups = { since: 0, count: 0 };

  private constructor(terms: Terms, ledger: Ledger, operatorId: number, settings: TillSettings, parts: TillParts) {
    [this.terms, this.ledger, this.#operatorId] = [terms, ledger, operatorId];
    [this.#settings, this.#parts] = [settings, parts];
    const { log, metrics, seeder } = parts;
    this.accountant = new Accountant({
      terms,
      ledger,
      meansOf: (payer, contentId, key) => this.#meansOf(payer, contentId, key),
      contentOf: (torrent) => this.#contentOf(torrent),
      rechoke: () => seeder.rechoke(),
      onRefusal: (refusal) => {
        metrics.refusals.inc({ reason: refusal.reason });
        log.info(refusal, "a voucher is refused");
      },
    });
  }

  /** For the operator as it stands: vouchers are to its payout address. */
  static async open(settings: TillSettings, { id, payout }: OperatorState, parts: TillParts): Promise<Till> {
    const { client, deployment, log, store } = parts;
    const { timestamp } = await client.getBlock();
    const epoch = Number(timestamp) < deployment.genesis ? 1 : epochOf(roundAt(deployment, Number(timestamp)));
    const [, referencePrice] = await read(client, deployment, "Retrieval", "termsOf", [epoch]);
    const { pricePerMiB: price = referencePrice / MIB_PER_CHUNK, window } = settings;
    const { chainId, contracts } = deployment;
    const terms = { chainId, contract: contracts.Retrieval, operator: payout, price, window };
    log.info({ payout, price, window }, "peers may pay");
    return new Till(terms, await Ledger.open(store, terms), id, settings, parts);
  }

  /** Its number, while we hold it on chain: a copy that nobody ordered any more is free. */
  #contentOf({ infohashV2 }: Torrent): number | undefined {
    const { state } = this.#parts;
    const infohash = `0x${Buffer.from(infohashV2).toString("hex")}`;
    for (const order of state.orders.values()) {
      if (state.contents.get(order.contentId)?.commitment.infohash !== infohash) continue;
      if (order.slots.some((slot) => slot?.operatorId === this.#operatorId)) return order.contentId;
    }
    return undefined;
  }

  async #meansOf(payer: Address, contentId: number, key: Address | undefined): Promise<Means> {
    this.#countLookup();
    const { client, deployment } = this.#parts;
    const { operator } = this.terms;
    const [earmark, thaw, account, leaving, { paid }, session] = await Promise.all([
      read(client, deployment, "Retrieval", "earmarkOf", [payer, operator]),
      read(client, deployment, "Retrieval", "thawOf", [payer, operator]),
      read(client, deployment, "Retrieval", "account", [payer]),
      read(client, deployment, "Retrieval", "thawOf", [payer, zeroAddress]),
      read(client, deployment, "Retrieval", "channel", [payer, operator, BigInt(contentId)]),
      key && read(client, deployment, "Retrieval", "sessionKey", [payer, key]),
    ]);
    const free = ((account.balance - leaving.amount) * this.#trust) / BigInt(TRUST_SCALE);
    const known = session === undefined || session.expiry === 0n ? undefined : session;
    return {
      funds: earmark - thaw.amount + free,
      paid,
      key: known && { ...known, expiry: Number(known.expiry) },
    };
  }

  get #trust(): bigint {
    return BigInt(Math.floor(this.#settings.trust * TRUST_SCALE));
  }

  #countLookup(): void {
    const now = Date.now();
    if (now - this.#lookups.since > MINUTE_MS) this.#lookups = { since: now, count: 0 };
    if (++this.#lookups.count > MAX_LOOKUPS) throw new Error("too many payers ask at once");
  }
}
