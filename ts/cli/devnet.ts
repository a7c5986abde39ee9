import { Command, InvalidArgumentError } from "commander";
import { runDevnet } from "../devnet/index.ts";
import { EXIT } from "../errors.ts";
import type { GlobalOptions } from "./main.ts";

interface Flags extends GlobalOptions {
  readonly content?: string;
  readonly torrent?: string;
  readonly operators: number;
  readonly keepers: number;
  readonly keep?: boolean;
  readonly log?: string;
}

/** What shells report of a process that Ctrl-C ended. */
const INTERRUPTED = 130;

/** `holdfast devnet`, which is `npm start`: a whole network on this machine, for one epoch. */
export function devnetCommand(): Command {
  return new Command("devnet")
    .description("run a whole network on this machine for an epoch: chain, beacon, keepers, operators, uploader")
    .option("--content <path>", "publish this file or folder (default: the texts of webtorrent-fixtures)")
    .option("--torrent <file>", "publish this v2 or hybrid torrent; its data lies beside it")
    .option("--operators <n>", "how many, 5 to 16", within(5, 16), 5)
    .option("--keepers <n>", "how many, 3 to 9", within(3, 9), 3)
    .option("--keep", "leave the run's folder where it is")
    .option("--log <file>", "write what every agent says to this file, as JSON lines")
    .action(async (_, command: Command) => {
      const { json = false, keep = false, log, ...flags } = command.optsWithGlobals<Flags>();
      const stopping = new AbortController();
      const stop = () => stopping.abort();
      process.on("SIGINT", stop).on("SIGTERM", stop);
      try {
        const { holds } = await runDevnet({ ...flags, json, keep, logFile: log, signal: stopping.signal });
        process.exitCode = holds ? EXIT.ok : EXIT.failure;
      } catch (error) {
        if (!stopping.signal.aborted) throw error;
        console.error("stopped");
        process.exitCode = INTERRUPTED;
      } finally {
        process.off("SIGINT", stop).off("SIGTERM", stop);
      }
    });
}

function within(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`a whole number from ${least} to ${most}`);
  };
}
