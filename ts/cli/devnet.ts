import { access } from "node:fs/promises";
import { Command } from "commander";
import { runDevnet } from "../devnet/run.ts";
import { EXIT, HoldfastError } from "../errors.ts";
import { type GlobalOptions, integer } from "./options.ts";
import { interruptible } from "./output.ts";
import { readTorrent } from "./torrent-file.ts";

interface Flags extends GlobalOptions {
  readonly content?: string;
  readonly torrent?: string;
  readonly operators: number;
  readonly keepers: number;
  readonly keep?: boolean;
  readonly log?: string;
}

/** `holdfast devnet`, which is `npm start`: a whole network on this machine, for one epoch. */
export function devnetCommand(): Command {
  return new Command("devnet")
    .description("run a whole network on this machine for an epoch: chain, beacon, keepers, operators, uploader")
    .option("--content <path>", "publish this file or folder (default: the texts of webtorrent-fixtures)")
    .option("--torrent <file>", "publish this v2 or hybrid torrent; its data lies beside it")
    .option("--operators <n>", "how many, 5 to 16", integer(5, 16), 5)
    .option("--keepers <n>", "how many, 3 to 9", integer(3, 9), 3)
    .option("--keep", "leave the run's folder where it is")
    .option("--log <file>", "write what every agent says to this file, as JSON lines")
    .action(async (_, command: Command) => {
      const { json = false, keep = false, log, ...flags } = command.optsWithGlobals<Flags>();
      // Before a whole network is up.
      if (flags.torrent !== undefined) await readTorrent(flags.torrent);
      if (flags.content !== undefined) await expectData(flags.content);
      await interruptible(async (signal) => {
        const { holds } = await runDevnet({ ...flags, json, keep, logFile: log, signal });
        process.exitCode = holds ? EXIT.ok : EXIT.failure;
      });
    });
}

async function expectData(path: string): Promise<void> {
  await access(path).catch((cause) => {
    throw new HoldfastError(`${path} cannot be read: give a file or folder to publish`, {
      cause,
      exitCode: EXIT.usage,
    });
  });
}
