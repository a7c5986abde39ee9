import { access, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Address, type Client, getAddress, type LocalAccount, zeroAddress } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { getBlock } from "viem/actions";
import { loadAccount } from "../chain/keys.ts";
import { EXIT, HoldfastError } from "../errors.ts";
import { promisedBy } from "../retrieval/payer.ts";
import type { Domain } from "../retrieval/voucher.ts";
import { authoriseSync } from "../sdk/actions/authorise.ts";
import { earmarkSync } from "../sdk/actions/earmark.ts";
import { Retrieval } from "../sdk/contracts.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { addDeposit } from "../sdk/flows/addDeposit.ts";
import { read } from "../sdk/read.ts";
import { partnersOf } from "../sdk/reads/getPayer.ts";
import type { Wallet } from "../sdk/send.ts";
import { openStore, type Store } from "../store/store.ts";
import type { Paying } from "./fetch.ts";
import type { Listing } from "./operators.ts";

/** What an order to pay says beside what the chain and the purse know. */
export type Terms = Pick<Paying, "maxPrice" | "bid" | "seats">;

export interface Parts {
  /** Most that the download may cost, in asset wei. */
  readonly budget: bigint;
  /** Who may be paid; for each an equal part is set aside. */
  readonly operators: readonly Address[];
  /** How long the session key signs, in seconds from now. */
  readonly keySeconds: number;
}

/** A session key with less time left than this has a successor made (seconds). */
const RENEW = 86_400;
/** Operators take no key that expires within the hour. */
const KEY_MARGIN = 3_600;

/**
 * What a payer takes along to pay with: its session key, and all that was promised with it. One folder for each payer and deployment;
 * one process at a time, so that no wei is promised twice.
 */
export class Purse {
  readonly payer: Address;
  readonly store: Store;
  readonly #client: Client;
  readonly #deployment: Deployment;
  readonly #folder: string;
  #signer: LocalAccount;

  private constructor(payer: Address, folder: string, signer: LocalAccount, store: Store, at: [Client, Deployment]) {
    [this.payer, this.#folder, this.#signer, this.store] = [payer, folder, signer, store];
    [this.#client, this.#deployment] = at;
  }

  /** Opens a payer's purse, with a new session key if it has none. @throws StoreError when another process has it open */
  static async open(state: string, client: Client, deployment: Deployment, payer: Address): Promise<Purse> {
    const folder = join(placeOf(state, deployment), getAddress(payer));
    const store = await openStore(join(folder, "promises")); // its lock is the purse's
    try {
      const signer = (await readKey(folder)) ?? (await newKey(folder));
      return new Purse(getAddress(payer), folder, signer, store, [client, deployment]);
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Payers that have a purse for this deployment. */
  static async payers(state: string, deployment: Deployment): Promise<Address[]> {
    const names = await readdir(placeOf(state, deployment)).catch(() => []);
    return names.filter((name) => /^0x[0-9a-fA-F]{40}$/.test(name)).map((name) => getAddress(name));
  }

  /** The address of a payer's session key, if it has one here. */
  static async keyOf(state: string, deployment: Deployment, payer: Address): Promise<Address | undefined> {
    return (await readKey(join(placeOf(state, deployment), getAddress(payer))))?.address;
  }

  /** Throws the session key away: the next time there is a new one. For a key that was revoked. */
  static async forgetKey(state: string, deployment: Deployment, payer: Address): Promise<void> {
    await rm(keyFile(join(placeOf(state, deployment), getAddress(payer))), { force: true });
  }

  /** The session key. */
  get signer(): LocalAccount {
    return this.#signer;
  }

  get domain(): Domain {
    return { chainId: this.#deployment.chainId, contract: this.#deployment.contracts.Retrieval };
  }

  /**
   * Readies a download to pay: what each operator may be promised, and how much the session key may promise now.
   *
   * @param budget most to spend, in asset wei; all that the key has left if not given
   * @throws HoldfastError which says why nobody can be paid
   */
  async paying({ content, operators }: Listing, terms: Terms, budget?: bigint): Promise<Paying> {
    const { left, expiry } = await this.#key();
    if (expiry === 0) throw unpayable(`no session key of ${this.payer} is authorised`);
    if (expiry < Date.now() / 1000 + KEY_MARGIN) throw unpayable(`the session key ${this.signer.address} has expired`);
    if (left <= 0n) throw unpayable(`the session key ${this.signer.address} has used up its ceiling`);
    if (operators.length === 0) throw unpayable(`no operator holds content ${content.id}`);
    const channels = await this.#channels(
      content.id,
      operators.map(({ address }) => address),
    );
    if (channels.every(({ room }) => room <= 0n))
      throw unpayable(`${this.payer} has set nothing aside for the operators of content ${content.id}`);
    return {
      ...terms,
      ...{ domain: this.domain, payer: this.payer, signer: this.signer, store: this.store },
      formerKeys: (await partnersOf(this.#client, { deployment: this.#deployment, payer: this.payer })).keys,
      ...{ contentId: content.id, operators },
      reach: new Map(channels.map(({ operator, promised, room }) => [operator, room > 0n ? promised + room : 0n])),
      budget: budget === undefined || budget > left ? left : budget,
    };
  }

  /**
   * Sets aside what a download may cost, and lets the session key spend it: what is missing of it is deposited, earmarked and
   * authorised, and what is there already is used. Interrupted, it does the rest when called again.
   *
   * @throws HoldfastError when the wallet has too little, before anything is sent
   */
  async fund(wallet: Wallet, contentId: number, parts: Parts, say: (what: string) => void): Promise<void> {
    const [client, deployment] = [this.#client, this.#deployment];
    const { operators, budget, keySeconds } = parts;
    if (operators.length === 0) throw unpayable(`no operator holds content ${contentId}`);
    const part = (budget + BigInt(operators.length) - 1n) / BigInt(operators.length);
    const channels = await this.#channels(contentId, operators);
    const missing = channels
      .filter(({ room }) => room < part)
      .map(({ operator, room }) => ({ operator, wei: part - room }));
    const sum = missing.reduce((total, { wei }) => total + wei, 0n);
    const [{ balance }, thaw] = await Promise.all([
      read(client, deployment, Retrieval, "account", [this.payer]),
      read(client, deployment, Retrieval, "thawOf", [this.payer, zeroAddress]),
    ]);
    const free = balance - thaw.amount;
    if (sum > free) {
      await addDeposit(wallet, { deployment, amount: sum - free });
      say(`deposited ${sum - free} wei`);
    }
    for (const { operator, wei } of missing) {
      await earmarkSync(wallet, { deployment, operator, amount: wei });
      say(`earmarked ${wei} wei for ${operator}`);
    }
    await this.renewKey();
    const { left, expiry, ceiling } = await this.#key();
    if (left >= budget) return;
    const wider = ceiling + budget - left;
    const until = Math.max(expiry, (await this.#now()) + keySeconds);
    await authoriseSync(wallet, { deployment, key: this.signer.address, expiry: until, ceiling: wider });
    say(
      `session key ${this.signer.address} may draw earmarks and ${wider} wei of the free deposit, until ${new Date(until * 1000).toISOString()}`,
    );
  }

  /**
   * Makes a new session key, if this one has expired or soon will: a key is not authorised again, since it may have been revoked.
   * What the old one promised stays promised.
   */
  async renewKey(): Promise<void> {
    const { expiry } = await this.#key();
    if (expiry !== 0 && expiry < (await this.#now()) + RENEW) this.#signer = await newKey(this.#folder);
  }

  close(): Promise<void> {
    return this.store.close();
  }

  /** The session key as it stands; `left` is what it may still promise. Its vouchers draw what older keys promised, too. */
  async #key(): Promise<{ left: bigint; expiry: number; ceiling: bigint }> {
    const key = await read(this.#client, this.#deployment, Retrieval, "sessionKey", [this.payer, this.signer.address]);
    const { ceiling, spent, expiry } = key;
    return { left: ceiling - spent - (await this.#owed()), ceiling, expiry: Number(expiry) };
  }

  /** Promised to all operators and not paid by the contract yet. */
  async #owed(): Promise<bigint> {
    const owed = (await promisedBy(this)).map(async ({ operator, contentId, amount }) =>
      rest(amount, await this.#paid(operator, contentId)),
    );
    return (await Promise.all(owed)).reduce((sum, wei) => sum + wei, 0n);
  }

  /** Of a content's channels: what was promised, and how much more may be, which is earmarked and not promised for other contents. */
  async #channels(contentId: number, operators: readonly Address[]) {
    const all = await promisedBy(this);
    return Promise.all(
      operators.map(async (operator) => {
        const [earmarked, thaw, paid, elsewhere] = await Promise.all([
          read(this.#client, this.#deployment, Retrieval, "earmarkOf", [this.payer, operator]),
          read(this.#client, this.#deployment, Retrieval, "thawOf", [this.payer, operator]),
          this.#paid(operator, contentId),
          Promise.all(
            all
              .filter((other) => other.operator === operator && other.contentId !== contentId)
              .map(async (other) => rest(other.amount, await this.#paid(operator, other.contentId))),
          ),
        ]);
        const known = all.find((channel) => channel.operator === operator && channel.contentId === contentId);
        const promised = known !== undefined && known.amount > paid ? known.amount : paid;
        const spoken = elsewhere.reduce((sum, wei) => sum + wei, promised - paid);
        return { operator, promised, room: earmarked - thaw.amount - spoken };
      }),
    );
  }

  async #paid(operator: Address, contentId: number): Promise<bigint> {
    const args = [this.payer, operator, BigInt(contentId)] as const;
    return (await read(this.#client, this.#deployment, Retrieval, "channel", args)).paid;
  }

  /** Unix seconds; a local chain's clock may be ahead of ours. */
  async #now(): Promise<number> {
    const { timestamp } = await getBlock(this.#client);
    return Math.max(Number(timestamp), Math.floor(Date.now() / 1000));
  }
}

function rest(promised: bigint, paid: bigint): bigint {
  return promised > paid ? promised - paid : 0n;
}

function unpayable(message: string): HoldfastError {
  return new HoldfastError(message, {
    hint: "set money aside with holdfast fetch --budget, or with holdfast retrieval",
    exitCode: EXIT.failure,
  });
}

function placeOf(state: string, { chainId, contracts }: Deployment): string {
  return join(state, "purses", `${chainId}-${contracts.Retrieval.toLowerCase()}`);
}

function keyFile(folder: string): string {
  return join(folder, "session.key");
}

/** A session key in a folder, in place of the one there was: a file with the key in hex that only its owner may read. */
async function newKey(folder: string): Promise<LocalAccount> {
  const [file, key] = [keyFile(folder), generatePrivateKey()];
  await writeFile(`${file}.tmp`, `${key}\n`, { mode: 0o600, flush: true });
  await rename(`${file}.tmp`, file);
  return privateKeyToAccount(key);
}

async function readKey(folder: string): Promise<LocalAccount | undefined> {
  const file = keyFile(folder);
  const there = await access(file).then(
    () => true,
    (error) => error.code !== "ENOENT",
  );
  return there ? loadAccount({ file }) : undefined;
}
