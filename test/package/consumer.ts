// Compiled against the packed package: what an integrator's program may rely on.
import { Market__factory } from "holdfast/bindings/ethers";
import { deployments, getMarket, marketAbi } from "holdfast/bindings";
import { createPublicClient, http, parseEventLogs } from "viem";
import type { Signer } from "ethers";

const client = createPublicClient({ transport: http() });
const market = deployments[1]?.contracts.Market ?? "0x0000000000000000000000000000000000000000";
const fee: bigint = await getMarket(client, market).read.feePerChunkRound();
const [opened] = parseEventLogs({ abi: marketAbi, eventName: "OrderOpened", logs: [] });
const orderId: number | undefined = opened?.args.orderId;
// @ts-expect-error: there is no such function
getMarket(client, market).read.fees();

declare const signer: Signer;
const again: bigint = await Market__factory.connect(market, signer).feePerChunkRound();
export { again, fee, orderId };
