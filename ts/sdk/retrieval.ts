// The flows of a payer's money in Retrieval: into the deposit, to operators, to session keys, and home again.
import {
  type Address,
  type Client,
  domainSeparator,
  type Hex,
  maxUint256,
  parseAbi,
  parseEventLogs,
  parseSignature,
  zeroAddress,
} from "viem";
import { getBlockNumber, getContractEvents, readContract, signTypedData } from "viem/actions";
import { HoldfastError } from "../errors.ts";
import { allow } from "./actions.ts";
import { call, read } from "./call.ts";
import { ABIS, type Deployment } from "./deployment.ts";
import { send, type Wallet } from "./send.ts";

/**
 * Adds to a payer's free deposit, from the wallet: with a permit if the asset takes one, else with an allowance of exactly
 * `amount` (asset wei). @param to The payer; the wallet itself if not given.
 *
 * @throws HoldfastError when the wallet holds less, ContractRevert
 */
export async function deposit(
  wallet: Wallet,
  deployment: Deployment,
  amount: bigint,
  to: Address = wallet.account.address,
): Promise<void> {
  const { address } = wallet.account;
  const { Retrieval } = deployment.contracts;
  await expectBalance(wallet, deployment, amount);
  const allowed = await read(wallet, deployment, "Asset", "allowance", [address, Retrieval]);
  const permit = allowed >= amount ? undefined : await signPermit(wallet, deployment, amount);
  if (permit !== undefined) {
    const { r, s, yParity } = parseSignature(permit);
    const args = [to, amount, maxUint256, 27 + yParity, r, s] as const;
    await send(wallet, call(deployment, "Retrieval", "depositWithPermit", args));
    return;
  }
  await allow(wallet, deployment, "Retrieval", amount);
  await send(wallet, call(deployment, "Retrieval", "deposit", [to, amount]));
}

/** Moves part of the wallet's free deposit (asset wei) to where only one operator can draw on it. @throws ContractRevert */
export async function earmark(
  wallet: Wallet,
  deployment: Deployment,
  operator: Address,
  amount: bigint,
): Promise<void> {
  await send(wallet, call(deployment, "Retrieval", "earmark", [operator, amount]));
}

/**
 * Asks for part of an earmark back (asset wei); the operator may draw on it until then.
 * @returns when it can be had, Unix seconds. @throws ContractRevert
 */
export async function requestRelease(
  wallet: Wallet,
  deployment: Deployment,
  operator: Address,
  amount: bigint,
): Promise<bigint> {
  await send(wallet, call(deployment, "Retrieval", "requestRelease", [operator, amount]));
  return (await read(wallet, deployment, "Retrieval", "thawOf", [wallet.account.address, operator])).until;
}

/** Moves what has thawed of an earmark to the free deposit. @throws ContractRevert */
export async function release(wallet: Wallet, deployment: Deployment, operator: Address): Promise<void> {
  await send(wallet, call(deployment, "Retrieval", "release", [operator]));
}

/** Asks for part of the free deposit (asset wei). @returns when it can be withdrawn, Unix seconds. @throws ContractRevert */
export async function requestWithdrawal(wallet: Wallet, deployment: Deployment, amount: bigint): Promise<bigint> {
  await send(wallet, call(deployment, "Retrieval", "requestWithdrawal", [amount]));
  return (await read(wallet, deployment, "Retrieval", "thawOf", [wallet.account.address, zeroAddress])).until;
}

/** Sends what has thawed of the free deposit to `to`. @returns asset wei. @throws ContractRevert */
export async function withdraw(wallet: Wallet, deployment: Deployment, to: Address): Promise<bigint> {
  const { logs } = await send(wallet, call(deployment, "Retrieval", "withdraw", [to]));
  const [withdrawn] = parseEventLogs({ abi: ABIS.Retrieval, eventName: "Withdrawn", logs });
  return withdrawn?.args.amount ?? 0n;
}

export interface KeyParameters {
  readonly key: Address;
  /** Signs until before then, Unix seconds. */
  readonly expiry: number;
  /** Most that its vouchers draw on the free deposit, in asset wei; earmarks are drawn on first and do not count. */
  readonly ceiling: bigint;
}

/** Lets a key sign the wallet's vouchers; one that is live can only be widened. @throws ContractRevert */
export async function authorise(
  wallet: Wallet,
  deployment: Deployment,
  { key, expiry, ceiling }: KeyParameters,
): Promise<void> {
  await send(wallet, call(deployment, "Retrieval", "authorise", [key, BigInt(expiry), ceiling]));
}

/** Ends a session key after the thaw, or when it expires if that is sooner. @returns when, Unix seconds. @throws ContractRevert */
export async function revoke(wallet: Wallet, deployment: Deployment, key: Address): Promise<bigint> {
  await send(wallet, call(deployment, "Retrieval", "revoke", [key]));
  return (await read(wallet, deployment, "Retrieval", "sessionKey", [wallet.account.address, key])).expiry;
}

export interface DirectPayment {
  readonly operator: Address;
  readonly contentId: number;
  /** Asset wei, the take included. */
  readonly amount: bigint;
  /** Bytes got, as the payer says; credited as far as the amount buys them at the reference price. */
  readonly served: number;
}

/** Pays an operator at once from the wallet, without a voucher. @throws HoldfastError when the wallet holds less, ContractRevert */
export async function payDirect(
  wallet: Wallet,
  deployment: Deployment,
  { operator, contentId, amount, served }: DirectPayment,
): Promise<void> {
  await expectBalance(wallet, deployment, amount);
  await allow(wallet, deployment, "Retrieval", amount);
  const args = [operator, BigInt(contentId), amount, BigInt(served)] as const;
  await send(wallet, call(deployment, "Retrieval", "payDirect", args));
}

/** What is on its way home: asked for, and when it can be had (Unix seconds). */
export interface Thaw {
  readonly amount: bigint;
  readonly until: bigint;
}

/** A payer's money, as the contract has it; amounts in asset wei. */
export interface PayerAccount {
  /** Free deposit, what thaws of it included. */
  readonly balance: bigint;
  readonly thaw: Thaw | undefined;
  readonly earmarks: readonly {
    readonly operator: Address;
    readonly amount: bigint;
    readonly thaw: Thaw | undefined;
  }[];
  /** Session keys that sign now. */
  readonly keys: readonly (KeyParameters & { readonly spent: bigint })[];
  /** Bytes credited: as an operator, and as a payer. */
  readonly up: bigint;
  readonly down: bigint;
}

/** Looks up a payer's account; whom it set money aside for, and its keys, are found in its events. */
export async function accountOf(client: Client, deployment: Deployment, payer: Address): Promise<PayerAccount> {
  const thawOf = async (operator: Address): Promise<Thaw | undefined> => {
    const thaw = await read(client, deployment, "Retrieval", "thawOf", [payer, operator]);
    return thaw.amount === 0n ? undefined : thaw;
  };
  const [{ balance }, thaw, [up, down], { operators, keys }] = await Promise.all([
    read(client, deployment, "Retrieval", "account", [payer]),
    thawOf(zeroAddress),
    read(client, deployment, "Retrieval", "ratio", [payer]),
    partnersOf(client, deployment, payer),
  ]);
  const earmarks = operators.map(async (operator) => ({
    operator,
    amount: await read(client, deployment, "Retrieval", "earmarkOf", [payer, operator]),
    thaw: await thawOf(operator),
  }));
  const authorised = keys.map(async (key) => {
    const { expiry, ...money } = await read(client, deployment, "Retrieval", "sessionKey", [payer, key]);
    return { key, expiry: Number(expiry), ...money };
  });
  const now = Date.now() / 1000;
  return {
    balance,
    thaw,
    earmarks: (await Promise.all(earmarks)).filter(({ amount }) => amount > 0n),
    keys: (await Promise.all(authorised)).filter(({ expiry }) => expiry > now),
    up,
    down,
  };
}

/** Blocks of logs asked for at once. */
const STEP = 2_000n;

/** Whom a payer has ever set money aside for, and every session key it ever authorised, as its events name them. */
export async function partnersOf(
  client: Client,
  { contracts, fromBlock: first }: Deployment,
  payer: Address,
): Promise<{ operators: Address[]; keys: Address[] }> {
  const [operators, keys] = [new Set<Address>(), new Set<Address>()];
  const last = await getBlockNumber(client);
  const where = { address: contracts.Retrieval, abi: ABIS.Retrieval, args: { payer } };
  for (let fromBlock = BigInt(first); fromBlock <= last; fromBlock += STEP) {
    const toBlock = fromBlock + STEP - 1n < last ? fromBlock + STEP - 1n : last;
    const range = { fromBlock, toBlock };
    const [earmarked, set] = await Promise.all([
      getContractEvents(client, { ...where, ...range, eventName: "Earmarked", strict: true }),
      getContractEvents(client, { ...where, ...range, eventName: "KeySet", strict: true }),
    ]);
    for (const { args } of earmarked) operators.add(args.operator);
    for (const { args } of set) keys.add(args.key);
  }
  return { operators: [...operators], keys: [...keys] };
}

async function expectBalance(wallet: Wallet, deployment: Deployment, amount: bigint): Promise<void> {
  const { address } = wallet.account;
  const balance = await read(wallet, deployment, "Asset", "balanceOf", [address]);
  if (balance >= amount) return;
  throw new HoldfastError(`${address} has too little of the asset`, {
    facts: { balance, needed: amount, asset: deployment.contracts.Asset },
    hint: "send it more, or ask for less",
  });
}

const permitAbi = parseAbi([
  "function nonces(address owner) view returns (uint256)",
  "function DOMAIN_SEPARATOR() view returns (bytes32)",
  "function eip712Domain() view returns (bytes1, string name, string version, uint256 chainId, address verifyingContract, bytes32, uint256[])",
]);

/** A permit (ERC-2612) that lets Retrieval draw `amount`; undefined when the asset does not say, by ERC-5267, how to sign one. */
async function signPermit(wallet: Wallet, deployment: Deployment, amount: bigint): Promise<Hex | undefined> {
  const { Asset: address, Retrieval: spender } = deployment.contracts;
  const owner = wallet.account.address;
  const asset = { address, abi: permitAbi } as const;
  const told = await Promise.all([
    readContract(wallet, { ...asset, functionName: "eip712Domain" }),
    readContract(wallet, { ...asset, functionName: "DOMAIN_SEPARATOR" }),
    readContract(wallet, { ...asset, functionName: "nonces", args: [owner] }),
  ]).catch(() => undefined);
  if (told === undefined) return undefined;
  const [[, name, version], separator, nonce] = told;
  const domain = { name, version, chainId: deployment.chainId, verifyingContract: address };
  if (domainSeparator({ domain }) !== separator) return undefined;
  return signTypedData(wallet, {
    account: wallet.account,
    domain,
    types: {
      Permit: [
        { name: "owner", type: "address" },
        { name: "spender", type: "address" },
        { name: "value", type: "uint256" },
        { name: "nonce", type: "uint256" },
        { name: "deadline", type: "uint256" },
      ],
    },
    primaryType: "Permit",
    message: { owner, spender, value: amount, nonce, deadline: maxUint256 },
  });
}
