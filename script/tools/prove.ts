// `npm run prove [name…]`: proves the properties in test/proofs with solc's SMTChecker, by z3 and then cvc5 (Debian: apt-get install z3 cvc5).
// A property is a function `prove_…`: for all its arguments and all storage that its `require`s let through, its assertions hold, and nothing
// that it calls overflows or divides by zero unless it says `@custom:targets assert`. Each is checked on its own, for whatever else is in its
// contract would be taken for an entry of its own. One whose requirements nothing can meet would prove anything: `assert(false)` at its end
// must not be provable. What was proved is kept in snapshots/proofs.txt; it fails when something is refuted or no longer proved.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import solc from "solc";

const HOME = "test/proofs";
const RECORD = "snapshots/proofs.txt";
const SECONDS = Number(process.env.PROVE_SECONDS ?? 20); // a query and solver
const PROPERTY = /^ {4}function (prove_\w+)\([\s\S]*?^ {4}\}$/gm;
const SOLVERS = {
  z3: (file: string) => ["-smt2", `-T:${SECONDS}`, file],
  cvc5: (file: string) => ["--lang=smt2", `--tlimit=${1000 * SECONDS}`, file],
};

type Verdict = "proved" | "unknown" | "refuted" | "vacuous";
type Message = { errorCode: string; severity: string; message: string; formattedMessage: string };

const folder = mkdtempSync(join(tmpdir(), "holdfast-prove-"));
try {
  run(process.argv.slice(2));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function run(wanted: string[]): void {
  for (const solver of Object.keys(SOLVERS)) {
    if (spawnSync(solver, ["--version"]).error)
      throw new Error(`${solver} is not installed: on Debian and Ubuntu, apt-get install z3 cvc5`);
  }
  const before = recorded();
  const verdicts = new Map(wanted.length ? before : []);
  for (const file of readdirSync(HOME).sort()) {
    const source = readFileSync(join(HOME, file), "utf8");
    for (const [, name = ""] of source.matchAll(PROPERTY)) {
      const id = `${basename(file, ".sol")}.${name}`;
      if (wanted.length && !wanted.some((word) => id.includes(word))) continue;
      const started = Date.now();
      const verdict = judge(join(HOME, file), source, name);
      verdicts.set(id, verdict);
      console.log(`${verdict.padEnd(8)} ${id} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
      if (verdict === "refuted" || verdict === "vacuous") process.exitCode = 1;
      if (verdict === "unknown" && before.get(id) === "proved") {
        console.log(`         was proved before: PROVE_SECONDS=${4 * SECONDS} gives the solvers more time`);
        process.exitCode = 1;
      }
    }
  }
  const lines = [...verdicts].sort().map(([id, verdict]) => `${verdict.padEnd(8)} ${id}\n`);
  if (!process.exitCode) writeFileSync(RECORD, lines.join(""));
  const all = [...verdicts.values()];
  console.log(`\n${all.filter((verdict) => verdict === "proved").length} of ${all.length} proved`);
}

function recorded(): Map<string, string> {
  if (!existsSync(RECORD)) return new Map();
  const lines = readFileSync(RECORD, "utf8").trim().split("\n");
  return new Map(lines.map((line) => line.split(/ +/).reverse() as [string, string]));
}

function judge(path: string, source: string, name: string): Verdict {
  const alone = source.replace(PROPERTY, (text, other) => (other === name ? text : ""));
  const docs = source.slice(0, source.indexOf(`function ${name}(`)).match(/(?: {4}\/\/\/.*\n)* {4}$/)?.[0];
  const targets = docs?.includes("@custom:targets assert")
    ? ["assert"]
    : ["assert", "overflow", "underflow", "divByZero"];
  const said = check(path, alone, targets);
  const has = (pattern: RegExp) => said.some(({ message }) => pattern.test(message));
  if (has(/happens here/)) return "refuted";
  if (has(/might happen here/) || !has(/Assertion violation check is safe/)) return "unknown";
  const unreachable = alone.replaceAll("assert(", "require(").replace(PROPERTY, (text) => {
    return `${text.slice(0, -"    }".length)}        assert(false);\n    }`;
  });
  return check(path, unreachable, ["assert"]).some(({ message }) => /check is safe/.test(message))
    ? "vacuous"
    : "proved";
}

/**
 * What the SMTChecker's bounded engine says of the one contract in `source`. It follows a loop for one turn only: a property that meets
 * one would be proved for that turn alone, and must not be written.
 */
function check(path: string, source: string, targets: string[]): Message[] {
  const input = {
    language: "Solidity",
    sources: { [path]: { content: source } },
    settings: {
      remappings: [
        "@openzeppelin/contracts/=node_modules/@openzeppelin/contracts/",
        "solady/=node_modules/solady/src/",
      ],
      outputSelection: {},
      modelChecker: {
        engine: "bmc",
        targets,
        contracts: { [path]: [basename(path, ".sol")] },
        solvers: ["smtlib2"],
        timeout: 1000 * SECONDS,
        showProvedSafe: true,
        showUnproved: true,
      },
    },
  };
  const importer = (from: string) => ({ contents: readFileSync(from, "utf8") });
  const { errors = [] } = JSON.parse(solc.compile(JSON.stringify(input), { import: importer, smtSolver: solve })) as {
    errors?: Message[];
  };
  const fatal = errors.find(({ severity }) => severity === "error");
  if (fatal) throw new Error(fatal.formattedMessage);
  return errors;
}

/** The first solver's answer that is one. */
function solve(query: string): { contents: string } {
  const file = join(folder, "query.smt2");
  writeFileSync(file, query);
  let contents = "unknown\n";
  for (const [solver, args] of Object.entries(SOLVERS)) {
    const { stdout } = spawnSync(solver, args(file), { encoding: "utf8" });
    if (!/^(un)?sat\b/.test(stdout)) continue;
    contents = stdout;
    break;
  }
  return { contents };
}
