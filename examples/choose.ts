// Orders copies from operators of one's choice: the best by reputation and reliability that have room, no two of one owner.
import { chooseOperators, type Deployment, getClock, placeOrder, type Wallet } from "holdfast/sdk";

export async function orderFromTheBest(
  wallet: Wallet,
  deployment: Deployment,
  contentId: number,
  replicas: number,
): Promise<number> {
  const best = await chooseOperators(wallet, { deployment, contentId, count: 2 * replicas, minReputation: 40 });
  const designated = best.map(({ operatorId }) => operatorId);
  const { epoch } = await getClock(wallet, { deployment });
  const terms = { contentId, replicas: Math.min(replicas, best.length), startEpoch: epoch, epochs: 1, designated };
  return (await placeOrder(wallet, { deployment, ...terms })).orderId;
}
