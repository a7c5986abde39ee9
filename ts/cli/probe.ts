import { isIP } from "node:net";
import { Command, InvalidArgumentError } from "commander";
import { EXIT } from "../errors.ts";
import { type PeerAddress, parseEndpoint } from "../torrent/endpoint.ts";
import { probe, type Sample } from "../wire/probe.ts";
import { type GlobalOptions, integer } from "./options.ts";
import { print } from "./output.ts";
import { readTorrent } from "./torrent-file.ts";

export interface ProbeReport {
  readonly probes: number;
  readonly answered: number;
  readonly verified: number;
  /** Time to first byte over the blocks that came, in ms; null when none did. */
  readonly firstByteMs: { readonly p50: number; readonly p95: number } | null;
  readonly samples: readonly Sample[];
}

/** `holdfast probe IP:PORT FILE.torrent`: asks one peer for random blocks and checks them. Fails when none was right. */
export function probeCommand(): Command {
  return new Command("probe")
    .description("ask a BitTorrent peer for random blocks and check them against the torrent's pieces roots")
    .argument("<ip:port>", "the peer, e.g. 192.0.2.7:6881 or [2001:db8::7]:6881", readAddress)
    .argument("<file.torrent>", "a v2 or hybrid torrent")
    .option("--count <n>", "blocks to ask for", integer(1, 10_000), 5)
    .option("--local-address <ip>", "come from this address")
    .action(
      async (peer: PeerAddress, path: string, options: { count: number; localAddress?: string }, command: Command) => {
        const torrent = await readTorrent(path);
        const samples = await probe({ ...peer, torrent, count: options.count, localAddress: options.localAddress });
        const report = summarize(samples);
        print(command.optsWithGlobals<GlobalOptions>(), report, describe(report));
        if (report.verified === 0) process.exitCode = EXIT.failure;
      },
    );
}

export function summarize(samples: readonly Sample[]): ProbeReport {
  const times = samples.flatMap(({ firstByteMs }) => firstByteMs ?? []).sort((a, b) => a - b);
  const rank = (share: number) => times[Math.max(0, Math.ceil(share * times.length) - 1)]!;
  return {
    probes: samples.length,
    answered: samples.filter(({ answered }) => answered).length,
    verified: samples.filter(({ verified }) => verified).length,
    firstByteMs: times.length === 0 ? null : { p50: rank(0.5), p95: rank(0.95) },
    samples,
  };
}

function describe({ probes, answered, verified, firstByteMs, samples }: ProbeReport): string {
  const lines = [`answered ${answered}/${probes}`, `verified ${verified}/${probes}`];
  if (firstByteMs !== null) {
    lines.push(`first byte p50 ${firstByteMs.p50.toFixed(1)} ms, p95 ${firstByteMs.p95.toFixed(1)} ms`);
  }
  const reasons = new Map<string, number>();
  for (const { reason } of samples) if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  for (const [reason, times] of reasons) lines.push(`${times} x ${reason}`);
  return lines.join("\n");
}

function readAddress(text: string): PeerAddress {
  const peer = parseEndpoint(text);
  if (peer !== undefined && isIP(peer.host) !== 0) return peer;
  throw new InvalidArgumentError("Not an IP address and port, like 192.0.2.7:6881.");
}
