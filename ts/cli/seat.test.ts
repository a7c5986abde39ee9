import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodePages, pledge } from "../keeper/values.ts";
import { admitKeeperSync } from "../sdk/actions/admitKeeper.ts";
import { commitValuesSync } from "../sdk/actions/commitValues.ts";
import { forfeitSync } from "../sdk/actions/forfeit.ts";
import { transferSync } from "../sdk/actions/transfer.ts";
import { firstRound } from "../sdk/clock.ts";
import { Asset, Oracle } from "../sdk/contracts.ts";
import { read } from "../sdk/read.ts";
import { localAccount, localKey } from "../testing/anvil.ts";
import { LocalChain } from "../testing/deploy.ts";

const KEEPER = 1;
const keeper = localAccount(KEEPER).address;
let chain: LocalChain;
beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600, parameters: { genesis: Math.floor(Date.now() / 1000) + 3_600 } });
});
afterAll(() => chain.stop());

/** `holdfast keeper …`, as local account `index`. */
async function holdfast(command: string, index = KEEPER): Promise<Record<string, unknown>> {
  const where = ["--json", "--rpc-url", chain.rpcUrl, "--deployment", chain.deploymentFile];
  const env = { ...process.env, HOLDFAST_KEY_PRIVATE_KEY: localKey(index) };
  const args = ["ts/cli/bin.mjs", "keeper", ...command.split(" "), ...where];
  return JSON.parse((await promisify(execFile)(process.execPath, args, { env })).stdout);
}

test("a keeper is told what is missing, takes a seat, makes a forfeit good, leaves, and takes its bond home", async () => {
  const { deployment } = chain;
  const [wallet, governance] = [chain.client(KEEPER), chain.client()];
  await expect(holdfast("join")).rejects.toThrow(`by Oracle.admit(${keeper})`);
  await admitKeeperSync(governance, { deployment, keeper });
  const bond = await read(wallet, deployment, Oracle, "keeperBond", []);
  await expect(holdfast("join")).rejects.toThrow(`send it ${bond} more of the asset`);
  await transferSync(governance, { deployment, to: keeper, amount: 2n * bond });
  expect(await holdfast("join")).toEqual({ keeper, bond: `${bond}`, from: 1 });
  expect(await read(wallet, deployment, Oracle, "committee", [1])).toEqual([keeper]);
  await expect(holdfast("join")).rejects.toThrow("has joined already");
  await expect(holdfast("top-up")).rejects.toThrow("Oracle_BondFull");

  const domain = { chainId: wallet.chain.id, oracle: deployment.contracts.Oracle, keeper, epoch: 1 };
  await chain.toRound(firstRound(2));
  await commitValuesSync(wallet, { deployment, epoch: 1, link: pledge(encodePages(new Map()), domain).link, pages: 1 });
  await chain.toRound(firstRound(2) + 2);
  await forfeitSync(governance, { deployment, epoch: 1, keeper });
  const { bond: left } = await read(wallet, deployment, Oracle, "keeper", [keeper]);
  expect(await holdfast(`top-up --keeper ${keeper}`, 0)).toMatchObject({ added: `${bond - left}` });

  expect(await holdfast("leave")).toEqual({ keeper, until: 3, bondFrom: 5 });
  await expect(holdfast("join")).rejects.toThrow("take the bond home first");
  await expect(holdfast("withdraw")).rejects.toThrow("Oracle_BondThawing");
  await chain.toRound(firstRound(5));
  expect(await holdfast("withdraw")).toEqual({ keeper, amount: `${bond}` });
  expect(await read(wallet, deployment, Asset, "balanceOf", [keeper])).toBe(2n * bond);
}, 180_000);
