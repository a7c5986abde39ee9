// `npm run coverage`: what the tests take of src/ and lib/, from forge's lcov report: at least 99 % of lines and 97 % of branches. It compiles
// everything anew without the optimizer, in minutes. Gas is not measured so, and walks of the invariants prove nothing here: they are left out.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";

const REPORT = "cache/coverage/lcov.info";
const LEAST = { lines: 0.99, branches: 0.97 };

mkdirSync("cache/coverage", { recursive: true });
rmSync(REPORT, { force: true });
// Tests of gas and of code hashes fail on instrumented code; whether the tests pass is for `npm test`.
spawnSync(
  process.execPath,
  [
    ...["script/tools/forge.cjs", "coverage", "--report", "lcov", "--report-file", REPORT],
    ...["--include-libs", "--no-match-coverage", "^(test|script|node_modules)/"],
    ...["--no-match-path", "test/{gas,invariant}/**"],
  ],
  // The tests build trees in memory, unoptimized; what they measure of gas is no snapshot.
  { stdio: "inherit", env: { ...process.env, FOUNDRY_MEMORY_LIMIT: `${2 ** 31}`, FORGE_SNAPSHOT_EMIT: "false" } },
);
if (!existsSync(REPORT)) process.exit(1);

const total = { lines: [0, 0], branches: [0, 0] };
const untaken = [];
let file = "";
for (const line of readFileSync(REPORT, "utf8").split("\n")) {
  const [kind, rest = ""] = line.split(":");
  const numbers = rest.split(",");
  if (kind === "SF") file = rest;
  if (kind === "DA") note("lines", numbers[0], Number(numbers[1]) > 0);
  if (kind === "BRDA") note("branches", numbers[0], Number(numbers[3]) > 0);
}
console.log(`\n${untaken.join("\n")}`);
for (const [what, [taken, all]] of Object.entries(total)) {
  console.log(`${what}: ${taken} of ${all}, ${((100 * taken) / all).toFixed(2)} % (at least ${100 * LEAST[what]} %)`);
  if (taken / all < LEAST[what]) process.exitCode = 1;
}

function note(what, at, isTaken) {
  total[what][1]++;
  if (isTaken) total[what][0]++;
  else untaken.push(`${file}:${at}: ${what === "lines" ? "line" : "branch"} not taken`);
}
