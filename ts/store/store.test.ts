import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EXIT } from "../errors.ts";
import { decodeJson, encodeJson } from "./json.ts";
import { DURABLE, numberKey, openStore, StoreError, table } from "./store.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-store-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe("JSON with bigints", () => {
  test("gives back what it was given", () => {
    const value = { amount: 2n ** 200n, debts: [-1n, 0n], nested: { text: "5n", none: null, list: [1.5, true] } };
    expect(decodeJson(encodeJson(value))).toEqual(value);
  });

  test.each([[{ $bigint: "12x" }], [{ $bigint: 5 }], [{ $bigint: "5", more: 1 }], [{ $bigint: "9".repeat(200) }]])(
    "leaves %j, which it never wrote, as it is",
    (value) => {
      expect(decodeJson(JSON.stringify(value))).toEqual(value);
    },
  );
});

describe("a store", () => {
  test("keeps values of each table under its own name, over a restart", async () => {
    const first = await openStore(folder);
    await table<bigint>(first, "stakes").put("1", 5n, DURABLE);
    await table<string>(first, "names").put("1", "one");
    await first.close();

    const second = await openStore(folder);
    expect(await table(second, "stakes").iterator().all()).toEqual([["1", 5n]]);
    expect(await table(second, "names").get("1")).toBe("one");
    expect(await table(second, "names").get("2")).toBeUndefined();
    await second.close();
  });

  test("writes a batch over several tables, in full or not at all", async () => {
    const store = await openStore(folder);
    const [a, b] = [table<number>(store, "a"), table<number>(store, "b")];
    const put = (sublevel: typeof a, value: unknown) => ({ type: "put", sublevel, key: "k", value }) as const;
    await store.batch([put(a, 1), put(b, 2)], DURABLE);
    expect([await a.get("k"), await b.get("k")]).toEqual([1, 2]);
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    await expect(store.batch([put(a, 3), put(b, circular)], DURABLE)).rejects.toThrow();
    expect([await a.get("k"), await b.get("k")]).toEqual([1, 2]);
    await store.close();
  });

  test("sorts number keys as numbers", async () => {
    const store = await openStore(folder);
    const rounds = table<number>(store, "rounds");
    for (const round of [100, 9, 1000, 10]) await rounds.put(numberKey(round), round);
    expect(await rounds.values({ gte: numberKey(10), lt: numberKey(1000n) }).all()).toEqual([10, 100]);
    await store.close();
  });

  test("refuses a second instance, naming the folder, in this process and in others", async () => {
    const store = await openStore(folder);
    const second = openStore(folder);
    await expect(second).rejects.toThrow(StoreError);
    await expect(second).rejects.toMatchObject({
      message: `another instance is using ${folder}`,
      exitCode: EXIT.retryable,
    });
    await store.close();

    const other = await holder(folder);
    await expect(openStore(folder)).rejects.toThrow(`another instance is using ${folder}`);
    other.kill("SIGKILL");
    await once(other, "exit");
  });

  test("opens after kill -9, with what was durable", async () => {
    const other = await holder(folder);
    other.kill("SIGKILL");
    await once(other, "exit");
    const store = await openStore(folder);
    expect(await table(store, "t").get("k")).toEqual({ n: 7n });
    await store.close();
  });

  test("says which folder is damaged, or is none", async () => {
    const store = await openStore(folder);
    await table(store, "t").put("k", 1);
    await store.close();
    await truncate(join(folder, "CURRENT"), 3);
    await expect(openStore(folder)).rejects.toThrow(`cannot open the store in ${folder}`);
    await writeFile(join(folder, "file"), "");
    await expect(openStore(join(folder, "file"))).rejects.toThrow(`cannot make the folder ${join(folder, "file")}`);
  });
});

/** Another process that has the store open, and wrote to it. */
async function holder(path: string) {
  const code = `
    const { openStore, table, DURABLE } = await import(${JSON.stringify(new URL("./store.ts", import.meta.url).href)});
    const store = await openStore(${JSON.stringify(path)});
    await table(store, "t").put("k", { n: 7n }, DURABLE);
    console.log("open");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}
