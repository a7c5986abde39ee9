// What an integrator installs: the packed package in an empty folder, with nothing beside it but the dependencies that it names.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { afterAll, beforeAll, expect, test } from "vitest";

const manifest = JSON.parse(readFileSync("package.json", "utf8"));
const ENTRIES = Object.keys(manifest.exports).flatMap((path) =>
  manifest.exports[path].types ? [path.replace(".", manifest.name)] : [],
);
const HOLDFAST = `node_modules/holdfast/${manifest.bin.holdfast}`;

const folder = mkdtempSync(join(tmpdir(), "holdfast-package-"));
const home = join(folder, "node_modules/holdfast");
let tarball;

beforeAll(() => {
  const [{ filename }] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", folder]));
  tarball = join(folder, filename);
  mkdirSync(home, { recursive: true });
  run("tar", ["-xzf", tarball, "--strip-components=1", "-C", home]);
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) link(name);
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
  cpSync("test/package/consumer.ts", join(folder, "consumer.ts"));
  const compilerOptions = {
    ...{ moduleResolution, module: moduleResolution === "bundler" ? "esnext" : moduleResolution },
    ...{ target: "es2022", lib: ["es2022", "dom"], strict: true, noEmit: true, types: [], skipLibCheck: true },
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["consumer.ts"] }));
  run("node", [resolve("node_modules/typescript/bin/tsc"), "-p", "."]);
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
