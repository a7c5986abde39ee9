#!/usr/bin/env node
// forge with its own exit code: npm's wrapper (@foundry-rs/forge 1.7.1) exits 0 even when tests fail.
const { spawnSync } = require("node:child_process");

const platform = `${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;
const binary = require.resolve(`@foundry-rs/forge-${platform}/bin/forge${process.platform === "win32" ? ".exe" : ""}`);
module.exports = binary;

if (require.main === module) {
  const { status, error } = spawnSync(binary, process.argv.slice(2), { stdio: "inherit" });
  if (error) throw error;
  process.exit(status ?? 1);
}
