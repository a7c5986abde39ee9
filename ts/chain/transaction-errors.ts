import { BaseError, type Hash, RpcRequestError } from "viem";
import { EXIT, HoldfastError } from "../errors.ts";

/** Another transaction of the same key took this one's nonce: this one never happens. */
export class TransactionReplaced extends HoldfastError {
  override readonly name = "TransactionReplaced";

  constructor(call: string, nonce: number) {
    super(`${call} did not happen: another transaction of this key took its nonce ${nonce}`, {
      hint: "let nothing else send with this key",
      exitCode: EXIT.retryable,
    });
  }
}

/** The node refuses the transaction, and knows no earlier form of it. */
export class TransactionDropped extends HoldfastError {
  override readonly name = "TransactionDropped";

  constructor(call: string, reason: string, transaction: Hash) {
    super(`${call} was not sent: the node refuses it: ${reason}`, { facts: { transaction } });
  }
}

/** It was not sent in time. */
export class DeadlinePassed extends HoldfastError {
  override readonly name = "DeadlinePassed";

  constructor(call: string, deadline: number) {
    super(`${call} was not sent: its deadline, ${new Date(deadline * 1000).toISOString()}, has passed on the chain`);
  }
}

/** The transactor was closed while waiting for a transaction. */
export class TransactorClosed extends HoldfastError {
  override readonly name = "TransactorClosed";

  constructor(key: string, cause: unknown) {
    super(`stopped while waiting for ${key}; what was sent is taken up again at the next start`, {
      exitCode: EXIT.retryable,
      cause,
    });
  }
}

/** The node has it already, or nonces and fees decide, which looking at the chain tells. */
const NO_REFUSAL =
  /already known|already imported|known transaction|nonce too low|underpriced|less than (the )?block base fee/i;
/** JSON-RPC's "internal error". */
const INTERNAL = -32603;

/** What a node that refuses a transaction says. */
export function refusalOf(error: unknown): "none" | "unclear" | { reason: string } {
  const said = error instanceof BaseError ? error.walk((e) => e instanceof RpcRequestError) : undefined;
  if (!(said instanceof RpcRequestError) || said.code === INTERNAL) return "unclear";
  return NO_REFUSAL.test(said.details) ? "none" : { reason: said.details };
}
