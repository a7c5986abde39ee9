// viem ABIs of the protocol's contracts: one of each file in src/ that forge compiled to a contract of the file's name.
import { readdirSync } from "node:fs";
import { basename } from "node:path";
import { defineConfig } from "@wagmi/cli";
import { foundry } from "@wagmi/cli/plugins";

const names = readdirSync("src")
  .filter((file) => file.endsWith(".sol"))
  .map((file) => basename(file, ".sol"));

export default defineConfig({
  out: process.env.BINDINGS_OUT ?? "ts/bindings/abi.ts",
  plugins: [
    foundry({
      artifacts: "out",
      include: names.map((name) => `${name}.sol/${name}.json`),
      exclude: [],
      forge: { build: false, rebuild: false },
    }),
  ],
});
