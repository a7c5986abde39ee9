import { readFileSync } from "node:fs";
import { Command, CommanderError, Help, type Option } from "commander";
import { EXIT, errorToJson, exitCodeOf, formatError } from "../errors.ts";
import { toJson } from "../json.ts";
import { COMMANDS } from "./commands.ts";

async function program(argv: readonly string[]): Promise<Command> {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const holdfast = new Command("holdfast")
    .description("paid, provable seeding for BitTorrent v2 swarms")
    .version(version)
    .option("--json", "print results and errors as JSON")
    .option("--debug", "print where errors come from");
  for (const [name, { description, load }] of Object.entries(COMMANDS)) {
    holdfast.addCommand(argv.includes(name) ? await load() : new Command(name).description(description));
  }
  configure(holdfast);
  return holdfast;
}

/** Settings that subcommands do not inherit: errors are thrown, and help names the global options and keeps to the terminal's width. */
function configure(command: Command): void {
  command.exitOverride().configureHelp({ showGlobalOptions: true, subcommandTerm, optionDescription });
  for (const sub of command.commands) configure(sub);
}

const plain = new Help();

/** Without defaults that are nothing. */
function optionDescription(option: Option): string {
  return plain.optionDescription(option).replace(/ \(default: (\[\]|"")\)$/, "");
}

function subcommandTerm(command: Command): string {
  const names = command.registeredArguments.map((argument) => {
    const name = argument.name() + (argument.variadic ? "..." : "");
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [command.name(), ...names].join(" ");
}

/** Runs the command line. @returns the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const json = argv.includes("--json");
  try {
    await (await program(argv)).parseAsync(argv, { from: "user" });
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    // Commander has said what is wrong, or was asked for help.
    if (error instanceof CommanderError) return error.exitCode === 1 ? EXIT.usage : error.exitCode;
    const debug = argv.includes("--debug");
    console.error(json ? toJson({ error: errorToJson(error) }) : formatError(error, { debug }));
    return exitCodeOf(error);
  }
}

process.exitCode = await main(process.argv.slice(2));
