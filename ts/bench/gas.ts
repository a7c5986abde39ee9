// Our gas, from snapshots/, beside what comparable protocols published for theirs: gas.json has each figure as its source gives it.
// `npm run bench gas` prints the tables of docs/benchmarks.md, and fails when they are not there; `npx tsx ts/bench/gas.ts --write` puts
// them there.
import { readFileSync, writeFileSync } from "node:fs";
import comparisons from "./gas.json" with { type: "json" };

const DOCUMENT = "docs/benchmarks.md";
const BETWEEN = /(?<=<!-- gas -->\n)[\s\S]*(?=<!-- \/gas -->)/;

const tables = `\n${comparisons.map(tableOf).join("\n")}\n`;
console.log(tables);
const document = readFileSync(DOCUMENT, "utf8");
if (process.argv.includes("--write")) {
  writeFileSync(
    DOCUMENT,
    document.replace(BETWEEN, () => tables),
  );
} else if (document.match(BETWEEN)?.[0] !== tables) {
  console.error(`${DOCUMENT} says something else: run npx tsx ts/bench/gas.ts --write`);
  process.exitCode = 1;
}

function tableOf({ title, ours, theirs }: (typeof comparisons)[number]): string {
  const rows = [
    ...ours.map(([file, name]) => ["**Holdfast**", `${file}: ${name}`, snapshot(file!, name!), ""]),
    ...theirs.map(({ who, what, gas, note, source }) => [`[${who}](${source})`, what, gas, note]),
  ];
  const lines = rows.map((row) => `| ${row.join(" | ")} |\n`);
  return `### ${title}\n\n| who | what | gas | what to mind |\n|---|---|---|---|\n${lines.join("")}`;
}

/** Gas of a whole transaction, as the gas tests measured it. */
function snapshot(file: string, name: string): string {
  const gas = JSON.parse(readFileSync(`snapshots/${file}.json`, "utf8"))[name];
  if (gas === undefined) throw new Error(`snapshots/${file}.json has no "${name}": the gas tests changed`);
  return Number(gas).toLocaleString("en");
}
