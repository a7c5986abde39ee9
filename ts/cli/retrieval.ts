// A payer's money: `holdfast retrieval …`. Payments themselves are made by `holdfast fetch`.

import { Command } from "commander";
import { type Address, isAddressEqual } from "viem";
import { getBlock } from "viem/actions";
import { EXIT, HoldfastError } from "../errors.ts";
import { Purse } from "../fetch/purse.ts";
import { authoriseSync } from "../sdk/actions/authorise.ts";
import { earmarkSync } from "../sdk/actions/earmark.ts";
import { payDirect } from "../sdk/actions/payDirect.ts";
import { releaseEarmarkSync } from "../sdk/actions/releaseEarmark.ts";
import { requestReleaseSync } from "../sdk/actions/requestRelease.ts";
import { requestWithdrawalSync } from "../sdk/actions/requestWithdrawal.ts";
import { revokeSync } from "../sdk/actions/revoke.ts";
import { withdrawDepositSync } from "../sdk/actions/withdrawDeposit.ts";
import { Retrieval } from "../sdk/contracts.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { addDeposit } from "../sdk/flows/addDeposit.ts";
import { pay as payNow } from "../sdk/pay.ts";
import { read } from "../sdk/read.ts";
import { getPayer, type Thaw } from "../sdk/reads/getPayer.ts";
import { type CliWallet, openChain, openWallet, withKey } from "./chain.ts";
import { addressOption, amount, integer } from "./options.ts";
import { plainTable, print } from "./output.ts";
import { addressOf, operatorOption, type PurseOptions, payerOf, stateDirOf, withPurse } from "./purse.ts";

type Operator = Address | number;

/** `holdfast retrieval deposit|earmark|release|withdraw|authorise|revoke|pay|show`. */
export function retrievalCommand(): Command {
  const command = new Command("retrieval").description("the money that pays for downloads");
  for (const subcommand of [...moneyCommands(), ...keyCommands(), payCommand(), showCommand()])
    command.addCommand(subcommand);
  return command;
}

function moneyCommands(): Command[] {
  const operator = ["<operator>", "its number, or the address that is paid", operatorOption] as const;
  return [
    withKey(new Command("deposit"))
      .description("add to a deposit, from the wallet")
      .argument("<amount>", "of the asset: a number of wei, or one with a unit", amount)
      .option("--to <address>", "whose deposit (default: the wallet's)", addressOption)
      .action((wei: bigint, _, command: Command) => deposit(wei, command.optsWithGlobals())),
    withKey(new Command("earmark"))
      .description("set part of the deposit aside, for one operator alone")
      .argument(...operator)
      .argument("<amount>", "of the asset", amount)
      .action((id: Operator, wei: bigint, _, command: Command) => earmark(id, wei, command.optsWithGlobals())),
    withKey(new Command("release"))
      .description(
        "get an earmark back into the deposit: with an amount, ask for it; two rounds later, without one, take it",
      )
      .argument(...operator)
      .argument("[amount]", "of the asset", amount)
      .action((id: Operator, wei: bigint | undefined, _, command: Command) =>
        release(id, wei, command.optsWithGlobals()),
      ),
    withKey(new Command("withdraw"))
      .description("get the deposit back: with an amount, ask for it; two rounds later, without one, take it")
      .argument("[amount]", "of the asset", amount)
      .option("--to <address>", "receives it (default: the wallet)", addressOption)
      .action((wei: bigint | undefined, _, command: Command) => withdraw(wei, command.optsWithGlobals())),
  ];
}

function keyCommands(): Command[] {
  return [
    withPurse(withKey(new Command("authorise")))
      .description("let a session key promise part of the deposit to operators")
      .argument("[key]", "its address (default: the one of holdfast fetch, made if there is none)", addressOption)
      .requiredOption(
        "--ceiling <amount>",
        "most that it may draw on the free deposit, of the asset; earmarks come on top",
        amount,
      )
      .option("--days <n>", "how long it signs", integer(1, 3_650), 30)
      .action((key: Address | undefined, _, command: Command) => authorise(key, command.optsWithGlobals())),
    withPurse(withKey(new Command("revoke")))
      .description("end a session key: what it has promised can be redeemed for two more rounds")
      .argument("[key]", "its address (default: the one of holdfast fetch)", addressOption)
      .action((key: Address | undefined, _, command: Command) => revoke(key, command.optsWithGlobals())),
  ];
}

function payCommand(): Command {
  return withKey(new Command("pay"))
    .description("pay an operator at once, from the wallet, for what it served")
    .argument("<operator>", "its number, or the address that is paid", operatorOption)
    .argument("<content>", "its number in the catalog", integer(1, 2 ** 32 - 1))
    .argument("<amount>", "of the asset", amount)
    .option("--bytes <n>", "what was got for it", integer(0, Number.MAX_SAFE_INTEGER), 0)
    .action((id: Operator, contentId: number, wei: bigint, _, command: Command) =>
      pay(id, contentId, wei, command.optsWithGlobals()),
    );
}

function showCommand(): Command {
  return withPurse(withKey(new Command("show")))
    .description("a payer's deposit, earmarks, session keys and ratio")
    .action((_, command: Command) => show(command.optsWithGlobals()));
}

async function deposit(wei: bigint, options: PurseOptions & { readonly to?: Address }): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const { to: payer = wallet.account.address } = options;
  await addDeposit(wallet, { deployment, amount: wei, payer });
  const { balance } = await read(wallet, deployment, Retrieval, "account", [payer]);
  print(options, { payer, deposited: wei, balance }, `${payer} has a free deposit of ${balance} asset wei`);
}

async function earmark(id: Operator, wei: bigint, options: PurseOptions): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const operator = await addressOf(wallet, deployment, id);
  await earmarkSync(wallet, { deployment, operator, amount: wei });
  const earmarked = await read(wallet, deployment, Retrieval, "earmarkOf", [wallet.account.address, operator]);
  print(options, { operator, added: wei, earmarked }, `${earmarked} asset wei are set aside for ${operator}`);
}

async function release(id: Operator, wei: bigint | undefined, options: PurseOptions): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const operator = await addressOf(wallet, deployment, id);
  if (wei !== undefined) {
    const { until } = await requestReleaseSync(wallet, { deployment, operator, amount: wei });
    const text = `${wei} asset wei come back from ${operator}: run it without an amount after ${timeOf(until)}`;
    return print(options, { operator, amount: wei, until }, text);
  }
  await releaseEarmarkSync(wallet, { deployment, operator });
  const { balance } = await read(wallet, deployment, Retrieval, "account", [wallet.account.address]);
  print(options, { operator, balance }, `released: a free deposit of ${balance} asset wei`);
}

async function withdraw(wei: bigint | undefined, options: PurseOptions & { readonly to?: Address }): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const { to = wallet.account.address } = options;
  if (wei !== undefined) {
    const { until } = await requestWithdrawalSync(wallet, { deployment, amount: wei });
    return print(
      options,
      { amount: wei, until },
      `asked for ${wei} asset wei: run it without an amount after ${timeOf(until)}`,
    );
  }
  const { amount } = await withdrawDepositSync(wallet, { deployment, to });
  print(options, { to, amount }, `${amount} asset wei sent to ${to}`);
}

async function authorise(
  given: Address | undefined,
  options: PurseOptions & { readonly ceiling: bigint; readonly days: number },
): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const { ceiling, days } = options;
  const key = given ?? (await ownKey(options, deployment, wallet));
  const { timestamp } = await getBlock(wallet);
  const expiry = Number(timestamp) + days * 86_400;
  await authoriseSync(wallet, { deployment, key, expiry, ceiling });
  print(
    options,
    { key, ceiling, expiry },
    `${key} may draw earmarks and ${ceiling} asset wei of the free deposit, until ${timeOf(BigInt(expiry))}`,
  );
}

async function revoke(given: Address | undefined, options: PurseOptions): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const payer = wallet.account.address;
  const own = await Purse.keyOf(stateDirOf(options), deployment, payer);
  const key = given ?? own;
  if (key === undefined) {
    const hint = "name the key; holdfast retrieval show lists those that are authorised";
    throw new HoldfastError(`${payer} has no session key here`, { hint, exitCode: EXIT.usage });
  }
  const { expiry: until } = await revokeSync(wallet, { deployment, key });
  if (own !== undefined && isAddressEqual(key, own)) await Purse.forgetKey(stateDirOf(options), deployment, payer);
  print(options, { key, until }, `${key} ends at ${timeOf(until)}`);
}

async function pay(
  id: Operator,
  contentId: number,
  amount: bigint,
  options: PurseOptions & { readonly bytes: number },
): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const operator = await addressOf(wallet, deployment, id);
  await payNow(wallet, payDirect, { deployment, operator, contentId, amount, served: options.bytes });
  print(options, { operator, contentId, amount }, `paid ${amount} asset wei to ${operator} for content ${contentId}`);
}

async function show(options: PurseOptions): Promise<void> {
  const { deployment, client } = await openChain(options);
  const payer = await payerOf(options, deployment);
  if (payer === undefined)
    throw new HoldfastError("nothing says whose money to show: there is no purse here", {
      hint: "say with --payer or the wallet's --key-file",
      exitCode: EXIT.usage,
    });
  const account = await getPayer(client, { deployment, payer });
  const { balance, thaw, earmarks, keys, up, down } = account;
  const coming = (of: Thaw | undefined) => (of === undefined ? "" : `${of.amount} at ${timeOf(of.until)}`);
  const earmarkTable = plainTable(["operator", "earmarked", "coming back"]);
  for (const { operator, amount, thaw } of earmarks) earmarkTable.push([operator, amount, coming(thaw)]);
  const keyTable = plainTable(["session key", "ceiling", "spent", "until"]);
  for (const { key, ceiling, spent, expiry } of keys) keyTable.push([key, ceiling, spent, timeOf(BigInt(expiry))]);
  const text = [
    `${payer}: a free deposit of ${balance} asset wei${thaw === undefined ? "" : `, of which comes back ${coming(thaw)}`}`,
    `${up} bytes credited as served, ${down} as downloaded`,
    ...(earmarks.length > 0 ? [earmarkTable.toString()] : ["nothing is set aside for any operator"]),
    ...(keys.length > 0 ? [keyTable.toString()] : ["no session key is authorised"]),
  ];
  print(options, { payer, ...account }, text.join("\n"));
}

/** The address of the session key that `holdfast fetch` signs with, made if there is none that lives. */
async function ownKey(options: PurseOptions, deployment: Deployment, wallet: CliWallet): Promise<Address> {
  const purse = await Purse.open(stateDirOf(options), wallet, deployment, wallet.account.address);
  await purse.renewKey().finally(() => purse.close());
  return purse.signer.address;
}

function timeOf(seconds: bigint): string {
  return new Date(Number(seconds) * 1000).toISOString().replace(".000", "");
}
