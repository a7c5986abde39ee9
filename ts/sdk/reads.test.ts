import { createClient, custom, type Hex } from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LocalChain } from "../testing/deploy.ts";
import { acceptSync } from "./actions/accept.ts";
import { cancelOpenSync } from "./actions/cancelOpen.ts";
import { register } from "./actions/register.ts";
import { requestExitSync } from "./actions/requestExit.ts";
import { transferSync } from "./actions/transfer.ts";
import { Market, Operators } from "./contracts.ts";
import { placeOrder } from "./flows/placeOrder.ts";
import { publishContent } from "./flows/publishContent.ts";
import type { CommitmentArgs } from "./manifest.ts";
import { pay } from "./pay.ts";
import { batch, query } from "./query.ts";
import { chooseOperators } from "./reads/chooseOperators.ts";
import { getClaims } from "./reads/getClaims.ts";
import { getClock } from "./reads/getClock.ts";
import { getContent } from "./reads/getContent.ts";
import { getHealth } from "./reads/getHealth.ts";
import { getOperator } from "./reads/getOperator.ts";
import { getOrder } from "./reads/getOrder.ts";

let chain: LocalChain;
let contentId: number;
/** Of accounts 0, 0, 1, 2; the last one leaves. */
const operators: number[] = [];

const commitment: CommitmentArgs = {
  infohash: `0x${"01".repeat(32)}`,
  filesRoot: `0x${"02".repeat(32)}`,
  dataRoot: `0x${"03".repeat(32)}`,
  blocks: 513,
  fileCount: 2,
};

beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
  const { deployment } = chain;
  const name = "a set";
  ({ contentId } = await publishContent(chain.client(), {
    deployment,
    commitment,
    name,
    sources: ["https://a.example/"],
  }));
  for (const [owner, capacityChunks] of [
    [0, 1],
    [0, 10],
    [1, 10],
    [2, 10],
  ] as const) {
    const wallet = chain.client(owner);
    const { address } = wallet.account;
    if (owner > 0) await transferSync(chain.client(), { deployment, to: address, amount: 10n ** 18n });
    const terms = { capacityChunks, payout: address, prover: address, endpoint: "127.0.0.1:6881" };
    operators.push((await pay(wallet, register, { deployment, ...terms })).operatorId);
  }
  await requestExitSync(chain.client(2), { deployment, operatorId: operators[3]! });
}, 600_000);
afterAll(() => chain?.stop());

test("views are read in one call: through Multicall3 where the chain has it, deployless where it has not", async () => {
  const { deployment } = chain;
  const wallet = chain.client();
  // viem has Multicall3's code, though it does not export it.
  const path = new URL("../../node_modules/viem/_esm/constants/contracts.js", import.meta.url).href;
  const { multicall3Bytecode } = (await import(path)) as { multicall3Bytecode: Hex };
  const { contractAddress } = await wallet.waitForTransactionReceipt({
    hash: await wallet.sendTransaction({ data: multicall3Bytecode }),
  });
  const calls: (string | undefined)[] = [];
  const transport = custom({
    request: (args) => {
      if (args.method === "eth_call") calls.push(args.params[0].to);
      return wallet.request(args);
    },
  });
  const fresh = createClient({ chain: wallet.chain, transport });
  const contracts = { multicall3: { address: contractAddress! } };
  const usual = createClient({ chain: { ...wallet.chain, contracts }, transport });
  const questions = [
    query(deployment, Operators, "count", []),
    query(deployment, Market, "count", []),
    query(deployment, Operators, "operator", [operators[0]!]),
  ] as const;
  const answers = await batch(fresh, questions);
  expect(answers).toMatchObject([4, 0, { capacityChunks: 1 }]);
  expect(await batch(usual, questions)).toEqual(answers);
  expect(calls).toEqual([undefined, contractAddress]);
  // More than fit into one call are of one block all the same.
  const many = Array.from({ length: 600 }, () => query(deployment, Operators, "count", []));
  expect(new Set(await batch(fresh, many))).toEqual(new Set([4]));
});

test("a view that reverts in a batch says which, and why", async () => {
  const unknown = getOrder(chain.client(), { deployment: chain.deployment, orderId: 99 });
  await expect(unknown).rejects.toMatchObject({
    message: "Market.term reverted: Market_UnknownOrder",
    facts: { orderId: 99 },
    hint: expect.stringContaining("No order has this number"),
  });
});

test("an order tells who holds which replica; its health, that nobody does yet", async () => {
  const { deployment } = chain;
  const wallet = chain.client();
  const { epoch, round } = await getClock(wallet, { deployment });
  const terms = { contentId, replicas: 3, startEpoch: epoch + 1, epochs: 2 };
  const { orderId, deposit } = await placeOrder(wallet, { deployment, ...terms });
  await acceptSync(wallet, { deployment, orderId, replica: 1, operatorId: operators[1]! });
  await cancelOpenSync(wallet, { deployment, orderId, replicas: [2] });
  const order = await getOrder(wallet, { deployment, orderId });
  expect(order).toMatchObject({
    ...{ orderId, contentId, uploader: wallet.account.address, withdrawable: deposit / 3n },
    ...{ firstRound: (epoch + 1) * 30, lastRound: (epoch + 3) * 30 - 1 },
  });
  expect(order.slots).toEqual([
    { replica: 0, status: "open", operatorId: 0, acceptedIn: 0, liveFrom: 0 },
    { replica: 1, status: "reserved", operatorId: operators[1], acceptedIn: round, liveFrom: 0 },
    { replica: 2, status: "cancelled", operatorId: 0, acceptedIn: 0, liveFrom: 0 },
  ]);
  expect(await getHealth(wallet, { deployment, orderId })).toMatchObject({ held: 0, wanted: 2, losses: [] });
});

test("a content tells what was published, whoever asks", async () => {
  const { deployment } = chain;
  const content = await getContent(chain.client(5), { deployment, contentId });
  expect(content).toMatchObject({ contentId, chunks: 2, commitment, manifest: { name: "a set" }, dataId: contentId });
  await expect(getContent(chain.client(), { deployment, contentId: 99 })).rejects.toThrow("there is no content 99");
});

test("an operator tells its standing and its room", async () => {
  const { deployment } = chain;
  const [first, second] = await Promise.all(
    [operators[0]!, operators[1]!].map((operatorId) => getOperator(chain.client(), { deployment, operatorId })),
  );
  expect(first).toMatchObject({ reputation: 5n * 10n ** 17n, reliability: 10n ** 18n, grade: "A+", spareChunks: 1 });
  expect(second).toMatchObject({ spareChunks: 8, liveChunks: 0, badInARow: 0, stamp: 0 }); // two are reserved above
  const unknown = getOperator(chain.client(), { deployment, operatorId: 99 });
  await expect(unknown).rejects.toThrow("there is no operator 99");
});

test("operators are chosen who have room and standing and stay, one of an owner", async () => {
  const { deployment } = chain;
  const choose = async (more: object = {}) =>
    (await chooseOperators(chain.client(), { deployment, contentId, count: 3, ...more })).map((o) => o.operatorId);
  expect(await choose()).toEqual([operators[1], operators[2]]);
  expect(await choose({ count: 1 })).toEqual([operators[1]]);
  expect(await choose({ exclude: [operators[1]] })).toEqual([operators[2]]);
  expect(await choose({ minReputation: 51 })).toEqual([]);
});

test("an operator that has held nothing has nothing to claim", async () => {
  const nobody = getClaims(chain.client(), { deployment: chain.deployment, operatorId: 99 });
  await expect(nobody).rejects.toThrow("there is no operator 99");
  const claims = await getClaims(chain.client(), { deployment: chain.deployment, operatorId: operators[0]! });
  const payout = chain.client().account.address;
  expect(claims).toEqual({ payout, epochs: [], auditCredit: 0n, retrievalCredit: 0n });
});
