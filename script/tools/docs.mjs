// Keeps the auditors' documents true: every requirement (H-…) is in the specification, the code and the tests alike, and what the
// documents point to exists. Run by `npm test`; lists what is missing where.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { pathToFileURL } from "node:url";

const SPEC = "docs/spec.md";
const INVARIANTS = "docs/invariants.md";
const ID = /\bH-[A-Z]+-\d+\b/g;
const ID_IN_NAME = /_H([A-Z][a-z]+)(\d+)(?=_|\b)/g; // test_HTree1_…
const isTest = (path) => /^test\/.*\.sol$|^ts\/.*\.test\.ts$/.test(path);
const isCode = (path) => /^(src|lib)\/.*\.sol$|^ts\/(?!bindings\/).*\.ts$/.test(path) && !isTest(path);
const isDoc = (path) => path.endsWith(".md");

/**
 * What is wrong, a line each; nothing if all is well.
 * @param files Map of path to text: everything that is a document, code or a test.
 * @param exists Whether a path of the repository exists, file or folder.
 */
export function problems(files, exists) {
  return [...requirements(files), ...pointers(files, exists)];
}

/** Ids against the specification: the places that a requirement's lines name, and none without a requirement. */
function requirements(files) {
  const found = [];
  const spec = files.get(SPEC) ?? "";
  const invariants = idsOf(files.get(INVARIANTS) ?? "");
  const places = { Code: idsIn(files, isCode), Tests: idsIn(files, isTest) };
  const defined = new Set();
  for (const [, id, text] of spec.matchAll(/^\*\*(H-[A-Z]+-\d+)\*\* ([\s\S]*?)(?=^\*\*|^#|$(?![\s\S]))/gm)) {
    if (defined.has(id)) found.push(`${SPEC}: ${id} is there twice`);
    defined.add(id);
    for (const [place, ids] of Object.entries(places)) {
      const line = text.match(new RegExp(`^- ${place}: .*(?:\\n {2}.*)*`, "m"))?.[0];
      if (!line) found.push(`${SPEC}: ${id} has no line "- ${place}:"`);
      else if (!line.includes("not yet") && !ids.has(id))
        found.push(`${id}: in ${SPEC}, not in ${place.toLowerCase()}`);
      else if (line.includes("not yet") && ids.has(id))
        found.push(`${id}: "${place}: not yet", but it is in ${ids.get(id)}`);
    }
    const isInvariant = /^- Invariant: /m.test(text);
    if (isInvariant && !invariants.has(id)) found.push(`${id}: an invariant in ${SPEC}, not in ${INVARIANTS}`);
    if (!isInvariant && invariants.has(id)) found.push(`${id}: in ${INVARIANTS}, no invariant in ${SPEC}`);
  }
  for (const [id, path] of idsIn(files, () => true)) {
    if (!defined.has(id)) found.push(`${id}: in ${path}, not in ${SPEC}`);
  }
  return found;
}

/** Links, paths and names of contracts' members and tests in the documents. */
function pointers(files, exists) {
  const found = [];
  const contracts = new Map(); // name => text of the contract and its interface
  let tests = "";
  for (const [path, text] of files) {
    if (path.endsWith(".sol") && isTest(path)) tests += text;
    const name = path.match(/^(?:src|lib)\/(?:.*\/)?(\w+)\.sol$/)?.[1];
    if (name) contracts.set(name, text + (files.get(`src/interfaces/I${name}.sol`) ?? ""));
  }
  for (const [path, text] of files) {
    if (!isDoc(path)) continue;
    const prose = text.replace(/^```[\s\S]*?^```/gm, "");
    for (const [, label, target] of prose.matchAll(/\[([^\]]*)\]\((?!\w+:)([^)\s#]*)(?:#[^)]*)?\)/g)) {
      const to = posix.join(posix.dirname(path), target);
      if (target && !exists(to)) found.push(`${path}: no ${to} to link to`);
      // Decisions have no headings; a link names the sentence that one begins with.
      const isDecision = to === "docs/decisions.md" && !label.endsWith(".md");
      if (isDecision && !oneLine(files.get(to)).includes(` **${oneLine(label)}`))
        found.push(`${path}: no decision "${label}"`);
    }
    for (const [, name] of prose.matchAll(/`([^`\n]+)`/g)) {
      const [, contract, member] = name.match(/^([A-Z]\w*)\.(\w+)(?:\(.*\))?$/) ?? [];
      if (/^(src|lib|test|ts|script|docs|snapshots)\/[\w./-]+$/.test(name) && !exists(name)) {
        found.push(`${path}: there is no ${name}`);
      } else if (/^(test(Fuzz)?|invariant)_\w+$/.test(name) && !tests.includes(`function ${name}(`)) {
        found.push(`${path}: there is no test ${name}`);
      } else if (contracts.has(contract) && !new RegExp(`\\b${member}\\b`).test(contracts.get(contract))) {
        found.push(`${path}: ${contract} has no ${member}`);
      }
    }
  }
  return found;
}

function oneLine(text = "") {
  return text.replace(/\s+/g, " ");
}

function idsIn(files, belongs) {
  const ids = new Map(); // id => the first file it is in
  for (const [path, text] of files) {
    if (belongs(path)) for (const id of idsOf(text)) if (!ids.has(id)) ids.set(id, path);
  }
  return ids;
}

function idsOf(text) {
  const named = [...text.matchAll(ID_IN_NAME)].map(([, area, n]) => `H-${area.toUpperCase()}-${n}`);
  return new Set([...(text.match(ID) ?? []), ...named]);
}

function readAll() {
  const files = new Map();
  for (const folder of ["docs", "src", "lib", "test", "ts"]) {
    for (const name of readdirSync(folder, { recursive: true }))
      files.set(posix.join(folder, name.replaceAll("\\", "/")), "");
  }
  for (const path of ["README.md", "SECURITY.md", ...files.keys()]) {
    if (isDoc(path) || isCode(path) || isTest(path)) files.set(path, readFileSync(path, "utf8"));
    else files.delete(path);
  }
  return files;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const found = problems(readAll(), existsSync);
  for (const line of found) console.log(line);
  process.exitCode = found.length ? 1 : 0;
}
