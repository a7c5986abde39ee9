import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import {
  type Chain,
  createPublicClient,
  defineChain,
  HttpRequestError,
  http,
  type PublicClient,
  TimeoutError,
  type Transport,
} from "viem";
import { EXIT, HoldfastError, messageOf } from "../errors.ts";

/** viem's public client of one chain whose id was checked; `pollingInterval` is how often those who follow the chain look. */
export type ChainClient = PublicClient<Transport, Chain>;

export interface ConnectionOptions {
  readonly rpcUrl: string;
  /** The chain it must serve. */
  readonly chainId: number;
  readonly log: Logger;
  /** How long a request waits for an RPC that is away, in ms. Default: forever, as an agent should; a command gives up. */
  readonly patienceMs?: number;
  /** Default 4000. */
  readonly pollingIntervalMs?: number;
  /** Of one request, in ms. Default 10000. */
  readonly timeoutMs?: number;
  /** Ends every request. */
  readonly signal?: AbortSignal;
}

/** The RPC is away, or refuses to serve us. */
export class RpcUnavailableError extends HoldfastError {
  override readonly name = "RpcUnavailableError";
}

/** The RPC serves a chain other than the configured one. */
export class WrongChainError extends HoldfastError {
  override readonly name = "WrongChainError";

  constructor(rpc: string, served: number, wanted: number) {
    super(`the RPC at ${rpc} serves chain ${served}, but chain ${wanted} is configured`, {
      hint: "correct the RPC's address or the chain id",
      exitCode: EXIT.config,
    });
  }
}

/**
 * Connects to a chain. When the RPC goes away, requests wait and are tried again with growing pauses, which is logged once;
 * when it is back they go on, if it is still the same chain.
 *
 * @throws WrongChainError
 * @throws RpcUnavailableError when it stays away for longer than the patience
 */
export async function connect(options: ConnectionOptions): Promise<ChainClient> {
  const { rpcUrl, chainId, pollingIntervalMs = 4000 } = options;
  const chain = defineChain({
    id: chainId,
    name: `chain ${chainId}`,
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [rpcUrl] } },
  });
  const client = createPublicClient({
    chain,
    transport: patient(options),
    pollingInterval: pollingIntervalMs,
    cacheTime: 0,
  });
  const served = await client.getChainId();
  if (served !== chainId) throw new WrongChainError(hostOf(rpcUrl), served, chainId);
  return client;
}

/** Where the RPC is, without the path, query and password that may hold its key. */
export function hostOf(rpcUrl: string): string {
  return URL.canParse(rpcUrl) ? new URL(rpcUrl).host : "an address that is no URL";
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
/** An RPC that is back and fails one request this often is not away: that request is too much for it. */
const TRIES_WHILE_BACK = 3;

/** fetch that a signal of long life ends. Given the signal itself, Node 20 leaves a listener on it with each request, until the next collection. */
function endedBy(signal: AbortSignal): typeof fetch {
  setMaxListeners(0, signal); // one a request under way
  return async (input, init) => {
    const ending = new AbortController();
    const end = () => ending.abort(signal.aborted ? signal.reason : init?.signal?.reason);
    const both = [signal, ...(init?.signal ? [init.signal] : [])];
    for (const one of both) one.addEventListener("abort", end, { once: true });
    try {
      if (both.some(({ aborted }) => aborted)) end();
      return await fetch(input, { ...init, signal: ending.signal });
    } finally {
      for (const one of both) one.removeEventListener("abort", end);
    }
  };
}

function patient({
  rpcUrl,
  chainId,
  log,
  patienceMs = Infinity,
  timeoutMs = 10_000,
  signal,
}: ConnectionOptions): Transport {
  const rpc = hostOf(rpcUrl);
  const fetchFn = signal && endedBy(signal);
  const transport = http(rpcUrl, { retryCount: 0, timeout: timeoutMs, ...(fetchFn && { fetchFn }) });
  let awaySince: number | undefined;

  return (config) => {
    const inner = transport(config);

    const isBack = async () => {
      const served = Number(await inner.request({ method: "eth_chainId" }));
      if (served !== chainId) throw new WrongChainError(rpc, served, chainId);
      if (awaySince !== undefined) log.info({ rpc, awaySeconds: secondsSince(awaySince) }, "the RPC is back");
      awaySince = undefined;
    };

    const request = async (args: { method: string }): Promise<unknown> => {
      const started = Date.now();
      let failedWhileBack = 0;
      for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
        signal?.throwIfAborted();
        let back = false;
        try {
          if (awaySince !== undefined) {
            await isBack();
            back = true;
          }
          return await inner.request(args as never);
        } catch (error) {
          signal?.throwIfAborted();
          if (isRefusal(error)) throw refused(rpc, error);
          if (!isAway(error, args.method)) throw error;
          if (back && !isRateLimit(error) && ++failedWhileBack === TRIES_WHILE_BACK) throw error;
          if (Date.now() - started + pause > patienceMs) throw away(rpc, error);
          if (awaySince === undefined)
            log.warn({ rpc, reason: messageOf(error) }, "the RPC is away; trying until it is back");
          awaySince ??= Date.now();
        }
        await sleep(pause * (0.75 + Math.random() / 2), undefined, signal && { signal });
      }
    };
    return { ...inner, request } as ReturnType<Transport>;
  };
}

/** Whether the same request may succeed later. A search of logs that takes too long will not: whoever asked must ask for less. */
function isAway(error: unknown, method: string): boolean {
  if (isRateLimit(error)) return true;
  if (error instanceof TimeoutError) return method !== "eth_getLogs";
  return error instanceof HttpRequestError && (error.status === undefined || error.status >= 500);
}

/** By HTTP, or by JSON in the way of EIP-1474 and of two large providers. */
function isRateLimit(error: unknown): boolean {
  if (error instanceof HttpRequestError) return error.status === 429;
  return [-32005, -32007, 429].includes((error as { code?: number }).code ?? 0);
}

function isRefusal(error: unknown): error is HttpRequestError {
  return error instanceof HttpRequestError && [401, 403, 404].includes(error.status ?? 0);
}

function refused(rpc: string, cause: HttpRequestError): RpcUnavailableError {
  const hint = "check its address and its key";
  return new RpcUnavailableError(`the RPC at ${rpc} refuses: HTTP ${cause.status}`, {
    hint,
    exitCode: EXIT.config,
    cause,
  });
}

function away(rpc: string, cause: unknown): RpcUnavailableError {
  const facts = { reason: messageOf(cause) };
  const hint = "start it, or try again later";
  return new RpcUnavailableError(`the RPC at ${rpc} is away`, { hint, facts, exitCode: EXIT.retryable, cause });
}

function secondsSince(time: number): number {
  return Math.round((Date.now() - time) / 1000);
}
