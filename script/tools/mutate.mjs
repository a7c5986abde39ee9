// `npm run mutate [-- Contract…] [--sample N] [--seed S] [--jobs N] [--own] [--fresh] [--json]`: which small changes of the contracts no test notices.
// docs/mutation.md says how it works; the outcome is in snapshots/mutation.json, where each survivor has its reason.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { join as joinPosix } from "node:path/posix";
import { parseArgs } from "node:util";
import { ensureInstalled } from "./ensure.mjs";
import { folderOf, Suites } from "./suites.mjs";

const CACHE = "cache/mutation";
const TREES = join(CACHE, "trees"); // copies in which mutants run, one for each folder of tests
const FOUND = join(CACHE, "mutants.json");
const RESULTS = join(CACHE, "results.jsonl");
const SOLC = resolve(CACHE, "solc");
const SNAPSHOT = "snapshots/mutation.json";
const GOAL = 0.95;
/** Against which tests: the contract's own, the others that use it as well, those that take long as well. */
const LEVELS = ["own", "others", "all"];
const FUZZ_RUNS = 16;
/** Tests that take long: what others notice does not meet them, and they get an eighth of the fuzz runs. */
const SLOW = ["test/Holdings/draw.t.sol", "test/attack/", "test/deployment/", "test/invariant/"];

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
const remembered = new Map();
const sources = new Map(
  [...soliditySources("src"), ...soliditySources("lib")]
    .filter((path) => !path.startsWith("src/interfaces/"))
    .map((path) => [path, textOf(path)]),
);
const suites = new Suites(
  soliditySources("test").filter((path) => path.endsWith(".t.sol") && path.split("/").length > 2),
  textOf,
);
const nameOf = (path) => basename(path, ".sol");
for (const name of names) {
  if (![...sources.keys()].some((path) => nameOf(path) === name))
    throw new Error(`No contract or library ${name} in src or lib`);
}

const started = Date.now();
const { mutants, texts, dropped } = await found();
if (options.fresh) rmSync(RESULTS, { force: true });
let snapshot = readSnapshot();
const results = readResults();
const turns = new Map(); // folder of tests => the last run of forge in its tree
const killers = new Map(); // function, or file => the test file that killed a mutant of it last
const trees = new Map(); // folder of tests => what layOut says of it
const chosen = choose();
process.once("SIGINT", () => {
  report();
  process.exit();
});
writeCompiler();
for (const against of options.own ? ["own"] : LEVELS) await pass(against);
report();

// ---- Mutants and the trees they run in ----

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
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(FOUND, JSON.stringify({ key, ...answer, texts: [...answer.texts] }));
  return answer;
}

function choose() {
  const asked = mutants.filter(({ file }) => names.length === 0 || names.includes(nameOf(file)));
  const size = Number(options.sample ?? asked.length);
  const drawn = [...asked].sort((a, b) => (lot(a) < lot(b) ? -1 : 1)).slice(0, size);
  if (drawn.length < asked.length) say(`${drawn.length} of ${asked.length} mutants, drawn by seed ${options.seed}`);
  return drawn;
}

function lot({ file, key }) {
  return hash([options.seed, file, key]);
}

/**
 * Copies the tests of a folder and what they import, with the mutants in it, and compiles: what has not changed is left alone. Forge reads
 * all that is there at every start, so nothing else is.
 * @returns Tests that fail with no mutant switched on, for switches cost gas: they cannot judge.
 */
async function layOut(folder) {
  const tree = join(TREES, folder);
  const tests = suites.tests.filter((path) => folderOf(path) === folder);
  const files = new Map(tests.flatMap((path) => [...suites.closure(path)]).map((path) => [path, mutatedText(path)]));
  for (const [path, text] of texts) if (!existsSync(path)) files.set(path, text); // the switch
  files.set("foundry.toml", textOf("foundry.toml"));
  const [, allowed] = files.get("foundry.toml").match(/^fs_permissions = (.*)$/m);
  for (const [, path] of allowed.matchAll(/access = "read", path = "\.\/([^"]+)"/g)) {
    for (const file of pathsIn(path)) if (!file.endsWith(".sol")) files.set(file, textOf(file));
  }
  for (const name of existsSync(tree) ? readdirSync(tree) : []) {
    if (["node_modules", "out", "cache"].includes(name)) continue;
    for (const path of pathsIn(join(tree, name))) if (!files.has(path.slice(tree.length + 1))) rmSync(path);
  }
  for (const [path, text] of files) {
    const to = join(tree, path);
    if (existsSync(to) && readFileSync(to, "latin1") === text) continue;
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, text, "latin1");
  }
  for (const modules of files.get("foundry.toml").match(/node_modules\/[^"]+\/(?=")/g)) {
    if (!existsSync(join(tree, modules))) {
      cpSync(modules, join(tree, modules), {
        recursive: true,
        filter: (path) => !/\.[^./]+$/.test(path) || path.endsWith(".sol"),
      });
    }
  }
  const baseline = join(tree, "cache", `baseline-${hash([...files].flat())}.json`);
  if (existsSync(baseline)) return JSON.parse(readFileSync(baseline, "utf8"));
  say(`Compiling test/${folder}`);
  await forgeRuns(["build", "--quiet"], { tree });
  for (const path of pathsIn(join(tree, "out"))) slim(path);
  const outputs = [];
  for (const stage of stagesWith(FUZZ_RUNS, tests)) {
    outputs.push((await forgeTest(0, { ...stage, failFast: false })).output);
  }
  const failing = [...new Set([...outputs.join("").matchAll(/^\[FAIL.*\] (\w+)\(/gm)].map(([, name]) => name))];
  if (failing.includes("setUp")) throw new Error(outputs.join(""));
  if (failing.length) say(`Left out, for they fail by the gas that switches cost: ${failing.join(", ")}`);
  writeFileSync(baseline, JSON.stringify(failing));
  return failing;
}

/** Takes from an artifact, which forge reads at every start, what it does not need to run tests. */
function slim(path) {
  const { abi, bytecode, deployedBytecode, ...rest } = JSON.parse(readFileSync(path, "utf8"));
  if (!bytecode) return;
  for (const code of [bytecode, deployedBytecode]) code.sourceMap = "";
  writeFileSync(path, JSON.stringify({ abi, bytecode, deployedBytecode, id: rest.id }));
}

/** Forge asks the compiler for its version at every start, and a shell answers sooner than Node. */
function writeCompiler() {
  const solc = resolve("script/tools/solc.cjs");
  const version = execFileSync(process.execPath, [solc, "--version"], { encoding: "utf8" });
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo '${version}'; else exec '${process.execPath}' '${solc}' "$@"; fi\n`;
  writeFileSync(SOLC, script, { mode: 0o755 });
}

/** What a tree has of a file: with its mutants, and without fuzz runs of its own. */
function mutatedText(path) {
  return texts.get(path) ?? textOf(path).replace(/^ *\/\/\/ forge-config: .*fuzz\.runs.*\n/gm, "");
}

// ---- Runs ----

/** What a mutant meets that lived until then. At last its own tests again, with more fuzz runs. */
function stagesAgainst(against, { file }) {
  const { own, others } = suites.of(file);
  const quick = (path) => !isSlow(path);
  if (against === "own") return stagesWith(FUZZ_RUNS, own);
  if (against === "others") return stagesWith(FUZZ_RUNS, others.filter(quick));
  return [...stagesWith(FUZZ_RUNS, others.filter(isSlow)), ...stagesWith(4 * FUZZ_RUNS, own.filter(quick))];
}

/** Runs of forge: a folder's tests in one, those that take long last. */
function stagesWith(fuzzRuns, paths) {
  const stages = (some, runs) =>
    [...new Set(some.map(folderOf))].map((folder) => ({
      folder,
      paths: some.filter((path) => folderOf(path) === folder),
      fuzzRuns: runs,
    }));
  const quick = (path) => !isSlow(path);
  return [...stages(paths.filter(quick), fuzzRuns), ...stages(paths.filter(isSlow), fuzzRuns / 8)];
}

function isSlow(path) {
  return SLOW.some((start) => path.startsWith(start));
}

/**
 * Shows such tests to each mutant chosen that has not met them, until one fails. What makes no difference meets its own alone. The order is
 * drawn by seed, so that what a stopped run has come to is a fair sample.
 */
async function pass(against) {
  const queue = chosen.filter((mutant) => !isJudged(mutant, against) && (against === "own" || !isEquivalent(mutant)));
  const stagesOf = (mutant) => stagesAgainst(against, mutant);
  const folders = new Set(queue.flatMap(stagesOf).map(({ folder }) => folder));
  if (queue.length) say(`${queue.length} mutants against ${against} tests`);
  await inParallel([...folders].sort(), async (folder) => trees.set(folder, await layOut(folder)));
  let [done, survived] = [0, 0];
  await inParallel(queue, async (mutant) => {
    const { by, test } = await judge(mutant, stagesOf(mutant));
    save(mutant, { by, test, against });
    if (by) for (const scope of scopesOf(mutant)) killers.set(scope, by);
    else survived++;
    if (++done % 25 === 0) say(`${done} of ${queue.length}, ${survived} survived`);
  });
}

/** The first test that notices the mutant, by its file. What killed another one of its function is asked first. */
async function judge(mutant, stages) {
  const isAsked = (path) => stages.some(({ paths, fuzzRuns }) => fuzzRuns <= FUZZ_RUNS && paths.includes(path));
  const first = scopesOf(mutant)
    .map((scope) => killers.get(scope))
    .find(isAsked);
  const rest = stages.map((stage) => ({ ...stage, paths: stage.paths.filter((path) => path !== first) }));
  for (const stage of first ? [...stagesWith(FUZZ_RUNS, [first]), ...rest] : stages) {
    const { by, test } = stage.paths.length ? await forgeTest(mutant.n, stage) : {};
    if (by) return { by, test };
  }
  return {};
}

function scopesOf({ file, scope }) {
  return [`${file} ${scope}`, file];
}

async function inParallel(items, work) {
  const rest = items[Symbol.iterator]();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: Number(options.jobs) }, worker));
}

async function forgeTest(n, { folder, paths, fuzzRuns, failFast = true }) {
  const excluded = trees.get(folder) ?? [];
  const tree = join(TREES, folder);
  const failures = resolve(tree, "cache/failures", String(n));
  const args = ["test", "--color", "never", "--threads", "1", "--fuzz-seed", "1", "--code-size-limit", "1000000"];
  args.push("--block-coinbase", `0x${n.toString(16).padStart(40, "0")}`, "--match-path", `{${paths.join(",")}}`);
  if (failFast) args.push("--fail-fast");
  if (excluded.length) args.push("--no-match-test", `^(${excluded.join("|")})\\(`);
  const run = () =>
    forgeRuns(args, {
      tree,
      env: {
        FOUNDRY_FUZZ_RUNS: String(fuzzRuns),
        FOUNDRY_INVARIANT_RUNS: "1",
        FOUNDRY_FUZZ_FAILURE_PERSIST_DIR: failures,
        FOUNDRY_INVARIANT_FAILURE_PERSIST_DIR: failures,
        FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT: "0",
      },
    });
  // One at a time in a tree: forge writes its cache, and another that read it meanwhile would compile anew.
  const turn = (turns.get(folder) ?? Promise.resolve()).then(run);
  turns.set(
    folder,
    turn.catch(() => {}),
  );
  const { code, output } = await turn;
  rmSync(failures, { recursive: true, force: true });
  const [, by, test] = output.match(/^Encountered \d+ failing tests? in (\S+):\w+\n\[FAIL.*\] (\w+)\(/m) ?? [];
  if (code !== 0 && !by) throw new Error(`forge ${args.join(" ")}\n${output}`);
  return { output, by, test };
}

/** Without the optimizer, for compiling is what takes long; and without a path to git, which forge would ask for submodules. */
function forgeRuns(args, { tree, env = {} }) {
  return new Promise((done, fail) => {
    const settings = { FOUNDRY_SOLC: SOLC, FOUNDRY_OPTIMIZER: "false", FOUNDRY_EXTRA_OUTPUT: "[]", PATH: "" };
    const child = spawn(forge, args, { cwd: tree, env: { ...process.env, ...settings, ...env } });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
    child.once("error", fail);
    child.once("close", (code) => {
      if (args[0] === "build" && code !== 0) fail(new Error(output));
      else done({ code, output });
    });
  });
}

// ---- Results: kept as long as what they rest on is the same ----

/** Whether a mutant's result is known: killed by any tests, or survived those it is to meet. */
function isJudged(mutant, against) {
  const result = results.get(idOf(mutant));
  if (!result || result.basis !== basisOf(mutant.file, result)) return false;
  if (!result.by) return LEVELS.indexOf(result.against) >= LEVELS.indexOf(against);
  for (const scope of scopesOf(mutant)) killers.set(scope, result.by);
  return true;
}

/** A survivor is one until tests written since have noticed it: else the score would forget it and remember those killed. */
function isSurvivor(mutant) {
  const result = results.get(idOf(mutant));
  return result && !result.by && result.source === hash([textOf(mutant.file)]);
}

/**
 * What a result rests on: the mutated file and the test that noticed; for a survivor all test files that it met. Not what else they use:
 * a test that notices a mutant hardly ever stops to because another contract has changed, and to begin anew whenever one has would leave
 * no result to look at. `--fresh` does.
 */
function basisOf(file, { by, test, against }) {
  return remember(`basis of ${file} ${by} ${test} ${against}`, () => {
    if (by) return hash([textOf(file), by, functionIn(by, test)]);
    const { own, others } = suites.of(file);
    const met = { own, others: [...own, ...others.filter((path) => !isSlow(path))], all: [...own, ...others] }[against];
    return hash([file, ...met.sort()].flatMap((path) => [path, textOf(path)]));
  });
}

/** A function's text, as `forge fmt` leaves it; that of the file if the function is inherited or gone. */
function functionIn(path, name) {
  const text = textOf(path);
  return text.match(new RegExp(`^    function ${name}\\([\\s\\S]*?^    }$`, "m"))?.[0] ?? text;
}

function idOf({ file, key }) {
  return `${file} ${key}`;
}

function save(mutant, outcome) {
  const result = {
    id: idOf(mutant),
    ...outcome,
    source: hash([textOf(mutant.file)]),
    basis: basisOf(mutant.file, outcome),
  };
  results.set(result.id, result);
  appendFileSync(RESULTS, `${JSON.stringify(result)}\n`);
}

function readResults() {
  if (!existsSync(RESULTS)) return new Map();
  const lines = readFileSync(RESULTS, "utf8").trim().split("\n").filter(Boolean);
  return new Map(lines.map((line) => JSON.parse(line)).map((result) => [result.id, result]));
}

// ---- Report ----

/** Prints scores and survivors, and brings the snapshot up to date. Of a run that was stopped, what it has come to. */
function report() {
  snapshot = readSnapshot(); // reasons may have been given meanwhile
  const judged = chosen.filter((mutant) => isJudged(mutant, "own") || isSurvivor(mutant));
  const scores = {};
  for (const mutant of judged) {
    const name = nameOf(mutant.file);
    scores[name] ??= emptyScore(name, judged);
    scores[name].run++;
    if (results.get(idOf(mutant)).by) scores[name].killed++;
    else scores[name].survivors[mutant.key] = reasonOf(mutant);
  }
  for (const [name, score] of Object.entries(scores)) {
    const alive = judged.filter((mutant) => nameOf(mutant.file) === name && !isEquivalent(mutant));
    const met = alive.map((mutant) => results.get(idOf(mutant))).filter(({ by }) => !by);
    score.against = LEVELS.find((level) => met.some(({ against }) => against === level)) ?? "own";
  }
  const all = Object.entries({ ...snapshot, ...scores }).sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(SNAPSHOT, `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`);
  if (options.json) console.log(JSON.stringify(scores, null, 2));
  else print(scores, judged);
  say(`${Math.round((Date.now() - started) / 1000)} s; ${dropped.length} more mutants do not compile`);
  const killed = Object.values(scores).reduce((sum, score) => sum + score.killed, 0);
  if (killed < GOAL * judged.length) process.exitCode = 1;
}

function readSnapshot() {
  return existsSync(SNAPSHOT) ? JSON.parse(readFileSync(SNAPSHOT, "utf8")) : {};
}

function isEquivalent(mutant) {
  return reasonOf(mutant).startsWith("no difference");
}

function reasonOf({ file, key }) {
  return snapshot[nameOf(file)]?.survivors[key] ?? "";
}

/** Survivors of an earlier run that this one did not draw stay, with their reasons. */
function emptyScore(name, judged) {
  const keys = (list) => new Set(list.filter(({ file }) => nameOf(file) === name).map(({ key }) => key));
  const [there, drawn] = [keys(mutants), keys(judged)];
  const stay = Object.entries(snapshot[name]?.survivors ?? {}).filter(([key]) => there.has(key) && !drawn.has(key));
  return { mutants: there.size, run: 0, killed: 0, against: "own", survivors: Object.fromEntries(stay) };
}

function print(scores, judged) {
  for (const mutant of judged.filter((mutant) => !results.get(idOf(mutant)).by)) {
    const reason = reasonOf(mutant) || "no reason given";
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

function textOf(path) {
  return remember(`text of ${path}`, () => readFileSync(path, "latin1"));
}

function soliditySources(folder) {
  return pathsIn(folder).filter((path) => path.endsWith(".sol"));
}

function pathsIn(path) {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [path];
  const entries = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
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
