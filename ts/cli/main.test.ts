import { execFile } from "node:child_process";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "./commands.ts";

/** Runs the command as a shell does. */
function holdfast(...args: string[]) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, ["ts/cli/bin.mjs", ...args], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

describe("holdfast", () => {
  test("lists its commands, with the descriptions they have themselves", async () => {
    const { code, stdout } = await holdfast("--help");
    expect(code).toBe(0);
    for (const [name, { description, load }] of Object.entries(COMMANDS)) {
      expect(stdout).toContain(name);
      expect((await load()).description()).toBe(description);
    }
  });

  test("tells a wrong command line from a failure", async () => {
    expect(await holdfast("prove")).toMatchObject({
      code: 64,
      stderr: expect.stringContaining("unknown command 'prove'"),
    });
    expect(await holdfast("probe")).toMatchObject({
      code: 64,
      stderr: expect.stringContaining("missing required argument"),
    });
    expect(await holdfast()).toMatchObject({ code: 64, stderr: expect.stringContaining("Usage: holdfast") });
  });

  test("tells of --json in every command's help, and of no default that is nothing", async () => {
    const { stdout } = await holdfast("content", "publish", "--help");
    expect(stdout).toMatch(/^Global Options:$.*--json/ms);
    expect(stdout).not.toMatch(/default: (\[\]|"")/);
  });

  test("publishes no source that nobody could ask", async () => {
    const sent = await holdfast("content", "publish", "a.torrent", "--data", "a", "--source", "elsewhere");
    expect(sent).toMatchObject({ code: 64, stderr: expect.stringContaining("Not an address: https://") });
  });

  test("says its version", async () => {
    expect((await holdfast("--version")).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
