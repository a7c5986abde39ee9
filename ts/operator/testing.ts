// What the tests of this folder share: a chain, a publisher that seeds, and time that moves when they say so.

import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { type Address, bytesToHex } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { expect } from "vitest";
import { Payer } from "../retrieval/payer.ts";
import { authoriseSync } from "../sdk/actions/authorise.ts";
import { earmarkSync } from "../sdk/actions/earmark.ts";
import { openAudit } from "../sdk/actions/openAudit.ts";
import { transferSync } from "../sdk/actions/transfer.ts";
import { Audits, Market } from "../sdk/contracts.ts";
import { addDeposit } from "../sdk/flows/addDeposit.ts";
import { placeOrder } from "../sdk/flows/placeOrder.ts";
import { publishContent } from "../sdk/flows/publishContent.ts";
import { commitmentArgs } from "../sdk/manifest.ts";
import { pay } from "../sdk/pay.ts";
import { read } from "../sdk/read.ts";
import { Health } from "../service/health.ts";
import type { OperatorState } from "../service/state.ts";
import type { Store } from "../store/store.ts";
import { type LocalClient, localKey } from "../testing/anvil.ts";
import type { LocalChain } from "../testing/deploy.ts";
import { eventually } from "../testing/eventually.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { type Created, createTorrent, DataFolder } from "../torrent/index.ts";
import { formatMagnet } from "../torrent/magnet.ts";
import { fetchTorrent } from "../wire/fetch.ts";
import { Seeder } from "../wire/seeder.ts";
import { sampleBytes } from "../wire/testing.ts";
import { type OperatorConfigInput, operatorConfig } from "./config.ts";
import { OperatorService, type RunOptions } from "./run.ts";

/** A torrent on a publisher's disk, seeded by it, and published. */
export interface Publication {
  readonly contentId: number;
  readonly created: Created;
  readonly infohash: string;
  /** The path of the data, and of the .torrent. */
  readonly data: string;
  readonly torrentFile: string;
  readonly seeder: Seeder;
  readonly close: () => Promise<void>;
}

/** Publishes `bytes` of data as local account 0, with its seeder as the first peer. @param lie Publishes another dataRoot. */
export async function publishSample(chain: LocalChain, bytes: number, seed: number, lie = false): Promise<Publication> {
  const parent = await mkdtemp(join(tmpdir(), "holdfast-publisher-"));
  const data = join(parent, `sample-${seed}.bin`);
  await writeFile(data, sampleBytes(bytes, seed));
  const created = await createTorrent(data);
  const torrentFile = join(parent, "sample.torrent");
  await writeFile(torrentFile, created.bytes);
  const seeder = await Seeder.listen({ host: "127.0.0.1", port: 0 });
  const folder = new DataFolder(parent, created.torrent);
  seeder.add({ torrent: created.torrent, folder });
  const infohash = bytesToHex(created.torrent.infohashV2).slice(2);
  const { contentId } = await publishContent(chain.client(), {
    deployment: chain.deployment,
    commitment: commitmentArgs({ ...created.commitment, ...(lie && { dataRoot: Buffer.alloc(32, 7) }) }),
    name: created.torrent.name,
    sources: [formatMagnet({ infohashV2: created.torrent.infohashV2, peers: [seeder] })],
  });
  const close = async () => {
    await seeder.close();
    await folder.close();
    await rm(parent, { recursive: true, force: true });
  };
  return { contentId, created, infohash, data, torrentFile, seeder, close };
}

/** Opens an order of one replica, from the epoch under way on, for these operators. */
export async function orderOf(
  chain: LocalChain,
  contentId: number,
  designated: readonly number[],
  epochs = 1,
): Promise<number> {
  const startEpoch = await read(chain.client(), chain.deployment, Market, "currentEpoch", []);
  const terms = { contentId, replicas: 1, startEpoch, epochs, designated };
  return (await placeOrder(chain.client(), { deployment: chain.deployment, ...terms })).orderId;
}

/** Pays for an audit of an order's first replica, as local account 0. */
export async function auditOf(chain: LocalChain, orderId: number): Promise<void> {
  const [wallet, { deployment }] = [chain.client(), chain];
  const maxFee = await read(wallet, deployment, Audits, "auditFee", []);
  await pay(wallet, openAudit, { deployment, orderId, replica: 0, maxFee });
}

/** Gives a local account some of the asset. */
export async function fund(chain: LocalChain, index: number): Promise<void> {
  const to = chain.client(index).account.address;
  await transferSync(chain.client(), { deployment: chain.deployment, to, amount: 10n ** 20n });
}

/** Runs local account `index`'s operator, registered if it is new. */
export function startOperator(
  chain: LocalChain,
  index: number,
  dataDir: string,
  more: Partial<OperatorConfigInput> = {},
  options: Partial<RunOptions> = {},
): Promise<OperatorService> {
  const config = operatorConfig.parse({
    rpcUrl: chain.rpcUrl,
    key: { privateKey: localKey(index) },
    deployment: chain.deploymentFile,
    dataDir,
    listen: "127.0.0.1:0",
    capacityChunks: 8,
    localSources: true,
    pollingIntervalMs: 50,
    ...more,
  });
  return OperatorService.start(config, {
    log: pino({ level: process.env.LOG ?? "silent" }),
    register: true,
    ...options,
  });
}

/** A local account that pays operators, with a session key of its own. */
export class Patron {
  readonly wallet: LocalClient;
  readonly signer = privateKeyToAccount(generatePrivateKey());
  readonly payer: Payer;
  readonly #publication: Publication;

  private constructor(chain: LocalChain, index: number, publication: Publication, store: Store, funds: bigint) {
    [this.wallet, this.#publication] = [chain.client(index), publication];
    const { chainId, contracts } = chain.deployment;
    this.payer = new Payer({
      domain: { chainId, contract: contracts.Retrieval },
      payer: this.wallet.account.address,
      signer: this.signer,
      contentId: publication.contentId,
      pieceLength: publication.created.torrent.pieceLength,
      maxPrice: 10n ** 18n,
      budget: funds,
      reach: async () => funds,
      store,
    });
  }

  /** With `funds` (asset wei) in its deposit, earmarked for an operator if one is named, and a key that may promise them for a day. */
  static async open(
    chain: LocalChain,
    index: number,
    publication: Publication,
    { store, funds = 10n ** 18n, earmarkFor }: { store: Store; funds?: bigint; earmarkFor?: Address | undefined },
  ): Promise<Patron> {
    await fund(chain, index);
    const { deployment } = chain;
    const patron = new Patron(chain, index, publication, store, funds);
    const { wallet, signer } = patron;
    await addDeposit(wallet, { deployment, amount: funds });
    if (earmarkFor !== undefined) await earmarkSync(wallet, { deployment, operator: earmarkFor, amount: funds });
    const { timestamp } = await wallet.getBlock();
    const key = { key: signer.address, expiry: Number(timestamp) + 86_400, ceiling: 2n * funds };
    await authoriseSync(wallet, { deployment, ...key });
    return patron;
  }

  get address(): Address {
    return this.wallet.account.address;
  }

  /** Promised in all, in asset wei. */
  get promised(): bigint {
    return this.payer.spent;
  }

  /** Fetches the content, or what is missing of it, into a folder, and pays. */
  async buy(operator: PeerAddress, folder: string): Promise<void> {
    const { extensions, onVerified, settle: beforeLeaving } = this.payer;
    const limits = { stallMs: 5_000, retryMs: 50, attempts: 3, idleMs: 20_000 };
    const { torrent } = this.#publication.created;
    await fetchTorrent({ torrent, peers: [operator], folder, limits, extensions, onVerified, beforeLeaving });
  }
}

/** Writes zeros over all of a file. */
export async function spoil(path: string): Promise<void> {
  const { size } = await stat(path);
  await writeFile(path, Buffer.alloc(size));
}

/** What a metric of an operator stands at, all its labels together or those with the first one given. */
export async function metricOf({ registry }: OperatorService, name: string, label?: string): Promise<number> {
  const { values } = await registry.getSingleMetric(`holdfast_operator_${name}`)!.get();
  const wanted = values.filter(({ labels }) => label === undefined || Object.values(labels)[0] === label);
  return wanted.reduce((sum, { value }) => sum + value, 0);
}

/** Infohashes of what an operator has fetched, whole or not. */
export async function contentsIn(dataDir: string): Promise<string[]> {
  return (await readdir(join(dataDir, "contents"))).filter((name) => !name.startsWith("."));
}

export function currentRoundOf(chain: LocalChain): Promise<number> {
  return read(chain.client(), chain.deployment, Market, "currentRound", []);
}

/** A local account's operator, a content of its own that a publisher seeds, and an order of it. */
export class Holder {
  readonly dataDir: string;
  readonly health = new Health();
  readonly publication: Publication;
  service!: OperatorService;
  /** Of the first order. */
  orderId = 0;
  readonly #chain: LocalChain;
  readonly #index: number;

  private constructor(chain: LocalChain, index: number, dataDir: string, publication: Publication) {
    [this.#chain, this.#index, this.dataDir, this.publication] = [chain, index, dataDir, publication];
  }

  static async open(
    chain: LocalChain,
    index: number,
    config: (published: Publication) => Partial<OperatorConfigInput> = () => ({}),
  ): Promise<Holder> {
    const dataDir = await mkdtemp(join(tmpdir(), "holdfast-operator-"));
    const holder = new Holder(chain, index, dataDir, await publishSample(chain, 600_000, index));
    await holder.start(config(holder.publication));
    return holder;
  }

  async start(config: Partial<OperatorConfigInput> = {}, options: Partial<RunOptions> = {}): Promise<void> {
    const { health } = this;
    this.service = await startOperator(this.#chain, this.#index, this.dataDir, config, { health, ...options });
  }

  get operatorId(): number {
    return this.service.operatorId;
  }

  get state(): OperatorState {
    return this.service.state.operators.get(this.operatorId)!;
  }

  get slot() {
    return this.service.state.orders.get(this.orderId)?.slots[0];
  }

  get contents(): string {
    return join(this.dataDir, "contents");
  }

  /** Opens the order. Resolves when the operator has reserved it. */
  async reserve(epochs = 2): Promise<void> {
    this.orderId = await orderOf(this.#chain, this.publication.contentId, [this.operatorId], epochs);
    await eventually(() => expect(this.slot).toBeDefined());
  }

  /** Resolves when it holds a slot from the next round on. */
  async goLive(epochs = 2): Promise<void> {
    await this.reserve(epochs);
    const round = await currentRoundOf(this.#chain);
    await this.#chain.seedRound(round + 1);
    await eventually(() => expect(this.slot?.liveFrom).toBe(round + 2));
  }

  /** It proves the next round. */
  async proves(): Promise<void> {
    const round = (await currentRoundOf(this.#chain)) + 1;
    await this.#chain.seedRound(round);
    await eventually(() => expect(this.state.proven).toContain(round));
  }

  /** The next round comes, with its seed, and it cannot prove it and says why. */
  async fails(why: string): Promise<void> {
    const failures = () => metricOf(this.service, "duty_failures_total", "prove");
    const before = await failures();
    await this.#chain.seedRound((await currentRoundOf(this.#chain)) + 1);
    await eventually(async () => expect(await failures()).toBeGreaterThan(before));
    await eventually(() => expect(this.health.faults().join()).toContain(why));
  }

  async close(): Promise<void> {
    await this.service?.stop();
    await this.publication.close();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}
