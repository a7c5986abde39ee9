import { afterAll, beforeAll, expect, test } from "vitest";
import { LocalChain } from "../testing/deploy.ts";
import { openOrder, publish, register } from "./actions.ts";
import { call, read } from "./call.ts";
import { roundAt } from "./clock.ts";
import { type CommitmentArgs, contentKey } from "./manifest.ts";
import { send } from "./send.ts";
import { ProtocolState } from "./state.ts";

let chain: LocalChain;

beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
});
afterAll(() => chain.stop());

const commitment: CommitmentArgs = {
  infohash: `0x${"01".repeat(32)}`,
  filesRoot: `0x${"02".repeat(32)}`,
  dataRoot: `0x${"03".repeat(32)}`,
  blocks: 513,
  fileCount: 2,
};

async function replay(): Promise<ProtocolState> {
  const { deployment } = chain;
  const state = new ProtocolState(deployment);
  const logs = await chain.client(0).getLogs({ address: Object.values(deployment.contracts), fromBlock: 0n });
  for (const log of logs) state.apply(log);
  return state;
}

test("the clock counts rounds as the contracts do", async () => {
  const client = chain.client(0);
  for (const round of [31, 32, 59, 60]) {
    await chain.toRound(round, 0);
    const { timestamp } = await client.getBlock();
    expect(roundAt(chain.deployment, Number(timestamp))).toBe(round);
    expect(await read(client, chain.deployment, "Market", "currentRound", [])).toBe(round);
  }
  expect(() => roundAt(chain.deployment, chain.deployment.genesis - 1)).toThrow(RangeError);
});

test("a signed manifest is accepted by the Catalog, under the key computed here", async () => {
  const wallet = chain.client(0);
  const contentId = await publish(wallet, chain.deployment, {
    commitment,
    name: "a set",
    sources: ["file:///a.torrent"],
  });
  expect(await read(wallet, chain.deployment, "Catalog", "contentOf", [contentKey(commitment)])).toBe(contentId);
});

test("a refusal names the contract's error, its arguments and what to do", async () => {
  const again = publish(chain.client(0), chain.deployment, { commitment, name: "a set", sources: [] });
  await expect(again).rejects.toMatchObject({
    name: "ContractRevert",
    errorName: "Catalog_AlreadyPublished",
    args: [1],
    message: "Catalog.publish reverted: Catalog_AlreadyPublished(contentId: 1)",
    hint: "Open an order for the content that is there.",
  });
  const view = read(chain.client(0), chain.deployment, "Market", "term", [99]);
  await expect(view).rejects.toMatchObject({ errorName: "Market_UnknownOrder", args: [99] });
});

test("events alone rebuild operators, contents, orders and slots", async () => {
  const { deployment } = chain;
  const wallet = chain.client(0);
  const endpoint = "127.0.0.1:6881";
  const operatorId = await register(wallet, deployment, {
    capacityChunks: 10,
    payout: wallet.account.address,
    endpoint,
  });
  const orderId = await openOrder(wallet, deployment, { contentId: 1, replicas: 2, startEpoch: 2, epochs: 1 });
  await send(wallet, call(deployment, "Market", "accept", [orderId, 1, operatorId]));
  await send(wallet, call(deployment, "Market", "cancelOpen", [orderId, 1]));

  const state = await replay();
  const onChain = await read(wallet, deployment, "Operators", "operator", [operatorId]);
  const [reputation, reliability] = await read(wallet, deployment, "Operators", "standing", [operatorId]);
  expect(state.operators.get(operatorId)).toMatchObject({
    owner: onChain.owner,
    prover: onChain.prover,
    payout: onChain.payout,
    stake: onChain.stake,
    capacityChunks: 10,
    reputation,
    reliability,
    endpoint,
  });
  expect(state.contents.get(1)).toMatchObject({ commitment, chunks: 2, bonded: true, manifest: { name: "a set" } });
  const order = state.orders.get(orderId)!;
  expect(order).toMatchObject({ contentId: 1, chunks: 2, startEpoch: 2, epochs: 1, slashBps: 10000 });
  expect(order.slots).toEqual([undefined, { operatorId, acceptedIn: 60, liveFrom: undefined }]);
  expect([...order.cancelled]).toEqual([0]);
  expect(state.slotsOf(operatorId, 60)).toHaveLength(1);
  expect(state.slotsOf(operatorId, 90)).toHaveLength(0);
});
