import type { Client } from "viem";
import { HoldfastError } from "../errors.ts";
import { approve } from "./actions/approve.ts";
import { Asset, type Contract, type ContractName, type EventOf, type WriteOf } from "./contracts.ts";
import { type EventLog, type PaidAction, type SyncResult, sync, type WriteAction } from "./define.ts";
import type { OnDeployment } from "./deployment.ts";
import { read } from "./read.ts";
import { send, type Wallet } from "./send.ts";

export interface AllowParameters extends OnDeployment {
  /** The contract that will draw. */
  readonly spender: ContractName;
  /** Asset wei. */
  readonly amount: bigint;
}

/** Lets a contract draw `amount` of the asset from the wallet, if it may not already. @throws ContractRevert */
export async function allow(wallet: Wallet, { deployment, spender, amount }: AllowParameters): Promise<void> {
  const allowance = [wallet.account.address, deployment.contracts[spender]] as const;
  if ((await read(wallet, deployment, Asset, "allowance", allowance)) >= amount) return;
  await send(wallet, approve.call({ deployment, spender, amount }));
}

/**
 * Sends a write that draws the asset, and waits for it: looks what it will draw, whether the wallet has that, and approves exactly that
 * if less is approved.
 *
 * @throws HoldfastError when the wallet has too little of the asset, before anything is sent
 * @throws ContractRevert when it would revert
 * @example
 * const { operatorId } = await pay(wallet, register, { deployment, capacityChunks, payout, prover, endpoint });
 */
export async function pay<C extends Contract, F extends WriteOf<C>, M extends Contract, E extends EventOf<M>, P>(
  wallet: Wallet,
  action: PaidAction<WriteAction<C, F, M, E, P>, P>,
  parameters: P & OnDeployment,
): Promise<SyncResult<EventLog<M, E>>> {
  const { deployment } = parameters;
  const amount = await action.cost(wallet, parameters);
  await expectBalance(wallet, { deployment, amount });
  await allow(wallet, { deployment, spender: action.call(parameters).contract, amount });
  return sync(action)(wallet, parameters);
}

/** @throws HoldfastError when the wallet has less than `amount` of the asset */
export async function expectBalance(
  wallet: Wallet,
  { deployment, amount }: OnDeployment & { readonly amount: bigint },
): Promise<void> {
  const { address } = wallet.account;
  const balance = await read(wallet as Client, deployment, Asset, "balanceOf", [address]);
  if (balance >= amount) return;
  throw new HoldfastError(`${address} has too little of the asset`, {
    facts: { balance, needed: amount, asset: deployment.contracts.Asset },
    hint: `send it ${amount - balance} more of the asset, or ask for less`,
  });
}
