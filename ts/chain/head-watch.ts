import { Gauge, type Registry } from "prom-client";

/** Watches that the chain goes on: an RPC that has stopped at a block looks like a quiet day, until a round is missed. */
export class HeadWatch {
  readonly #silenceMs: number;
  #seenAt = Date.now();
  /** Of the last block, in Unix seconds. */
  #timestamp: number | undefined;

  /** @param silenceMs without a new block, from which on it is a fault */
  constructor(registry: Registry, silenceMs: number) {
    this.#silenceMs = silenceMs;
    const watch = this;
    new Gauge({
      name: "holdfast_chain_head_age_seconds",
      help: "Age of the last block seen, by its timestamp and this machine's clock",
      registers: [registry],
      collect() {
        if (watch.#timestamp !== undefined) this.set(Date.now() / 1000 - watch.#timestamp);
      },
    });
    new Gauge({
      name: "holdfast_chain_silence_seconds",
      help: "Time since a new block was seen",
      registers: [registry],
      collect() {
        this.set((Date.now() - watch.#seenAt) / 1000);
      },
    });
  }

  saw({ timestamp }: { readonly timestamp: bigint }): void {
    this.#seenAt = Date.now();
    this.#timestamp = Number(timestamp);
  }

  /** Says so when the chain is silent for too long. */
  faults(): string[] {
    const silence = Date.now() - this.#seenAt;
    return silence > this.#silenceMs ? [`no new block for ${Math.round(silence / 1000)} s: is the RPC in sync?`] : [];
  }
}
