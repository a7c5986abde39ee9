import { expect, test } from "vitest";
import { folderOf, Suites } from "./suites.mjs";

const FILES = new Map(
  Object.entries({
    "src/Pool.sol": 'import {Epoch} from "./Types.sol";\nimport {IERC20} from "@openzeppelin/contracts/IERC20.sol";',
    "src/Types.sol": "",
    "lib/tree/Words.sol": "",
    "examples/Archive.sol": 'import {Pool} from "../src/Pool.sol";',
    "test/Base.t.sol": 'import {Pool} from "../src/Pool.sol";',
    "test/Pool/shares.t.sol": 'import {BaseTest} from "../Base.t.sol";',
    "test/libraries/Types.t.sol": 'import {Epoch} from "../../src/Types.sol";',
    "test/lib/tree/Vectors.t.sol": 'import {Words} from "../../../lib/tree/Words.sol";',
    "test/examples/Archive.t.sol": 'import {Archive} from "../../examples/Archive.sol";',
    "test/gas/Pool.gas.t.sol": 'import {BaseTest} from "../Base.t.sol";',
  }),
);
const tests = [...FILES.keys()].filter((path) => path.endsWith(".t.sol"));
const suites = new Suites(tests, (path) => FILES.get(path));

test("a test's imports are followed into every folder, not into packages", () => {
  expect([...suites.closure("test/examples/Archive.t.sol")]).toEqual([
    "test/examples/Archive.t.sol",
    "examples/Archive.sol",
    "src/Pool.sol",
    "src/Types.sol",
  ]);
});

test("a contract's own tests are in its folder or have its name; all that import it use it, but those of gas", () => {
  expect(suites.of("src/Pool.sol")).toEqual({
    own: ["test/Pool/shares.t.sol"],
    others: ["test/Base.t.sol", "test/examples/Archive.t.sol"],
  });
  expect(suites.of("src/Types.sol").own).toEqual(["test/libraries/Types.t.sol"]);
  expect(suites.of("lib/tree/Words.sol")).toEqual({ own: ["test/lib/tree/Vectors.t.sol"], others: [] });
  expect(folderOf("test/lib/tree/Vectors.t.sol")).toBe("lib");
});
