import { type Address, type Client, zeroAddress } from "viem";
import { HoldfastError } from "../../errors.ts";
import { BPS, MERIT, PAID_REPUTATION } from "../constants.ts";
import { Audits, Market, Operators, Pool, Retrieval } from "../contracts.ts";
import type { OnDeployment } from "../deployment.ts";
import { batch, newestBlock, query } from "../query.ts";

export interface Claim {
  readonly epoch: number;
  /** `settle` comes first; the epoch is to be frozen; `claim` pays now; it waits while reputation is below 0.3. */
  readonly status: "unsettled" | "unfrozen" | "claimable" | "withheld";
  /** Asset wei; what nobody can know yet is undefined. */
  readonly owed: bigint | undefined;
}

export interface Claims {
  /** Where all of it goes. */
  readonly payout: Address;
  /** Ended epochs that still have something for the operator, oldest first. */
  readonly epochs: readonly Claim[];
  /** What `payout` is owed of audits (`withdrawCredit`), in asset wei. */
  readonly auditCredit: bigint;
  /** What payers have paid `payout` and it has not collected (`collect`), in asset wei. */
  readonly retrievalCredit: bigint;
}

export interface GetClaimsParameters extends OnDeployment {
  readonly operatorId: number;
}

/**
 * What an operator has earned and not drawn: epoch by epoch, from audits, from downloads (H-EPOCH-1, H-EPOCH-2).
 *
 * @throws HoldfastError when there is no operator of this number
 * @example
 * for (const { epoch, status } of (await getClaims(client, { deployment, operatorId: 3 })).epochs)
 *   if (status === "claimable") await claimSync(wallet, { deployment, operatorId: 3, epoch });
 */
export async function getClaims(client: Client, { deployment, operatorId }: GetClaimsParameters): Promise<Claims> {
  const at = { blockNumber: await newestBlock(client) };
  const [now, payout, [reputation]] = await batch(
    client,
    [
      query(deployment, Market, "currentEpoch", []),
      query(deployment, Operators, "payoutOf", [operatorId]),
      query(deployment, Operators, "standing", [operatorId]),
    ],
    at,
  );
  if (payout === zeroAddress) throw new HoldfastError(`there is no operator ${operatorId}`);
  const epochs = Array.from({ length: now - 1 }, (_, i) => i + 1);
  const [[auditCredit, { credit: retrievalCredit }], shares, fees, settled] = await Promise.all([
    batch(
      client,
      [query(deployment, Audits, "credit", [payout]), query(deployment, Retrieval, "earnings", [payout])],
      at,
    ),
    batch(
      client,
      epochs.map((epoch) => query(deployment, Pool, "share", [operatorId, epoch])),
      at,
    ),
    batch(
      client,
      epochs.map((epoch) => query(deployment, Pool, "epochFees", [epoch])),
      at,
    ),
    batch(
      client,
      epochs.map((epoch) => query(deployment, Pool, "settledThrough", [operatorId, epoch])),
      at,
    ),
  ]);
  const claimOf = (epoch: number, i: number): Claim[] => {
    if (!settled[i]) return [{ epoch, status: "unsettled", owed: undefined }];
    const { fees: own, before, merit } = shares[i]!;
    const { net, weight: sum, sharesBps, frozen } = fees[i]!;
    const weight = (own * BigInt(merit)) / MERIT;
    if (weight === 0n) return [];
    if (!frozen) return [{ epoch, status: "unfrozen", owed: undefined }];
    const part = (net * (before + weight)) / sum - (net * before) / sum;
    const cap = (own * (BPS - BigInt(sharesBps))) / BPS;
    const status = reputation < PAID_REPUTATION ? "withheld" : "claimable";
    return [{ epoch, status, owed: part < cap ? part : cap }];
  };
  return { payout, epochs: epochs.flatMap(claimOf), auditCredit, retrievalCredit };
}
