// Pays from ethers v6 for storage of what anybody published: the types are typechain's, on the same ABIs that viem reads.
import { Contract, type Signer } from "ethers";
import type { ContractAddresses } from "holdfast/bindings";
import { Catalog__factory, Market__factory } from "holdfast/bindings/ethers";

const ROUNDS = 30n; // an epoch

/** Has a content held in `replicas` copies from the next epoch on. @returns the order's number */
export async function payForStorage(
  signer: Signer,
  contracts: Pick<ContractAddresses, "Asset" | "Catalog" | "Market">,
  { contentId, replicas, epochs }: { contentId: bigint; replicas: bigint; epochs: bigint },
): Promise<bigint> {
  const market = Market__factory.connect(contracts.Market, signer);
  const chunks = await Catalog__factory.connect(contracts.Catalog, signer).chunks(contentId);
  const deposit = chunks * replicas * epochs * ROUNDS * (await market.feePerChunkRound());

  const asset = new Contract(contracts.Asset, ["function approve(address, uint256) returns (bool)"], signer);
  await (await asset.getFunction("approve")(contracts.Market, deposit)).wait();

  const startEpoch = (await market.currentEpoch()) + 1n;
  const anyone = { minReputation: 0, minReliability: 0, incumbentOrder: 0, designated: [] };
  const sent = await market.open({ contentId, replicas, startEpoch, epochs, ...anyone }, deposit);
  const { blockNumber, hash } = (await sent.wait())!;
  const opened = await market.queryFilter(market.filters.OrderOpened(), blockNumber, blockNumber);
  return opened.find(({ transactionHash }) => transactionHash === hash)!.args.orderId;
}
