// What the payer's commands share: where its purses are, and whose is meant.

import { homedir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { type Address, zeroAddress } from "viem";
import { loadAccount } from "../chain/keys.ts";
import { EXIT, HoldfastError } from "../errors.ts";
import { Purse } from "../fetch/purse.ts";
import { operatorConfig } from "../operator/config.ts";
import { Operators } from "../sdk/contracts.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { read } from "../sdk/read.ts";
import { loadConfig } from "../service/config.ts";
import { type ChainOptions, type CliWallet, flagsOf } from "./chain.ts";
import { addressOption, integer } from "./options.ts";

export interface PurseOptions extends ChainOptions {
  readonly stateDir?: string;
  readonly payer?: Address;
}

/** Adds the options by which a command finds a purse. */
export function withPurse(command: Command): Command {
  return command
    .option(
      "--state-dir <folder>",
      "where session keys, promises and receipts are, or HOLDFAST_STATE_DIR (default: in your home)",
    )
    .option(
      "--payer <address>",
      "whose deposit pays (default: the wallet's, or the only one with a purse here)",
      addressOption,
    );
}

export function stateDirOf({ stateDir }: PurseOptions): string {
  const { HOLDFAST_STATE_DIR, XDG_STATE_HOME } = process.env;
  return stateDir ?? HOLDFAST_STATE_DIR ?? join(XDG_STATE_HOME || join(homedir(), ".local", "state"), "holdfast");
}

/** Whether the command line or the environment names the wallet's key. */
export function hasKey(options: ChainOptions): boolean {
  return (
    flagsOf(options).key !== undefined || Object.keys(process.env).some((name) => name.startsWith("HOLDFAST_KEY_"))
  );
}

/** Whose deposit pays; undefined when nothing says. @throws HoldfastError when there are several purses to choose from */
export async function payerOf(options: PurseOptions, deployment: Deployment): Promise<Address | undefined> {
  if (options.payer !== undefined) return options.payer;
  if (hasKey(options)) {
    const config = await loadConfig(operatorConfig.pick({ key: true }), { flags: flagsOf(options) });
    return (await loadAccount(config.key)).address;
  }
  const payers = await Purse.payers(stateDirOf(options), deployment);
  if (payers.length < 2) return payers[0];
  throw new HoldfastError("there are purses of several payers", {
    facts: { payers },
    hint: "say which with --payer",
    exitCode: EXIT.usage,
  });
}

/** An operator, by its number or by the address that is paid. */
export function operatorOption(text: string): Address | number {
  return text.startsWith("0x") ? addressOption(text) : integer(1, 2 ** 32 - 1)(text);
}

/** The address that is paid. @throws HoldfastError when there is no such operator */
export async function addressOf(
  wallet: CliWallet,
  deployment: Deployment,
  operator: Address | number,
): Promise<Address> {
  if (typeof operator === "string") return operator;
  const { payout } = await read(wallet, deployment, Operators, "operator", [operator]);
  if (payout === zeroAddress) throw new HoldfastError(`there is no operator ${operator}`);
  return payout;
}
