import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface RpcRequest {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

/** What to answer in the chain's stead: a JSON-RPC result or error, an HTTP status, or nothing at all. */
export type RpcAnswer =
  | { result: unknown }
  | { error: { code: number; message: string } }
  | { status: number }
  | "silence";

/** Stands between a client and its RPC, and can be away, or answer otherwise. */
export class RpcProxy {
  readonly rpcUrl: string;
  /** Methods asked for, oldest first. */
  readonly asked: string[] = [];
  /** Undefined passes a request on. */
  intercept: (request: RpcRequest) => RpcAnswer | undefined | Promise<undefined> = () => undefined;
  readonly #server: Server;
  readonly #port: number;

  private constructor(server: Server) {
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    this.rpcUrl = `http://127.0.0.1:${this.#port}`;
  }

  static async start(target: string): Promise<RpcProxy> {
    const server = createServer(async (incoming, outgoing) => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString();
      const request: RpcRequest = JSON.parse(body);
      proxy.asked.push(request.method);
      const answer = await proxy.intercept(request);
      if (answer === "silence") return;
      if (answer && "status" in answer) return outgoing.writeHead(answer.status).end();
      outgoing.setHeader("content-type", "application/json");
      if (answer) return outgoing.end(JSON.stringify({ jsonrpc: "2.0", id: request.id, ...answer }));
      const headers = { "content-type": "application/json" };
      const response = await fetch(target, { method: "POST", body, headers }).catch(() => undefined);
      if (!response) return outgoing.destroy();
      outgoing.end(await response.text());
    });
    await listen(server, 0);
    const proxy = new RpcProxy(server);
    return proxy;
  }

  /** Goes away: connections break and are refused. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  /** Comes back, at the same address. */
  async resume(): Promise<void> {
    await listen(this.#server, this.#port);
  }
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
}
