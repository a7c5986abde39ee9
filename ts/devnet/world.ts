import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Logger, pino } from "pino";
import { keeperConfig } from "../keeper/config.ts";
import { KeeperService } from "../keeper/run.ts";
import { operatorConfig } from "../operator/config.ts";
import { OperatorService } from "../operator/run.ts";
import { admitKeeperSync } from "../sdk/actions/admitKeeper.ts";
import { joinCommittee } from "../sdk/actions/joinCommittee.ts";
import { register } from "../sdk/actions/register.ts";
import { transferSync } from "../sdk/actions/transfer.ts";
import { CHUNK_BYTES } from "../sdk/constants.ts";
import { Oracle } from "../sdk/contracts.ts";
import { placeOrder } from "../sdk/flows/placeOrder.ts";
import { publishContent } from "../sdk/flows/publishContent.ts";
import { commitmentArgs } from "../sdk/manifest.ts";
import { allow, pay } from "../sdk/pay.ts";
import { read } from "../sdk/read.ts";
import { type LocalClient, localKey } from "../testing/anvil.ts";
import { LocalChain } from "../testing/deploy.ts";
import {
  commitmentOf,
  createTorrent,
  DataFolder,
  PossessionCache,
  parseTorrent,
  type Torrent,
} from "../torrent/index.ts";
import { formatMagnet } from "../torrent/magnet.ts";
import { Seeder } from "../wire/seeder.ts";
import { Loopback } from "./loopback.ts";
import { Observer } from "./observer.ts";

/** Local accounts by part. */
const UPLOADER = 0;
const FIRST_KEEPER = 1;
const FIRST_OPERATOR = 10;
/** Behind the operators and the ghost. */
const PAYERS = 2;

/** What operators ask for, in asset wei per MiB: enough for redeeming to be worth its gas. */
export const PRICE = 10n ** 14n;
/** Seconds of a round, as on a public chain: time here is moved, not waited for. */
const ROUND_LENGTH = 86_400;
/** Seconds from a round's start to its beacon. */
const BEACON_DELAY = 600;
/** Before the genesis, in seconds: time to take the keepers in, so that they have seats in the first epoch. */
const LEAD = 3_600;
/** Every participant looks at the chain this often, in ms. */
const POLL_MS = 120;

export interface WorldOptions {
  readonly operators: number;
  readonly keepers: number;
  /** A file or folder to publish, instead of the texts. */
  readonly content?: string | undefined;
  /** An existing torrent to publish, its data beside it. */
  readonly torrent?: string | undefined;
  /** Where the participants' logs go; nowhere if not given. */
  readonly logFile?: string | undefined;
}

/** Something that is published and ordered. */
export interface Publication {
  readonly contentId: number;
  readonly orderId: number;
  readonly torrent: Torrent;
  readonly torrentFile: string;
}

/** A whole network on this machine: a chain, a beacon, an uploader, keepers and operators, each with its own address, key and folder. */
export class World {
  readonly chain: LocalChain;
  readonly observer: Observer;
  readonly operators: (OperatorService | undefined)[] = [];
  readonly keepers: KeeperService[] = [];
  readonly publications: Publication[] = [];
  readonly folder: string;
  readonly #log: Logger;
  readonly #beaconUrl: string;
  readonly #loopback: Loopback;
  readonly #closers: (() => Promise<unknown>)[] = [];
  readonly #firstPayer: number;
  /** Bytes that agents sent which have stopped, by operator. */
  readonly #sentBefore = new Map<number, number>();
  #seeder: Seeder | undefined;
  #torrentServer = "";

  private constructor(
    chain: LocalChain,
    beaconUrl: string,
    loopback: Loopback,
    folder: string,
    log: Logger,
    firstPayer: number,
  ) {
    this.#firstPayer = firstPayer;
    this.chain = chain;
    this.#loopback = loopback;
    this.#beaconUrl = beaconUrl;
    this.folder = folder;
    this.#log = log;
    this.observer = new Observer(chain.client(), chain.deployment);
  }

  static async start(options: WorldOptions): Promise<World> {
    const loopback = await Loopback.take();
    const folder = await mkdtemp(join(tmpdir(), "holdfast-devnet-"));
    const genesis = Math.floor(Date.now() / 1000) + LEAD;
    const firstPayer = FIRST_OPERATOR + options.operators + 1;
    const chain = await LocalChain.start({
      roundLength: ROUND_LENGTH,
      beaconDelay: BEACON_DELAY,
      parameters: { genesis },
      anvil: ["--accounts", String(firstPayer + PAYERS)],
    });
    const beaconUrl = await chain.beacon.listen(0, loopback.host(1));
    const log = options.logFile
      ? pino({ level: "debug" }, pino.destination(options.logFile))
      : pino({ level: "silent" });
    const world = new World(chain, beaconUrl, loopback, folder, log, firstPayer);
    world.#closers.push(
      () => chain.stop(),
      () => chain.beacon.close(),
      () => loopback.giveBack(),
    );
    return world;
  }

  client(account = UPLOADER): LocalClient {
    return this.chain.client(account);
  }

  get deployment() {
    return this.chain.deployment;
  }

  /** Where operator `index` keeps its data. */
  dataOf(index: number): string {
    return join(this.folder, `operator-${index + 1}`);
  }

  // ---- Participants ----

  /** Admits the keepers, pays their bonds, and starts them; before the genesis, so that they sit in the first epoch. */
  async seatKeepers(count: number): Promise<void> {
    const { deployment } = this;
    const bond = await read(this.client(), deployment, Oracle, "keeperBond", []);
    for (let i = 0; i < count; i++) {
      const keeper = this.client(FIRST_KEEPER + i);
      const { address } = keeper.account;
      await admitKeeperSync(this.client(), { deployment, keeper: address });
      await transferSync(this.client(), { deployment, to: address, amount: bond });
      await pay(keeper, joinCommittee, { deployment });
    }
    for (let i = 0; i < count; i++) {
      const config = keeperConfig.parse({
        rpcUrl: this.chain.rpcUrl,
        key: { privateKey: localKey(FIRST_KEEPER + i) },
        deployment: this.chain.deploymentFile,
        dataDir: join(this.folder, `keeper-${i + 1}`),
        localAddress: this.#loopback.host(2, i + 1),
        beaconUrls: [this.#beaconUrl],
        localSources: true,
        probesPerRound: 4,
        turnMs: 400,
        pollingIntervalMs: POLL_MS,
      });
      this.keepers.push(await KeeperService.start(config, { log: this.#log.child({ keeper: i + 1 }) }));
    }
  }

  /** Starts operator `index`, registering it if it is new: the very code of `holdfast operator run`. */
  async startOperator(index: number, { register = false, repairRounds = 0, capacityChunks = 64 } = {}): Promise<void> {
    const account = FIRST_OPERATOR + index;
    if (register) await this.#fund(account);
    const config = operatorConfig.parse({
      rpcUrl: this.chain.rpcUrl,
      key: { privateKey: localKey(account) },
      deployment: this.chain.deploymentFile,
      dataDir: this.dataOf(index),
      listen: this.#endpointOf(index),
      capacityChunks,
      localSources: true,
      parallelFetches: 8,
      repairRounds,
      pollingIntervalMs: POLL_MS,
      // One paying peer at a time, and a free one: who bids more is served first.
      retrieval: { pricePerMiB: `${PRICE} wei`, uploadSlots: 2 },
    });
    this.operators[index] = await OperatorService.start(config, {
      log: this.#log.child({ operator: index + 1 }),
      register,
    });
  }

  async stopOperator(index: number): Promise<void> {
    const service = this.operators[index]!;
    await service.stop();
    this.#sentBefore.set(service.operatorId, await this.sentBy(service));
    this.operators[index] = undefined;
  }

  /** Bytes that an operator has sent to peers. */
  async sentBy({ operatorId, registry }: OperatorService): Promise<number> {
    const counted = await registry.getSingleMetric("holdfast_operator_uploaded_bytes_total")!.get();
    return (this.#sentBefore.get(operatorId) ?? 0) + counted.values.reduce((sum, { value }) => sum + value, 0);
  }

  /** An operator with a stake and a key and no agent: it can promise and nothing else. @returns its client and number */
  async registerGhost(index: number): Promise<{ client: LocalClient; operatorId: number }> {
    const client = this.client(FIRST_OPERATOR + index);
    await this.#fund(FIRST_OPERATOR + index);
    const { address } = client.account;
    const terms = { capacityChunks: 64, payout: address, prover: address, endpoint: this.#endpointOf(index) };
    const { operatorId } = await pay(client, register, { deployment: this.deployment, ...terms });
    return { client, operatorId };
  }

  /** In a network of its own, since keepers count one success a network. */
  #endpointOf(index: number): string {
    return `${this.#loopback.host(10 + index)}:6881`;
  }

  async #fund(account: number): Promise<void> {
    const { address } = this.client(account).account;
    await transferSync(this.client(), { deployment: this.deployment, to: address, amount: 10n ** 19n });
  }

  // ---- Payers ----

  payer(index: number): LocalClient {
    return this.client(this.#firstPayer + index);
  }

  /** Where a payer, or whoever else downloads, calls from. */
  downloaderHost(index: number): string {
    return this.#loopback.host(3, index + 1);
  }

  async fundPayer(index: number): Promise<LocalClient> {
    await this.#fund(this.#firstPayer + index);
    return this.payer(index);
  }

  // ---- The uploader ----

  /** Publishes and orders: what the options name, a generated archive of some chunks, and small generated contents beside it.
   * @param onFirst Called when the first order is open. */
  async publishAll(options: WorldOptions, say: (what: string) => void, onFirst: () => Promise<void>): Promise<void> {
    this.#seeder = await Seeder.listen({
      host: this.#loopback.host(1),
      port: 0,
      limits: { total: 400, perAddress: 64 },
    });
    this.#closers.push(() => this.#seeder!.close());
    await this.#serveTorrents();
    // Once for all publications: fewer transactions to wait for.
    for (const spender of ["Catalog", "Market"] as const)
      await allow(this.client(), { deployment: this.deployment, spender, amount: 10n ** 18n });
    const first = await this.#firstContent(options);
    say(`publishing ${first.torrent.name}: ${first.torrent.files.length} files, ${first.torrent.length} bytes`);
    await this.#publish(first.torrent, first.folder);
    await onFirst();
    const archive = await this.#generate("archive.bin", 8 * CHUNK_BYTES - 5_000);
    say(`publishing ${archive.torrent.name}: 8 chunks of generated data`);
    await this.#publish(archive.torrent, archive.folder);
    const SMALL = 18;
    for (let i = 1; i <= SMALL; i++) {
      const small = await this.#generate(`sample-${String(i).padStart(2, "0")}.bin`, 40_000 + i * 9_973);
      await this.#publish(small.torrent, small.folder);
    }
    say(`publishing ${SMALL} small contents of generated data, a chunk each by count`);
  }

  async #firstContent({ content, torrent: torrentFile }: WorldOptions) {
    if (torrentFile !== undefined) {
      const torrent = parseTorrent(await readFile(torrentFile));
      const folder = await DataFolder.find(torrent, dirname(resolve(torrentFile)));
      await this.#keepTorrent(torrent, await readFile(torrentFile));
      return { torrent, folder };
    }
    const path = content === undefined ? await this.#texts() : resolve(content);
    const created = await createTorrent(path);
    await this.#keepTorrent(created.torrent, created.bytes);
    return { torrent: created.torrent, folder: await DataFolder.find(created.torrent, path) };
  }

  /** The texts that webtorrent-fixtures ships. */
  async #texts(): Promise<string> {
    const fixtures = join(dirname(fileURLToPath(import.meta.resolve("webtorrent-fixtures"))), "fixtures");
    const texts = join(this.folder, "uploader", "texts");
    await mkdir(texts, { recursive: true });
    for (const name of ["alice.txt", "Leaves of Grass by Walt Whitman.epub", "numbers"]) {
      await cp(join(fixtures, name), join(texts, basename(name)), { recursive: true });
    }
    return texts;
  }

  async #generate(name: string, length: number) {
    const path = join(this.folder, "uploader", name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, generated(name, length));
    const created = await createTorrent(path);
    await this.#keepTorrent(created.torrent, created.bytes);
    return { torrent: created.torrent, folder: await DataFolder.find(created.torrent, path) };
  }

  /** Publishes a content and orders three copies of it from now to the end of the epoch. */
  async #publish(torrent: Torrent, folder: DataFolder): Promise<void> {
    const infohash = Buffer.from(torrent.infohashV2).toString("hex");
    const cache = await PossessionCache.build(folder, join(this.folder, "uploader", `${infohash}.possession`));
    this.#seeder!.add({ torrent, folder, cache });
    this.#closers.push(
      () => folder.close(),
      () => cache.close(),
    );
    const magnet = formatMagnet({ infohashV2: torrent.infohashV2, peers: [this.#seeder!] });
    // Every other content is told by its magnet link alone, so that its metadata comes over the wire (BEP 9).
    const sources = this.publications.length % 2 ? [magnet] : [`${this.#torrentServer}/${infohash}.torrent`, magnet];
    const commitment = commitmentArgs(commitmentOf(torrent, cache.dataRoot));
    const [wallet, deployment] = [this.client(), this.deployment];
    const { contentId } = await publishContent(wallet, { deployment, commitment, name: torrent.name, sources });
    const { orderId } = await placeOrder(wallet, { deployment, contentId, replicas: 3, startEpoch: 1, epochs: 1 });
    this.publications.push({ contentId, orderId, torrent, torrentFile: this.#torrentFile(infohash) });
  }

  #torrentFile(infohash: string): string {
    return join(this.folder, "torrents", `${infohash}.torrent`);
  }

  async #keepTorrent(torrent: Torrent, bytes: Uint8Array): Promise<void> {
    await mkdir(join(this.folder, "torrents"), { recursive: true });
    await writeFile(this.#torrentFile(Buffer.from(torrent.infohashV2).toString("hex")), bytes);
  }

  async #serveTorrents(): Promise<void> {
    const server = createServer(async (request, response) => {
      const name = /^\/([0-9a-f]{64}\.torrent)$/.exec(request.url ?? "")?.[1];
      const bytes = name && (await readFile(join(this.folder, "torrents", name)).catch(() => undefined));
      if (bytes) response.writeHead(200, { "content-type": "application/x-bittorrent" }).end(bytes);
      else response.writeHead(404).end();
    });
    await new Promise<void>((ready) => server.listen(0, this.#loopback.host(1), ready));
    this.#torrentServer = `http://${this.#loopback.host(1)}:${(server.address() as AddressInfo).port}`;
    this.#closers.push(async () => {
      server.closeAllConnections();
      server.close();
    });
  }

  // ---- The end ----

  async stop({ keep = false } = {}): Promise<void> {
    await Promise.allSettled([...this.operators, ...this.keepers].map((service) => service?.stop()));
    for (const close of this.#closers.reverse()) await close().catch(() => {});
    if (!keep) await rm(this.folder, { recursive: true, force: true });
  }
}

/** Bytes that look random and are the same in every run. */
function generated(name: string, length: number): Buffer {
  return createHash("shake256", { outputLength: length }).update(name).digest();
}
