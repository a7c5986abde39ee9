import { type Address, domainSeparator, type Hex, maxUint256, parseAbi } from "viem";
import { readContract, signTypedData } from "viem/actions";
import { deposit } from "../actions/deposit.ts";
import { depositWithPermitSync } from "../actions/depositWithPermit.ts";
import { Asset } from "../contracts.ts";
import type { OnDeployment } from "../deployment.ts";
import { expectBalance, pay } from "../pay.ts";
import { read } from "../read.ts";
import type { Wallet } from "../send.ts";

export interface AddDepositParameters extends OnDeployment {
  /** Asset wei. */
  readonly amount: bigint;
  /** Whose free deposit grows; the wallet's own if not given. */
  readonly payer?: Address;
}

/**
 * Adds to a payer's free deposit in Retrieval, from the wallet: in one transaction with a permit if the asset takes one, else with an
 * allowance of exactly the amount.
 *
 * @throws HoldfastError when the wallet holds less, before anything is sent
 * @throws ContractRevert
 * @example
 * await addDeposit(wallet, { deployment, amount: 10n ** 18n });
 */
export async function addDeposit(wallet: Wallet, { deployment, amount, ...rest }: AddDepositParameters): Promise<void> {
  const { address } = wallet.account;
  const { payer = address } = rest;
  await expectBalance(wallet, { deployment, amount });
  const allowance = [address, deployment.contracts.Retrieval] as const;
  const isAllowed = (await read(wallet, deployment, Asset, "allowance", allowance)) >= amount;
  const permit = isAllowed ? undefined : await signPermit(wallet, { deployment, amount });
  if (permit === undefined) await pay(wallet, deposit, { deployment, payer, amount });
  else await depositWithPermitSync(wallet, { deployment, payer, amount, deadline: maxUint256, permit });
}

const permitAbi = parseAbi([
  "function nonces(address owner) view returns (uint256)",
  "function DOMAIN_SEPARATOR() view returns (bytes32)",
  "function eip712Domain() view returns (bytes1, string name, string version, uint256 chainId, address verifyingContract, bytes32, uint256[])",
]);

/**
 * A permit (ERC-2612) that lets Retrieval draw `amount` (asset wei) of the wallet's until `deadline` (Unix seconds; default for ever).
 *
 * @returns undefined when the asset does not say, by ERC-5267, how to sign one
 */
export async function signPermit(
  wallet: Wallet,
  { deployment, amount, deadline = maxUint256 }: OnDeployment & { readonly amount: bigint; readonly deadline?: bigint },
): Promise<Hex | undefined> {
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
    message: { owner, spender, value: amount, nonce, deadline },
  });
}
