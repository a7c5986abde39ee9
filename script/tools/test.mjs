// `npm test`: every check there is. Its last line is the sum of forge's and vitest's tests, "N passed, N failed[, N skipped]";
// a failed check that has no tests of its own counts as one failed.
import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { ensureInstalled } from "./ensure.mjs";

const VITEST_REPORT = "cache/vitest.json";
const node = process.execPath;
const forge = ["script/tools/forge.cjs"];
const color = process.stdout.isTTY ? "always" : "never";
const total = { passed: 0, failed: 0, skipped: 0 };

ensureInstalled();
await check("Types", node, ["node_modules/typescript/bin/tsc", "-p", "."]);
await check("Lint and format of TypeScript", node, [
  "node_modules/@biomejs/biome/bin/biome",
  "check",
  "--error-on-warnings",
]);
await check("Branching trees against functions and tests", node, ["script/tools/trees.mjs"]);
await check("Reference: what is exported is documented", node, ["node_modules/typedoc/bin/typedoc", "--emit", "none"]);
await check("Documents against code and tests", node, ["script/tools/docs.mjs"]);
await check("Format of Solidity", node, [...forge, "fmt", "--check"]);
await check("Contracts (compiling takes minutes the first time)", node, [...forge, "build", "--quiet"]);
await check("Bindings against the contracts", node, [
  "node_modules/tsx/dist/cli.mjs",
  "script/tools/bindings.ts",
  "--check",
]);
await check("Snapshots of storage, ABIs and sizes", node, [
  "node_modules/tsx/dist/cli.mjs",
  "script/tools/snapshots.ts",
  "--check",
]);
await check("Lint of Solidity: forge", node, [...forge, "lint", "src", "lib", "script", "--deny", "notes"]);
await check("Lint of Solidity: solhint", node, [
  "node_modules/solhint/solhint.js",
  ...["--config", ".solhintrc.yaml", "--disc", "--noPoster", "--max-warnings", "0"],
  ...["src/**/*.sol", "lib/**/*.sol"],
]);
process.env.FORGE_SNAPSHOT_CHECK = "true"; // gas that differs from snapshots/ is a failure
await check("Tests of the contracts", node, [...forge, "test", "--color", color], countForge);
rmSync(VITEST_REPORT, { force: true });
const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${VITEST_REPORT}`];
await check(
  "Tests of the agents, tools and clients",
  node,
  ["node_modules/vitest/vitest.mjs", "run", ...reporters],
  countVitest,
);

const { passed, failed, skipped } = total;
console.log(`\n${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed ? 1 : 0;

async function check(title, command, args, count) {
  console.log(`\n▶ ${title}`);
  const { code, output } = await run(command, args, count === countForge);
  const counted = count?.(output) ?? { passed: 0, failed: 0, skipped: 0 };
  if (code !== 0 && counted.failed === 0) counted.failed = 1;
  for (const outcome of Object.keys(total)) total[outcome] += counted[outcome];
  if (code !== 0) console.log(`✗ ${title}: failed`);
}

function run(command, args, listen) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", listen ? "pipe" : "inherit", "inherit"] });
    let output = "";
    child.stdout?.on("data", (data) => {
      process.stdout.write(data);
      output += data;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, output: stripVTControlCharacters(output) }));
  });
}

function countForge(output) {
  const summary = output.match(/(\d+) tests? passed, (\d+) failed, (\d+) skipped \(\d+ total tests?\)/g)?.at(-1);
  if (!summary) return undefined;
  const [passed, failed, skipped] = summary.match(/\d+/g).map(Number);
  return { passed, failed, skipped };
}

function countVitest() {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
      readFileSync(VITEST_REPORT, "utf8"),
    );
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests };
  } catch {
    return undefined;
  }
}
