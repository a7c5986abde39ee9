import type { Account, Chain, Client, TransactionReceipt, Transport } from "viem";
import { sendTransaction, call as simulate, waitForTransactionReceipt } from "viem/actions";
import type { Call } from "../chain/call.ts";
import { explain } from "./errors.ts";

/** A client with an account and a chain, as `createWalletClient` makes it. */
export type Wallet = Client<Transport, Chain, Account>;

/**
 * Tries a call, sends it and waits for it: for people at a terminal and for tests. Agents, which may die at any moment, use a
 * transactor instead.
 *
 * @throws ContractRevert when it would revert, before anything is sent
 */
export async function send(wallet: Wallet, { to, data, name }: Call): Promise<TransactionReceipt> {
  const { account, chain } = wallet;
  try {
    await simulate(wallet, { account, to, data });
    const hash = await sendTransaction(wallet, { account, chain, to, data });
    const receipt = await waitForTransactionReceipt(wallet, { hash });
    if (receipt.status === "reverted")
      throw new Error(`${name} reverted in transaction ${hash}, though it had passed a moment before`);
    return receipt;
  } catch (error) {
    throw explain(error, name);
  }
}
