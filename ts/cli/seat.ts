// What a keeper does about its seat in the committee: taking it, its bond, leaving.

import { Command } from "commander";
import type { Address } from "viem";
import { HoldfastError } from "../errors.ts";
import { joinCommittee } from "../sdk/actions/joinCommittee.ts";
import { resignSeatSync } from "../sdk/actions/resignSeat.ts";
import { topUpBond } from "../sdk/actions/topUpBond.ts";
import { withdrawKeeperBondSync } from "../sdk/actions/withdrawKeeperBond.ts";
import { Oracle } from "../sdk/contracts.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { pay } from "../sdk/pay.ts";
import { read } from "../sdk/read.ts";
import { type ChainOptions, type CliWallet, openWallet, withKey } from "./chain.ts";
import { addressOption } from "./options.ts";
import { print } from "./output.ts";

/** `holdfast keeper join|top-up|leave|withdraw`, all by the keeper's key. */
export function seatCommands(): Command[] {
  return [
    withKey(new Command("join"))
      .description("take a seat in the committee, from the next epoch on, and pay its bond; governance admits keepers")
      .action((_, command: Command) => join(command.optsWithGlobals())),
    withKey(new Command("top-up"))
      .description("fill a bond up again after a forfeit; without that the keeper cannot commit, and anyone may do it")
      .option("--keeper <address>", "whose bond (default: the key's)", addressOption)
      .action((_, command: Command) => topUp(command.optsWithGlobals())),
    withKey(new Command("leave"))
      .description("give the seat up from the next epoch on; the bond thaws for 2 epochs after that")
      .action((_, command: Command) => leave(command.optsWithGlobals())),
    withKey(new Command("withdraw"))
      .description("send the bond home after the thaw")
      .option(
        "--keeper <address>",
        "whose bond; it goes to that keeper, whoever asks (default: the key's)",
        addressOption,
      )
      .action((_, command: Command) => withdraw(command.optsWithGlobals())),
  ];
}

type OfKeeper = ChainOptions & { readonly keeper?: Address };

async function join(options: ChainOptions): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const { address } = wallet.account;
  const { admitted, fullBond, until } = await keeperOf(wallet, deployment, address);
  if (until !== 0) {
    throw new HoldfastError(`${address} is leaving: it has no seat from epoch ${until} on`, {
      hint: "take the bond home first (holdfast keeper withdraw), then join again",
    });
  }
  if (fullBond !== 0n) throw new HoldfastError(`${address} has joined already`, { facts: { bond: fullBond } });
  if (!admitted) {
    throw new HoldfastError(`${address} is not admitted to the committee`, {
      hint: `governance admits keepers, by Oracle.admit(${address}); then join`,
      facts: { oracle: deployment.contracts.Oracle },
    });
  }
  const { from, bond } = await pay(wallet, joinCommittee, { deployment });
  const text = `${address} has a seat from epoch ${from} on, for a bond of ${bond} asset wei: holdfast keeper run`;
  print(options, { keeper: address, bond, from }, text);
}

async function topUp(options: OfKeeper): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const { keeper = wallet.account.address } = options;
  const { amount } = await pay(wallet, topUpBond, { deployment, keeper });
  const { bond } = await keeperOf(wallet, deployment, keeper);
  print(options, { keeper, added: amount, bond }, `${keeper}: the bond is whole again, ${bond} asset wei`);
}

async function leave(options: ChainOptions): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const { address } = wallet.account;
  const { until } = await resignSeatSync(wallet, { deployment });
  const bondFrom = until + (await read(wallet, deployment, Oracle, "BOND_THAW", []));
  const text = `${address} has no seat from epoch ${until} on; holdfast keeper withdraw from epoch ${bondFrom} on`;
  print(options, { keeper: address, until, bondFrom }, text);
}

async function withdraw(options: OfKeeper): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const { keeper = wallet.account.address } = options;
  const { amount } = await withdrawKeeperBondSync(wallet, { deployment, keeper });
  print(options, { keeper, amount }, `${amount} asset wei sent to ${keeper}`);
}

function keeperOf(wallet: CliWallet, deployment: Deployment, keeper: Address) {
  return read(wallet, deployment, Oracle, "keeper", [keeper]);
}
