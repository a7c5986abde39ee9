// What becomes of contents that should not have been published, by the command as people run it.
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { stringToHex } from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";
import { acceptSync } from "../sdk/actions/accept.ts";
import { activateSync } from "../sdk/actions/activate.ts";
import { register } from "../sdk/actions/register.ts";
import { unwindSync } from "../sdk/actions/unwind.ts";
import { Asset, Catalog, Holdings, Market } from "../sdk/contracts.ts";
import { placeOrder } from "../sdk/flows/placeOrder.ts";
import { publishContent } from "../sdk/flows/publishContent.ts";
import { commitmentArgs } from "../sdk/manifest.ts";
import { pay } from "../sdk/pay.ts";
import { encodeWords } from "../sdk/proofs.ts";
import { read } from "../sdk/read.ts";
import { localKey } from "../testing/anvil.ts";
import { LocalChain } from "../testing/deploy.ts";
import { createTorrent, DataFolder, PossessionCache } from "../torrent/index.ts";
import { sampleBytes, temporaryFolder } from "../wire/testing.ts";

const CHALLENGER = 3;
let chain: LocalChain;
beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
});
afterAll(() => chain.stop());

async function holdfast(key: number, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const where = ["--json", "--rpc-url", chain.rpcUrl, "--deployment", chain.deploymentFile];
  const env = { ...process.env, HOLDFAST_KEY_PRIVATE_KEY: localKey(key) };
  const { stdout } = await promisify(execFile)(process.execPath, ["ts/cli/bin.mjs", ...args, ...where], { env });
  return JSON.parse(stdout);
}

/** A file, its torrent, and its possession tree. */
async function make(seed: number) {
  const root = await temporaryFolder();
  const data = join(root, "data.bin");
  await writeFile(data, sampleBytes(600_000, seed));
  const { torrent, commitment, bytes } = await createTorrent(data);
  const torrentFile = join(root, "data.torrent");
  await writeFile(torrentFile, bytes);
  return { data, torrent, torrentFile, commitment, folder: new DataFolder(root, torrent), root };
}

test("H-TREE-2: a content whose possession tree is over other data is disproved with the words that its operator proved", async () => {
  const wallet = chain.client();
  const { deployment } = chain;
  const [real, other] = [await make(1), await make(2)];
  const commitment = commitmentArgs({ ...real.commitment, dataRoot: other.commitment.dataRoot });
  const { contentId } = await publishContent(wallet, { deployment, commitment, name: "a lie", sources: [] });
  const disprove = () =>
    holdfast(CHALLENGER, "content", "disprove", `${contentId}`, real.torrentFile, "--data", real.data);
  await expect(disprove()).rejects.toThrow(/no word proven on chain shows it yet/);

  // An accomplice holds what the publisher made up.
  const { address } = wallet.account;
  const terms = { capacityChunks: 10, payout: address, prover: address, endpoint: "192.0.2.7:6881" };
  const { operatorId } = await pay(wallet, register, { deployment, ...terms });
  const startEpoch = await read(wallet, deployment, Market, "currentEpoch", []);
  const { orderId } = await placeOrder(wallet, { deployment, contentId, replicas: 1, startEpoch, epochs: 1 });
  const slot = { orderId, replica: 0 };
  await acceptSync(wallet, { deployment, ...slot, operatorId });
  await chain.seedRound((await read(wallet, deployment, Market, "currentRound", [])) + 1);
  const seed = await read(wallet, deployment, Market, "activationSeed", [orderId, 0]);
  const leaves = await read(wallet, deployment, Holdings, "wordsOf", [contentId, seed]);
  const cache = await PossessionCache.build(other.folder, join(other.root, "cache"));
  const words = await Promise.all(leaves.map((leaf) => cache.prove(other.folder, Number(leaf))));
  await activateSync(wallet, { deployment, ...slot, proof: encodeWords(words) });

  const bond = await read(wallet, deployment, Catalog, "publishBond", []);
  expect(await disprove()).toMatchObject({ contentId, rowIndex: 0, reward: `${bond / 2n}` });
  const challenger = chain.client(CHALLENGER).account.address;
  expect(await read(wallet, deployment, Asset, "balanceOf", [challenger])).toBe(bond / 2n);
  expect(await read(wallet, deployment, Catalog, "content", [contentId])).toMatchObject({
    isDisproved: true,
    bond: 0n,
  });
  expect(await unwindSync(wallet, { deployment, ...slot })).toMatchObject({ slashed: 0n });
  await expect(disprove()).rejects.toThrow(/Catalog_AlreadyDisproved/);
  await cache.close();
});

test("an honest content cannot be disproved", async () => {
  const { data, torrentFile, commitment } = await make(3);
  const wallet = chain.client();
  const { deployment } = chain;
  const terms = { commitment: commitmentArgs(commitment), name: "the truth", sources: [] };
  const { contentId } = await publishContent(wallet, { deployment, ...terms });
  const tried = holdfast(CHALLENGER, "content", "disprove", `${contentId}`, torrentFile, "--data", data);
  await expect(tried).rejects.toThrow(/there is nothing to disprove/);
});

test("the curator takes a content out of service, and nobody else does", async () => {
  const { commitment } = await make(4);
  const { deployment } = chain;
  const terms = { commitment: commitmentArgs(commitment), name: "not for here", sources: [] };
  const { contentId } = await publishContent(chain.client(), { deployment, ...terms });
  const block = (key: number) => holdfast(key, "content", "block", `${contentId}`, "--reason", "a court's order");
  await expect(block(CHALLENGER)).rejects.toThrow(/AccessManagedUnauthorized/);
  const stamp = await read(chain.client(), deployment, Market, "currentRound", []);
  expect(await block(0)).toMatchObject({ contentId, stamp });
  await expect(block(0)).rejects.toThrow(/Catalog_Stamped/);
});

test("a series has versions, and its owner takes the head back", async () => {
  const { series } = await holdfast(0, "content", "series");
  for (const version of [1, 2]) {
    const { torrentFile, data } = await make(4 + version);
    const where = ["--data", data, "--peer", "192.0.2.7:6881"];
    const place = ["--series", `${series}`, "--content-version", `${version}`];
    await holdfast(0, "content", "publish", torrentFile, ...where, ...place);
  }
  const head = async () => {
    const { head, latest } = await read(chain.client(), chain.deployment, Catalog, "seriesOf", [BigInt(`${series}`)]);
    return { head, latest };
  };
  expect(await head()).toEqual({ head: 2, latest: 2 });
  expect(await holdfast(0, "content", "series", `${series}`, "--head", "1")).toMatchObject({ series, version: 1 });
  expect(await head()).toEqual({ head: 1, latest: 2 });
  // What is published already can be a version, too.
  const { torrentFile, data } = await make(7);
  const { contentId } = await holdfast(
    0,
    "content",
    "publish",
    torrentFile,
    "--data",
    data,
    "--peer",
    "192.0.2.7:6881",
  );
  const added = await holdfast(0, "content", "series", `${series}`, "--head", "3", "--content", `${contentId}`);
  expect(added).toMatchObject({ series, version: 3, contentId });
  expect(await head()).toEqual({ head: 3, latest: 3 });
  const stranger = holdfast(CHALLENGER, "content", "series", `${series}`, "--head", "2");
  await expect(stranger).rejects.toThrow(/Catalog_NotSeriesOwner/);
  await expect(holdfast(0, "content", "series", `${series}`)).rejects.toThrow(/go together/);
});

test("an attester says what it holds of a content, and takes it back", async () => {
  const { commitment } = await make(8);
  const { deployment } = chain;
  const terms = { commitment: commitmentArgs(commitment), name: "looked at", sources: [] };
  const { contentId } = await publishContent(chain.client(), { deployment, ...terms });
  const attester = chain.client(CHALLENGER).account.address;
  const args = [contentId, attester, stringToHex("malware-free", { size: 32 })] as const;
  const verdict = () => read(chain.client(), deployment, Catalog, "verdictOf", args);
  for (const [flags, holds] of [
    [[], true],
    [["--withdraw"], false],
  ] as const) {
    const said = await holdfast(CHALLENGER, "content", "attest", `${contentId}`, "malware-free", ...flags);
    expect(said).toMatchObject({ attester, holds });
    expect(await verdict()).toMatchObject({ holds });
  }
});
