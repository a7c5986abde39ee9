import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { LocalChain } from "../testing/deploy.ts";
import { eventually } from "../testing/eventually.ts";
import { approveSync } from "./actions/approve.ts";
import { cancelOpenSync } from "./actions/cancelOpen.ts";
import { placeOrder } from "./flows/placeOrder.ts";
import { publishContent } from "./flows/publishContent.ts";
import { watchContent } from "./watch/watchContent.ts";
import { watchOrder } from "./watch/watchOrder.ts";
import { watchOrders } from "./watch/watchOrders.ts";

let chain: LocalChain;
let contentId: number;
const stops: (() => void)[] = [];

beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
  const root = (byte: string) => `0x${byte.repeat(32)}` as const;
  const commitment = { infohash: root("01"), filesRoot: root("02"), dataRoot: root("03"), blocks: 513, fileCount: 2 };
  const publication = { deployment: chain.deployment, commitment, name: "a set", sources: [] };
  ({ contentId } = await publishContent(chain.client(), publication));
}, 600_000);
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});
afterAll(() => chain?.stop());

/** Opens an order of the next epoch. */
async function order(): Promise<number> {
  const terms = { contentId, replicas: 1, startEpoch: 2, epochs: 1 };
  return (await placeOrder(chain.client(), { deployment: chain.deployment, ...terms })).orderId;
}

/** What a watcher said, in its order: +7 for order 7, -7 when it did not happen. */
function watching(): string[] {
  const said: string[] = [];
  const say = (sign: string) => (events: readonly { readonly args: { readonly orderId: number } }[]) =>
    said.push(...events.map(({ args }) => sign + args.orderId));
  stops.push(
    watchOrders(chain.client(), { deployment: chain.deployment, contentId, onEvents: say("+"), onRemoved: say("-") }),
  );
  return said;
}

test("orders are told once each, in order; those of a block that the chain leaves behind are taken back", async () => {
  const client = chain.client();
  const said = watching();
  await new Promise((resolve) => setTimeout(resolve, 500)); // from the next block on
  const kept = await order();
  await eventually(() => expect(said).toEqual([`+${kept}`]));
  const id = await client.snapshot();
  const [first, second] = [await order(), await order()];
  await eventually(() => expect(said).toEqual([`+${kept}`, `+${first}`, `+${second}`]));
  // Another branch: the same order number is another order, and a longer chain wins.
  await client.revert({ id });
  await client.mine({ blocks: 3 });
  const other = await order();
  expect(other).toBe(first);
  await client.mine({ blocks: 4 });
  const all = [`+${kept}`, `+${first}`, `+${second}`, `-${second}`, `-${first}`, `+${other}`];
  await eventually(() => expect(said).toEqual(all));
  // And nothing twice.
  await client.mine({ blocks: 1 });
  const last = await order();
  await eventually(() => expect(said).toEqual([...all, `+${last}`]));
});

test("a block that is replaced in place, at the same height, takes its events along, though it is the first one seen", async () => {
  const client = chain.client();
  await approveSync(client, { deployment: chain.deployment, spender: "Market", amount: 10n ** 24n });
  const said = watching();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const [id, before] = [await client.snapshot(), await client.getBlockNumber()];
  const gone = await order();
  const height = await client.getBlockNumber();
  await eventually(() => expect(said).toEqual([`+${gone}`]));
  await client.revert({ id });
  await client.mine({ blocks: Number(height - before) });
  expect(await client.getBlockNumber()).toBe(height);
  await eventually(() => expect(said).toEqual([`+${gone}`, `-${gone}`]));
});

test("one order, or one content, is watched from any block on, and not after the watch has ended", async () => {
  const client = chain.client();
  const { deployment } = chain;
  const orderId = await order();
  const names: string[] = [];
  const tell = {
    onEvents: (events: readonly { readonly eventName: string }[]) =>
      void names.push(...events.map(({ eventName }) => eventName)),
    onRemoved: () => {},
  };
  const stop = watchOrder(client, { deployment, orderId, fromBlock: 0n, ...tell });
  await eventually(() => expect(names).toEqual(["OrderOpened"]));
  await cancelOpenSync(client, { deployment, orderId, replicas: [0] });
  await eventually(() => expect(names).toEqual(["OrderOpened", "ReplicaCancelled"]));
  stop();
  names.length = 0;
  stops.push(watchContent(client, { deployment, contentId, fromBlock: 0n, ...tell }));
  await eventually(() => expect(names.slice(0, 2)).toEqual(["Published", "OrderOpened"]));
  expect(names).not.toContain("ReplicaCancelled");
});
