#!/usr/bin/env node
// The `holdfast` command: in a clone TypeScript as it is, compiled as it is loaded; in a package what `npm pack` made of it, since Node
// reads no TypeScript under node_modules.
import { existsSync } from "node:fs";

const source = new URL("main.ts", import.meta.url);
const inClone = existsSync(source);
if (inClone) {
  const tsx = await import("tsx/esm/api").catch(() => {
    console.error("error: nothing is installed in this clone\nhint: npm ci");
    process.exit(78); // EXIT.config
  });
  tsx.register();
}
await import(inClone ? source.href : new URL("../../dist/cli/main.js", import.meta.url).href);
