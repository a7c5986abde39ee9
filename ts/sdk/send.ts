import type { Account, Address, Chain, Client, TransactionReceipt, Transport } from "viem";
import { call as callAt, sendTransaction, waitForTransactionReceipt } from "viem/actions";
import type { Call } from "../chain/call.ts";
import { explain } from "./errors.ts";

/** A client with an account and a chain, as `createWalletClient` makes it. */
export type Wallet = Client<Transport, Chain, Account>;

/** Tries a call as `sender`'s, without sending it. @throws ContractRevert when it would revert */
export async function attempt(client: Client, sender: Address, { to, data, name }: Call): Promise<void> {
  try {
    await callAt(client, { account: sender, to, data });
  } catch (error) {
    throw explain(error, name);
  }
}

/**
 * Tries a call, sends it and waits for it: for people at a terminal and for tests. Agents, which may die at any moment, use a
 * transactor instead.
 *
 * @throws ContractRevert when it would revert, before anything is sent
 */
export async function send(wallet: Wallet, what: Call): Promise<TransactionReceipt> {
  const { to, data, name } = what;
  const { account, chain } = wallet;
  await attempt(wallet, account.address, what);
  try {
    const hash = await sendTransaction(wallet, { account, chain, to, data });
    const receipt = await waitForTransactionReceipt(wallet, { hash });
    if (receipt.status === "reverted")
      throw new Error(`${name} reverted in transaction ${hash}, though it had passed a moment before`);
    return receipt;
  } catch (error) {
    throw explain(error, name);
  }
}
