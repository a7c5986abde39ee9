import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Counter, Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { HoldfastError } from "../errors.ts";
import { Health } from "./health.ts";
import { serveStatus } from "./http.ts";
import { createLogger } from "./log.ts";

describe("the log", () => {
  const capture = (pretty: boolean) => {
    const lines: string[] = [];
    return { lines, log: createLogger({ name: "operator", pretty, write: (line) => lines.push(line) }) };
  };

  test("has JSON lines, bigints as decimal strings, and errors with their facts", () => {
    const { lines, log } = capture(false);
    log.info({ stake: 2n ** 70n }, "staked");
    log.error({ err: new HoldfastError("no space", { facts: { chunks: 3n }, hint: "add a disk" }) }, "failed");
    const [first, second] = lines.map((line) => JSON.parse(line));
    expect(first).toMatchObject({ level: "info", name: "operator", msg: "staked", stake: (2n ** 70n).toString() });
    expect(new Date(first.time).getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect(second.err).toMatchObject({ message: "no space", facts: { chunks: "3" }, hint: "add a disk" });
  });

  test.each([false, true])("never says secrets (pretty: %s)", (pretty) => {
    const { lines, log } = capture(pretty);
    log.info({ privateKey: "S3CRET", config: { password: "S3CRET", rpcUrl: "http://S3CRET" } }, "starting");
    log.child({ privateKey: "S3CRET" }).info("starting");
    expect(lines.join("")).not.toContain("S3CRET");
    expect(lines.join("")).toContain("[secret]");
  });

  test("has lines for people on a terminal", () => {
    const { lines, log } = capture(true);
    log.warn({ round: 42, err: new Error("no peer") }, "missed");
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d .*WARN.* operator missed .*round=42 error=no peer/);
  });
});

describe("the status server", () => {
  test("says that it lives, what it waits for, and its metrics", async () => {
    const registry = new Registry();
    new Counter({ name: "holdfast_proofs_total", help: "Proofs sent", registers: [registry] }).inc(3);
    const waits = ["the chain"];
    const health = new Health();
    const server = await serveStatus({ port: 0, registry, waitingFor: () => waits, health });
    const get = async (path: string, method = "GET") => {
      const response = await fetch(server.url + path, { method });
      return [response.status, await response.text()];
    };
    expect(await get("/health")).toEqual([200, '{"status":"ok"}']);
    const unwatch = health.watch(() => ["the disk is away"]);
    expect(await get("/health")).toEqual([503, '{"status":"failing","because":["the disk is away"]}']);
    await unwatch();
    expect(await get("/health")).toEqual([200, '{"status":"ok"}']);
    expect(await get("/ready")).toEqual([503, '{"status":"waiting","for":["the chain"]}']);
    waits.pop();
    expect(await get("/ready?x=1")).toEqual([200, '{"status":"ready"}']);
    expect((await get("/metrics"))[1]).toContain("holdfast_proofs_total 3");
    expect((await get("/other"))[0]).toBe(404);
    expect((await get("/health", "POST"))[0]).toBe(405);
    expect(new URL(server.url).hostname).toBe("127.0.0.1");
    const taken = serveStatus({ port: Number(new URL(server.url).port), registry, waitingFor: () => [], health });
    await expect(taken).rejects.toThrow(/cannot serve the status at 127.0.0.1:\d+: EADDRINUSE/);
    await server.close();
  });
});

describe("a service", () => {
  test("that is told to stop ends what it does, and exits with 0", async () => {
    const service = start(
      "await new Promise((resolve) => signal.addEventListener('abort', resolve)); console.log('ended well');",
    );
    await service.said("running");
    service.child.kill("SIGTERM");
    await service.said("ended well");
    expect(await service.exit).toBe(0);
  });

  test("that will not stop is ended by a second signal", async () => {
    const service = start("await new Promise((resolve) => setTimeout(resolve, 60_000));");
    await service.said("running");
    service.child.kill("SIGINT");
    await service.said("stopping");
    service.child.kill("SIGINT");
    expect(await service.exit).toBe(1);
  });

  test("that will not stop is ended when its grace is over", async () => {
    const service = start("await new Promise((resolve) => setTimeout(resolve, 60_000));");
    await service.said("running");
    service.child.kill("SIGINT");
    await service.said("it did not stop in time");
    expect(await service.exit).toBe(1);
  });

  test.each([
    ["throw new HoldfastError('away', { exitCode: EXIT.retryable });", 75],
    ["throw new HoldfastError('wrong', { exitCode: EXIT.config });", 78],
    ["throw new Error('bug');", 1],
    [
      "setTimeout(() => { throw new Error('stray'); }); await new Promise((r) => signal.addEventListener('abort', r));",
      1,
    ],
    [
      "Promise.reject(new HoldfastError('x', { exitCode: EXIT.retryable })); await new Promise((r) => signal.addEventListener('abort', r));",
      75,
    ],
  ])("that fails by %s exits with %d", async (body, code) => {
    const service = start(body);
    expect(await service.exit).toBe(code);
    expect(service.lines.join("\n")).toContain(`"exitCode":${code}`);
  });
});

/** A process that runs a service with this main function. */
function start(body: string) {
  const from = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const code = `
    const { runService } = await import(${from("./service.ts")});
    const { createLogger } = await import(${from("./log.ts")});
    const { EXIT, HoldfastError } = await import(${from("../errors.ts")});
    const log = createLogger({ name: "test", pretty: false });
    const main = async ({ signal }) => { log.info("running"); ${body} };
    process.exitCode = await runService({ log, statusPort: 0, graceMs: 500 }, main);
    process.exit();`;
  const args = ["--import", "tsx", "--input-type=module", "-e", code];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  for (const stream of [child.stdout!, child.stderr!]) createInterface(stream).on("line", (line) => lines.push(line));
  const said = async (text: string) => {
    while (!lines.some((line) => line.includes(text))) {
      if (child.exitCode !== null)
        throw new Error(`it ended without saying ${JSON.stringify(text)}: ${lines.join("\n")}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return { child, lines, said, exit: once(child, "close").then(([exitCode]) => exitCode as number) };
}
