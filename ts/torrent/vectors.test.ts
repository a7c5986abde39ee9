import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { treeVectors } from "../testing/tree-vectors.ts";

const FILE = new URL("../../test/vectors/trees.json", import.meta.url);

test("H-TREE-1: the vectors that the contracts are tested with are those of the plain trees", () => {
  const hint = "write them again: npx tsx script/tools/tree-vectors.ts";
  expect(JSON.parse(readFileSync(FILE, "utf8")), hint).toEqual(treeVectors());
});
