// Looks how well an order is kept whenever something happens to it, and every round: that a slot goes live, or misses a round, is no event.
import { type Deployment, getHealth, type Health, type Wallet, watchOrder } from "holdfast/sdk";

/** @returns what ends the watch */
export function watchHealth(
  client: Wallet,
  deployment: Deployment,
  orderId: number,
  tell: (health: Health) => void,
): () => void {
  const look = () => getHealth(client, { deployment, orderId }).then(tell, console.error);
  void look();
  const everyRound = setInterval(look, 1000 * deployment.roundLength);
  const stop = watchOrder(client, { deployment, orderId, onEvents: look, onRemoved: look });
  return () => {
    clearInterval(everyRound);
    stop();
  };
}
