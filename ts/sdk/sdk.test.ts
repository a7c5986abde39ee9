import { simulateContract } from "viem/actions";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LocalChain } from "../testing/deploy.ts";
import { accept, acceptSync } from "./actions/accept.ts";
import { cancelOpenSync } from "./actions/cancelOpen.ts";
import { openOrder } from "./actions/openOrder.ts";
import { publish } from "./actions/publish.ts";
import { register } from "./actions/register.ts";
import { setEndpoint } from "./actions/setEndpoint.ts";
import { submitSeedSync } from "./actions/submitSeed.ts";
import { roundAt } from "./clock.ts";
import * as constants from "./constants.ts";
import { Asset, Catalog, Holdings, Market, Operators, Oracle, Pool, Settlement } from "./contracts.ts";
import { placeOrder } from "./flows/placeOrder.ts";
import { publishContent } from "./flows/publishContent.ts";
import { type CommitmentArgs, contentKey, manifestOf, signManifest } from "./manifest.ts";
import { pay } from "./pay.ts";
import { read } from "./read.ts";
import { quoteOrder } from "./reads/quoteOrder.ts";

let chain: LocalChain;
let contentId: number;
let operatorId: number;

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

test("the clock counts rounds as the contracts do", async () => {
  const client = chain.client();
  for (const round of [31, 32, 59, 60]) {
    await chain.toRound(round, 0);
    const { timestamp } = await client.getBlock();
    expect(roundAt(chain.deployment, Number(timestamp))).toBe(round);
    expect(await read(client, chain.deployment, Market, "currentRound", [])).toBe(round);
  }
  expect(() => roundAt(chain.deployment, chain.deployment.genesis - 1)).toThrow(RangeError);
});

test("what is fixed in the contracts' code is the same number here", async () => {
  const [client, { deployment }] = [chain.client(), chain];
  const asked = {
    ACTIVATION_ROUNDS: await read(client, deployment, Market, "ACTIVATION_ROUNDS", []),
    BAD_ROUNDS: await read(client, deployment, Holdings, "BAD_ROUNDS", []),
    CARRY: await read(client, deployment, Oracle, "CARRY", []),
    FIRST_REPUTATION: await read(client, deployment, Operators, "FIRST_REPUTATION", []),
    FREEZE_ROUND: await read(client, deployment, Settlement, "FREEZE_ROUND", []),
    LAST_ROUNDS: await read(client, deployment, Market, "LAST_ROUNDS", []),
    MAX_CAPACITY: await read(client, deployment, Operators, "MAX_CAPACITY", []),
    MERIT: await read(client, deployment, Pool, "MERIT", []),
    PAGE: await read(client, deployment, Oracle, "PAGE", []),
    PAID_REPUTATION: await read(client, deployment, Operators, "PAID_REPUTATION", []),
    RENEWAL_ROUNDS: await read(client, deployment, Market, "RENEWAL_ROUNDS", []),
    SETTLE_ROUND: await read(client, deployment, Settlement, "SETTLE_ROUND", []),
  };
  const { BPS, CHUNK_BYTES, WAD, ...fixed } = constants; // units, which no contract names
  const comparable = (numbers: object) =>
    Object.entries(numbers).map(([name, value]) => [name, BigInt(value)] as const);
  expect(new Map(comparable(asked))).toEqual(new Map(comparable(fixed)));
});

test("a signed manifest is accepted by the Catalog, under the key computed here, at the relayer's expense", async () => {
  const { deployment } = chain;
  const [publisher, relayer] = [chain.client(3), chain.client()];
  const { address } = publisher.account;
  const manifest = manifestOf({ publisher: address, commitment, name: "a set", sources: ["file:///a.torrent"] });
  const signature = await signManifest(publisher, { deployment, manifest });
  const published = await pay(relayer, publish, { deployment, manifest, commitment, signature });
  contentId = published.contentId;
  expect(await read(relayer, deployment, Catalog, "contentOf", [contentKey(commitment)])).toBe(contentId);
  expect(published).toMatchObject({ eventName: "Published", publisher: address, payer: relayer.account.address });
});

test("what draws the asset approves exactly its cost, and says so when the wallet has less", async () => {
  const { deployment } = chain;
  const [wallet, poor] = [chain.client(), chain.client(1)];
  const { address } = wallet.account;
  const terms = { deployment, capacityChunks: 10, payout: address, prover: address, endpoint: "127.0.0.1:6881" };
  const registered = await pay(wallet, register, terms);
  operatorId = registered.operatorId;
  const { stake } = await read(wallet, deployment, Operators, "operator", [operatorId]);
  expect(stake).toBe(await register.cost(wallet, terms));
  const allowance = [address, deployment.contracts.Operators] as const;
  expect(await read(wallet, deployment, Asset, "allowance", allowance)).toBe(0n);
  await expect(pay(poor, register, terms)).rejects.toMatchObject({
    message: `${poor.account.address} has too little of the asset`,
    facts: { balance: 0n, needed: stake },
    hint: expect.stringContaining(`send it ${stake} more`),
  });
});

test("an order costs what the quote says, to the wei, if it starts with an epoch", async () => {
  const { deployment } = chain;
  const terms = { deployment, contentId, replicas: 3, startEpoch: 3, epochs: 2 };
  const quoted = await quoteOrder(chain.client(), terms);
  const { orderId, deposit } = await placeOrder(chain.client(), terms);
  expect(deposit).toBe(quoted);
  const less = pay(chain.client(), openOrder, { ...terms, maxDeposit: quoted - 1n });
  await expect(less).rejects.toMatchObject({
    errorName: "Market_DepositAbove",
    facts: { deposit: quoted, maxDeposit: quoted - 1n },
  });
  // A batch's events, all of them.
  const { events } = await cancelOpenSync(chain.client(), { deployment, orderId, replicas: [0, 2] });
  expect(events.map(({ args }) => args.replica)).toEqual([0, 2]);
});

test("a write is sent, waited for, simulated or read back from a receipt: one call in four forms", async () => {
  const { deployment } = chain;
  const wallet = chain.client();
  const { orderId } = await placeOrder(wallet, { deployment, contentId, replicas: 2, startEpoch: 2, epochs: 1 });
  const parameters = { deployment, orderId, replica: 1, operatorId };
  await simulateContract(wallet, { ...accept.call(parameters), account: wallet.account });
  const round = await read(wallet, deployment, Market, "currentRound", []);
  const facts = { orderId, replica: 1, operatorId, round };
  const accepted = await acceptSync(wallet, parameters);
  expect(accepted).toMatchObject({ eventName: "Accepted", ...facts });
  expect(accept.extractEvent(accepted.receipt.logs).args).toEqual(facts);

  const hash = await setEndpoint(wallet, { deployment, operatorId, endpoint: "192.0.2.7:1" });
  const { logs } = await wallet.waitForTransactionReceipt({ hash });
  expect(setEndpoint.extractEvent(logs).args).toEqual({ operatorId, endpoint: "192.0.2.7:1" });
  expect(() => accept.extractEvent(logs)).toThrow("Market.accept left no Accepted event");
});

test("a write that another one made needless leaves no event, and says so: a seed that is there already", async () => {
  const { deployment } = chain;
  await chain.seedRound(61);
  const { events } = await submitSeedSync(chain.client(), { deployment, round: 61, signature: "0x" });
  expect(events).toEqual([]);
});

test("a refusal names the contract's error, its values and what to do", async () => {
  const { deployment } = chain;
  const again = publishContent(chain.client(), { deployment, commitment, name: "a set", sources: [] });
  await expect(again).rejects.toMatchObject({
    name: "ContractRevert",
    errorName: "Catalog_AlreadyPublished",
    message: "Catalog.publish reverted: Catalog_AlreadyPublished",
    facts: { contentId },
    hint: "Open an order for the content that is there.",
  });
  const view = read(chain.client(), deployment, Market, "term", [99]);
  await expect(view).rejects.toMatchObject({ errorName: "Market_UnknownOrder", facts: { orderId: 99 } });
});
