import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Command } from "commander";
import { admitKeeperSync } from "../sdk/actions/admitKeeper.ts";
import { transferSync } from "../sdk/actions/transfer.ts";
import { localAccount, localKey } from "../testing/anvil.ts";
import { LocalChain } from "../testing/deploy.ts";
import { type GlobalOptions, integer } from "./options.ts";
import { interruptible, print } from "./output.ts";

interface Flags extends GlobalOptions {
  readonly port: number;
  readonly beaconPort: number;
  readonly roundLength: number;
  readonly deployment: string;
}

/** Where the accounts' keys go. */
const KEYS = ".holdfast/keys";
/** Anvil funds ten accounts. The first one deploys, governs and owns the asset; those of these numbers are admitted as keepers. */
const ACCOUNTS = [...Array(10).keys()];
const KEEPERS = [7, 8, 9];
/** Asset wei for each of the others. */
const SHARE = 1_000n * 10n ** 18n;
/** Seconds between blocks in which nothing happens: agents see time pass by blocks. */
const BLOCK_TIME = 5;

/** `holdfast chain`: what the other commands talk to if they are not told otherwise, on this machine and in real time. */
export function chainCommand(): Command {
  return new Command("chain")
    .description("run a local chain with the contracts and a beacon until stopped, for trying the other commands")
    .option("--port <n>", "of its RPC; 0 takes a free one", integer(0, 65_535), 8545)
    .option("--beacon-port <n>", "of its beacon; 0 takes a free one", integer(0, 65_535), 8546)
    .option("--round-length <seconds>", "an epoch is 30 rounds", integer(60, 604_800), 120)
    .option("--deployment <file>", "where the addresses are written, while it runs", "deployments/31337.json")
    .action((_, command: Command) => run(command.optsWithGlobals()));
}

async function run({ port, beaconPort, roundLength, deployment, ...options }: Flags): Promise<void> {
  console.error("starting a chain; contracts that changed are compiled first, which takes a minute or two");
  await interruptible(async (signal) => {
    const chain = await LocalChain.start({
      port,
      roundLength,
      anvil: ["--block-time", String(BLOCK_TIME), "--mixed-mining"],
    });
    try {
      const beaconUrl = await chain.beacon.listen(beaconPort);
      await mkdir(dirname(deployment), { recursive: true });
      await copyFile(chain.deploymentFile, deployment);
      const accounts = await shareOut(chain);
      const facts = { rpcUrl: chain.rpcUrl, beaconUrl, deployment, roundLength, accounts };
      print(options, facts, describe(facts));
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    } finally {
      await chain.beacon.close();
      await chain.stop();
      await rm(deployment, { force: true });
    }
  });
}

interface Account {
  readonly address: string;
  readonly keyFile: string;
  readonly part: string;
}

/** Gives every account its share, admits the keepers, and writes the keys: they are anvil's, which everybody knows. */
async function shareOut(chain: LocalChain): Promise<Account[]> {
  await mkdir(KEYS, { recursive: true });
  const governor = chain.client();
  const accounts: Account[] = [];
  for (const index of ACCOUNTS) {
    const { address } = localAccount(index);
    const keyFile = join(KEYS, String(index));
    await writeFile(keyFile, localKey(index), { mode: 0o600 });
    if (index > 0) await transferSync(governor, { deployment: chain.deployment, to: address, amount: SHARE });
    const admitted = KEEPERS.includes(index);
    if (admitted) await admitKeeperSync(governor, { deployment: chain.deployment, keeper: address });
    accounts.push({ address, keyFile, part: index === 0 ? "governs" : admitted ? "admitted as a keeper" : "" });
  }
  return accounts;
}

function describe(facts: {
  readonly rpcUrl: string;
  readonly beaconUrl: string;
  readonly deployment: string;
  readonly roundLength: number;
  readonly accounts: readonly Account[];
}): string {
  return [
    `RPC         ${facts.rpcUrl}`,
    `beacon      ${facts.beaconUrl}`,
    `deployment  ${facts.deployment}`,
    `rounds      of ${facts.roundLength} seconds, the first one under way`,
    "accounts    by key file, each with ether for gas and some of the asset",
    ...facts.accounts.map(({ address, keyFile, part }) => `  ${keyFile}  ${address}  ${part}`.trimEnd()),
    "Ctrl-C ends the chain and all that is on it.",
  ].join("\n");
}
