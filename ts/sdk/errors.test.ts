import { readdirSync, readFileSync } from "node:fs";
import { type Abi, encodeErrorResult, getAddress, RawContractError } from "viem";
import { expect, test } from "vitest";
import { CONTRACTS } from "./contracts.ts";
import { ERRORS, explain, HINTS, isRevert } from "./errors.ts";

const names = (abi: Abi) => abi.flatMap((item) => (item.type === "error" ? [item.name] : []));

test("every error of every contract is decoded, and has a hint in a sentence; no hint is of an error that there is not", () => {
  const all = new Set(Object.values(CONTRACTS).flatMap(({ abi }) => names(abi)));
  const known = new Set(names(ERRORS));
  expect([...all].filter((name) => !known.has(name))).toEqual([]);
  expect(Object.keys(HINTS).sort()).toEqual([...known].sort());
  for (const hint of Object.values(HINTS)) expect(hint).toMatch(/^[A-Z].{10,160}[.]$/);
});

test("what the documentation says is thrown are errors that there are", () => {
  const known = new Set(names(ERRORS));
  for (const folder of ["actions", "flows", "reads"].map((name) => new URL(`${name}/`, import.meta.url))) {
    for (const file of readdirSync(folder)) {
      const said =
        readFileSync(new URL(file, folder), "utf8").match(/\b[A-Z][a-z][A-Za-z0-9]*_[A-Z][a-z][A-Za-z]*\b/g) ?? [];
      expect(said.filter((name) => !known.has(name)).map((name) => `${file}: ${name}`)).toEqual([]);
    }
  }
});

test("an error's values are its facts, by name", () => {
  const caller = `0x${"0a".repeat(20)}` as const;
  const data = encodeErrorResult({ abi: ERRORS, errorName: "Market_NotUploader", args: [7, caller] });
  const error = explain(new RawContractError({ data }), "Market.withdraw");
  expect(error).toMatchObject({
    message: "Market.withdraw reverted: Market_NotUploader",
    facts: { orderId: 7, caller: getAddress(caller) },
    hint: "Sign with the key that opened the order.",
  });
  expect(isRevert(error, "Market_NotUploader", "Market_NotLive")).toBe(true);
  expect(isRevert(error, "Market_NotLive")).toBe(false);
});

test("an error nobody knows keeps its selector; what is no refusal stays what it is", () => {
  expect(explain(new RawContractError({ data: "0xdeadbeef" }), "Market.open")).toMatchObject({
    errorName: "0xdeadbeef",
    message: "Market.open reverted: unknown error 0xdeadbeef",
    hint: undefined,
  });
  const other = new TypeError("fetch failed");
  expect(explain(other, "Market.open")).toBe(other);
});
