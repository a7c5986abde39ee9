// Draws all that an operator has earned: epochs that can be settled or claimed, and what downloaders paid.
import { claimSync, collectSync, type Deployment, getClaims, isRevert, settleSync, type Wallet } from "holdfast/sdk";

/** @returns asset wei sent to the operator's payout address */
export async function claimAll(wallet: Wallet, deployment: Deployment, operatorId: number): Promise<bigint> {
  let total = 0n;
  const { epochs, payout, retrievalCredit } = await getClaims(wallet, { deployment, operatorId });
  for (const { epoch, status } of epochs) {
    if (status === "unsettled")
      await settleSync(wallet, { deployment, operatorId, epoch }).catch((error) => {
        if (!isRevert(error, "Settlement_TooEarly")) throw error;
      });
    if (status === "claimable") total += (await claimSync(wallet, { deployment, operatorId, epoch })).owed;
  }
  if (retrievalCredit > 0n) total += (await collectSync(wallet, { deployment, operator: payout })).amount;
  return total;
}
