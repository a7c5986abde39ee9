// What an operator's owner does: keys, capacity, stake, leaving.

import { Command } from "commander";
import type { Address } from "viem";
import { addStake as addStakeAction } from "../sdk/actions/addStake.ts";
import { collectSync } from "../sdk/actions/collect.ts";
import { requestExitSync } from "../sdk/actions/requestExit.ts";
import { setCapacitySync } from "../sdk/actions/setCapacity.ts";
import { setEndpointSync } from "../sdk/actions/setEndpoint.ts";
import { setKeysSync } from "../sdk/actions/setKeys.ts";
import { withdrawStakeSync } from "../sdk/actions/withdrawStake.ts";
import { MAX_CAPACITY } from "../sdk/constants.ts";
import { Operators, Retrieval } from "../sdk/contracts.ts";
import { pay } from "../sdk/pay.ts";
import { read } from "../sdk/read.ts";
import { type ChainOptions, openWallet, withKey } from "./chain.ts";
import { addressOption, amount, endpointOption, integer } from "./options.ts";
import { print } from "./output.ts";

interface SetOptions extends ChainOptions {
  readonly owner?: Address;
  readonly prover?: Address;
  readonly proverChunks?: number;
  readonly payout?: Address;
  readonly capacityChunks?: number;
  readonly endpoint?: string;
}

const operatorId = integer(1, 2 ** 32 - 1);

/** `holdfast operator set|add-stake|collect|exit|withdraw`. */
export function ownerCommands(): Command[] {
  return [
    withKey(new Command("set"))
      .description("change an operator's keys, capacity or endpoint; what is not given stays")
      .argument("<operator>", "its number", operatorId)
      .option("--owner <address>", "owns the stake from now on", addressOption)
      .option("--prover <address>", "the key that proves every day", addressOption)
      .option("--prover-chunks <n>", "most chunks reserved in all after the prover accepts", integer(0, MAX_CAPACITY))
      .option("--payout <address>", "receives rewards and audit fees", addressOption)
      .option("--capacity-chunks <n>", "chunks of 8 MiB offered; the stake must cover more", integer(1, MAX_CAPACITY))
      .option("--endpoint <host:port>", "where peers and keepers find it", endpointOption)
      .action((id: number, _, command: Command) => set(id, command.optsWithGlobals())),
    withKey(new Command("add-stake"))
      .description("add to an operator's stake; anyone may")
      .argument("<operator>", "its number", operatorId)
      .argument("<amount>", "asset wei", amount)
      .action((id: number, wei: bigint, _, command: Command) => addStake(id, wei, command.optsWithGlobals())),
    withKey(new Command("collect"))
      .description("send what peers paid, and the agent has not collected, to the payout address; anyone may")
      .argument("<operator>", "its number", operatorId)
      .action((id: number, _, command: Command) => collect(id, command.optsWithGlobals())),
    withKey(new Command("exit"))
      .description("leave: no slot may be held and every epoch must be settled; the stake thaws for 1 or 6 epochs")
      .argument("<operator>", "its number", operatorId)
      .action((id: number, _, command: Command) => exit(id, command.optsWithGlobals())),
    withKey(new Command("withdraw"))
      .description("take the stake home after the thaw")
      .argument("<operator>", "its number", operatorId)
      .option("--to <address>", "receives it (default: the owner)", addressOption)
      .action((id: number, _, command: Command) => withdraw(id, command.optsWithGlobals())),
  ];
}

async function set(id: number, options: SetOptions): Promise<void> {
  const { endpoint, capacityChunks } = options;
  const { deployment, wallet } = await openWallet(options);
  const now = await read(wallet, deployment, Operators, "operator", [id]);
  const { owner = now.owner, prover = now.prover, payout = now.payout, proverChunks = now.proverChunks } = options;
  const changed: string[] = [];
  // The keys last: the owner may be another one then.
  if (capacityChunks !== undefined && capacityChunks !== now.capacityChunks) {
    await setCapacitySync(wallet, { deployment, operatorId: id, capacityChunks });
    changed.push("capacity");
  }
  if (endpoint !== undefined) {
    await setEndpointSync(wallet, { deployment, operatorId: id, endpoint });
    changed.push("endpoint");
  }
  if (owner !== now.owner || prover !== now.prover || payout !== now.payout || proverChunks !== now.proverChunks) {
    await setKeysSync(wallet, { deployment, operatorId: id, owner, prover, proverChunks, payout });
    changed.push("keys");
  }
  const facts = { operatorId: id, changed, owner, prover, proverChunks, payout };
  print(options, facts, changed.length === 0 ? "nothing to change" : `operator ${id}: changed ${changed.join(", ")}`);
}

async function addStake(id: number, wei: bigint, options: ChainOptions): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const { stake } = await pay(wallet, addStakeAction, { deployment, operatorId: id, amount: wei });
  print(options, { operatorId: id, added: wei, stake }, `operator ${id}: ${stake} asset wei of stake`);
}

async function collect(id: number, options: ChainOptions): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const { payout } = await read(wallet, deployment, Operators, "operator", [id]);
  const { credit } = await read(wallet, deployment, Retrieval, "earnings", [payout]);
  if (credit > 0n) await collectSync(wallet, { deployment, operator: payout });
  const text = credit > 0n ? `${credit} asset wei sent to ${payout}` : `there is nothing to collect for ${payout}`;
  print(options, { operatorId: id, payout, amount: credit }, text);
}

async function exit(id: number, options: ChainOptions): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  await requestExitSync(wallet, { deployment, operatorId: id });
  print(options, { operatorId: id }, `operator ${id} is leaving: holdfast operator withdraw ${id} after the thaw`);
}

async function withdraw(id: number, options: ChainOptions & { readonly to?: Address }): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const { to = wallet.account.address } = options;
  const { amount } = await withdrawStakeSync(wallet, { deployment, operatorId: id, to });
  print(options, { operatorId: id, to, amount }, `${amount} asset wei of operator ${id} sent to ${to}`);
}
