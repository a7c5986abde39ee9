// `npm run bench [name…]`: the benchmarks in ts/bench, one after the other. Each prints what it measured beside a peer.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";

const names = process.argv.slice(2);
const all = readdirSync("ts/bench")
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -3));
for (const name of names.length ? names : all) {
  console.log(`\n▶ ${name}`);
  const { status } = spawnSync(process.execPath, ["node_modules/tsx/dist/cli.mjs", `ts/bench/${name}.ts`], {
    stdio: "inherit",
  });
  if (status !== 0) process.exitCode = 1;
}
