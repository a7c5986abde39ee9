import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { EXIT } from "../errors.ts";
import { field, loadConfig } from "./config.ts";
import { parseDuration, parseSize, parseWei } from "./units.ts";

const schema = z.strictObject({
  rpcUrl: field.url(),
  statusPort: field.port().default(9464),
  poll: field.duration().prefault("4s"),
  capacity: field.size().optional(),
  verbose: z.boolean().default(false),
  relays: z.array(field.url()).default([]),
  fees: z
    .strictObject({ maxFeePerGas: field.wei().prefault("50 gwei"), pricePerMiB: field.wei().optional() })
    .prefault({}),
});

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-config-"));
});

afterAll(() => rm(folder, { recursive: true }));

async function file(content: unknown): Promise<string> {
  const path = join(folder, "operator.json");
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const rpcUrl = "http://127.0.0.1:8545";

describe("a configuration", () => {
  test("takes flags over the environment over the file over defaults", async () => {
    const path = await file({ rpcUrl, statusPort: 1, poll: "1s", capacity: "1TiB", fees: { maxFeePerGas: "1 gwei" } });
    const env = { HOLDFAST_STATUS_PORT: "2", HOLDFAST_POLL: "2s", HOLDFAST_FEES_MAX_FEE_PER_GAS: "2 gwei", OTHER: "x" };
    const flags = { statusPort: "3", rpcUrl: undefined, verbose: true };
    expect(await loadConfig(schema, { file: path, env, flags })).toEqual({
      rpcUrl,
      statusPort: 3,
      poll: 2000,
      capacity: 2 ** 40,
      verbose: true,
      relays: [],
      fees: { maxFeePerGas: 2_000_000_000n },
    });
  });

  test("can come from the environment alone", async () => {
    const env = {
      HOLDFAST_RPC_URL: rpcUrl,
      HOLDFAST_VERBOSE: "true",
      HOLDFAST_RELAYS: "https://a.test, https://b.test",
      HOLDFAST_FEES_PRICE_PER_MIB: "375 gwei",
    };
    const config = await loadConfig(schema, { env });
    expect(config).toMatchObject({ rpcUrl, verbose: true, relays: ["https://a.test", "https://b.test"] });
    expect(config.fees.pricePerMiB).toBe(375_000_000_000n);
  });

  test.each<[string, object, Record<string, string>, Record<string, unknown>, string]>([
    [
      "a missing field",
      {},
      {},
      {},
      "rpcUrl is missing: give it as an option, in the configuration file, or as HOLDFAST_RPC_URL",
    ],
    ["an unknown field", { rpcUrl, statusport: 1 }, {}, {}, 'Unrecognized key: "statusport"'],
    ["a field of the file", { rpcUrl: "ftp://x" }, {}, {}, "rpcUrl: must be an http or https URL (FILE)"],
    ["a field of the environment", { rpcUrl }, { HOLDFAST_POLL: "soon" }, {}, "(environment)"],
    [
      "a field of the flags",
      { rpcUrl },
      {},
      { statusPort: "70000" },
      "statusPort: Too big: expected number to be <=65535 (flags)",
    ],
    ["a nested field", { rpcUrl, fees: { maxFeePerGas: "1" } }, {}, {}, 'fees.maxFeePerGas: "1" is not an amount'],
  ])("names %s and where it was given", async (_, content, env, flags, message) => {
    const path = await file(content);
    const wrong = loadConfig(schema, { file: path, env, flags });
    await expect(wrong).rejects.toThrow(message.replace("FILE", path));
    await expect(wrong).rejects.toMatchObject({ name: "ConfigError", exitCode: EXIT.config });
  });

  test("says which file is not there, not JSON, or no object", async () => {
    const load = (path: string) => loadConfig(schema, { file: path, env: {} });
    await expect(load(join(folder, "none.json"))).rejects.toThrow(/cannot read the configuration .*none.json: ENOENT/);
    await expect(load(await file("{"))).rejects.toThrow(/operator.json is not JSON/);
    await expect(load(await file("[]"))).rejects.toThrow(/operator.json must be a JSON object/);
  });
});

describe("units", () => {
  test.each([
    ["250ms", 250],
    ["90s", 90_000],
    ["1h 30m", 5_400_000],
    ["1.5 d", 129_600_000],
  ])("%s is %d ms", (text, milliseconds) => expect(parseDuration(text)).toBe(milliseconds));

  test.each([
    ["512B", 512],
    ["8MiB", 8_388_608],
    ["1.5 TB", 1_500_000_000_000],
  ])("%s is %d bytes", (text, bytes) => expect(parseSize(text)).toBe(bytes));

  test.each([
    ["1000 wei", 1000n],
    ["30gwei", 30_000_000_000n],
    ["0.000000000000000001 ether", 1n],
  ])("%s is %d wei", (text, wei) => expect(parseWei(text)).toBe(wei));

  test.each(["", "5", "s", "-1s", "1e3s", "1 fortnight", "1s,2s", "1s2"])("%j is no duration", (text) => {
    expect(() => parseDuration(text)).toThrow("is not a duration");
  });

  test.each(["5", "1mib", "NaNB"])("%j is no size", (text) => expect(() => parseSize(text)).toThrow("is not a size"));

  test.each(["5", "-1 wei", "0.5 wei", "1.0000000001 gwei", "1e18 wei"])("%j is no amount", (text) => {
    expect(() => parseWei(text)).toThrow("is not an amount");
  });
});
