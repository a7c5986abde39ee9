// `npm run mutate [-- Contract…] [--sample N] [--seed S] [--jobs N] [--fresh] [--json]`: which small changes of the contracts no test notices.
// docs/mutation.md says how it works; the outcome is in snapshots/mutation.json, where each survivor has its reason.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { join as joinPosix } from "node:path/posix";
import { parseArgs } from "node:util";
import { ensureInstalled } from "./ensure.mjs";

const TREE = "cache/mutation/tree"; // the copy in which mutants run
const FOUND = "cache/mutation/mutants.json";
const RESULTS = "cache/mutation/results.jsonl";
const SNAPSHOT = "snapshots/mutation.json";
const GOAL = 0.95;
const TIMEOUT = 300_000; // ms: a mutant that runs for so long has been noticed
const QUICK = { FOUNDRY_FUZZ_RUNS: "16", FOUNDRY_INVARIANT_RUNS: "1" };

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: String(availableParallelism()) },
    fresh: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

ensureInstalled();
const forge = createRequire(import.meta.url)("./forge.cjs");
const sources = textsIn(["src", "lib"], (path) => !path.startsWith("src/interfaces/"));
const everything = new Map([...sources, ...textsIn(["src/interfaces", "test", "script"])]);
const nameOf = (path) => basename(path, ".sol");
for (const name of names) {
  if (![...sources.keys()].some((path) => nameOf(path) === name))
    throw new Error(`No contract or library ${name} in src or lib`);
}

const started = Date.now();
const { mutants, texts, dropped } = await found();
layOut();
say("Compiling the contracts with all mutants, and their tests: this takes minutes the first time");
await forgeRuns(["build", "--quiet"]);
const excluded = await baseline();
if (options.fresh) rmSync(RESULTS, { force: true });
const results = readResults();
const chosen = choose();
const killers = new Map(); // function => test files that killed a mutant of it, the last one first
const remembered = new Map();
let done = 0;
await Promise.all(Array.from({ length: Number(options.jobs) }, worker(chosen[Symbol.iterator]())));
report();

// ---- Mutants and the tree they run in ----

/** All mutants, found anew if the sources or the tool have changed. */
async function found() {
  const tool = readFileSync("script/tools/mutants.mjs", "utf8");
  const key = hash([tool, ...[...sources].flat()]);
  if (existsSync(FOUND)) {
    const saved = JSON.parse(readFileSync(FOUND, "utf8"));
    if (saved.key === key) return { ...saved, texts: new Map(saved.texts) };
  }
  say("Looking for mutants");
  const { compiler, mutantsOf } = await import("./mutants.mjs");
  const [, remappings] = readFileSync("foundry.toml", "utf8").match(/^remappings = \[([^\]]*)\]/m);
  const answer = mutantsOf(
    sources,
    compiler((path) => readFileSync(path, "latin1"), remappings.match(/[^"]+=[^"]+/g)),
  );
  mkdirSync(dirname(FOUND), { recursive: true });
  writeFileSync(FOUND, JSON.stringify({ key, ...answer, texts: [...answer.texts] }));
  return answer;
}

/** Copies the project, with the mutants in its sources. What has not changed is left alone, and is not compiled again. */
function layOut() {
  const files = new Map([...everything, ...texts, ["foundry.toml", readFileSync("foundry.toml", "latin1")]]);
  for (const folder of ["src", "lib", "test", "script"]) {
    for (const path of pathsIn(join(TREE, folder))) if (!files.has(path.slice(TREE.length + 1))) rmSync(path);
  }
  for (const [path, text] of files) {
    const to = join(TREE, path);
    if (existsSync(to) && readFileSync(to, "latin1") === text) continue;
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, text, "latin1");
  }
  for (const folder of ["script/config", "test/vectors", "deployments"]) {
    if (existsSync(folder)) cpSync(folder, join(TREE, folder), { recursive: true });
  }
  for (const folder of readFileSync("foundry.toml", "utf8").match(/node_modules\/[^"]+\/(?=")/g)) {
    if (!existsSync(join(TREE, folder))) {
      cpSync(folder, join(TREE, folder), {
        recursive: true,
        filter: (path) => !/\.[^./]+$/.test(path) || path.endsWith(".sol"),
      });
    }
  }
}

/** Tests that fail with no mutant switched on, since the switches cost gas: they cannot judge. */
async function baseline() {
  const key = hash([...everything, ...texts].flat());
  const file = "cache/mutation/baseline.json";
  if (existsSync(file)) {
    const saved = JSON.parse(readFileSync(file, "utf8"));
    if (saved.key === key) return saved.failing;
  }
  say("Running all tests without a mutant");
  const { output } = await forgeTest(0, "test/**", { excluded: [], failFast: false });
  const failing = [...new Set([...output.matchAll(/^\[FAIL.*\] (\w+)\(/gm)].map(([, name]) => name))];
  say(`Left out, for they fail by the gas that switches cost: ${failing.join(", ") || "none"}`);
  writeFileSync(file, JSON.stringify({ key, failing }));
  return failing;
}

function choose() {
  const asked = mutants.filter(({ file }) => names.length === 0 || names.includes(nameOf(file)));
  const size = Number(options.sample ?? asked.length);
  const drawn = [...asked].sort((a, b) => (lot(a) < lot(b) ? -1 : 1)).slice(0, size);
  if (drawn.length < asked.length) say(`${drawn.length} of ${asked.length} mutants, drawn by seed ${options.seed}`);
  return drawn.sort((a, b) => a.n - b.n);
}

function lot({ file, key }) {
  return hash([options.seed, file, key]);
}

// ---- Runs ----

function worker(queue) {
  return async () => {
    for (const mutant of queue) {
      const known = knownResult(mutant);
      if (!known) save(mutant, await judge(mutant));
      const { by } = results.get(idOf(mutant));
      if (by) promote(mutant, by);
      if (++done % 20 === 0 || done === chosen.length) say(`${done} of ${chosen.length} mutants`);
      if (!by && !known) say(`survived: ${mutant.file}:${mutant.line} ${mutant.key}`);
    }
  };
}

/** Runs tests until one notices: first those that noticed a neighbour, then the contract's own, then all that use it. */
async function judge(mutant) {
  const { own, others } = suitesOf(mutant.file);
  const [first] = killers.get(scopeOf(mutant)) ?? [];
  const stages = [
    { paths: first ? [first] : [], env: QUICK },
    { paths: own, env: QUICK },
    { paths: others, env: QUICK },
    { paths: own, env: {} },
  ];
  for (const { paths, env } of stages) {
    if (paths.length === 0) continue;
    const { by } = await forgeTest(mutant.n, `{${paths.join(",")}}`, { env, excluded });
    if (by) return by;
  }
  return undefined;
}

/** Test files by what they test: a contract's own are in its folder or have its name; others import it, directly or not. */
function suitesOf(file) {
  return remember(`suites of ${file}`, () => {
    const tests = [...everything.keys()].filter((path) => path.endsWith(".t.sol") && closure(path).has(file));
    const own = tests.filter((path) => path.includes(`/${nameOf(file)}/`) || path.endsWith(`/${nameOf(file)}.t.sol`));
    return { own, others: tests.filter((path) => !own.includes(path)) };
  });
}

async function forgeTest(n, paths, { env = {}, excluded, failFast = true }) {
  const failures = resolve(TREE, "cache/failures", String(n));
  const args = ["test", "--color", "never", "--threads", "1", "--fuzz-seed", "1", "--code-size-limit", "1000000"];
  args.push("--block-coinbase", `0x${n.toString(16).padStart(40, "0")}`, "--match-path", paths);
  if (failFast) args.push("--fail-fast");
  if (excluded.length) args.push("--no-match-test", `^(${excluded.join("|")})\\(`);
  const { code, output, timedOut } = await forgeRuns(args, {
    ...env,
    FOUNDRY_FUZZ_FAILURE_PERSIST_DIR: failures,
    FOUNDRY_INVARIANT_FAILURE_PERSIST_DIR: failures,
    FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT: "0",
  });
  rmSync(failures, { recursive: true, force: true });
  const by = output.match(/^Encountered \d+ failing tests? in (\S+):/m)?.[1];
  if (code !== 0 && !by && !timedOut) throw new Error(`forge ${args.join(" ")}\n${output}`);
  return { output, by: timedOut ? paths : by };
}

function forgeRuns(args, env = {}) {
  return new Promise((done, fail) => {
    const solc = resolve("script/tools/solc.cjs");
    const child = spawn(forge, args, { cwd: TREE, env: { ...process.env, FOUNDRY_SOLC: solc, ...env } });
    let [output, timedOut] = ["", false];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
    const timer =
      args[0] === "test" && env.FOUNDRY_FUZZ_RUNS ? setTimeout(() => (timedOut = child.kill()), TIMEOUT) : undefined;
    child.once("error", fail);
    child.once("close", (code) => {
      clearTimeout(timer);
      if (args[0] === "build" && code !== 0) fail(new Error(output));
      else done({ code, output, timedOut });
    });
  });
}

function promote(mutant, by) {
  const before = killers.get(scopeOf(mutant)) ?? [];
  killers.set(scopeOf(mutant), [by, ...before.filter((path) => path !== by)]);
}

function scopeOf({ file, scope }) {
  return `${file} ${scope}`;
}

// ---- Results: kept as long as what they rest on is the same ----

function knownResult(mutant) {
  const result = results.get(idOf(mutant));
  return result && result.basis === basisOf(mutant.file, result.by) ? result : undefined;
}

/** What a result rests on: the test that noticed and all that it imports; for a survivor all tests that use the contract. */
function basisOf(file, by) {
  return remember(`basis of ${file} ${by}`, () => {
    const { own, others } = suitesOf(file);
    const tests = everything.has(by) ? [by] : [...own, ...others];
    const files = new Set(tests.flatMap((path) => [...closure(path)]));
    return hash([...files].sort().flatMap((path) => [path, everything.get(path)]));
  });
}

function idOf({ file, key }) {
  return `${file} ${key}`;
}

function save(mutant, by) {
  const result = { id: idOf(mutant), by, basis: basisOf(mutant.file, by) };
  results.set(result.id, result);
  appendFileSync(RESULTS, `${JSON.stringify(result)}\n`);
}

function readResults() {
  if (!existsSync(RESULTS)) return new Map();
  const lines = readFileSync(RESULTS, "utf8").trim().split("\n").filter(Boolean);
  return new Map(lines.map((line) => JSON.parse(line)).map((result) => [result.id, result]));
}

// ---- Report ----

/** Prints scores and survivors, and brings the snapshot up to date for the contracts that ran in full. */
function report() {
  const snapshot = existsSync(SNAPSHOT) ? JSON.parse(readFileSync(SNAPSHOT, "utf8")) : {};
  const fresh = {};
  for (const mutant of chosen) {
    const name = nameOf(mutant.file);
    fresh[name] ??= { mutants: 0, killed: 0, survivors: {} };
    fresh[name].mutants++;
    if (results.get(idOf(mutant)).by) fresh[name].killed++;
    else fresh[name].survivors[mutant.key] = snapshot[name]?.survivors[mutant.key] ?? "";
  }
  if (!options.sample) {
    const all = Object.entries({ ...snapshot, ...fresh }).sort(([a], [b]) => (a < b ? -1 : 1));
    writeFileSync(SNAPSHOT, `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`);
  }
  const killed = chosen.filter((mutant) => results.get(idOf(mutant)).by);
  if (options.json) console.log(JSON.stringify(fresh, null, 2));
  else {
    for (const mutant of chosen.filter((mutant) => !killed.includes(mutant))) {
      const reason = fresh[nameOf(mutant.file)].survivors[mutant.key] || "no reason given";
      console.log(`\n${mutant.file}:${mutant.line} ${mutant.scope}: ${reason}\n- ${mutant.from}\n+ ${mutant.to}`);
    }
    console.log("");
    for (const [name, { mutants, killed }] of Object.entries(fresh)) console.log(line(name, killed, mutants));
    console.log(line("All", killed.length, chosen.length));
  }
  say(`${Math.round((Date.now() - started) / 1000)} s; ${dropped.length} more mutants do not compile`);
  if (killed.length < GOAL * chosen.length) process.exitCode = 1;
}

function line(name, killed, mutants) {
  return `${name.padEnd(16)} ${String(killed).padStart(5)} of ${String(mutants).padStart(5)} killed ${((100 * killed) / mutants).toFixed(1).padStart(6)} %`;
}

function say(text) {
  console.error(`${new Date().toISOString().slice(11, 19)} ${text}`);
}

// ---- Files ----

/** Every file that a test imports, directly or not, itself included. */
function closure(path, seen = new Set()) {
  if (seen.has(path) || !everything.has(path)) return seen;
  seen.add(path);
  for (const [, to] of everything.get(path).matchAll(/ from "(\.[^"]+)"/g)) closure(joinPosix(dirname(path), to), seen);
  return seen;
}

function textsIn(folders, wanted = () => true) {
  const paths = folders.flatMap(pathsIn).filter((path) => path.endsWith(".sol") && wanted(path));
  return new Map(paths.map((path) => [path, readFileSync(path, "latin1")]));
}

function pathsIn(folder) {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map((entry) => joinPosix(entry.parentPath.replaceAll("\\", "/"), entry.name));
}

function remember(what, find) {
  if (!remembered.has(what)) remembered.set(what, find());
  return remembered.get(what);
}

function hash(parts) {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(`${part.length}:${part}`);
  return sum.digest("hex");
}
