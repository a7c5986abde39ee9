// Keeps the branching trees true: every external function of src/ has its branches in test/<Contract>/*.tree, and every branch ends in tests
// that take it and exist. Run by `npm test`; lists what is missing where.
//
// A file is a tree of the function that it is named after, or of those that its first branches name: "├── reserve, release, slash".
// A leaf is "what it should do · test_Name, testFuzz_OtherName".
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { pathToFileURL } from "node:url";

const BRANCH = /^((?:│ {3}| {4})*)[├└]── (.*)$/;
const EXTERNAL = /^ {4}function (\w+)\([^{;]*?\b(?:external|public)\b/gm;
const TEST = /function (test(?:Fuzz)?_\w+)\(/g;

/**
 * What is wrong, a line each; nothing if all is well.
 * @param files Map of path to text: everything in src/ and test/.
 */
export function problems(files) {
  const found = [];
  const tests = new Set([...files.values()].flatMap((text) => [...text.matchAll(TEST)].map(([, name]) => name)));
  for (const [path, text] of files) {
    const contract = path.match(/^src\/(\w+)\.sol$/)?.[1];
    const functions = contract ? new Set([...text.matchAll(EXTERNAL)].map(([, name]) => name)) : new Set();
    if (functions.size === 0) continue;
    const home = `test/${contract}/`;
    const here = [...files.keys()].filter((file) => file.startsWith(home));
    for (const file of here.filter((file) => file.endsWith(".tree"))) {
      functions.delete(posix.basename(file, ".tree"));
      if (!files.has(file.replace(/\.tree$/, ".t.sol"))) found.push(`${file}: there are no tests beside it`);
      const branches = files
        .get(file)
        .split("\n")
        .flatMap((line, i) => {
          const [, indent, words] = line.match(BRANCH) ?? [];
          return words === undefined ? [] : [{ at: `${file}:${i + 1}`, depth: indent.length, words }];
        });
      branches.forEach(({ at, depth, words }, i) => {
        if (depth === 0) for (const name of words.split(", ")) functions.delete(name);
        const isLeaf = !(branches[i + 1]?.depth > depth);
        const taken = words.split(" · ")[1]?.split(", ") ?? [];
        if (isLeaf && taken.length === 0) found.push(`${at}: no test takes this branch`);
        for (const test of taken) {
          if (!tests.has(test)) found.push(`${at}: there is no test ${test}`);
        }
      });
    }
    for (const name of functions) found.push(`${home}: no tree has ${contract}.${name}`);
  }
  return found;
}

function readAll() {
  const paths = readdirSync("test", { recursive: true }).map((name) => posix.join("test", name.replaceAll("\\", "/")));
  for (const name of readdirSync("src")) paths.push(`src/${name}`);
  const wanted = paths.filter((path) => /\.(sol|tree)$/.test(path) && existsSync(path));
  return new Map(wanted.map((path) => [path, readFileSync(path, "utf8")]));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const found = problems(readAll());
  for (const line of found) console.log(line);
  process.exitCode = found.length ? 1 : 0;
}
