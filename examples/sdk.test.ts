import type { Health } from "holdfast/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fund, Holder } from "../ts/operator/testing.ts";
import { freezeSync } from "../ts/sdk/actions/freeze.ts";
import { getClaims } from "../ts/sdk/reads/getClaims.ts";
import { LocalChain } from "../ts/testing/deploy.ts";
import { eventually } from "../ts/testing/eventually.ts";
import { orderFromTheBest } from "./choose.ts";
import { claimAll } from "./claim.ts";
import { watchHealth } from "./health.ts";

let chain: LocalChain;
let holder: Holder;

beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
  await fund(chain, 1);
  holder = await Holder.open(chain, 1);
}, 600_000);
afterAll(async () => {
  await holder?.close();
  await chain?.stop();
});

test("an order is watched while a real operator takes it and proves it; its epoch's pay is claimed", async () => {
  const { deployment } = chain;
  const wallet = chain.client();
  await holder.reserve(1);
  const seen: Health[] = [];
  const stop = watchHealth(wallet, deployment, holder.orderId, (health) => seen.push(health));
  await eventually(() => expect(seen.at(-1)?.replicas[0]?.status).toBe("reserved"));
  const accepted = seen[0]!.replicas[0]!.acceptedIn;
  await chain.seedRound(accepted + 1);
  await eventually(() => expect(seen.at(-1)?.replicas[0]?.liveFrom).toBe(accepted + 2));
  await holder.proves();
  stop();
  await holder.service.stop();

  const { operatorId } = holder;
  const epoch = seen[0]!.order.startEpoch;
  await chain.toRound((epoch + 1) * 30 + 2);
  expect(await claimAll(wallet, deployment, operatorId)).toBe(0n); // settled; it is claimed when it is frozen
  await chain.toRound((epoch + 1) * 30 + 5);
  await freezeSync(wallet, { deployment, epoch });
  const { epochs } = await getClaims(wallet, { deployment, operatorId });
  expect(epochs).toMatchObject([{ epoch, status: "claimable" }]);
  expect(await claimAll(wallet, deployment, operatorId)).toBe(epochs[0]!.owed);
  expect(epochs[0]!.owed).toBeGreaterThan(0n);
});

test("copies are ordered from the operators one likes", async () => {
  const { contentId } = holder.publication;
  expect(await orderFromTheBest(chain.client(), chain.deployment, contentId, 1)).toBeGreaterThan(holder.orderId);
});
