import { Command } from "commander";
import { checkDeployment, type Report } from "../deployment/check.ts";
import { loadParameters, loadRecord, loadRoles } from "../deployment/record.ts";
import { EXIT } from "../errors.ts";
import { type ChainOptions, chainConfigOf, openChain, withChain } from "./chain.ts";
import { print } from "./output.ts";

interface Flags extends ChainOptions {
  readonly config?: string;
}

/** `holdfast deployment`: for who deploys, audits and watches. */
export function deploymentCommand(): Command {
  const check = withChain(new Command("check"))
    .description(
      "compare a live chain with what was reviewed: code, parameters, roles, timelock; fails if anything differs",
    )
    .option(
      "--config <file>",
      "the reviewed parameters, script/config/<network>.json (default: as recorded when deployed)",
    )
    .action((_, command: Command) => run(command.optsWithGlobals()));
  return new Command("deployment").description("what is deployed, against what should be").addCommand(check);
}

async function run(options: Flags): Promise<void> {
  const { deployment: file } = await chainConfigOf(options);
  const record = await loadRecord(file);
  const parameters = options.config ? await loadParameters(options.config, record) : record.parameters;
  const { client } = await openChain(options);
  const report = await checkDeployment(client, record, parameters, await loadRoles());
  const ok = report.deviations.length === 0;
  print(options, { ok, ...report }, describe(report));
  if (!ok) process.exitCode = EXIT.failure;
}

function describe({ deviations, pending }: Report): string {
  const lines = deviations.flatMap(({ what, expected, found }) => [
    what,
    `  expected  ${expected}`,
    `  found     ${found}`,
  ]);
  if (deviations.length === 0) lines.push("code, parameters, roles and timelock are as they should be");
  for (const { call, caller, readyAt, id } of pending) {
    const time = new Date(readyAt * 1000).toISOString().replace(".000", "");
    lines.push(`announced: ${call} by ${caller}, possible from ${time} (operation ${id})`);
  }
  return lines.join("\n");
}
