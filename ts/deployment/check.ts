// Whether a chain has what the reviewed parameters, script/roles.json and the compiled contracts say: code, parameters, roles, timelock.
import {
  type Abi,
  type Address,
  type ContractFunctionArgs,
  type ContractFunctionName,
  type ContractFunctionReturnType,
  concat,
  decodeFunctionData,
  getAddress,
  type Hex,
  isAddressEqual,
  keccak256,
  type Log,
  maxUint256,
  type ParseEventLogsReturnType,
  parseAbi,
  parseEventLogs,
  toFunctionSelector,
  toHex,
  zeroHash,
} from "viem";
import { call, getCode, getLogs, readContract } from "viem/actions";
import type { ChainClient } from "../chain/connection.ts";
import { messageOf } from "../errors.ts";
import { epochOf, roundAt } from "../sdk/clock.ts";
import { Audits, Beacon, Catalog, Market, Operators, Oracle, Pool, Retrieval } from "../sdk/contracts.ts";
import { read } from "../sdk/read.ts";
import {
  type Artifact,
  addressOf,
  argumentsOf,
  CREATED,
  type CreatedName,
  encodedArguments,
  loadArtifact,
  writesOf,
} from "./creation.ts";
import type { DeploymentRecord, Parameters, Roles } from "./record.ts";

/** Something that is not as it should be. */
export interface Deviation {
  /** Like "Market.feePerChunkRound" or "role GOVERNOR". */
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

/** What a role's member has announced, and may do once its delay is over. */
export interface PendingOperation {
  readonly id: Hex;
  readonly caller: Address;
  /** Like "Market.setTerms(1, 0)". */
  readonly call: string;
  /** Unix seconds. */
  readonly readyAt: number;
}

export interface Report {
  readonly deviations: readonly Deviation[];
  readonly pending: readonly PendingOperation[];
}

const ADMIN = 0n;
/** An epoch that no chain reaches: what is named for the future is in force in it. */
const LAST_EPOCH = 2 ** 32 - 1;
/** Blocks of logs asked for at once. */
const STEP = 2_000n;
/** Of a storage: no variable reaches it. */
const UNUSED_SLOT = toHex(maxUint256);

const authorityAbi = parseAbi([
  "event RoleGranted(uint64 indexed roleId, address indexed account, uint32 delay, uint48 since, bool newMember)",
  "event TargetFunctionRoleUpdated(address indexed target, bytes4 selector, uint64 indexed roleId)",
  "event OperationScheduled(bytes32 indexed operationId, uint32 indexed nonce, uint48 schedule, address caller, address target, bytes data)",
  "function getAccess(uint64 roleId, address account) view returns (uint48 since, uint32 currentDelay, uint32 pendingDelay, uint48 effect)",
  "function getTargetFunctionRole(address target, bytes4 selector) view returns (uint64)",
  "function isTargetClosed(address target) view returns (bool)",
  "function getTargetAdminDelay(address target) view returns (uint32)",
  "function getRoleAdmin(uint64 roleId) view returns (uint64)",
  "function getRoleGuardian(uint64 roleId) view returns (uint64)",
  "function getRoleGrantDelay(uint64 roleId) view returns (uint32)",
  "function getSchedule(bytes32 id) view returns (uint48)",
] as const);
const viewsAbi = parseAbi(["function authority() view returns (address)", "function paused() view returns (bool)"]);
const factoryAbi = parseAbi([
  "function creationOf(address place) view returns ((bytes32 initCodeHash, uint64 blockNumber))",
]);

type AuthorityLog = ParseEventLogsReturnType<typeof authorityAbi, undefined, true>[number];
type AuthorityView = ContractFunctionName<typeof authorityAbi, "view">;

/**
 * Compares a live chain with what was reviewed. Code is compared whole: what the constructor returns at the contract's own address, with
 * the reviewed parameters, is what must lie there.
 */
export async function checkDeployment(
  client: ChainClient,
  record: DeploymentRecord,
  parameters: Parameters,
  roles: Roles,
): Promise<Report> {
  const check = new Check(client, record, parameters, roles);
  return check.run();
}

class Check {
  readonly #client: ChainClient;
  readonly #record: DeploymentRecord;
  readonly #parameters: Parameters;
  readonly #roles: Roles;
  readonly #artifacts = new Map<CreatedName, Artifact>();
  readonly #deviations: Deviation[] = [];

  constructor(client: ChainClient, record: DeploymentRecord, parameters: Parameters, roles: Roles) {
    this.#client = client;
    this.#record = record;
    this.#parameters = parameters;
    this.#roles = roles;
  }

  async run(): Promise<Report> {
    for (const name of CREATED) this.#artifacts.set(name, await loadArtifact(name));
    this.#compare("chainId", this.#parameters.chainId, this.#record.chainId);
    const missing = await this.#checkCode();
    // Nothing more can be asked of what is not there.
    if (missing) return { deviations: this.#deviations, pending: [] };
    await this.#checkParameters();
    const logs = await this.#authorityLogs();
    await this.#checkMembers(logs);
    await this.#checkFunctions(logs);
    return { deviations: this.#deviations, pending: await this.#pending(logs) };
  }

  // ---- Code ----

  /** @returns whether a contract is not there at all */
  async #checkCode(): Promise<boolean> {
    const factory = await loadArtifact("Factory");
    const { factory: place } = this.#record;
    this.#compareCode("Factory", factory.deployedBytecode.object, await this.#codeAt(place));
    let missing = false;
    for (const name of CREATED) {
      const address = addressOf(this.#record, name);
      const found = await this.#codeAt(address);
      missing ||= found === "0x";
      const artifact = this.#artifacts.get(name)!;
      const values = argumentsOf(name, this.#record, this.#parameters);
      const initCode = concat([artifact.bytecode.object, encodedArguments(artifact, values)]);
      this.#compareCode(name, await this.#runtimeOf(initCode, address), found);
      const { initCodeHash } = await this.#created(address);
      this.#compare(`${name}: hash of code and constructor's arguments`, keccak256(initCode), initCodeHash);
    }
    return missing;
  }

  /** What the constructor returns, at the contract's address, on an empty storage; a message where it reverts. */
  async #runtimeOf(initCode: Hex, address: Address): Promise<Hex | string> {
    // To name a slot leaves all the others empty.
    const stateOverride = [{ address, code: initCode, state: [{ slot: UNUSED_SLOT, value: zeroHash }] }];
    try {
      return (await call(this.#client, { to: address, stateOverride })).data ?? "0x";
    } catch (error) {
      return `none, its constructor refuses the parameters: ${messageOf(error)}`;
    }
  }

  #compareCode(name: string, expected: string, found: Hex): void {
    if (expected === found) return;
    const describe = (code: string) =>
      code === "0x" ? "none" : code.startsWith("0x") ? `${code.length / 2 - 1} bytes, ${keccak256(code as Hex)}` : code;
    this.#deviate(`${name}: code`, describe(expected), describe(found));
  }

  async #codeAt(address: Address): Promise<Hex> {
    return (await getCode(this.#client, { address })) ?? "0x";
  }

  async #created(address: Address): Promise<{ initCodeHash: Hex }> {
    try {
      const args = [address] as const;
      return await readContract(this.#client, {
        address: this.#record.factory,
        abi: factoryAbi,
        functionName: "creationOf",
        args,
      });
    } catch {
      return { initCodeHash: "0x" }; // no factory: said
    }
  }

  // ---- Parameters ----

  async #checkParameters(): Promise<void> {
    const { contracts, genesis } = this.#record;
    const p = this.#parameters;
    const { timestamp } = await this.#client.getBlock();
    const now = Number(timestamp) < genesis ? 1 : epochOf(roundAt(this.#record, Number(timestamp)));
    const at = this.#record;
    const client = this.#client;

    this.#compare("asset", p.asset, contracts.Asset);
    for (const [epoch, when] of [
      [now, ""],
      [LAST_EPOCH, ", from a later epoch on"],
    ] as const) {
      const { key, genesis, period } = p.beacon;
      const source = await read(client, at, Beacon, "source", [epoch]);
      this.#compare(`Beacon.source${when}`, [key, genesis, period], source);
      const { oracleBps, treasuryBps } = p.shares;
      const shares = await read(client, at, Pool, "sharesOf", [epoch]);
      this.#compare(`Pool.sharesOf${when}`, [oracleBps, treasuryBps], shares);
      const { takeBps, referencePrice } = p.retrieval;
      const terms = await read(client, at, Retrieval, "termsOf", [epoch]);
      this.#compare(`Retrieval.termsOf${when}`, [takeBps, referencePrice], terms);
      const rules = await read(client, at, Oracle, "rulesOf", [epoch]);
      const { toleranceBps, shareBps, forfeitBps } = p.oracle;
      const found = [rules.toleranceBps, rules.shareBps, rules.forfeitBps];
      this.#compare(`Oracle.rulesOf${when}`, [toleranceBps, shareBps, forfeitBps], found);
    }
    this.#compare("Catalog.publishBond", p.publishBond, await read(client, at, Catalog, "publishBond", []));
    this.#compare("Pool.treasury", p.treasury, await read(client, at, Pool, "treasury", []));
    this.#compare("Operators.stakePerChunk", p.stakePerChunk, await read(client, at, Operators, "stakePerChunk", []));
    this.#compare("Oracle.keeperBond", p.keeperBond, await read(client, at, Oracle, "keeperBond", []));
    this.#compare(
      "Market.feePerChunkRound",
      p.feePerChunkRound,
      await read(client, at, Market, "feePerChunkRound", []),
    );
    this.#compare("Market.slashBps", p.slashBps, await read(client, at, Market, "slashBps", []));
    this.#compare("Audits.auditFee", p.auditFee, await read(client, at, Audits, "auditFee", []));
    for (const name of CREATED) {
      const address = addressOf(this.#record, name);
      const { abi } = this.#artifacts.get(name)!;
      for (const [functionName, expected] of [["paused", false] as const, ["authority", at.authority] as const]) {
        if (!abi.some((item) => item.type === "function" && item.name === functionName)) continue;
        const found = await readContract(client, { address, abi: viewsAbi, functionName });
        this.#compare(`${name}.${functionName}`, expected, found);
      }
    }
  }

  // ---- Roles ----

  async #checkMembers(logs: readonly AuthorityLog[]): Promise<void> {
    const { governor, governorDelay, guardian, curator } = this.#parameters;
    const memberOf: Record<string, readonly [Address, number]> = {
      GOVERNOR: [governor, governorDelay],
      GUARDIAN: [guardian, 0],
      CURATOR: [curator, 0],
    };
    const named = Object.entries(this.#roles).map(([name, { id }]) => [name, id, memberOf[name]] as const);
    const expected = [["ADMIN", ADMIN, memberOf.GOVERNOR] as const, ...named];
    const granted = logs.flatMap((log) => (log.eventName === "RoleGranted" ? [log.args] : []));
    const ids = new Set([...expected.map(([, id]) => id), ...granted.map(({ roleId }) => roleId)]);
    for (const id of ids) {
      const [name, , wanted] = expected.find(([, role]) => role === id) ?? [`${id}`, id, undefined];
      const accounts = granted.filter(({ roleId }) => roleId === id).map(({ account }) => getAddress(account));
      for (const account of new Set(wanted ? [...accounts, wanted[0]] : accounts)) {
        const isWanted = wanted !== undefined && isAddressEqual(account, wanted[0]);
        const [since, delay, pendingDelay, effect] = await this.#ask("getAccess", [id, account]);
        const found =
          since === 0
            ? "no member"
            : effect === 0
              ? `a member, with a delay of ${delay} s`
              : `a member, with a delay of ${delay} s, and of ${pendingDelay} s from ${effect} on`;
        const want = isWanted ? `a member, with a delay of ${wanted[1]} s` : "no member";
        this.#compare(`role ${name}: ${account}`, want, found);
      }
      this.#compare(`role ${name}: its administrators' role`, ADMIN, await this.#ask("getRoleAdmin", [id]));
      this.#compare(`role ${name}: its guardians' role`, ADMIN, await this.#ask("getRoleGuardian", [id]));
      this.#compare(`role ${name}: delay of a grant`, 0, await this.#ask("getRoleGrantDelay", [id]));
    }
  }

  /** Every function that changes anything is its role's, or nobody's but the administrators'. */
  async #checkFunctions(logs: readonly AuthorityLog[]): Promise<void> {
    const assigned = logs.flatMap((log) => (log.eventName === "TargetFunctionRoleUpdated" ? [log.args] : []));
    for (const name of CREATED) {
      const target = addressOf(this.#record, name);
      const wanted = new Map<Hex, bigint>();
      for (const { id, functions } of Object.values(this.#roles))
        for (const signature of functions[name] ?? []) wanted.set(toFunctionSelector(signature), id);
      const writes = writesOf(this.#artifacts.get(name)!);
      const touched = assigned.filter((log) => isAddressEqual(log.target, target)).map(({ selector }) => selector);
      for (const selector of new Set([...writes.keys(), ...wanted.keys(), ...touched])) {
        const role = await this.#ask("getTargetFunctionRole", [target, selector]);
        this.#compare(`${name}.${writes.get(selector) ?? selector}: role`, wanted.get(selector) ?? ADMIN, role);
      }
      this.#compare(`${name}: closed`, false, await this.#ask("isTargetClosed", [target]));
      this.#compare(`${name}: administrators' delay`, 0, await this.#ask("getTargetAdminDelay", [target]));
    }
  }

  async #pending(logs: readonly AuthorityLog[]): Promise<PendingOperation[]> {
    const pending = new Map<Hex, PendingOperation>();
    for (const log of logs) {
      if (log.eventName !== "OperationScheduled") continue;
      const { operationId: id, caller, target, data } = log.args;
      const readyAt = await this.#ask("getSchedule", [id]);
      if (readyAt !== 0) pending.set(id, { id, caller, call: this.#describe(target, data), readyAt });
    }
    return [...pending.values()];
  }

  #describe(target: Address, data: Hex): string {
    const name = CREATED.find((contract) => isAddressEqual(addressOf(this.#record, contract), target));
    if (name === undefined) return `${target}: ${data}`;
    try {
      const { functionName, args = [] } = decodeFunctionData({ abi: this.#artifacts.get(name)!.abi, data });
      return `${name}.${functionName}(${args.map(text).join(", ")})`;
    } catch {
      return `${name}: ${data}`;
    }
  }

  async #authorityLogs(): Promise<AuthorityLog[]> {
    const { number } = await this.#client.getBlock();
    const logs: Log[] = [];
    for (let fromBlock = BigInt(this.#record.fromBlock); fromBlock <= number; fromBlock += STEP) {
      const toBlock = fromBlock + STEP - 1n < number ? fromBlock + STEP - 1n : number;
      logs.push(...(await getLogs(this.#client, { address: this.#record.authority, fromBlock, toBlock })));
    }
    return parseEventLogs({ abi: authorityAbi, logs });
  }

  #ask<F extends AuthorityView>(
    functionName: F,
    args: ContractFunctionArgs<typeof authorityAbi, "view", F>,
  ): Promise<ContractFunctionReturnType<typeof authorityAbi, "view", F>> {
    const address = this.#record.authority;
    const asked = readContract(this.#client, {
      address,
      abi: authorityAbi as Abi,
      functionName,
      args: args as unknown[],
    });
    return asked as Promise<ContractFunctionReturnType<typeof authorityAbi, "view", F>>;
  }

  // ---- Deviations ----

  #compare(what: string, expected: unknown, found: unknown): void {
    if (text(expected) !== text(found)) this.#deviate(what, text(expected), text(found));
  }

  #deviate(what: string, expected: string, found: string): void {
    this.#deviations.push({ what, expected, found });
  }
}

function text(value: unknown): string {
  return Array.isArray(value) ? value.map(text).join(", ") : String(value);
}
