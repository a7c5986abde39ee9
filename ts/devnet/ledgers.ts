import type { Address, Client } from "viem";
import { MERIT } from "../sdk/constants.ts";
import type { ContractName } from "../sdk/contracts.ts";
import { Asset, Audits, Catalog, Market, Operators, Oracle, Pool, Retrieval } from "../sdk/contracts.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { read } from "../sdk/read.ts";
import type { ProtocolState } from "../service/state.ts";

/** A contract's books: what it says it owes, what its parts add up to, and what it holds. All in asset wei. */
export interface Ledger {
  readonly contract: ContractName;
  readonly accounted: bigint;
  readonly parts: bigint;
  readonly balance: bigint;
  readonly holds: boolean;
}

const HOLDERS = [Catalog, Pool, Operators, Oracle, Market, Audits, Retrieval] as const;

/** Adds up every contract that holds money, part by part (H-ESC-1). A donation may lie above a ledger, never a shortage below it.
 * @param epochs Frozen at most. @param auditors Who may be owed fees of audits besides the operators. @param payers Of downloads. */
export async function checkLedgers(
  client: Client,
  deployment: Deployment,
  state: ProtocolState,
  epochs: number,
  auditors: readonly Address[],
  payers: readonly Address[],
): Promise<Ledger[]> {
  const sums: Record<(typeof HOLDERS)[number]["name"], () => Promise<bigint>> = {
    Catalog: () =>
      sum(state.contents.keys(), async (id) => (await read(client, deployment, Catalog, "content", [id])).bond),
    Operators: () =>
      sum(state.operators.keys(), async (id) => (await read(client, deployment, Operators, "operator", [id])).stake),
    Market: async () => {
      const scheduled = await read(client, deployment, Pool, "scheduled", []);
      return (
        scheduled +
        (await sum(state.orders.keys(), async (id) => (await read(client, deployment, Market, "order", [id])).balance))
      );
    },
    Oracle: async () => {
      const committee = await read(client, deployment, Oracle, "committee", [1]);
      return sum(committee, async (keeper) => (await read(client, deployment, Oracle, "keeper", [keeper])).bond);
    },
    Audits: async () => {
      const accounts = new Set([...state.operators.values()].map(({ payout }) => payout).concat(auditors));
      const credits = await sum(accounts, (account) => read(client, deployment, Audits, "credit", [account]));
      return credits + [...state.audits.values()].reduce((total, { fee }) => total + fee, 0n);
    },
    Retrieval: async () => {
      const take = await read(client, deployment, Retrieval, "takeOwed", []);
      const payouts = new Set([...state.operators.values()].map(({ payout }) => payout));
      const earned = await sum(
        payouts,
        async (payout) => (await read(client, deployment, Retrieval, "earnings", [payout])).credit,
      );
      const deposits = await sum(payers, async (payer) => {
        const free = (await read(client, deployment, Retrieval, "account", [payer])).balance;
        return (
          free + (await sum(payouts, (payout) => read(client, deployment, Retrieval, "earmarkOf", [payer, payout])))
        );
      });
      return take + earned + deposits;
    },
    Pool: async () => {
      let total = await read(client, deployment, Pool, "treasuryBalance", []);
      for (let epoch = 1; epoch <= epochs; epoch++) total += await unclaimed(client, deployment, state, epoch);
      return total;
    },
  };
  return Promise.all(
    HOLDERS.map(async (contract) => {
      const [accounted, balance, parts] = await Promise.all([
        read(client, deployment, contract as typeof Pool, "accounted", []),
        read(client, deployment, Asset, "balanceOf", [deployment.contracts[contract.name]]),
        sums[contract.name](),
      ]);
      return { contract: contract.name, accounted, parts, balance, holds: accounted === parts && balance >= accounted };
    }),
  );
}

/** What a frozen epoch still owes its operators and keepers. */
async function unclaimed(client: Client, deployment: Deployment, state: ProtocolState, epoch: number): Promise<bigint> {
  const { frozen, net, weight, keeperPay, unpaidKeepers } = await read(client, deployment, Pool, "epochFees", [epoch]);
  if (!frozen) return 0n;
  let owed = keeperPay * BigInt(bits(unpaidKeepers));
  if (weight === 0n) return owed;
  for (const id of state.operators.keys()) {
    const { fees, before, merit } = await read(client, deployment, Pool, "share", [id, epoch]);
    const own = (fees * BigInt(merit)) / MERIT;
    owed += (net * (before + own)) / weight - (net * before) / weight;
  }
  return owed;
}

async function sum<T>(items: Iterable<T>, of: (item: T) => Promise<bigint>): Promise<bigint> {
  return (await Promise.all([...items].map(of))).reduce((total, value) => total + value, 0n);
}

function bits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}
