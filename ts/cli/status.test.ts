import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { register } from "../sdk/actions/register.ts";
import { startOf } from "../sdk/clock.ts";
import { pay } from "../sdk/pay.ts";
import { LocalChain } from "../testing/deploy.ts";

let chain: LocalChain;
beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: 600 });
});
afterAll(() => chain.stop());

async function status(...flags: readonly string[]): Promise<string> {
  const where = ["--rpc-url", chain.rpcUrl, "--deployment", chain.deploymentFile];
  const args = ["ts/cli/bin.mjs", "status", ...where, ...flags];
  return (await promisify(execFile)(process.execPath, args)).stdout;
}

test("the network at a glance, for people and for programs", async () => {
  const wallet = chain.client();
  const payout = wallet.account.address;
  const terms = { capacityChunks: 10, payout, prover: payout, endpoint: "192.0.2.7:6881\u001b[2J" };
  await pay(wallet, register, { deployment: chain.deployment, ...terms });
  await chain.toRound(33);

  const facts = JSON.parse(await status("--json"));
  const ends = startOf(chain.deployment, 34);
  expect(facts).toMatchObject({ round: 33, epoch: 1, roundOfEpoch: 3, seed: "waiting for its seed", roundEnds: ends });
  expect(facts).toMatchObject({ contents: 0, orders: 0, openReplicas: 0, keepers: [] });
  expect(facts.operators).toEqual([
    expect.objectContaining({ operator: 1, reputation: "500000000000000000", grade: "A+", chunks: 0, round: "idle" }),
  ]);

  const text = await status();
  expect(text).toContain("epoch 1, round 3 of 30 (33): waiting for its seed");
  expect(text).toMatch(/192\.0\.2\.7:6881\?\[2J .* 50% .* 100% .* A\+ .* 0 of 10 .* idle/);
  expect(text).not.toContain("\u001b[2J");
});
