import type { Logger } from "pino";
import { collectDefaultMetrics, Registry } from "prom-client";
import { EXIT, exitCodeOf } from "../errors.ts";
import { Health } from "./health.ts";
import { serveStatus } from "./http.ts";

export interface ServiceOptions {
  readonly log: Logger;
  /** Of /health, /ready and /metrics; 0 serves none. */
  readonly statusPort: number;
  /** Default 127.0.0.1. */
  readonly statusHost?: string;
  /** For stopping in good order, in ms. Default 15000. */
  readonly graceMs?: number;
}

/** What a service's main function works with. */
export interface ServiceContext {
  readonly log: Logger;
  readonly registry: Registry;
  /** What its parts tell of themselves. */
  readonly health: Health;
  /** Aborted when it is to stop: by SIGINT, SIGTERM or an error nobody caught. */
  readonly signal: AbortSignal;
  /** Names what it waits for before it is ready; the function returned says that it has come. */
  waitFor(what: string): () => void;
}

/**
 * Runs a service to its end. The first SIGINT or SIGTERM asks it to stop, a second one or the end of its grace ends it.
 *
 * @returns the exit code: 0 after a stop that was asked for, 75 for what starting again may cure, else 1 or 78
 * @example
 * process.exitCode = await runService({ log, statusPort: 9464 }, async ({ signal, waitFor }) => {
 *   const synced = waitFor("the chain");
 *   …
 * });
 */
export async function runService(
  options: ServiceOptions,
  main: (context: ServiceContext) => Promise<void>,
): Promise<number> {
  const { log, statusPort: port, statusHost: host = "127.0.0.1", graceMs = 15_000 } = options;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const health = new Health();
  const waits = new Set<{ what: string }>();
  const stopping = new AbortController();
  let failure: unknown;

  const stop = (reason: string) => {
    if (stopping.signal.aborted) process.exit(EXIT.failure);
    log.info({ reason }, "stopping");
    stopping.abort();
    setTimeout(() => {
      log.error({ graceSeconds: graceMs / 1000 }, "it did not stop in time");
      process.exit(EXIT.failure);
    }, graceMs).unref();
  };
  const fail = (error: unknown) => {
    failure ??= error;
    log.error({ err: error }, "an error nobody caught");
    stop("error");
  };
  const waitFor = (what: string) => {
    const wait = { what };
    waits.add(wait);
    return () => void waits.delete(wait);
  };

  process.on("SIGINT", stop).on("SIGTERM", stop).on("uncaughtException", fail).on("unhandledRejection", fail);
  const started = waitFor("its start");
  // A service that only waits has nothing else that keeps the process alive.
  const alive = setInterval(() => {}, 2 ** 30);
  try {
    const waitingFor = () => [...waits].map(({ what }) => what);
    const status = port === 0 ? undefined : await serveStatus({ host, port, registry, waitingFor, health });
    if (status) log.info({ url: status.url }, "serving /health, /ready and /metrics");
    started();
    await main({ log, registry, health, signal: stopping.signal, waitFor }).finally(() => status?.close());
  } catch (error) {
    if (!stopping.signal.aborted) failure ??= error;
  } finally {
    clearInterval(alive);
    process.off("SIGINT", stop).off("SIGTERM", stop).off("uncaughtException", fail).off("unhandledRejection", fail);
  }
  if (failure === undefined) return EXIT.ok;
  const exitCode = exitCodeOf(failure);
  log.error({ err: failure, exitCode, retryable: exitCode === EXIT.retryable }, "stopped by an error");
  return exitCode;
}
