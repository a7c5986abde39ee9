import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";
import { EXIT, HoldfastError } from "../errors.ts";
import type { Health } from "./health.ts";

export interface StatusOptions {
  /** Default 127.0.0.1: whoever may ask is for a proxy to decide. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly registry: Registry;
  /** What it still waits for before it can do its work; nothing when it is ready. */
  readonly waitingFor: () => readonly string[];
  readonly health: Health;
}

export interface StatusServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves /health (nothing keeps it from its work, else 503 and what does), /ready (it can do its work, else 503 and why) and /metrics (Prometheus). */
export async function serveStatus({
  host = "127.0.0.1",
  port,
  registry,
  waitingFor,
  health,
}: StatusOptions): Promise<StatusServer> {
  const json = (status: number, body: unknown) => ({ status, type: "application/json", body: JSON.stringify(body) });
  const answer = async (path: string) => {
    if (path === "/health") {
      const faults = health.faults();
      return faults.length ? json(503, { status: "failing", because: faults }) : json(200, { status: "ok" });
    }
    if (path === "/metrics") return { status: 200, type: registry.contentType, body: await registry.metrics() };
    if (path !== "/ready") return json(404, { error: "there are /health, /ready and /metrics" });
    const reasons = waitingFor();
    return reasons.length ? json(503, { status: "waiting", for: reasons }) : json(200, { status: "ready" });
  };
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD")
      return response.writeHead(405, { allow: "GET, HEAD" }).end();
    answer(request.url?.split("?")[0] ?? "/").then(
      ({ status, type, body }) => response.writeHead(status, { "content-type": type }).end(body),
      () => response.writeHead(500).end(),
    );
  });
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, host, resolve);
  }).catch((cause) => {
    const hint = "choose another port, or 0 for none";
    throw new HoldfastError(`cannot serve the status at ${host}:${port}: ${cause.code}`, {
      hint,
      exitCode: EXIT.config,
      cause,
    });
  });
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url, close };
}
