import { BaseError, HttpRequestError, RpcRequestError, TimeoutError } from "viem";

/**
 * Whether an RPC may have found a search for logs too much: every provider says it in its own words, so any answer that is an error counts;
 * an RPC that is away is waited for elsewhere.
 */
export function isTooMuch(error: unknown): boolean {
  const kinds = [RpcRequestError, HttpRequestError, TimeoutError];
  return error instanceof BaseError && !!error.walk((e) => kinds.some((kind) => e instanceof kind));
}
