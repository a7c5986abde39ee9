import { Counter, Gauge, type Registry } from "prom-client";

/** What an operator's agent counts. */
export class OperatorMetrics {
  readonly proven: Counter;
  readonly missed: Counter;
  readonly audits: Counter;
  readonly losses: Counter;
  readonly absent: Gauge;
  readonly scrubbed: Counter;
  readonly badBlocks: Counter;
  readonly lastPass: Gauge;
  readonly failures: Counter<"duty">;
  readonly slots: Gauge;
  readonly chunks: Gauge;
  readonly contents: Gauge;
  readonly uploaded: Counter<"peer">;
  readonly round: Gauge;
  readonly promised: Gauge;
  readonly collectable: Gauge;
  readonly redeemed: Counter;
  readonly refusals: Counter<"reason">;

  constructor(registry: Registry) {
    const registers = [registry];
    const make = (name: string, help: string) => ({ name: `holdfast_operator_${name}`, help, registers });
    this.proven = new Counter(make("rounds_proven_total", "Rounds proven in full"));
    this.missed = new Counter(
      make("rounds_missed_total", "Rounds with a seed in which something was live and nothing proven"),
    );
    this.audits = new Counter(make("audits_answered_total", "Audits answered"));
    this.losses = new Counter(make("losses_reported_total", "Slots reported as lost"));
    this.scrubbed = new Counter(make("scrubbed_bytes_total", "Bytes of held data read and checked in the background"));
    this.badBlocks = new Counter(
      make("scrub_bad_blocks_total", "Blocks of 16 KiB found bad or missing in the background"),
    );
    this.lastPass = new Gauge(
      make("scrub_last_pass_timestamp_seconds", "When all that is held was last read through, in Unix time; 0: never"),
    );
    this.absent = new Gauge(make("absent_places", "Places of data, such as the volume, that are not there"));
    this.failures = new Counter({
      ...make("duty_failures_total", "Failures of a kind of duty"),
      labelNames: ["duty"] as const,
    });
    this.slots = new Gauge(make("slots", "Slots held or reserved"));
    this.chunks = new Gauge(make("chunks", "Chunks of 8 MiB held or reserved"));
    this.contents = new Gauge(make("contents", "Contents on the disk, checked"));
    this.uploaded = new Counter({
      ...make("uploaded_bytes_total", "Bytes sent, to free and to paying peers"),
      labelNames: ["peer"] as const,
    });
    this.round = new Gauge(make("round", "The round under way"));
    this.promised = new Gauge(make("vouchers_wei", "What vouchers promise and is not redeemed, in asset wei"));
    this.redeemed = new Counter(
      make("redeemed_wei_total", "What vouchers were redeemed for, the take included, in asset wei"),
    );
    this.collectable = new Gauge(
      make("collectable_wei", "What payers paid and is not sent to the payout address yet, in asset wei"),
    );
    this.refusals = new Counter({
      ...make("vouchers_refused_total", "Vouchers refused"),
      labelNames: ["reason"] as const,
    });
  }
}
