import { expect, test } from "vitest";
import { compiler, mutantsOf, SWITCH_PATH } from "./mutants.mjs";

const compile = compiler(() => "", []);

/** The mutants of a function's body, and the sources with all of them in. */
function mutate(body, { head = "function f(uint256 a, uint256 b) external returns (uint256 c)", members = "" } = {}) {
  const text = `pragma solidity 0.8.37;\ncontract C {\n${members}\nevent E(uint256 x, uint256 y);\nerror Bad(uint256 x);\n${head} {\n${body}\n}\n}\n`;
  return mutantsOf(new Map([["src/C.sol", text]]), compile);
}

const changes = ({ mutants }) => mutants.map(({ operator, from, to }) => `${operator}: ${from} → ${to}`);

test("comparisons lose or gain their boundary; conditions that have no operator are negated", () => {
  expect(changes(mutate("if (a < b) c = a;"))).toEqual(["operator: a < b → a <= b", "removal: c = a → nothing"]);
  expect(changes(mutate("if (on) c = a;", { members: "bool on;" }))).toContain("condition: on → !(on)");
});

test("a comparison that takes the larger or smaller of two is turned round: its boundary makes no difference", () => {
  expect(changes(mutate("if (a < b) a = b;\nc = a > b ? b : a;"))).toEqual([
    "operator: a < b → !(a < b)",
    "removal: a = b → nothing",
    "removal: c = a > b ? b : a → nothing",
    "operator: a > b → !(a > b)",
  ]);
  expect(changes(mutate("if (a < b) a = b; else c = 1;"))).toContain("operator: a < b → a <= b");
});

test("arithmetic, bits and assignments change their operator, numbers become one more", () => {
  expect(changes(mutate("c += a * 2 << b;"))).toEqual([
    "removal: c += a * 2 << b → nothing",
    "operator: c += a * 2 << b → c -= a * 2 << b",
    "operator: a * 2 << b → a * 2 >> b",
    "operator: a * 2 → a / 2",
    "literal: a * 2 → a * 3",
  ]);
});

test("statements go, of a tuple's assignments one at a time; arguments change places", () => {
  expect(changes(mutate("emit E(a, b);\n(a, b) = (b, a);\nif (a == 0) revert Bad(a);"))).toEqual(
    expect.arrayContaining([
      "removal: emit E(a, b) → nothing",
      "swap: emit E(a, b) → emit E(b, a)",
      "removal: (a, b) = (b, a) → (, b) = (b, a)",
      "removal: (a, b) = (b, a) → (a, ) = (b, a)",
      "swap: (b, a) → (a, b)",
      "removal: revert Bad(a) → nothing",
    ]),
  );
});

test("returned values become the opposite or zero", () => {
  expect(
    changes(
      mutate("return (a, b < c);", {
        head: "function f(uint256 a, uint256 b, uint256 c) external pure returns (uint256, bool)",
      }),
    ),
  ).toEqual(["return: a → 0", "operator: b < c → b <= c"]);
});

test("a constant is one more wherever it is used, and the same mutant", () => {
  const { mutants, texts } = mutate("c = ONE;\nc = ONE;", { members: "uint256 constant ONE = 1;" });
  const [{ n, line, scope, to }] = mutants.filter(({ operator }) => operator === "constant");
  expect({ line, scope, to }).toEqual({ line: 3, scope: "C", to: "ONE + 1" });
  expect(texts.get("src/C.sol").split(`mutated_(${n}) ? ONE + 1`)).toHaveLength(3);
});

test("a function loses its modifiers", () => {
  const members = "modifier only(uint256 who) { if (who == 0) revert Bad(who); _; }";
  const head = "function f(uint256 a) external only(a) returns (uint256)";
  expect(changes(mutate("return 1;", { head, members }))).toContain("modifier: only(a) → nothing");
});

test("assembly changes too", () => {
  expect(changes(mutate("assembly { let x := add(a, 1)\n if lt(x, b) { c := shl(b, x) } }"))).toEqual([
    "assembly: let x := add(a, 1) → let x := sub(a, 1)",
    "assembly: let x := add(a, 1) → let x := add(a, 2)",
    "assembly: c := shl(b, x) → c := shr(b, x)",
    "removal: c := shl(b, x) → nothing",
    "assembly: lt(x, b) → gt(x, b)",
  ]);
  expect(changes(mutate("assembly { revert(0, 0) }"))).toEqual([
    "assembly: revert(0, 0) → revert(0, 1)",
    "removal: revert(0, 0) → nothing",
  ]);
});

test("every mutant is in a copy that compiles, with the text as it was where none is switched on", () => {
  const { texts } = mutate("for (uint256 i; i < a; ++i) c += i;");
  const text = texts
    .get("src/C.sol")
    .replace(/\/\*(\d+)\{\*\/.*?\/\*\}\1\*\/ /g, "")
    .replace(/import .*\n/, "");
  expect(text).toContain("for (uint256 i; (i < a); (++i)) { { (c += i); } }");
  expect(compile(texts, {}).errors).toEqual([]);
  expect(texts.has(SWITCH_PATH)).toBe(true);
});

test("what does not compile is dropped and named", () => {
  const { mutants, dropped } = mutate("if (bytes32(a) == 0) c = 1;");
  expect(dropped.map(({ key }) => key)).toEqual(["f: literal: bytes32(a) == 0 → bytes32(a) == 1"]);
  expect(mutants.map(({ key }) => key)).toContain("f: literal: 1 → 2");
});

test("a mutant's key tells it from its twins, whatever the lines before it", () => {
  const keys = (body) => mutate(body).mutants.map(({ key }) => key);
  expect(keys("c = a + b;\nc = a + b;")).toContain("f: operator: a + b → a - b #2");
  expect(keys("\n\nc = a + b;\nc = a + b;")).toEqual(keys("c = a + b;\nc = a + b;"));
});
