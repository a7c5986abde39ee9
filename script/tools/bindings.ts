// Writes ts/bindings/{abi.ts,ethers/} from forge's artifacts: viem ABIs by @wagmi/cli, ethers types by typechain.
// With --check it writes nothing, and fails when what is there is not what it would write. `forge build` comes first.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { runTypeChain } from "typechain";

const HOME = "ts/bindings";
const GENERATED = ["abi.ts", "ethers"];
const check = process.argv.includes("--check");

const folder = mkdtempSync(join(tmpdir(), "holdfast-bindings-"));
try {
  await generate(folder);
  const stale = GENERATED.flatMap((name) => filesUnder(name)).filter((file) => read(HOME, file) !== read(folder, file));
  if (stale.length === 0) console.log(`bindings: ${HOME} is current`);
  else if (check) {
    console.error(`bindings: ${stale.join(", ")} in ${HOME} not what src/ gives: run "npm run bindings" and commit`);
    process.exitCode = 1;
  } else {
    for (const name of GENERATED) {
      rmSync(join(HOME, name), { recursive: true, force: true });
      cpSync(join(folder, name), join(HOME, name), { recursive: true });
    }
    console.log(`bindings: ${stale.join(", ")} written`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function generate(outDir: string): Promise<void> {
  const env = { ...process.env, BINDINGS_OUT: join(outDir, "abi.ts") };
  execFileSync("node_modules/.bin/wagmi", ["generate"], { env, stdio: ["ignore", "ignore", "ignore"] });
  await generateEthers(join(outDir, "ethers"));
}

/** Types only: an ethers contract is `new Contract(address, marketAbi, signer) as unknown as Market`, on the one ABI there is. */
async function generateEthers(outDir: string): Promise<void> {
  const artifacts = contractNames().map((name) => `out/${name}.sol/${name}.json`);
  await runTypeChain({
    cwd: process.cwd(),
    target: "ethers-v6",
    outDir,
    inputDir: "out",
    filesToProcess: artifacts,
    allFiles: artifacts,
    flags: {
      alwaysGenerateOverloads: false,
      discriminateTypes: false,
      tsNocheck: true,
      node16Modules: true,
      environment: undefined,
    },
  });
  rmSync(join(outDir, "factories"), { recursive: true });
  const exports = contractNames().map((name) => `export type { ${name} } from "./${name}.ts";\n`);
  writeFileSync(join(outDir, "index.ts"), exports.join(""));
}

function contractNames(): string[] {
  const names = readdirSync("src").flatMap((file) => (file.endsWith(".sol") ? basename(file, ".sol") : []));
  return names.filter((name) => existsSync(`out/${name}.sol/${name}.json`)).sort();
}

function filesUnder(name: string): string[] {
  const list = (home: string) => {
    if (!existsSync(join(home, name))) return [];
    if (name.endsWith(".ts")) return [name];
    return readdirSync(join(home, name)).map((file) => join(name, file));
  };
  return [...new Set([...list(HOME), ...list(folder)])].sort();
}

function read(home: string, file: string): string | undefined {
  return existsSync(join(home, file)) ? readFileSync(join(home, file), "utf8") : undefined;
}
