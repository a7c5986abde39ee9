// What an integrator installs: the packed package in an empty folder, with nothing beside it but the dependencies that it names.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { build } from "esbuild";
import { publint } from "publint";
import { afterAll, beforeAll, expect, test } from "vitest";

const manifest = JSON.parse(readFileSync("package.json", "utf8"));
const ENTRIES = Object.keys(manifest.exports).flatMap((path) =>
  manifest.exports[path].types ? [path.replace(".", manifest.name)] : [],
);
const HOLDFAST = `node_modules/holdfast/${manifest.bin.holdfast}`;

/** What one import may bring into a program, viem aside: the ABIs of these many contracts, and bytes of everything else, minified. */
const BUDGET = { abis: 2, bytes: 20 * 1024 };
/** Who look at more contracts than one asks and one answers. */
const BUDGETS = {
  CONTRACTS: { abis: 10, bytes: 1024 },
  chooseOperators: { ...BUDGET, abis: 3 },
  getClaims: { ...BUDGET, abis: 5 },
  getHealth: { ...BUDGET, abis: 3 },
  watchOperator: { ...BUDGET, abis: 6 },
};
/** The ABI of every error is brought by all that read or write: bytes beside the budget, the contracts' to decide. */
const ERRORS = "bindings/errors.js";

const folder = mkdtempSync(join(tmpdir(), "holdfast-package-"));
const home = join(folder, "node_modules/holdfast");
let tarball;

beforeAll(() => {
  const [{ filename }] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", folder]));
  tarball = join(folder, filename);
  mkdirSync(home, { recursive: true });
  run("tar", ["-xzf", tarball, "--strip-components=1", "-C", home]);
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) link(name);
  link("@types/node");
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(ENTRIES)("%s is imported by a plain script", (entry) => {
  expect(imports(entry)).not.toEqual([]);
});

test("ethers is asked only of who uses it", () => {
  rmSync(join(folder, "node_modules/ethers"));
  for (const entry of ENTRIES.filter((entry) => !entry.endsWith("/ethers"))) imports(entry);
  link("ethers");
});

test("the holdfast command runs from the package, worker threads included", () => {
  const holdfast = (...args) => run("node", [HOLDFAST, ...args]);
  expect(holdfast("--version").trim()).toBe(manifest.version);
  writeFileSync(join(folder, "data"), "x".repeat(100_000));
  holdfast("torrent", "create", "data", "-o", "data.torrent");
  expect(holdfast("torrent", "inspect", "data.torrent", "--data", "data")).toContain("dataRoot");
});

test("a local chain, which is compiled, is only to be had in a clone", () => {
  expect(() => run("node", [HOLDFAST, "chain"])).toThrow("in a clone of the repository");
});

test.each(["bundler", "node16"])("its types hold with moduleResolution %s", (moduleResolution) => {
  const files = ["test/package/consumer.ts", "examples/ethers.ts", "examples/pay-for-storage.ts"];
  for (const file of files) cpSync(file, join(folder, basename(file)));
  const compilerOptions = {
    ...{ moduleResolution, module: moduleResolution === "bundler" ? "esnext" : moduleResolution },
    ...{ target: "es2022", lib: ["es2022", "dom"], strict: true, noEmit: true, types: ["node"], skipLibCheck: true },
  };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions, files: files.map((file) => basename(file)) }),
  );
  run("node", [resolve("node_modules/typescript/bin/tsc"), "-p", "."]);
});

test("one action of the SDK brings what it needs into a program, not all ABIs", async () => {
  const over = [];
  for (const name of imports("holdfast/sdk")) {
    const { abis, bytes } = await weigh(name);
    const budget = BUDGETS[name] ?? BUDGET;
    if (abis.length > budget.abis || bytes > budget.bytes)
      over.push(`${name}: ${bytes} bytes, ABIs ${abis.join(", ")}`);
  }
  expect(over).toEqual([]);
});

test("publint has nothing to say", async () => {
  const { messages } = await publint({ pkgDir: home, level: "suggestion", pack: false, strict: true });
  expect(messages).toEqual([]);
});

test("the types are right wherever ES modules are imported", async () => {
  const { problems } = await checkPackage(createPackageFromTarballData(readFileSync(tarball)));
  const older = ["node10", "node16-cjs"]; // resolve no exports, or only with require
  expect(problems.filter(({ resolutionKind }) => !older.includes(resolutionKind))).toEqual([]);
});

/** Names of what an entry exports, to a plain script. */
function imports(entry) {
  const script = `console.log(JSON.stringify(Object.keys(await import("${entry}"))))`;
  return JSON.parse(run("node", ["--input-type=module", "--eval", script]));
}

/** What an import of `name` alone leaves in a bundle. */
async function weigh(name) {
  const { metafile } = await build({
    stdin: { contents: `export { ${name} } from "holdfast/sdk";`, resolveDir: folder },
    ...{
      bundle: true,
      minify: true,
      format: "esm",
      platform: "neutral",
      write: false,
      metafile: true,
      logLevel: "error",
    },
    external: [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies), "node:*"],
  });
  const [{ inputs }] = Object.values(metafile.outputs);
  const parts = Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  const isAbi = ([path]) => path.includes("/bindings/abi/");
  const rest = parts.filter((part) => !isAbi(part) && !part[0].endsWith(ERRORS));
  return {
    abis: parts.filter(isAbi).map(([path]) => basename(path, ".js")),
    bytes: rest.reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0),
  };
}

function link(name) {
  const path = join(folder, "node_modules", name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(resolve("node_modules", name), path);
}

/** Runs in the consumer's folder, or npm in ours. @throws with what the command said */
function run(command, args) {
  const cwd = command === "npm" ? process.cwd() : folder;
  try {
    return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    throw new Error(`${command} ${args.join(" ")}\n${error.stdout}${error.stderr}`);
  }
}
