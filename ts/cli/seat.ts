// What a keeper does about its seat in the committee: taking it, its bond, leaving.
import { Command } from "commander";
import { type Address, parseEventLogs } from "viem";
import { HoldfastError } from "../errors.ts";
import { allow } from "../sdk/actions.ts";
import { call, read } from "../sdk/call.ts";
import { ABIS, type Deployment } from "../sdk/deployment.ts";
import { send } from "../sdk/send.ts";
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
  const bond = await read(wallet, deployment, "Oracle", "keeperBond", []);
  await requireFunds(wallet, deployment, bond);
  await allow(wallet, deployment, "Oracle", bond);
  const { logs } = await send(wallet, call(deployment, "Oracle", "join", []));
  const [joined] = parseEventLogs({ abi: ABIS.Oracle, eventName: "KeeperJoined", logs });
  const from = joined?.args.from;
  const text = `${address} has a seat from epoch ${from} on, for a bond of ${bond} asset wei: holdfast keeper run`;
  print(options, { keeper: address, bond, from }, text);
}

async function topUp(options: OfKeeper): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const { keeper = wallet.account.address } = options;
  const { bond, fullBond } = await keeperOf(wallet, deployment, keeper);
  await requireFunds(wallet, deployment, fullBond - bond);
  await allow(wallet, deployment, "Oracle", fullBond - bond);
  await send(wallet, call(deployment, "Oracle", "topUp", [keeper]));
  const text = `${keeper}: the bond is whole again, ${fullBond} asset wei`;
  print(options, { keeper, added: fullBond - bond, bond: fullBond }, text);
}

async function leave(options: ChainOptions): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const { address } = wallet.account;
  await send(wallet, call(deployment, "Oracle", "resign", []));
  const { until } = await keeperOf(wallet, deployment, address);
  const bondFrom = until + (await read(wallet, deployment, "Oracle", "BOND_THAW", []));
  const text = `${address} has no seat from epoch ${until} on; holdfast keeper withdraw from epoch ${bondFrom} on`;
  print(options, { keeper: address, until, bondFrom }, text);
}

async function withdraw(options: OfKeeper): Promise<void> {
  const { deployment, wallet } = await openWallet(options);
  const { keeper = wallet.account.address } = options;
  const { bond } = await keeperOf(wallet, deployment, keeper);
  await send(wallet, call(deployment, "Oracle", "withdrawBond", [keeper]));
  print(options, { keeper, amount: bond }, `${bond} asset wei sent to ${keeper}`);
}

function keeperOf(wallet: CliWallet, deployment: Deployment, keeper: Address) {
  return read(wallet, deployment, "Oracle", "keeper", [keeper]);
}

async function requireFunds(wallet: CliWallet, deployment: Deployment, wanted: bigint): Promise<void> {
  const { address } = wallet.account;
  const has = await read(wallet, deployment, "Asset", "balanceOf", [address]);
  if (has >= wanted) return;
  throw new HoldfastError(`${address} has ${has} asset wei, and the bond takes ${wanted}`, {
    hint: `send it ${wanted - has} more of the asset`,
    facts: { asset: deployment.contracts.Asset },
  });
}
