import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { getCatalog, getMarket } from "holdfast/bindings";
import { commitmentArgs, contentKey } from "holdfast/sdk";
import { createTorrent } from "holdfast/torrent";
import { afterAll, beforeAll, expect, test } from "vitest";
import { localKey } from "../ts/testing/anvil.ts";
import { LocalChain } from "../ts/testing/deploy.ts";

const SCRIPT = "examples/pay-for-storage.ts";

let chain: LocalChain;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-example-"));
  chain = await LocalChain.start({ roundLength: 600 });
});
afterAll(async () => {
  await chain.stop();
  await rm(folder, { recursive: true });
});

test("the script pays for storage of a torrent", async () => {
  await writeFile(join(folder, "data"), "x".repeat(100_000));
  await writeFile(join(folder, "key"), `${localKey(0)}\n`);
  const env = {
    ...process.env,
    DEPLOYMENT: resolve(chain.deploymentFile),
    KEY_FILE: "key",
    RPC_URL: chain.rpcUrl,
    TSX_TSCONFIG_PATH: resolve("tsconfig.json"), // where the clone's own exports are
  };
  const args = [resolve("node_modules/tsx/dist/cli.mjs"), resolve(SCRIPT), "data", "127.0.0.1", "6881"];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, env });
  expect(stdout).toMatch(/^order 1 for content 1: paid \d+ wei of the asset\n$/);

  const { contracts } = chain.deployment;
  const order = await getMarket(chain.client(), contracts.Market).read.order([1]);
  expect(order).toMatchObject({ contentId: 1, uploader: chain.client().account.address, replicas: 3, startEpoch: 2 });
  const { bytes, commitment } = await createTorrent(join(folder, "data"));
  expect(await readFile(join(folder, "data.torrent"))).toEqual(Buffer.from(bytes));
  const key = contentKey(commitmentArgs(commitment));
  expect(await getCatalog(chain.client(), contracts.Catalog).read.contentOf([key])).toBe(1);
});

test("it is what README shows", () => {
  expect(readFileSync("README.md", "utf8")).toContain(`\`\`\`ts\n${readFileSync(SCRIPT, "utf8")}\`\`\``);
});
