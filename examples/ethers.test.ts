import { Contract, hexlify, JsonRpcProvider, randomBytes, Wallet } from "ethers";
import { Catalog__factory, Market__factory } from "holdfast/bindings/ethers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { localKey } from "../ts/testing/anvil.ts";
import { LocalChain } from "../ts/testing/deploy.ts";
import { payForStorage } from "./ethers.ts";

let chain: LocalChain;
let provider: JsonRpcProvider;
let signer: Wallet;

beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
  provider = new JsonRpcProvider(chain.rpcUrl, chain.deployment.chainId, { cacheTimeout: -1 });
  signer = new Wallet(localKey(0), provider);
});
afterAll(async () => {
  provider.destroy();
  await chain.stop();
});

/** Publishes a content of two chunks as the signer's, with the bond asked. */
async function publish(): Promise<bigint> {
  const { Asset, Catalog } = chain.deployment.contracts;
  const catalog = Catalog__factory.connect(Catalog, signer);
  const asset = new Contract(Asset, ["function approve(address, uint256) returns (bool)"], signer);
  await (await asset.getFunction("approve")(Catalog, await catalog.publishBond())).wait();
  const [infohash, filesRoot, dataRoot] = [1, 2, 3].map(() => hexlify(randomBytes(32))) as [string, string, string];
  const commitment = { infohash, filesRoot, dataRoot, blocks: 513, fileCount: 1 };
  const manifest = {
    ...{ publisher: signer.address, name: "a set", infohash, key: await catalog.keyOf(commitment) },
    ...{ series: 0, version: 1, licence: "", sources: [] },
  };
  const domain = { name: "Holdfast Catalog", version: "1", chainId: 31337, verifyingContract: Catalog };
  const string = (name: string) => ({ name, type: "string" });
  const bytes32 = (name: string) => ({ name, type: "bytes32" });
  const types = {
    Manifest: [
      ...[{ name: "publisher", type: "address" }, string("name"), bytes32("infohash"), bytes32("key")],
      ...[{ name: "series", type: "uint64" }, { name: "version", type: "uint32" }, string("licence")],
      { name: "sources", type: "string[]" },
    ],
  };
  const signature = await signer.signTypedData(domain, types, manifest);
  await (await catalog.publish(manifest, commitment, signature)).wait();
  return catalog.count();
}

test("ethers pays for storage, on a real chain", async () => {
  const { contracts } = chain.deployment;
  const contentId = await publish();
  const orderId = await payForStorage(signer, contracts, { contentId, replicas: 3n, epochs: 2n });
  const market = Market__factory.connect(contracts.Market, provider);
  const order = await market.order(orderId);
  expect(order.uploader).toBe(signer.address);
  expect(order.replicas).toBe(3n);
  expect(await market.accounted()).toBe(2n * 3n * 60n * order.feePerChunkRound);
});

test("a refusal is decoded with the ABI that the types are of", async () => {
  const { contracts } = chain.deployment;
  const market = Market__factory.connect(contracts.Market, signer);
  const refused = market.withdraw.staticCall(99n, signer.address);
  const { revert } = await refused.catch((error) => error);
  expect(revert.signature).toBe("Market_UnknownOrder(uint40)");
  expect([...revert.args]).toEqual([99n]);
});
