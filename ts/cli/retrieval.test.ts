import { execFile } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../errors.ts";
import { fund } from "../operator/testing.ts";
import { register } from "../sdk/actions/register.ts";
import { Retrieval } from "../sdk/contracts.ts";
import { publishContent } from "../sdk/flows/publishContent.ts";
import { pay } from "../sdk/pay.ts";
import { read } from "../sdk/read.ts";
import { localAccount, localKey } from "../testing/anvil.ts";
import { LocalChain } from "../testing/deploy.ts";
import { temporaryFolder } from "../testing/folders.ts";

const OPERATOR = 1;
const PAYER = 2;
const ROUND = 600;
let chain: LocalChain;
let contentId: number;

beforeAll(async () => {
  chain = await LocalChain.start({ roundLength: ROUND });
  for (const account of [OPERATOR, PAYER]) await fund(chain, account);
  const payout = localAccount(OPERATOR).address;
  const { deployment } = chain;
  const terms = { capacityChunks: 1, payout, prover: payout, endpoint: "127.0.0.1:1" };
  await pay(chain.client(OPERATOR), register, { deployment, ...terms });
  const root = (byte: string) => `0x${byte.repeat(32)}` as const;
  const commitment = { infohash: root("01"), filesRoot: root("02"), dataRoot: root("03"), blocks: 513, fileCount: 2 };
  const publication = { deployment, commitment, name: "a set", sources: [] };
  contentId = (await publishContent(chain.client(), publication)).contentId;
}, 300_000);
afterAll(() => chain?.stop());

/** Runs `holdfast retrieval` as the payer. */
function retrieval(stateDir: string, ...args: string[]) {
  const env = {
    ...process.env,
    HOLDFAST_RPC_URL: chain.rpcUrl,
    HOLDFAST_DEPLOYMENT: chain.deploymentFile,
    HOLDFAST_KEY_PRIVATE_KEY: localKey(PAYER),
    HOLDFAST_STATE_DIR: stateDir,
  };
  return new Promise<{ code: number; facts: { readonly key?: string }; stderr: string }>((resolve) => {
    execFile(process.execPath, ["ts/cli/bin.mjs", "--json", "retrieval", ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), facts: stdout === "" ? {} : JSON.parse(stdout), stderr }),
    );
  });
}

async function passTime(): Promise<void> {
  const client = chain.client();
  await client.increaseTime({ seconds: 2 * ROUND + 1 });
  await client.mine({ blocks: 1 });
}

test("a payer's money goes in, aside, to a key, and home again", async () => {
  const state = await temporaryFolder();
  const [payer, operator] = [localAccount(PAYER).address, localAccount(OPERATOR).address];
  const deposited = await retrieval(state, "deposit", "1 gwei");
  expect(deposited).toMatchObject({ code: 0, facts: { payer, deposited: "1000000000", balance: "1000000000" } });
  const earmarked = await retrieval(state, "earmark", "1", "300");
  expect(earmarked).toMatchObject({ code: 0, facts: { operator, added: "300", earmarked: "300" } });
  const { facts: authorised } = await retrieval(state, "authorise", "--ceiling", "250", "--days", "7");
  const shown = await retrieval(state, "show");
  expect(shown.facts).toMatchObject({
    ...{ payer, balance: "999999700", up: "0", down: "0" },
    earmarks: [{ operator, amount: "300" }],
    keys: [{ key: authorised.key, ceiling: "250", spent: "0" }],
  });

  const { facts: revoked } = await retrieval(state, "revoke");
  expect(revoked.key).toBe(authorised.key);
  // What was revoked is not authorised again by mistake: the next key is another one.
  expect((await retrieval(state, "authorise", "--ceiling", "1")).facts.key).not.toBe(authorised.key);

  expect(await retrieval(state, "release", operator, "300")).toMatchObject({ code: 0, facts: { amount: "300" } });
  const early = await retrieval(state, "release", operator);
  expect(early).toMatchObject({ code: EXIT.failure, stderr: expect.stringContaining("Retrieval_Thawing") });
  await retrieval(state, "withdraw", "999999700");
  await passTime();
  expect((await retrieval(state, "release", operator)).facts).toMatchObject({ balance: "1000000000" });
  const taken = await retrieval(state, "withdraw");
  expect(taken.facts).toMatchObject({ to: payer, amount: "999999700" });
}, 120_000);

test("an operator can be paid at once", async () => {
  const state = await temporaryFolder();
  const operator = localAccount(OPERATOR).address;
  const before = await read(chain.client(), chain.deployment, Retrieval, "earnings", [operator]);
  const paid = await retrieval(state, "pay", "1", String(contentId), "1000", "--bytes", "5");
  expect(paid).toMatchObject({ code: 0, facts: { operator, contentId, amount: "1000" } });
  const after = await read(chain.client(), chain.deployment, Retrieval, "earnings", [operator]);
  expect(after.credit - before.credit).toBe(950n);
}, 60_000);

test.each([
  ["a wallet that is short", ["deposit", "1000 ether"], EXIT.failure, "too little of the asset"],
  ["an operator that is not there", ["earmark", "9", "1"], EXIT.failure, "there is no operator 9"],
  ["more than the deposit", ["earmark", "1", "1000 ether"], EXIT.failure, "Deposit more first"],
  ["what is no amount", ["deposit", "much"], EXIT.usage, "Not an amount"],
  ["a key that is not here", ["revoke"], EXIT.usage, "has no session key here"],
])(
  "says what is wrong with %s",
  async (_, args, code, why) => {
    const run = await retrieval(await temporaryFolder(), ...args);
    expect(run).toMatchObject({ code, stderr: expect.stringContaining(why) });
  },
  60_000,
);
