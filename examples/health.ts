// Looks how well an order is kept whenever something happens to it.
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
  return watchOrder(client, { deployment, orderId, onEvents: look, onRemoved: look });
}
