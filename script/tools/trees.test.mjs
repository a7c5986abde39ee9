import { expect, test } from "vitest";
import { problems } from "./trees.mjs";

const SOUND = {
  "src/Thing.sol": `contract Thing {
    function act(
        uint256 a
    ) external {}
    function stop() public {}
    function _help() private {}
}`,
  "test/Thing/act.tree": `ActTest
├── when it is stopped
│   └── it should revert · test_RevertWhen_Stopped
└── it should act · testFuzz_Acts, test_ActsTwice
`,
  "test/Thing/act.t.sol":
    "function test_RevertWhen_Stopped() external {} function testFuzz_Acts(uint256) external {} function test_ActsTwice() external {}",
  "test/Thing/others.tree": "OthersTest\n└── stop\n    └── it should stop · test_ActsTwice\n",
  "test/Thing/others.t.sol": "",
};

/** What the check says of a sound repository in which `changes` are made; undefined takes a file away. */
function said(changes) {
  return problems(new Map(Object.entries({ ...SOUND, ...changes }).filter(([, text]) => text !== undefined)));
}

test("nothing is said of trees that are true", () => {
  expect(said({})).toEqual([]);
});

test.each([
  ["a function without a tree", { "test/Thing/others.tree": "OthersTest\n" }, "test/Thing/: no tree has Thing.stop"],
  [
    "a branch that no test takes",
    { "test/Thing/others.tree": "OthersTest\n└── stop\n    └── it should stop\n" },
    "test/Thing/others.tree:3: no test takes this branch",
  ],
  [
    "a test that is not there",
    { "test/Thing/others.tree": "OthersTest\n└── stop\n    └── it should stop · test_Gone\n" },
    "test/Thing/others.tree:3: there is no test test_Gone",
  ],
  [
    "a tree without tests",
    { "test/Thing/others.t.sol": undefined },
    "test/Thing/others.tree: there are no tests beside it",
  ],
])("says %s", (_, changes, line) => {
  expect(said(changes)).toContain(line);
});
