import { type Address, type Client, zeroAddress } from "viem";
import { getBlock } from "viem/actions";
import { Retrieval } from "../contracts.ts";
import type { OnDeployment } from "../deployment.ts";
import { eventsOf } from "../events.ts";
import { batch, query } from "../query.ts";

/** What is on its way home: asked for, and when it can be had (Unix seconds). */
export interface Thaw {
  readonly amount: bigint;
  readonly until: bigint;
}

/** A payer's money, as the contract has it; amounts in asset wei. */
export interface PayerAccount {
  /** Free deposit, what thaws of it included. */
  readonly balance: bigint;
  readonly thaw: Thaw | undefined;
  readonly earmarks: readonly {
    readonly operator: Address;
    readonly amount: bigint;
    readonly thaw: Thaw | undefined;
  }[];
  /** Session keys that sign now. */
  readonly keys: readonly {
    readonly key: Address;
    /** Signs until before then, Unix seconds. */
    readonly expiry: number;
    /** Most that its vouchers draw on the free deposit. */
    readonly ceiling: bigint;
    readonly spent: bigint;
  }[];
  /** Bytes credited: as an operator, and as a payer. */
  readonly up: bigint;
  readonly down: bigint;
}

export interface GetPayerParameters extends OnDeployment {
  readonly payer: Address;
}

/**
 * A payer's account in Retrieval; whom it set money aside for, and its keys, are found in its events.
 *
 * @example
 * const { balance, earmarks } = await getPayer(client, { deployment, payer: wallet.account.address });
 */
export async function getPayer(client: Client, { deployment, payer }: GetPayerParameters): Promise<PayerAccount> {
  const [{ operators, keys }, { number: blockNumber, timestamp }] = await Promise.all([
    partnersOf(client, { deployment, payer }),
    getBlock(client),
  ]);
  const at = { blockNumber };
  const [[account, free, [up, down]], amounts, thaws, sessions] = await Promise.all([
    batch(
      client,
      [
        query(deployment, Retrieval, "account", [payer]),
        query(deployment, Retrieval, "thawOf", [payer, zeroAddress]),
        query(deployment, Retrieval, "ratio", [payer]),
      ],
      at,
    ),
    batch(
      client,
      operators.map((to) => query(deployment, Retrieval, "earmarkOf", [payer, to])),
      at,
    ),
    batch(
      client,
      operators.map((to) => query(deployment, Retrieval, "thawOf", [payer, to])),
      at,
    ),
    batch(
      client,
      keys.map((key) => query(deployment, Retrieval, "sessionKey", [payer, key])),
      at,
    ),
  ]);
  const earmarks = operators.map((operator, i) => ({ operator, amount: amounts[i]!, thaw: thawing(thaws[i]!) }));
  const authorised = sessions.map(({ expiry, ...money }, i) => ({ key: keys[i]!, expiry: Number(expiry), ...money }));
  return {
    balance: account.balance,
    thaw: thawing(free),
    earmarks: earmarks.filter(({ amount }) => amount > 0n),
    keys: authorised.filter(({ expiry }) => expiry > timestamp),
    up,
    down,
  };
}

/** Whom a payer has ever set money aside for, and every session key it ever authorised, as its events name them. */
export async function partnersOf(
  client: Client,
  { deployment, payer }: GetPayerParameters,
): Promise<{ operators: Address[]; keys: Address[] }> {
  const [earmarked, set] = await Promise.all([
    eventsOf(client, deployment, Retrieval, "Earmarked", { payer }),
    eventsOf(client, deployment, Retrieval, "KeySet", { payer }),
  ]);
  return {
    operators: [...new Set(earmarked.map(({ args }) => args.operator))],
    keys: [...new Set(set.map(({ args }) => args.key))],
  };
}

function thawing({ amount, until }: Thaw): Thaw | undefined {
  return amount === 0n ? undefined : { amount, until };
}
