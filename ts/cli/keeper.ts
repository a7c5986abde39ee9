import { Command, Option } from "commander";
import { keeperConfig } from "../keeper/config.ts";
import { KeeperService } from "../keeper/run.ts";
import { loadConfig } from "../service/config.ts";
import { createLogger, LOG_LEVELS } from "../service/log.ts";
import { runService } from "../service/service.ts";
import { type ChainOptions, flagsOf, withKey } from "./chain.ts";
import { collect, integer } from "./options.ts";
import { seatCommands } from "./seat.ts";

interface RunOptions extends ChainOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly statusPort?: number;
  readonly beaconUrl?: readonly string[];
  readonly localSources?: true;
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

/** `holdfast keeper …`: the oracle's agent, and its seat in the committee. */
export function keeperCommand(): Command {
  const running = withKey(new Command("run"))
    .description("sample operators, commit and reveal, bring seeds, and do the protocol's chores until stopped")
    .option("--config <file>", "its configuration, JSON; options and HOLDFAST_… variables go over it")
    .option("--data-dir <folder>", "where samples and commitments are kept")
    .option("--beacon-url <url>", "a drand relay; may be repeated (default: drand's own)", collect)
    .option("--local-sources", "operators may have private addresses: on networks of one's own only")
    .option("--status-port <n>", "of /health, /ready and /metrics; 0 serves none (default: 0)", integer(0, 65_535))
    .addOption(new Option("--log-level <level>", "what is logged").choices([...LOG_LEVELS]).default("info"))
    .action((_, command: Command) => run(command.optsWithGlobals()));
  const keeper = new Command("keeper").description("sample the swarm for the protocol, and be paid for it");
  for (const command of [running, ...seatCommands()]) keeper.addCommand(command);
  return keeper;
}

async function run(options: RunOptions): Promise<void> {
  const { config: file, dataDir, statusPort, localSources, beaconUrl: beaconUrls, logLevel: level } = options;
  const flags = { ...flagsOf(options), dataDir, statusPort, localSources, beaconUrls };
  const config = await loadConfig(keeperConfig, { flags, ...(file !== undefined && { file }) });
  const log = createLogger({ name: "keeper", level });
  const service = { log, statusPort: config.statusPort };
  process.exitCode = await runService(service, async ({ registry, health, signal, waitFor }) => {
    const ready = waitFor("the chain");
    const keeper = await KeeperService.start(config, { log, registry, health });
    ready();
    signal.addEventListener("abort", () => void keeper.stop(), { once: true });
    await keeper.finished.finally(() => keeper.stop());
  });
}
