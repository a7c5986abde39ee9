// `npm run mutate [-- Contract…] [--sample N] [--seed S] [--jobs N] [--own] [--fresh] [--json]`: which small changes of the contracts no test notices.
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
const QUICK = { FOUNDRY_FUZZ_RUNS: "16", FOUNDRY_INVARIANT_RUNS: "1" };

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: String(availableParallelism()) },
    own: { type: "boolean", default: false },
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
if (options.fresh) rmSync(RESULTS, { force: true });
const results = readResults();
const remembered = new Map();
const killers = new Map(); // function => the test file that killed a mutant of it last
const chosen = choose();
process.once("SIGINT", () => {
  report();
  process.exit();
});
const open = await pass("its contract's own tests", chosen.filter(needsRun), ({ own }) => [{ paths: own, env: QUICK }]);
if (!options.own) {
  const others = ({ own, others }) => [{ paths: others, env: QUICK }, { paths: own }];
  await pass("all tests that use its contract", open, others, true);
}
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

/**
 * Copies tests and what they import, with the mutants in it, and compiles: what has not changed is left alone. Forge reads all that is there
 * at every start, so nothing else is.
 */
async function layOut(tests) {
  const paths = new Set(tests.flatMap((path) => [...closure(path)]));
  const files = new Map([...paths].map((path) => [path, texts.get(path) ?? everything.get(path)]));
  files.set("foundry.toml", readFileSync("foundry.toml", "latin1"));
  for (const [path, text] of texts) if (!everything.has(path)) files.set(path, text); // the switch
  for (const folder of ["src", "lib", "test", "script"]) {
    for (const path of pathsIn(join(TREE, folder))) {
      if (path.endsWith(".sol") && !files.has(path.slice(TREE.length + 1))) rmSync(path);
    }
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
  for (const folder of files.get("foundry.toml").match(/node_modules\/[^"]+\/(?=")/g)) {
    if (!existsSync(join(TREE, folder))) {
      cpSync(folder, join(TREE, folder), {
        recursive: true,
        filter: (path) => !/\.[^./]+$/.test(path) || path.endsWith(".sol"),
      });
    }
  }
  await forgeRuns(["build", "--quiet"]);
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

/**
 * Runs the tests of `stages`, given a contract's suites, on each mutant.
 * @returns Those that survived. Unless the pass is the last one, that is not yet a result.
 */
async function pass(title, queue, stages, isLast = options.own) {
  if (queue.length === 0) return [];
  const stagesOf = ({ file }) => stages(suitesOf(file)).filter(({ paths }) => paths.length);
  const paths = [...new Set(queue.flatMap(stagesOf).flatMap((stage) => stage.paths))].sort();
  say(`${queue.length} mutants against ${title}; compiling takes minutes the first time`);
  if (paths.length) await layOut(paths);
  const excluded = paths.length ? await failingWithout(paths) : [];
  const survivors = [];
  const ordered = [...queue].sort((a, b) => a.n - b.n)[Symbol.iterator]();
  let done = 0;
  const work = async () => {
    for (const mutant of ordered) {
      const first = killers.get(scopeOf(mutant));
      const usual = stagesOf(mutant);
      const isUsual = usual.some(({ paths }) => paths.includes(first));
      const by = await judge(mutant, isUsual ? [{ paths: [first], env: QUICK }, ...usual] : usual, excluded);
      if (by) killers.set(scopeOf(mutant), by);
      else survivors.push(mutant);
      if (by || isLast) save(mutant, by);
      if (!by && isLast) say(`survived: ${mutant.file}:${mutant.line} ${mutant.key}`);
      if (++done % 25 === 0) say(`${done} of ${queue.length}, ${survivors.length} survived`);
    }
  };
  await Promise.all(Array.from({ length: Number(options.jobs) }, work));
  return survivors;
}

/** The first test that notices the mutant. */
async function judge(mutant, stages, excluded) {
  for (const { paths, env } of stages) {
    const { by } = await forgeTest(mutant.n, paths, { env, excluded });
    if (by) return by;
  }
  return undefined;
}

/** Tests that fail with no mutant switched on, for switches cost gas: they cannot judge. */
async function failingWithout(paths) {
  const file = join(
    dirname(FOUND),
    `baseline-${hash(paths.flatMap((path) => [...closure(path)]).map((path) => texts.get(path) ?? everything.get(path)))}.json`,
  );
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8"));
  const { output } = await forgeTest(0, paths, { env: QUICK, excluded: [], failFast: false });
  const failing = [...new Set([...output.matchAll(/^\[FAIL.*\] (\w+)\(/gm)].map(([, name]) => name))];
  if (failing.length) say(`Left out, for they fail by the gas that switches cost: ${failing.join(", ")}`);
  writeFileSync(file, JSON.stringify(failing));
  return failing;
}

/** Test files by what they test: a source's own have its name, or are in the folder of it or of its library; others import it all the same. */
function suitesOf(file) {
  return remember(`suites of ${file}`, () => {
    const tests = [...everything.keys()].filter((path) => path.endsWith(".t.sol") && closure(path).has(file));
    const home = file.startsWith("lib/") ? `test/${dirname(file)}/` : `test/${nameOf(file)}/`;
    const own = tests.filter((path) => path.startsWith(home) || path.endsWith(`/${nameOf(file)}.t.sol`));
    return { own, others: tests.filter((path) => !own.includes(path)) };
  });
}

async function forgeTest(n, paths, { env = {}, excluded, failFast = true }) {
  const failures = resolve(TREE, "cache/failures", String(n));
  const args = ["test", "--color", "never", "--threads", "1", "--fuzz-seed", "1", "--code-size-limit", "1000000"];
  args.push("--block-coinbase", `0x${n.toString(16).padStart(40, "0")}`, "--match-path", `{${paths.join(",")}}`);
  if (failFast) args.push("--fail-fast");
  if (excluded.length) args.push("--no-match-test", `^(${excluded.join("|")})\\(`);
  const { code, output } = await forgeRuns(args, {
    ...env,
    FOUNDRY_FUZZ_FAILURE_PERSIST_DIR: failures,
    FOUNDRY_INVARIANT_FAILURE_PERSIST_DIR: failures,
    FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT: "0",
  });
  rmSync(failures, { recursive: true, force: true });
  const by = output.match(/^Encountered \d+ failing tests? in (\S+):/m)?.[1];
  if (code !== 0 && !by) throw new Error(`forge ${args.join(" ")}\n${output}`);
  return { output, by };
}

function forgeRuns(args, env = {}) {
  return new Promise((done, fail) => {
    const solc = resolve("script/tools/solc.cjs");
    const child = spawn(forge, args, { cwd: TREE, env: { ...process.env, FOUNDRY_SOLC: solc, ...env } });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
    child.once("error", fail);
    child.once("close", (code) => {
      if (args[0] === "build" && code !== 0) fail(new Error(output));
      else done({ code, output });
    });
  });
}

function scopeOf({ file, scope }) {
  return `${file} ${scope}`;
}

// ---- Results: kept as long as what they rest on is the same ----

function needsRun(mutant) {
  const result = results.get(idOf(mutant));
  if (!result || result.basis !== basisOf(mutant.file, result.by)) return true;
  if (result.by) killers.set(scopeOf(mutant), result.by);
  return false;
}

/** What a result rests on: the test that noticed and all that it imports; for a survivor all tests that use the contract. */
function basisOf(file, by) {
  return remember(`basis of ${file} ${by}`, () => {
    const { own, others } = suitesOf(file);
    const tests = by ? [by] : [...own, ...others];
    const files = new Set(tests.flatMap((path) => [...closure(path)]));
    return hash([...files].sort().flatMap((path) => [path, everything.get(path)]));
  });
}

function idOf({ file, key }) {
  return `${file} ${key}`;
}

/** A survivor of its contract's own tests alone is none yet, and is not kept. */
function save(mutant, by) {
  const result = { id: idOf(mutant), by, basis: basisOf(mutant.file, by) };
  results.set(result.id, result);
  if (by || !options.own) appendFileSync(RESULTS, `${JSON.stringify(result)}\n`);
}

function readResults() {
  if (!existsSync(RESULTS)) return new Map();
  const lines = readFileSync(RESULTS, "utf8").trim().split("\n").filter(Boolean);
  return new Map(lines.map((line) => JSON.parse(line)).map((result) => [result.id, result]));
}

// ---- Report ----

/** Prints scores and survivors, and brings the snapshot up to date. Of a run that was stopped, what it has come to. */
function report() {
  const judged = chosen.filter((mutant) => !needsRun(mutant));
  const snapshot = existsSync(SNAPSHOT) ? JSON.parse(readFileSync(SNAPSHOT, "utf8")) : {};
  const scores = {};
  for (const mutant of judged) {
    const name = nameOf(mutant.file);
    scores[name] ??= emptyScore(name, snapshot[name]);
    scores[name].run++;
    if (results.get(idOf(mutant)).by) scores[name].killed++;
    else scores[name].survivors[mutant.key] = snapshot[name]?.survivors[mutant.key] ?? "";
  }
  const all = Object.entries({ ...snapshot, ...scores }).sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(SNAPSHOT, `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`);
  if (options.json) console.log(JSON.stringify(scores, null, 2));
  else print(scores, judged);
  say(`${Math.round((Date.now() - started) / 1000)} s; ${dropped.length} more mutants do not compile`);
  const killed = Object.values(scores).reduce((sum, score) => sum + score.killed, 0);
  if (killed < GOAL * judged.length) process.exitCode = 1;
}

/** Survivors of an earlier run that this one did not draw stay, with their reasons. */
function emptyScore(name, { survivors = {} } = {}) {
  const keys = (list) => new Set(list.filter(({ file }) => nameOf(file) === name).map(({ key }) => key));
  const [there, drawn] = [keys(mutants), keys(chosen.filter((mutant) => !needsRun(mutant)))];
  const stay = Object.entries(survivors).filter(([key]) => there.has(key) && !drawn.has(key));
  return {
    mutants: there.size,
    run: 0,
    killed: 0,
    against: options.own ? "own" : "all",
    survivors: Object.fromEntries(stay),
  };
}

function print(scores, judged) {
  for (const mutant of judged.filter((mutant) => !results.get(idOf(mutant)).by)) {
    const reason = scores[nameOf(mutant.file)].survivors[mutant.key] || "no reason given";
    console.log(`\n${mutant.file}:${mutant.line} ${mutant.scope}: ${reason}\n- ${mutant.from}\n+ ${mutant.to}`);
  }
  console.log("");
  for (const [name, { mutants, run, killed }] of Object.entries(scores)) {
    const share = `${((100 * killed) / run).toFixed(1)} %`.padStart(8);
    console.log(
      `${name.padEnd(16)} ${String(killed).padStart(4)} of ${String(run).padStart(4)} killed ${share}  (of ${mutants})`,
    );
  }
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
