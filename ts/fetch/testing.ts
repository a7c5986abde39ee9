// A chain on which operators hold a content and sell it: what the tests of paid downloads share.
import { hash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import type { OperatorService } from "../operator/run.ts";
import { fund, type Publication, publishSample, startOperator as startAgent } from "../operator/testing.ts";
import { Accountant, type MeansOf, type RefusedPayment } from "../retrieval/accountant.ts";
import { MEBIBYTE } from "../retrieval/credit.ts";
import { Ledger } from "../retrieval/ledger.ts";
import { byBid } from "../retrieval/unchoker.ts";
import type { Domain } from "../retrieval/voucher.ts";
import { openOrder } from "../sdk/actions.ts";
import { call, read } from "../sdk/call.ts";
import { send } from "../sdk/send.ts";
import type { ProtocolState } from "../sdk/state.ts";
import { openStore, type Store } from "../store/store.ts";
import { LocalChain } from "../testing/deploy.ts";
import { eventually } from "../testing/eventually.ts";
import { DataFolder } from "../torrent/folder.ts";
import { Seeder } from "../wire/seeder.ts";
import { findContent, type Listing } from "./operators.ts";

/** In wei per MiB. */
export const PRICE = 10n ** 11n;

/** An operator on chain and the seeder that is paid for it. */
export interface Shop {
  readonly service: OperatorService;
  readonly seeder: Seeder;
  readonly ledger: Ledger;
  readonly refusals: RefusedPayment[];
}

/** A content of which operators hold a replica each, live now. Local account 0 published it, 1 and on are the operators. */
export class Market {
  readonly chain: LocalChain;
  readonly publication: Publication;
  readonly shops: Shop[] = [];
  readonly #folder: string;
  readonly #closing: (() => Promise<unknown>)[] = [];

  private constructor(chain: LocalChain, publication: Publication, folder: string) {
    [this.chain, this.publication, this.#folder] = [chain, publication, folder];
  }

  /** @param prices of the operators, in wei per MiB */
  static async open(bytes: number, prices: readonly bigint[]): Promise<Market> {
    const chain = await LocalChain.start({ roundLength: 600 });
    const publication = await publishSample(chain, bytes, 1);
    const market = new Market(chain, publication, await mkdtemp(join(tmpdir(), "holdfast-market-")));
    for (const [i, price] of prices.entries()) await market.#openShop(i + 1, price);
    const { contentId } = publication;
    const startEpoch = await read(chain.client(), chain.deployment, "Market", "currentEpoch", []);
    const orderId = await openOrder(chain.client(), chain.deployment, {
      ...{ contentId, startEpoch, epochs: 1 },
      replicas: prices.length,
    });
    const slots = () => market.state.orders.get(orderId)?.slots ?? [];
    await eventually(() => expect(slots().filter((slot) => slot !== undefined)).toHaveLength(prices.length));
    const round = await read(chain.client(), chain.deployment, "Market", "currentRound", []);
    await chain.seedRound(round + 1);
    await eventually(() => expect(slots().filter((slot) => slot?.liveFrom === round + 2)).toHaveLength(prices.length));
    await chain.toRound(round + 2);
    return market;
  }

  get state(): ProtocolState {
    return this.shops[0]!.service.state;
  }

  get domain(): Domain {
    const { chainId, contracts } = this.chain.deployment;
    return { chainId, contract: contracts.Retrieval };
  }

  async listing(): Promise<Listing> {
    const round = await read(this.chain.client(), this.chain.deployment, "Market", "currentRound", []);
    return findContent(this.state, this.publication.created.torrent.infohashV2, round)!;
  }

  /** Redeems all that an operator was promised. @returns the outcomes, as IRetrieval.Outcome counts them */
  async redeem({ ledger }: Shop): Promise<void> {
    const entries = ledger.redeemable();
    const batch = entries.map(({ voucher: { contentId, cumulativeBytes, ...voucher } }) => ({
      ...voucher,
      contentId: BigInt(contentId),
      cumulativeBytes: BigInt(cumulativeBytes),
    }));
    const { operator } = entries[0]!.voucher;
    await send(this.chain.client(), call(this.chain.deployment, "Retrieval", "redeem", [operator, batch]));
  }

  async expectWhole(folder: string): Promise<void> {
    const { data, created } = this.publication;
    const [got, published] = [join(folder, created.torrent.name), data].map(async (path) =>
      hash("sha256", await readFile(path)),
    );
    expect(await got).toBe(await published);
  }

  async close(): Promise<void> {
    for (const close of this.#closing.reverse()) await close();
    await this.publication.close();
    await rm(this.#folder, { recursive: true, force: true });
    await this.chain.stop();
  }

  async #openShop(account: number, price: bigint): Promise<void> {
    const { chain, publication } = this;
    const { torrent } = publication.created;
    const operator = chain.client(account).account.address;
    const store: Store = await openStore(join(this.#folder, `books-${account}`));
    const ledger = await Ledger.open(store, this.domain);
    const refusals: RefusedPayment[] = [];
    const accountant = new Accountant({
      terms: { ...this.domain, operator, price, window: MEBIBYTE },
      ledger,
      meansOf: this.#meansFor(operator),
      contentOf: () => publication.contentId,
      rechoke: () => seeder.rechoke(),
      onRefusal: (refusal) => refusals.push(refusal),
    });
    const { extensions } = accountant;
    const seeder: Seeder = await Seeder.listen({ host: "127.0.0.1", port: 0, unchoker: byBid(8), extensions });
    const folder = new DataFolder(dirname(publication.data), torrent);
    seeder.add({ torrent, folder });
    await fund(chain, account);
    const endpoint = `127.0.0.1:${seeder.port}`;
    const service = await startAgent(chain, account, join(this.#folder, `agent-${account}`), { endpoint });
    this.shops.push({ service, seeder, ledger, refusals });
    this.#closing.push(
      () => store.close(),
      () => folder.close(),
      () => seeder.close(),
      () => service.stop(),
    );
  }

  #meansFor(operator: `0x${string}`): MeansOf {
    const client = this.chain.client();
    const { deployment } = this.chain;
    return async (payer, contentId, key) => {
      const [funds, { paid }, session] = await Promise.all([
        read(client, deployment, "Retrieval", "earmarkOf", [payer, operator]),
        read(client, deployment, "Retrieval", "channel", [payer, operator, BigInt(contentId)]),
        key && read(client, deployment, "Retrieval", "sessionKey", [payer, key]),
      ]);
      const known = session !== undefined && session.expiry > 0n;
      return { funds, paid, ...(known && { key: { ...session, expiry: Number(session.expiry) } }) };
    };
  }
}
