import { Counter, type Registry } from "prom-client";
import { formatEther, type TransactionReceipt } from "viem";

/** What an agent's transactions come to and cost, by call. */
export class TransactionMetrics {
  readonly #transactions: Counter<"call" | "outcome">;
  readonly #gas: Counter<"call">;
  readonly #fees: Counter<"call">;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#transactions = new Counter({
      name: "holdfast_transactions_total",
      help: "Transactions that came to an end: success, reverted, TransactionReplaced or TransactionDropped",
      labelNames: ["call", "outcome"],
      registers,
    });
    this.#gas = new Counter({
      name: "holdfast_transaction_gas_total",
      help: "Gas used by mined transactions",
      labelNames: ["call"],
      registers,
    });
    this.#fees = new Counter({
      name: "holdfast_transaction_fees_ether_total",
      help: "Fees paid for mined transactions, in ether",
      labelNames: ["call"],
      registers,
    });
  }

  mined(call: string, { status, gasUsed, effectiveGasPrice }: TransactionReceipt): void {
    this.#transactions.inc({ call, outcome: status });
    this.#gas.inc({ call }, Number(gasUsed));
    this.#fees.inc({ call }, Number(formatEther(gasUsed * effectiveGasPrice)));
  }

  failed(call: string, outcome: string): void {
    this.#transactions.inc({ call, outcome });
  }
}
