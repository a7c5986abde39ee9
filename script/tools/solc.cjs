#!/usr/bin/env node
// npm's Solidity compiler (WASM) behind the command line that forge expects of a native one.
const { readFileSync } = require("node:fs");
const solc = require("solc");

process.stdout.write(
  process.argv.includes("--standard-json")
    ? solc.compile(readFileSync(0, "utf8"))
    : `solc, the solidity compiler\nVersion: ${solc.version()}\n`,
);
