// A chain on which operators hold a content and sell it: what the tests of paid downloads share.

import { hash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import type { OperatorService } from "../operator/run.ts";
import { fund, metricOf, type Publication, publishSample, startOperator } from "../operator/testing.ts";
import { Market as MarketContract } from "../sdk/contracts.ts";
import { placeOrder } from "../sdk/flows/placeOrder.ts";
import { read } from "../sdk/read.ts";
import type { ProtocolState } from "../service/state.ts";
import { LocalChain } from "../testing/deploy.ts";
import { eventually } from "../testing/eventually.ts";
import { findContent, type Listing } from "./operators.ts";

/** In wei per MiB. */
export const PRICE = 10n ** 11n;

/** A content of which operators hold a replica each, live now. Local account 0 published it, 1 and on are the operators. */
export class Market {
  readonly chain: LocalChain;
  readonly publication: Publication;
  /** Number 1 first. */
  readonly operators: OperatorService[] = [];
  readonly #folder: string;

  private constructor(chain: LocalChain, publication: Publication, folder: string) {
    [this.chain, this.publication, this.#folder] = [chain, publication, folder];
  }

  /** @param prices of the operators, in wei per MiB */
  static async open(bytes: number, prices: readonly bigint[]): Promise<Market> {
    const chain = await LocalChain.start({ roundLength: 600 });
    const publication = await publishSample(chain, bytes, 1);
    const market = new Market(chain, publication, await mkdtemp(join(tmpdir(), "holdfast-market-")));
    for (const price of prices) await market.#register(price);
    const { contentId } = publication;
    const startEpoch = await read(chain.client(), chain.deployment, MarketContract, "currentEpoch", []);
    const replicas = prices.length;
    const { deployment } = chain;
    const terms = { deployment, contentId, startEpoch, epochs: 1, replicas };
    const { orderId } = await placeOrder(chain.client(), terms);
    const slots = () => market.state.orders.get(orderId)?.slots ?? [];
    await eventually(() => expect(slots().filter((slot) => slot !== undefined)).toHaveLength(replicas));
    const round = await read(chain.client(), chain.deployment, MarketContract, "currentRound", []);
    await chain.seedRound(round + 1);
    await eventually(() => expect(slots().filter((slot) => slot?.liveFrom === round + 2)).toHaveLength(replicas));
    await chain.toRound(round + 2);
    return market;
  }

  get state(): ProtocolState {
    return this.operators[0]!.state;
  }

  async listing(): Promise<Listing> {
    const round = await read(this.chain.client(), this.chain.deployment, MarketContract, "currentRound", []);
    return findContent(this.state, this.publication.created.torrent.infohashV2, round)!;
  }

  /** Resolves when an operator's books say that it was promised so much in all, in wei. */
  expectPromised(operatorId: number, wei: bigint): Promise<void> {
    const service = this.operators[operatorId - 1]!;
    return this.withBlocks(async () => {
      const promised = (await metricOf(service, "vouchers_wei")) + (await metricOf(service, "redeemed_wei_total"));
      expect(BigInt(promised)).toBe(wei);
    });
  }

  /** Waits until a check passes, with a block each second: operators look at their books with every block. */
  withBlocks(check: () => Promise<void>): Promise<void> {
    const mineAndCheck = async () => {
      await this.chain.client().mine({ blocks: 1 });
      await check();
    };
    return vi.waitFor(mineAndCheck, { timeout: 60_000, interval: 1_000 });
  }

  /** Vouchers that an operator refused. */
  refusedBy(operatorId: number): Promise<number> {
    return metricOf(this.operators[operatorId - 1]!, "vouchers_refused_total");
  }

  async expectWhole(folder: string): Promise<void> {
    const { data, created } = this.publication;
    const digest = async (path: string) => hash("sha256", await readFile(path));
    expect(await digest(join(folder, created.torrent.name))).toBe(await digest(data));
  }

  async close(): Promise<void> {
    for (const service of this.operators) await service.stop();
    await this.publication.close();
    await rm(this.#folder, { recursive: true, force: true });
    await this.chain.stop();
  }

  async #register(price: bigint): Promise<void> {
    const account = this.operators.length + 1;
    await fund(this.chain, account);
    // Vouchers of a few wei are worth their gas here.
    const retrieval = { pricePerMiB: `${price} wei`, assetPerEther: 1e-9 };
    const service = await startOperator(this.chain, account, join(this.#folder, `operator-${account}`), { retrieval });
    this.operators.push(service);
  }
}
