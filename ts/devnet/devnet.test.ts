import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import type { Report } from "./run.ts";

test("a whole network lives through an epoch and its mishaps, and every ledger adds up to the wei", async () => {
  const child = spawn(process.execPath, ["ts/cli/bin.mjs", "devnet", "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: unknown[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(JSON.parse(line));
  if (child.exitCode === null) await once(child, "exit");
  const report = lines.at(-1) as Report;
  expect(report).toMatchObject({ holds: true, failures: [] });
  expect(report.operators.length).toBeGreaterThanOrEqual(5);
  expect(report.ledgers.length).toBeGreaterThan(0);
  expect(child.exitCode).toBe(0);
}, 900_000);
