import { BaseError } from "viem";
import { expect, test } from "vitest";
import { EXIT, errorToJson, exitCodeOf, formatError, HoldfastError, messageOf } from "./errors.ts";

const error = new HoldfastError("the disk is full", {
  facts: { folder: "/data", needed: 8_388_608n },
  hint: "make room, or offer less capacity",
  exitCode: EXIT.retryable,
  cause: new Error("ENOSPC"),
});

test("people read what happened, the facts and what to do", () => {
  expect(formatError(error)).toMatchInlineSnapshot(`
    "error: the disk is full
      folder: /data
      needed: 8388608
    hint: make room, or offer less capacity"
  `);
});

test("stacks are for debugging only, and go down to the cause", () => {
  expect(formatError(error)).not.toContain("    at ");
  expect(formatError(error, { debug: true })).toMatch(
    /HoldfastError: the disk is full\n {4}at [\s\S]*Error: ENOSPC\n {4}at /,
  );
});

test("an error of ours speaks through a library's that wraps it", () => {
  const wrapped = new BaseError("execution failed", { cause: error });
  expect(messageOf(wrapped)).toBe("the disk is full");
  expect(exitCodeOf(wrapped)).toBe(EXIT.retryable);
  expect(errorToJson(wrapped)).toMatchObject({ name: "HoldfastError", hint: "make room, or offer less capacity" });
});

test("anything thrown has a message and an exit code", () => {
  expect([new Error("oops"), new TypeError(), "text", undefined].map(messageOf)).toEqual([
    "oops",
    "TypeError",
    "text",
    "undefined",
  ]);
  expect(exitCodeOf("text")).toBe(EXIT.failure);
});
