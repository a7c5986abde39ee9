import type { Account, Address, Chain, Client, Hash, TransactionReceipt, Transport } from "viem";
import { call as callAt, sendTransaction, waitForTransactionReceipt } from "viem/actions";
import { type Call, encodeCall } from "../chain/call.ts";
import { explain } from "./errors.ts";

/** A client with an account and a chain, as viem's `createWalletClient` makes it. */
export type Wallet = Client<Transport, Chain, Account>;

/** Tries a call as `sender`'s, without sending it. @throws ContractRevert when it would revert */
export async function attempt(client: Client, sender: Address, what: Call): Promise<void> {
  const { to, data, name } = encodeCall(what);
  try {
    await callAt(client, { account: sender, to, data });
  } catch (error) {
    throw explain(error, name);
  }
}

/** Tries a call and sends it. @throws ContractRevert when it would revert, before anything is sent */
export async function submit(wallet: Wallet, what: Call): Promise<Hash> {
  const { account, chain } = wallet;
  await attempt(wallet, account.address, what);
  const { to, data, name } = encodeCall(what);
  try {
    return await sendTransaction(wallet, { account, chain, to, data });
  } catch (error) {
    throw explain(error, name);
  }
}

/**
 * Tries a call, sends it and waits for it: for people at a terminal, scripts and tests. Agents, which may die at any moment, use a
 * transactor instead.
 *
 * @throws ContractRevert when it would revert, before anything is sent
 */
export async function send(wallet: Wallet, what: Call): Promise<TransactionReceipt> {
  const hash = await submit(wallet, what);
  const receipt = await waitForTransactionReceipt(wallet, { hash });
  if (receipt.status === "success") return receipt;
  throw new Error(
    `${what.contract}.${what.functionName} reverted in transaction ${hash}, though it had passed a moment before`,
  );
}
