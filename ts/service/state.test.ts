import { afterAll, beforeAll, expect, test } from "vitest";
import { acceptSync } from "../sdk/actions/accept.ts";
import { cancelOpenSync } from "../sdk/actions/cancelOpen.ts";
import { register } from "../sdk/actions/register.ts";
import { Operators } from "../sdk/contracts.ts";
import { placeOrder } from "../sdk/flows/placeOrder.ts";
import { publishContent } from "../sdk/flows/publishContent.ts";
import { pay } from "../sdk/pay.ts";
import { read } from "../sdk/read.ts";
import { LocalChain } from "../testing/deploy.ts";
import { ProtocolState } from "./state.ts";

let chain: LocalChain;

beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
});
afterAll(() => chain.stop());

test("events alone rebuild operators, contents, orders and slots", async () => {
  const { deployment } = chain;
  const wallet = chain.client();
  const { address } = wallet.account;
  const commitment = {
    infohash: `0x${"01".repeat(32)}`,
    filesRoot: `0x${"02".repeat(32)}`,
    dataRoot: `0x${"03".repeat(32)}`,
    ...{ blocks: 513, fileCount: 2 },
  } as const;
  const { contentId } = await publishContent(wallet, { deployment, commitment, name: "a set", sources: [] });
  const terms = { capacityChunks: 10, payout: address, prover: address, endpoint: "127.0.0.1:6881" };
  const { operatorId } = await pay(wallet, register, { deployment, ...terms });
  const { orderId } = await placeOrder(wallet, { deployment, contentId, replicas: 2, startEpoch: 2, epochs: 1 });
  const { round } = await acceptSync(wallet, { deployment, orderId, replica: 1, operatorId });
  await cancelOpenSync(wallet, { deployment, orderId, replicas: [0] });

  const state = new ProtocolState(deployment);
  const logs = await wallet.getLogs({ address: Object.values(deployment.contracts), fromBlock: 0n });
  for (const log of logs) state.apply(log);
  const onChain = await read(wallet, deployment, Operators, "operator", [operatorId]);
  const [reputation, reliability] = await read(wallet, deployment, Operators, "standing", [operatorId]);
  expect(state.operators.get(operatorId)).toMatchObject({
    ...{ owner: onChain.owner, prover: onChain.prover, payout: onChain.payout, stake: onChain.stake },
    ...{ capacityChunks: 10, reputation, reliability, endpoint: terms.endpoint },
  });
  expect(state.contents.get(contentId)).toMatchObject({ commitment, chunks: 2, bonded: true });
  const order = state.orders.get(orderId)!;
  expect(order).toMatchObject({ contentId, chunks: 2, startEpoch: 2, epochs: 1, slashBps: 10000 });
  expect(order.slots).toEqual([undefined, { operatorId, acceptedIn: round, liveFrom: undefined }]);
  expect([...order.cancelled]).toEqual([0]);
  expect(state.slotsOf(operatorId, 60)).toHaveLength(1);
  expect(state.slotsOf(operatorId, 90)).toHaveLength(0);
});
