#!/usr/bin/env node
// npm's Solidity compiler (WASM) behind the command line that forge expects of a native one.
//
// Answers without bytecode are kept: with a filter, `forge test` first asks for the ABIs of everything, each time anew, which takes longer
// than most tests. So is the version, which it asks for at every start.
const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { version } = require("solc/package.json");

const MEMO = join(__dirname, "../../cache/solc");

if (process.argv.includes("--standard-json")) {
  const input = readFileSync(0, "utf8");
  const compile = () => require("solc").compile(input);
  process.stdout.write(/"evm\.\w*bytecode/i.test(input) || input.includes('"evm"') ? compile() : memo(input, compile));
} else {
  process.stdout.write(memo("--version", () => `solc, the solidity compiler\nVersion: ${require("solc").version()}\n`));
}

function memo(question, answer) {
  const file = join(MEMO, createHash("sha256").update(`${version}\n${question}`).digest("hex"));
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  const text = answer();
  mkdirSync(MEMO, { recursive: true });
  writeFileSync(`${file}.${process.pid}`, text);
  renameSync(`${file}.${process.pid}`, file); // whole, or not at all
  return text;
}
