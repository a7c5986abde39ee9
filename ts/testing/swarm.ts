import { createCipheriv } from "node:crypto";
import { createWriteStream, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { finished } from "node:stream/promises";
import type { LocalAccount } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { Accountant } from "../retrieval/accountant.ts";
import { DEFAULT_WINDOW } from "../retrieval/credit.ts";
import type { Terms } from "../retrieval/hf-pay.ts";
import { Ledger } from "../retrieval/ledger.ts";
import { Payer, type PayerOptions } from "../retrieval/payer.ts";
import { openStore, type Store } from "../store/store.ts";
import type { PeerAddress } from "../torrent/endpoint.ts";
import { DataFolder } from "../torrent/folder.ts";
import type { Torrent } from "../torrent/metainfo.ts";
import { BLOCK } from "../torrent/trees.ts";
import { PeerClient } from "../wire/client.ts";
import { Layout } from "../wire/layout.ts";
import type { BlockSpan } from "../wire/messages.ts";
import { newPeerId } from "../wire/peer-id.ts";
import { Seeder } from "../wire/seeder.ts";
import type { Unchoker } from "../wire/unchoker.ts";

/** Where benchmarks put contents: in memory, if the system has a place for that. */
export const CONTENTS = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** Asset wei: more than is ever spent here. */
const PLENTY = 10n ** 24n;
/** Of every shop, as there is no chain to ask. */
const TERMS: Terms = {
  chainId: 1,
  contract: "0x0000000000000000000000000000000000000001",
  operator: "0x0000000000000000000000000000000000000002",
  price: 10n ** 12n,
  window: DEFAULT_WINDOW,
};

export interface Shop {
  readonly seeder: Seeder;
  close(): Promise<void>;
}

/** A seeder that sells `torrent` to anybody, and takes as many connections as there are. Its ledger is in `books`. */
export async function openShop(torrent: Torrent, folder: string, books: string, unchoker: Unchoker): Promise<Shop> {
  const store = await openStore(books);
  const ledger = await Ledger.open(store, TERMS);
  const meansOf = async () => ({ funds: PLENTY, paid: 0n });
  const rechoke = () => seeder.rechoke();
  const { extensions } = new Accountant({ terms: TERMS, ledger, meansOf, contentOf: () => 1, rechoke });
  const limits = { total: 1_000, perAddress: 1_000 };
  const seeder = await Seeder.listen({ host: "127.0.0.1", port: 0, unchoker, limits, extensions });
  const data = new DataFolder(folder, torrent);
  seeder.add({ torrent, folder: data });
  const close = async () => {
    await seeder.close();
    await data.close();
    await store.close();
  };
  return { seeder, close };
}

/** Pays a shop. @param bid times the shop's price */
export function payerOf(torrent: Torrent, store: Store, signer: LocalAccount = newAccount(), bid = 1): Payer {
  const price = TERMS.price * BigInt(bid);
  const options: PayerOptions = {
    domain: TERMS,
    payer: signer.address,
    signer,
    contentId: 1,
    pieceLength: torrent.pieceLength,
    maxPrice: price,
    bid: price,
    budget: PLENTY,
    reach: async () => PLENTY,
    store,
  };
  return new Payer(options);
}

export function newAccount(): LocalAccount {
  return privateKeyToAccount(generatePrivateKey());
}

/** Random bytes, the same each time. */
export async function writeRandom(path: string, mebibytes: number): Promise<void> {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16));
  const out = cipher.pipe(createWriteStream(path));
  const zeros = Buffer.alloc(1 << 20);
  for (let i = 0; i < mebibytes; i++) {
    if (!cipher.write(zeros)) await new Promise((resolve) => cipher.once("drain", resolve));
  }
  cipher.end();
  await finished(out);
}

/** Requests that a leech has on the way, of a block each. */
const PIPELINE = 64;
/** A leech asks so often (ms). */
const ASK_MS = 100;

/** A downloader that goes on for ever and keeps nothing: it asks for blocks as fast as its link would carry them, and pays or not. */
export class Leech {
  /** Bytes of blocks. */
  received = 0;
  readonly #client: PeerClient;
  readonly #layout: Layout;
  readonly #speed: number;
  readonly #onBlock: (bytes: number) => void;
  readonly #timer: NodeJS.Timeout;
  #allowance = 0;
  #block: number;

  private constructor(client: PeerClient, layout: Layout, speed: number, onBlock: (bytes: number) => void) {
    this.#client = client;
    this.#layout = layout;
    this.#speed = speed;
    this.#onBlock = onBlock;
    this.#block = Math.floor(Math.random() * this.#blocks);
    client.interested();
    this.#timer = setInterval(() => this.#ask(), ASK_MS);
  }

  /** @param speed of its link, in bytes a second */
  static async join(address: PeerAddress, torrent: Torrent, speed: number, payer?: Payer): Promise<Leech> {
    const infohashV2 = torrent.infohashV2.subarray(0, 20);
    const layout = new Layout(torrent.pieceLength, torrent.files);
    const to = { host: address.host, port: address.port }; // a payer knows its connections by the address object
    const client = await PeerClient.dial({
      ...to,
      handshake: { infohash: infohashV2, peerId: newPeerId(), v2: true, extended: true, fast: true },
      infohashV2,
      pieceCount: layout.pieceCount,
      extensions: (client) => payer?.extensions(client, to) ?? [],
    });
    return new Leech(client, layout, speed, (bytes) => payer?.onVerified(to, bytes));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#client.close();
  }

  /** Whole ones, of the torrent's first file. */
  get #blocks(): number {
    return Math.floor(this.#layout.length / BLOCK);
  }

  #ask(): void {
    this.#allowance = Math.min(this.#speed, this.#allowance + (this.#speed * ASK_MS) / 1_000);
    while (!this.#client.choked && this.#client.outstanding < PIPELINE && this.#allowance >= BLOCK) {
      this.#allowance -= BLOCK;
      this.#block = (this.#block + 1) % this.#blocks;
      void this.#take(this.#span(this.#block));
    }
  }

  #span(block: number): BlockSpan {
    const perPiece = this.#layout.pieceLength / BLOCK;
    return { piece: Math.floor(block / perPiece), begin: (block % perPiece) * BLOCK, length: BLOCK };
  }

  async #take(span: BlockSpan): Promise<void> {
    try {
      const { data } = await this.#client.block(span);
      this.received += data.length;
      this.#onBlock(data.length);
    } catch {
      // choked meanwhile: it asks for others when it is let again
    }
  }
}
