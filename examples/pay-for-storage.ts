// Makes a torrent of PATH, publishes it, and pays for three operators to hold it for an epoch, from the next one on; they fetch it from
// a BitTorrent v2 client that seeds it, at HOST PORT. While `npx holdfast chain` runs: npx tsx examples/pay-for-storage.ts PATH 127.0.0.1 6881
import { readFileSync, writeFileSync } from "node:fs";
import { commitmentArgs, epochOf, placeOrder, publishContent, roundAt } from "holdfast/sdk";
import { loadDeployment } from "holdfast/sdk/node";
import { createTorrent, formatMagnet } from "holdfast/torrent";
import { createWalletClient, type Hex, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { foundry as chain } from "viem/chains";

const [path = ".", host = "127.0.0.1", port = "6881"] = process.argv.slice(2);
const { DEPLOYMENT = "deployments/31337.json", KEY_FILE = ".holdfast/keys/3", RPC_URL } = process.env;
const deployment = await loadDeployment(DEPLOYMENT);
const account = privateKeyToAccount(readFileSync(KEY_FILE, "utf8").trim() as Hex);
const wallet = createWalletClient({ account, chain, transport: http(RPC_URL) });

const { bytes, torrent, commitment } = await createTorrent(path);
writeFileSync(`${torrent.name}.torrent`, bytes);
const { name, infohashV2 } = torrent;
const sources = [formatMagnet({ infohashV2, peers: [{ host, port: Number(port) }] })];
const content = { deployment, commitment: commitmentArgs(commitment), name, sources };
const { contentId } = await publishContent(wallet, content);

const startEpoch = epochOf(roundAt(deployment, Date.now() / 1000)) + 1;
const order = { deployment, contentId, replicas: 3, startEpoch, epochs: 1 };
const { orderId, deposit } = await placeOrder(wallet, order);
console.log(`order ${orderId} for content ${contentId}: paid ${deposit} wei of the asset`);
