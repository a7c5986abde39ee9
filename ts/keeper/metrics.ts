import { Counter, Gauge, type Registry } from "prom-client";

/** What a keeper counts. */
export class KeeperMetrics {
  readonly samples: Counter<"answer">;
  readonly seeds: Counter;
  readonly chores: Counter<"chore">;
  readonly failures: Counter<"duty">;
  readonly round: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    const make = (name: string, help: string) => ({ name: `holdfast_keeper_${name}`, help, registers });
    this.samples = new Counter({
      ...make("samples_total", "Samples of operators, by how they were answered: quick, late or none"),
      labelNames: ["answer"] as const,
    });
    this.seeds = new Counter(make("seeds_total", "Seeds brought on chain"));
    this.chores = new Counter({ ...make("chores_total", "Chores done, by kind"), labelNames: ["chore"] as const });
    this.failures = new Counter({
      ...make("duty_failures_total", "Failures of a kind of duty"),
      labelNames: ["duty"] as const,
    });
    this.round = new Gauge(make("round", "The round under way"));
  }
}
