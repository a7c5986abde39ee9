// Writes test/vectors/trees.json from the plain trees of ts/testing: `tsx script/tools/tree-vectors.ts`.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { treeVectors } from "../../ts/testing/tree-vectors.ts";

const path = fileURLToPath(new URL("../../test/vectors/trees.json", import.meta.url));
writeFileSync(path, `${JSON.stringify(treeVectors(), undefined, 2)}\n`);
