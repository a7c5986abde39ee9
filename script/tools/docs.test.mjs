import { expect, test } from "vitest";
import { problems } from "./docs.mjs";

const SPEC = `# Specification

**H-ONE-1** Something is so.
- Code: \`Thing.act\`
- Tests: \`test_HOne1_Acts\`
- Invariant: \`invariant_Holds\`

**H-ONE-2** Something will be so.
- Code: not yet
- Tests: not yet
`;

const SOUND = {
  "docs/spec.md": SPEC,
  "docs/invariants.md": "| H-ONE-1 | [spec](spec.md) |",
  "docs/decisions.md": "# Decisions\n\n**Why so.** Because (see `src/Thing.sol`).\n",
  "README.md": "[Why so](docs/decisions.md), [spec](docs/spec.md#there), [elsewhere](https://example.org/nothing)",
  "src/Thing.sol": "/// H-ONE-1\nfunction act() external {}",
  "test/Thing.t.sol": "function test_HOne1_Acts() external {}\nfunction invariant_Holds() external {}",
};

/** What the check says of a sound repository in which `changes` are made; undefined takes a file away. */
function said(changes) {
  const files = new Map(Object.entries({ ...SOUND, ...changes }).filter(([, text]) => text !== undefined));
  return problems(files, (path) => files.has(path));
}

test("nothing is said of documents that are true", () => {
  expect(said({})).toEqual([]);
});

test.each([
  [
    "an id that no code has",
    { "src/Thing.sol": "function act() external {}" },
    "H-ONE-1: in docs/spec.md, not in code",
  ],
  [
    "an id that no test has",
    {
      "test/Thing.t.sol": SOUND["test/Thing.t.sol"].replace("_HOne1_", "_"),
      "docs/spec.md": SPEC.replace("_HOne1_", "_"),
    },
    "H-ONE-1: in docs/spec.md, not in tests",
  ],
  [
    "an invariant missing in the table",
    { "docs/invariants.md": "" },
    "H-ONE-1: an invariant in docs/spec.md, not in docs/invariants.md",
  ],
  [
    "a row of the table that is no invariant",
    { "docs/invariants.md": "H-ONE-1, H-ONE-2" },
    "H-ONE-2: in docs/invariants.md, no invariant in docs/spec.md",
  ],
  ["an id of code that is not specified", { "ts/a.ts": "// H-TWO-7" }, "H-TWO-7: in ts/a.ts, not in docs/spec.md"],
  [
    "an id in a test's name that is not specified",
    { "test/B.t.sol": "function testFuzz_HTwo7_Acts() external {}" },
    "H-TWO-7: in test/B.t.sol, not in docs/spec.md",
  ],
  ["an id that is built by now", { "ts/a.ts": "// H-ONE-2" }, 'H-ONE-2: "Code: not yet", but it is in ts/a.ts'],
  [
    "a requirement that says nothing of tests",
    { "docs/spec.md": SPEC.replace("- Tests: `test_HOne1_Acts`\n", "") },
    'docs/spec.md: H-ONE-1 has no line "- Tests:"',
  ],
  ["a requirement that is there twice", { "docs/spec.md": SPEC + SPEC }, "docs/spec.md: H-ONE-1 is there twice"],
  ["a link to nowhere", { "README.md": "[x](docs/gone.md)" }, "README.md: no docs/gone.md to link to"],
  ["a decision that is not there", { "README.md": "[Why not](docs/decisions.md)" }, 'README.md: no decision "Why not"'],
  ["a path that is not there", { "README.md": "`src/Gone.sol`" }, "README.md: there is no src/Gone.sol"],
  ["a test that is not there", { "README.md": "`testFuzz_Gone`" }, "README.md: there is no test testFuzz_Gone"],
  ["a function that is not there", { "README.md": "`Thing.gone(1)`" }, "README.md: Thing has no gone"],
])("says %s", (_, changes, line) => {
  expect(said(changes)).toContain(line);
});
