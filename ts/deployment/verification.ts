// What a source-code explorer needs to verify a deployment: the compiler's standard JSON of each contract, and its constructor's arguments.
import { readFile } from "node:fs/promises";
import { type Address, type Hex, keccak256, toBytes } from "viem";
import { HoldfastError } from "../errors.ts";
import {
  type Artifact,
  addressOf,
  argumentsOf,
  CREATED,
  type CreatedName,
  encodedArguments,
  loadArtifact,
} from "./creation.ts";
import type { DeploymentRecord } from "./record.ts";

interface Metadata {
  readonly language: string;
  readonly compiler: { readonly version: string };
  readonly sources: Readonly<Record<string, { readonly keccak256: Hex }>>;
  readonly settings: Readonly<Record<string, unknown>> & {
    readonly compilationTarget: Readonly<Record<string, string>>;
  };
}

/** One contract, as explorers' forms ask for it. */
export interface Verification {
  readonly address: Address;
  /** Like "src/Market.sol:Market". */
  readonly contract: string;
  /** Like "v0.8.37+commit.f401782d". */
  readonly compiler: string;
  /** ABI-encoded. */
  readonly constructorArguments: Hex;
  /** The compiler's input, with this contract's sources alone. */
  readonly input: object;
}

/** Every contract of a deployment, as it was created, and the factory; the same for the same record and sources. */
export async function verificationOf(record: DeploymentRecord): Promise<Map<CreatedName | "Factory", Verification>> {
  const all = new Map<CreatedName | "Factory", Verification>();
  all.set("Factory", await verify(await loadArtifact("Factory"), record.factory, []));
  for (const name of CREATED) {
    const values = argumentsOf(name, record, record.parameters);
    all.set(name, await verify(await loadArtifact(name), addressOf(record, name), values));
  }
  return all;
}

async function verify(artifact: Artifact, address: Address, values: readonly unknown[]): Promise<Verification> {
  const { language, compiler, sources, settings } = JSON.parse(artifact.rawMetadata) as Metadata;
  const { compilationTarget, ...rest } = settings;
  const outputSelection = { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "metadata"] } };
  const [[path, name] = ["", ""]] = Object.entries(compilationTarget);
  return {
    address,
    contract: `${path}:${name}`,
    compiler: `v${compiler.version}`,
    constructorArguments: encodedArguments(artifact, values),
    input: { language, sources: await contentsOf(sources), settings: { ...rest, outputSelection } },
  };
}

/** @throws HoldfastError when a file has changed since it was compiled */
async function contentsOf(sources: Metadata["sources"]): Promise<Record<string, { content: string }>> {
  const contents: Record<string, { content: string }> = {};
  for (const path of Object.keys(sources).sort()) {
    const content = await readFile(path, "utf8");
    if (keccak256(toBytes(content)) !== sources[path]?.keccak256)
      throw new HoldfastError(`${path} is not what was compiled`, { hint: "run npm run build" });
    contents[path] = { content };
  }
  return contents;
}
