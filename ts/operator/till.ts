import type { Logger } from "pino";
import { type Address, isAddressEqual, zeroAddress } from "viem";
import type { ChainClient } from "../chain/connection.ts";
import { Accountant, type Means } from "../retrieval/accountant.ts";
import type { Terms } from "../retrieval/hf-pay.ts";
import { Ledger } from "../retrieval/ledger.ts";
import { epochOf, roundAt } from "../sdk/clock.ts";
import { Retrieval } from "../sdk/contracts.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { read } from "../sdk/read.ts";
import type { OperatorState, ProtocolState } from "../service/state.ts";
import type { Store } from "../store/store.ts";
import type { Torrent } from "../torrent/metainfo.ts";
import type { Extension } from "../wire/extensions.ts";
import type { Seeder } from "../wire/seeder.ts";
import type { UploadPeer } from "../wire/upload.ts";
import type { OperatorMetrics } from "./metrics.ts";

export interface TillSettings {
  /** Whether peers may pay. Without it all are free peers; what was promised before is still redeemed. */
  readonly enabled: boolean;
  /** Asset wei; the contract's reference price if not given. */
  readonly pricePerMiB?: bigint | undefined;
  /** Bytes given on credit to a payer of whom nothing is known. */
  readonly window: number;
  /** Of a payer's free deposit, which other operators may draw on too: the share that is counted on, 0 to 1. */
  readonly trust: number;
  /** Session keys are no longer taken so long before they expire (ms). */
  readonly keyMargin: number;
}

export interface TillParts {
  readonly store: Store;
  readonly deployment: Deployment;
  readonly client: ChainClient;
  readonly state: ProtocolState;
  readonly seeder: Pick<Seeder, "rechoke">;
  /** The chain's time, Unix seconds. */
  readonly now: () => number;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
}

/** What peers promised to one payout address, and who judges their vouchers. */
export interface Book {
  readonly operator: Address;
  readonly ledger: Ledger;
  readonly accountant: Accountant;
}

/** MiB in a chunk. */
const MIB_PER_CHUNK = 8n;
/** Questions to the chain about payers within a minute, of one host and of all. Payers whose vouchers we hold are not counted. */
const [MAX_OF_HOST, MAX_OF_ALL] = [60, 600];
const MINUTE_MS = 60_000;
const TRUST_SCALE = 1_000_000;

/**
 * Where an operator is paid for what it serves: the terms, the vouchers on its disk, and what the chain says of payers. Vouchers are to
 * the payout address as it was when the peer came; there is a book for each that it ever had.
 */
export class Till {
  readonly price: bigint;
  readonly #books = new Map<Address, Book>();
  readonly #settings: TillSettings;
  readonly #parts: TillParts;
  readonly #operatorId: number;
  #lookups = { since: 0, count: 0, byHost: new Map<string, number>() };

  private constructor(price: bigint, operatorId: number, settings: TillSettings, parts: TillParts) {
    [this.price, this.#operatorId] = [price, operatorId];
    [this.#settings, this.#parts] = [settings, parts];
  }

  static async open(settings: TillSettings, me: OperatorState, parts: TillParts): Promise<Till> {
    const { client, deployment, log } = parts;
    const { timestamp } = await client.getBlock();
    const epoch = Number(timestamp) < deployment.genesis ? 1 : epochOf(roundAt(deployment, Number(timestamp)));
    const [, referencePrice] = await read(client, deployment, Retrieval, "termsOf", [epoch]);
    // Rounded up: what is paid for is credited.
    const { enabled, pricePerMiB: price = (referencePrice + MIB_PER_CHUNK - 1n) / MIB_PER_CHUNK, window } = settings;
    const till = new Till(price, me.id, settings, parts);
    await till.follow(me);
    log.info({ enabled, payout: me.payout, price, window }, "peers may pay");
    return till;
  }

  get books(): Book[] {
    return [...this.#books.values()];
  }

  /** Whether there is a book for each of the operator's payout addresses. */
  knows({ payouts }: OperatorState): boolean {
    return [...payouts].every((payout) => this.#books.has(payout));
  }

  /** Opens a book for a new payout address. */
  async follow({ payouts }: OperatorState): Promise<void> {
    for (const payout of payouts) {
      if (!this.#books.has(payout)) this.#books.set(payout, await this.#openBook(payout));
    }
  }

  /** For the seeder: a peer may pay to the payout address as it is now. */
  readonly extensions = (peer: UploadPeer, torrent: Torrent): readonly Extension[] => {
    const payout = this.#parts.state.operators.get(this.#operatorId)?.payout;
    const book = payout && this.#books.get(payout);
    return this.#settings.enabled && book ? book.accountant.extensions(peer, torrent) : [];
  };

  /** A payer's means for one payout address, as the chain has them now: all of one block. */
  async meansOf(operator: Address, payer: Address, contentId: number, key: Address | undefined): Promise<Means> {
    const { client, deployment } = this.#parts;
    const retrieval = { address: deployment.contracts.Retrieval, abi: Retrieval.abi } as const;
    const [earmark, thaw, { balance }, leaving, { paid }, session] = await client.multicall({
      deployless: true,
      allowFailure: false,
      contracts: [
        { ...retrieval, functionName: "earmarkOf", args: [payer, operator] },
        { ...retrieval, functionName: "thawOf", args: [payer, operator] },
        { ...retrieval, functionName: "account", args: [payer] },
        { ...retrieval, functionName: "thawOf", args: [payer, zeroAddress] },
        { ...retrieval, functionName: "channel", args: [payer, operator, BigInt(contentId)] },
        { ...retrieval, functionName: "sessionKey", args: [payer, key ?? payer] },
      ],
    });
    // A thaw stays as it was asked for, whatever is redeemed meanwhile.
    const free = (atLeast0(balance - leaving.amount) * this.#trust) / BigInt(TRUST_SCALE);
    const { expiry, ceiling, spent } = session;
    return {
      funds: atLeast0(earmark - thaw.amount) + free,
      paid,
      key: expiry === 0n ? undefined : { expiry: Number(expiry), ceiling, spent },
    };
  }

  async #openBook(operator: Address): Promise<Book> {
    const { deployment, log, metrics, seeder, store } = this.#parts;
    const { keyMargin, window } = this.#settings;
    const { chainId, contracts } = deployment;
    const terms: Terms = { chainId, contract: contracts.Retrieval, operator, price: this.price, window };
    const ledger = await Ledger.open(store, terms);
    const accountant = new Accountant({
      ...{ terms, ledger },
      keyMargin: keyMargin / 1000,
      now: this.#parts.now,
      meansOf: async (payer, contentId, key, host) => {
        // Whoever shows a signature that we know has paid; keys can be made up without end.
        const last = ledger.get(payer, contentId);
        if (last === undefined || !isAddressEqual(last.signer, key ?? payer)) this.#countLookup(host);
        return this.meansOf(operator, payer, contentId, key);
      },
      contentOf: (torrent) => this.#contentOf(torrent),
      rechoke: () => seeder.rechoke(),
      onRefusal: (refusal) => {
        metrics.refusals.inc({ reason: refusal.reason });
        log.info(refusal, "a voucher is refused");
      },
    });
    return { operator, ledger, accountant };
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

  get #trust(): bigint {
    return BigInt(Math.floor(this.#settings.trust * TRUST_SCALE));
  }

  #countLookup(host: string): void {
    const now = Date.now();
    if (now - this.#lookups.since > MINUTE_MS) this.#lookups = { since: now, count: 0, byHost: new Map() };
    const { byHost } = this.#lookups;
    const ofHost = (byHost.get(host) ?? 0) + 1;
    byHost.set(host, ofHost);
    if (ofHost > MAX_OF_HOST) throw new Error("too many payers ask from one host");
    if (++this.#lookups.count > MAX_OF_ALL) throw new Error("too many payers ask at once");
  }
}

function atLeast0(wei: bigint): bigint {
  return wei > 0n ? wei : 0n;
}
