import { once } from "node:events";
import { Command } from "commander";
import { keeperConfig } from "../keeper/config.ts";
import { KeeperService } from "../keeper/run.ts";
import { loadConfig } from "../service/config.ts";
import { createLogger } from "../service/log.ts";
import { runService } from "../service/service.ts";
import { seatCommands } from "./seat.ts";

interface Flags {
  readonly config?: string;
  readonly rpcUrl?: string;
  readonly deployment?: string;
  readonly dataDir?: string;
  readonly keyFile?: string;
  readonly statusPort?: string;
  readonly logLevel?: "error" | "warn" | "info" | "debug";
}

/** `holdfast keeper …`: the oracle's agent, and its seat in the committee. */
export function keeperCommand(): Command {
  const run = new Command("run")
    .description("sample operators, commit and reveal, bring seeds, and do the protocol's chores until stopped")
    .option("-c, --config <file>", "JSON file of settings; flags and HOLDFAST_… of the environment go over it")
    .option("--rpc-url <url>", "the chain's RPC")
    .option("--deployment <file>", "deployments/<chainId>.json")
    .option("--data-dir <folder>", "where samples and commitments are kept")
    .option("--key-file <file>", "file of the keeper's private key, in hex")
    .option("--status-port <port>", "serve /health, /ready and /metrics on this port of this machine")
    .option("--log-level <level>", "error, warn, info or debug", "info")
    .action(async (_, command: Command) => {
      const { config: file, keyFile, statusPort, logLevel, rpcUrl, deployment, dataDir } = command.opts<Flags>();
      const given = { rpcUrl, deployment, dataDir, key: keyFile && { file: keyFile } };
      const flags = { ...given, statusPort: statusPort === undefined ? undefined : Number(statusPort) };
      const config = await loadConfig(keeperConfig, { ...(file && { file }), flags });
      const log = createLogger({ name: "keeper", ...(logLevel && { level: logLevel }) });
      process.exitCode = await runService(
        { log, statusPort: config.statusPort },
        async ({ registry, signal, waitFor }) => {
          const following = waitFor("the chain");
          const service = await KeeperService.start(config, { log, registry });
          following();
          if (!signal.aborted) await once(signal, "abort");
          await service.stop();
        },
      );
    });
  const keeper = new Command("keeper").description("sample the swarm for the protocol, and be paid for it");
  for (const command of [run, ...seatCommands()]) keeper.addCommand(command);
  return keeper;
}
