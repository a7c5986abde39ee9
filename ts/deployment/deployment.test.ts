import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { pino } from "pino";
import { type Abi, type Address, encodeFunctionData, type Hex, parseAbi } from "viem";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type ChainClient, connect } from "../chain/connection.ts";
import { EXIT } from "../errors.ts";
import { Audits, type Contract, Market, Pool } from "../sdk/contracts.ts";
import { localAccount, localKey } from "../testing/anvil.ts";
import { LocalChain } from "../testing/deploy.ts";
import { checkDeployment, type Deviation } from "./check.ts";
import { loadArtifact } from "./creation.ts";
import { type DeploymentRecord, loadParameters, loadRecord, loadRoles, type Roles } from "./record.ts";
import { verificationOf } from "./verification.ts";

const DELAY = 3_600;
const STRANGER = localAccount(5).address;
const authorityAbi = parseAbi([
  "function schedule(address target, bytes data, uint48 when) returns (bytes32, uint32)",
  "function execute(address target, bytes data) payable returns (uint32)",
  "function grantRole(uint64 roleId, address account, uint32 executionDelay)",
  "function revokeRole(uint64 roleId, address account)",
  "function setTargetFunctionRole(address target, bytes4[] selectors, uint64 roleId)",
  "function setTargetClosed(address target, bool closed)",
  "function setRoleGuardian(uint64 roleId, uint64 guardian)",
  "function updateAuthority(address target, address newAuthority)",
]);

let chain: LocalChain;
let client: ChainClient;
let record: DeploymentRecord;
let roles: Roles;
let folder: string;
let untouched: Hex;

beforeAll(async () => {
  chain = await LocalChain.start({ parameters: { governorDelay: DELAY } });
  client = await connect({ rpcUrl: chain.rpcUrl, chainId: 31337, log: pino({ level: "silent" }) });
  record = await loadRecord(chain.deploymentFile);
  roles = await loadRoles();
  folder = await mkdtemp(join(tmpdir(), "holdfast-deployment-"));
}, 180_000);
afterAll(async () => {
  await chain?.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  if (untouched) await chain.client().revert({ id: untouched });
  untouched = await chain.client().snapshot();
});

async function deviations(): Promise<readonly Deviation[]> {
  return (await checkDeployment(client, record, record.parameters, roles)).deviations;
}

/** A call of the authority's, or by it, as the governor may: announced, waited for, done. */
async function govern(target: Address, data: Hex): Promise<void> {
  await announce(target, data);
  await chain.client().increaseTime({ seconds: DELAY });
  await write("execute", [target, data]);
}

async function announce(target: Address, data: Hex): Promise<void> {
  await write("schedule", [target, data, 0]);
}

async function write(functionName: string, args: readonly unknown[]): Promise<void> {
  const governor = chain.client();
  const hash = await governor.writeContract({
    address: record.authority,
    abi: authorityAbi as Abi,
    functionName,
    args,
  });
  expect((await governor.waitForTransactionReceipt({ hash })).status).toBe("success");
}

async function administer(functionName: string, args: readonly unknown[]): Promise<void> {
  await govern(record.authority, encodeFunctionData({ abi: authorityAbi as Abi, functionName, args }));
}

/** A call of a contract, encoded. */
function call({ name, abi }: Contract, functionName: string, args: readonly unknown[]) {
  return [record.contracts[name], encodeFunctionData({ abi: abi as Abi, functionName, args })] as const;
}

/** Runs `holdfast deployment check` as a shell does. */
async function holdfast(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const where = ["--rpc-url", chain.rpcUrl, "--deployment", chain.deploymentFile];
  const command = ["ts/cli/bin.mjs", "deployment", "check", ...where, ...args];
  return promisify(execFile)(process.execPath, command).then(
    (said) => ({ code: 0, ...said }),
    (error) => error,
  );
}

test("what the script deployed is as it should be", async () => {
  expect(await checkDeployment(client, record, record.parameters, roles)).toEqual({ deviations: [], pending: [] });
  const { code, stdout } = await holdfast("--config", "script/config/local.json", "--json");
  // A local chain of the tests has another beacon and delay than the file.
  const { ok, deviations } = JSON.parse(stdout);
  expect(ok).toBe(false);
  expect(code).toBe(EXIT.failure);
  const whats = deviations.map(({ what }: Deviation) => what);
  expect(whats).toContain(`role GOVERNOR: ${record.parameters.governor}`);
  expect(whats.filter((what: string) => /^(Market|Pool|Catalog)/.test(what))).toEqual([]);

  expect(await holdfast()).toMatchObject({
    code: EXIT.ok,
    stdout: "code, parameters, roles and timelock are as they should be\n",
  });
});

test("a parameter that was changed is named with what it was", async () => {
  await govern(...call(Market, "setTerms", [7n, 10_000]));
  expect(await deviations()).toEqual([{ what: "Market.feePerChunkRound", expected: "333333333333", found: "7" }]);
  const { code, stdout } = await holdfast();
  expect(code).toBe(EXIT.failure);
  expect(stdout).toBe("Market.feePerChunkRound\n  expected  333333333333\n  found     7\n");
});

test("a parameter of a later epoch is seen before it is in force", async () => {
  await govern(...call(Pool, "setShares", [500, 1_500]));
  const expected = "200, 300";
  expect(await deviations()).toEqual([{ what: "Pool.sharesOf, from a later epoch on", expected, found: "500, 1500" }]);
});

test("a pause is seen", async () => {
  const governor = chain.client(); // on a local chain also the guardian
  const [to, data] = call(Market, "pause", []);
  await governor.waitForTransactionReceipt({ hash: await governor.sendTransaction({ to, data }) });
  expect(await deviations()).toEqual([{ what: "Market.paused", expected: "false", found: "true" }]);
});

test("a role's foreign member, and one that is gone, are named", async () => {
  await administer("grantRole", [2n, STRANGER, 0]);
  await administer("revokeRole", [3n, record.parameters.curator]);
  await administer("grantRole", [99n, STRANGER, 0]);
  expect(await deviations()).toEqual([
    { what: `role GUARDIAN: ${STRANGER}`, expected: "no member", found: "a member, with a delay of 0 s" },
    {
      what: `role CURATOR: ${record.parameters.curator}`,
      expected: "a member, with a delay of 0 s",
      found: "no member",
    },
    { what: `role 99: ${STRANGER}`, expected: "no member", found: "a member, with a delay of 0 s" },
  ]);
});

test("a governor without its delay is named", async () => {
  await administer("grantRole", [1n, record.parameters.governor, 0]);
  const [deviation, ...others] = await deviations();
  expect(deviation).toMatchObject({ expected: `a member, with a delay of ${DELAY} s` });
  expect(deviation?.found).toMatch(/ of 0 s/);
  expect(others).toEqual([]);
});

test("functions of another role, closed contracts and another authority are named", async () => {
  const { contracts } = record;
  await administer("setTargetFunctionRole", [contracts.Market, ["0x8456cb59"], 99n]);
  await administer("setTargetClosed", [contracts.Pool, true]);
  await administer("setRoleGuardian", [1n, 2n]);
  await administer("updateAuthority", [contracts.Market, contracts.Beacon]);
  expect(await deviations()).toEqual([
    { what: "Market.authority", expected: record.authority, found: contracts.Beacon },
    { what: "role GOVERNOR: its guardians' role", expected: "0", found: "2" },
    { what: "Pool: closed", expected: "false", found: "true" },
    { what: "Market.pause: role", expected: "2", found: "99" },
  ]);
});

test("other code, and code with other immutables, is not taken for ours", async () => {
  const { Settlement, Retrieval } = record.contracts;
  const test = chain.client();
  const code = (await test.getCode({ address: Settlement }))!;
  const immutable = record.contracts.Pool.slice(2).toLowerCase();
  expect(code).toContain(immutable);
  await test.setCode({
    address: Settlement,
    bytecode: code.replace(immutable, STRANGER.slice(2).toLowerCase()) as Hex,
  });
  expect((await deviations()).map(({ what }) => what)).toEqual(["Settlement: code"]);
  await test.setCode({ address: Retrieval, bytecode: "0x" });
  const found = await deviations();
  expect(found.map(({ what }) => what)).toEqual(["Settlement: code", "Retrieval: code"]);
  expect(found[1]).toMatchObject({ found: "none" });
});

test("an operation that the governor announced is shown, and no deviation", async () => {
  await announce(...call(Audits, "setAuditFee", [5n]));
  const { deviations, pending } = await checkDeployment(client, record, record.parameters, roles);
  expect(deviations).toEqual([]);
  expect(pending).toMatchObject([{ caller: record.parameters.governor, call: "Audits.setAuditFee(5)" }]);
  const { timestamp } = await client.getBlock();
  expect(pending[0]?.readyAt).toBe(Number(timestamp) + DELAY);
  expect((await holdfast()).stdout).toContain("announced: Audits.setAuditFee(5)");
});

test("reviewed parameters that are not those of the deployment are named, and keys that there are not refused", async () => {
  const { parameters } = JSON.parse(await readFile(chain.deploymentFile, "utf8"));
  const file = join(folder, "config.json");
  await writeFile(file, JSON.stringify({ ...parameters, auditFee: "999", guardian: STRANGER }));
  const reviewed = await loadParameters(file, record);
  const { deviations } = await checkDeployment(client, record, reviewed, roles);
  expect(deviations.map(({ what }) => what)).toEqual([
    "Audits: hash of code and constructor's arguments",
    "Audits.auditFee",
    `role GUARDIAN: ${record.parameters.guardian}`,
    `role GUARDIAN: ${STRANGER}`,
  ]);

  await writeFile(file, JSON.stringify({ ...parameters, auditFees: 1 }));
  await expect(loadParameters(file, record)).rejects.toThrow(/auditFees/);
  const { code, stderr } = await holdfast("--config", file);
  expect(code).toBe(EXIT.config);
  expect(stderr).toContain("auditFees");
});

test("a second run of the script sends nothing", async () => {
  const before = await client.getBlockNumber();
  const env = {
    ...process.env,
    HOLDFAST_PARAMETERS: JSON.stringify(JSON.parse(await readFile(chain.deploymentFile, "utf8")).parameters),
    HOLDFAST_DEPLOYMENTS: ".holdfast/again",
  };
  // The asset, too, is there: named, not created.
  const script = ["script/tools/forge.cjs", "script", "script/Deploy.s.sol:Deploy", "--rpc-url", chain.rpcUrl];
  const sending = ["--private-key", localKey(0), "--broadcast", "--slow"];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [...script, ...sending], { env });
    expect(stdout).toContain("already deployed: nothing to send");
    expect(await client.getBlockNumber()).toBe(before);
    expect(await loadRecord(".holdfast/again/31337.json")).toMatchObject({ contracts: record.contracts });
  } finally {
    await rm(".holdfast/again", { recursive: true, force: true });
  }
});

test("verification inputs compile to what was deployed, and are the same each time", async () => {
  const all = await verificationOf(record);
  expect(await verificationOf(record)).toEqual(all);
  expect([...all.keys()]).toHaveLength(12);
  for (const name of ["Settlement", "Authority"] as const) {
    const { contract, input, compiler, constructorArguments, address } = all.get(name)!;
    const solc = spawnSync(process.execPath, ["script/tools/solc.cjs", "--standard-json"], {
      input: JSON.stringify(input),
      maxBuffer: 2 ** 28,
    });
    const [path, source] = contract.split(":") as [string, string];
    const compiled = JSON.parse(String(solc.stdout)).contracts[path][source];
    expect(`0x${compiled.evm.bytecode.object}`).toBe((await loadArtifact(name)).bytecode.object);
    expect(compiler).toMatch(/^v0\.8\.\d+\+commit\.[0-9a-f]{8}$/);
    const data = `0x${compiled.evm.bytecode.object}${constructorArguments.slice(2)}` as const;
    const stateOverride = [{ address, code: data }];
    expect((await client.call({ to: address, stateOverride })).data).toBe(await client.getCode({ address }));
  }
}, 120_000);
