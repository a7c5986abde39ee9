// Writes what reviewers should see change, one text of each contract in src/, from forge's artifacts:
//   snapshots/storage/  which variable lies where
//   snapshots/abi/      every function, event and error with its selector
//   snapshots/sizes.txt bytes of code, and what is left of EIP-170's and EIP-3860's limits
// With --check it writes nothing, and fails when what is there is not what it would write. `forge build` comes first.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type Abi,
  type AbiEvent,
  type AbiFunction,
  type AbiParameter,
  size,
  toEventSelector,
  toFunctionSelector,
} from "viem";

const HOME = "snapshots";
const MOST_RUNTIME = 24_576; // EIP-170
const MOST_INIT = 49_152; // EIP-3860

type Variable = { label: string; slot: string; offset: number; type: string };
type Type = { label: string; numberOfBytes: string; key?: string; value?: string; base?: string; members?: Variable[] };
type Layout = { storage: Variable[]; types: Record<string, Type> | null };
type Artifact = {
  abi: Abi;
  bytecode: { object: `0x${string}` };
  deployedBytecode: { object: `0x${string}` };
  storageLayout?: Layout;
};

/** Variables in order, then every struct that they are made of. */
export function storageText({ storage, types }: Layout): string {
  const typeOf = (id: string) => types?.[id] ?? { label: id, numberOfBytes: "0" };
  const lines = (variables: Variable[]) =>
    variables.map(({ label, slot, offset, type }) => {
      const { label: name, numberOfBytes } = typeOf(type);
      return `${slot.padStart(4)} ${`${offset}`.padStart(6)} ${numberOfBytes.padStart(5)}  ${name} ${label}`;
    });
  const structs = new Map<string, string[]>();
  const visit = (id: string) => {
    const { label, key, value, base, members, numberOfBytes } = typeOf(id);
    if (members && !structs.has(label)) structs.set(label, ["", `${label}: ${numberOfBytes} bytes`, ...lines(members)]);
    for (const part of [key, value, base, ...(members ?? []).map((member) => member.type)]) if (part) visit(part);
  };
  for (const { type } of storage) visit(type);
  return text(["slot offset bytes  variable", ...lines(storage), ...[...structs.values()].flat()]);
}

/** Functions, events and errors by name with their selectors, then every struct in them. */
export function abiText(abi: Abi): string {
  const structs = new Map<string, string>();
  const typeOf = (parameter: AbiParameter): string => {
    if (!("components" in parameter)) return parameter.type;
    const name = parameter.internalType?.replace("struct ", "") ?? parameter.type;
    structs.set(name.replace(/\[.*$/, ""), `(${list(parameter.components)})`);
    return name;
  };
  const list = (parameters: readonly AbiParameter[]) =>
    parameters
      .map((parameter) => {
        const indexed = "indexed" in parameter && parameter.indexed ? "indexed" : "";
        return [typeOf(parameter), indexed, parameter.name].filter(Boolean).join(" ");
      })
      .join(", ");
  const lines = abi.map((item) => {
    if (item.type === "function") {
      const { name, inputs, outputs, stateMutability } = item;
      const returns = outputs.length ? ` returns (${list(outputs)})` : "";
      const mutability = stateMutability === "nonpayable" ? "" : ` ${stateMutability}`;
      return `function ${toFunctionSelector(item)} ${name}(${list(inputs)})${mutability}${returns}`;
    }
    if (item.type === "event") return `event ${toEventSelector(item as AbiEvent)} ${item.name}(${list(item.inputs)})`;
    if (item.type === "error") {
      const selector = toFunctionSelector({ ...item, type: "function" } as unknown as AbiFunction);
      return `error ${selector} ${item.name}(${list(item.inputs)})`;
    }
    return `${item.type}(${"inputs" in item ? list(item.inputs) : ""})`;
  });
  const byName = (line: string) => line.replace(/ 0x\w+/, "");
  lines.sort((a, b) => (byName(a) < byName(b) ? -1 : 1));
  return text([...lines, ...[...structs].sort().map(([name, members]) => `struct ${name} ${members}`)]);
}

/** Bytes of a contract's code, at run time and to create it; throws if no chain would take it. */
export function sizeLine(name: string, { bytecode, deployedBytecode }: Artifact): string {
  const [runtime, init] = [size(deployedBytecode.object), size(bytecode.object)];
  if (runtime > MOST_RUNTIME || init > MOST_INIT)
    throw new Error(`${name} is too large: ${runtime}, ${init} to create`);
  return row(name, runtime, MOST_RUNTIME - runtime, init, MOST_INIT - init);
}

function row(...[name, ...cells]: (string | number)[]): string {
  return `${name}`.padEnd(14) + cells.map((cell) => `${cell}`.padStart(10)).join("");
}

function text(lines: string[]): string {
  return `${lines.join("\n")}\n`;
}

function snapshots(): Map<string, string> {
  const files = new Map<string, string>();
  const sizes = [row("contract", "runtime", "margin", "init", "margin")];
  for (const file of readdirSync("src").sort()) {
    const name = basename(file, ".sol");
    const path = `out/${name}.sol/${name}.json`;
    if (!file.endsWith(".sol") || !existsSync(path)) continue;
    const artifact: Artifact = JSON.parse(readFileSync(path, "utf8"));
    // forge lint, of sources not built yet, leaves artifacts of this kind, and forge build then finds nothing to do.
    if (!artifact.storageLayout || !artifact.bytecode)
      throw new Error(`${path} has no storage layout or no code: run "node script/tools/forge.cjs build --force"`);
    files.set(join("storage", `${name}.txt`), storageText(artifact.storageLayout));
    files.set(join("abi", `${name}.txt`), abiText(artifact.abi));
    sizes.push(sizeLine(name, artifact));
  }
  return files.set("sizes.txt", text(sizes));
}

function present(): string[] {
  const inFolders = ["storage", "abi"].flatMap((folder) =>
    existsSync(join(HOME, folder)) ? readdirSync(join(HOME, folder)).map((file) => join(folder, file)) : [],
  );
  return existsSync(join(HOME, "sizes.txt")) ? ["sizes.txt", ...inFolders] : inFolders;
}

function run(check: boolean): void {
  const files = snapshots();
  const stale = [...new Set([...files.keys(), ...present()])].filter((file) => {
    const path = join(HOME, file);
    return !existsSync(path) || readFileSync(path, "utf8") !== files.get(file);
  });
  if (stale.length === 0) console.log(`snapshots: ${HOME} is current`);
  else if (check) {
    console.error(`snapshots: ${stale.join(", ")} in ${HOME} not what src/ gives: run "npm run bindings" and commit`);
    process.exitCode = 1;
  } else {
    for (const file of stale) {
      const path = join(HOME, file);
      const content = files.get(file);
      mkdirSync(dirname(path), { recursive: true });
      if (content === undefined) rmSync(path);
      else writeFileSync(path, content);
    }
    console.log(`snapshots: ${stale.join(", ")} written`);
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) run(process.argv.includes("--check"));
