import { type Abi, parseAbi } from "viem";
import { errorsAbi } from "../bindings/errors.ts";
import { ContractRevert, toContractRevert } from "../chain/revert.ts";

/** A token's refusals come through the contract that draws from it (ERC-6093). */
const tokenErrors = parseAbi([
  "error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)",
  "error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)",
]);

/** Every custom error that a call of the protocol can end with. */
export const ERRORS: Abi = [...errorsAbi, ...tokenErrors];

/** What to do about errors that people meet. */
const HINTS: Readonly<Record<string, string>> = {
  Audits_NotDue: "An audit is answered in the round it is due.",
  Audits_TooMany: "Wait for the next round.",
  Beacon_TooLate: "The round is void; the next one has a beacon of its own.",
  Catalog_AlreadyPublished: "Open an order for the content that is there.",
  Catalog_BadSignature: "Sign the manifest with the publisher's key, for this chain and this deployment.",
  Catalog_Unbonded: "Publish the content again: its bond has gone home.",
  Clock_BeforeGenesis: "The deployment has not started yet.",
  ERC20InsufficientAllowance: "Approve the contract to draw the asset first.",
  ERC20InsufficientBalance: "The account has too little of the asset.",
  Holdings_ContentHeld: "An operator holds one copy of the same data at a time.",
  Holdings_NoSeed: "Wait for the round's beacon.",
  Holdings_NothingHeld: "Nothing is live this round, so nothing is due.",
  Holdings_TooMuchDead: "Wait until lost slots' terms are over, or hold more.",
  Market_Barred: "This operator let a reservation of the order lapse; take another order.",
  Market_BadStart: "Orders start in the epoch under way or in the next.",
  Market_DepositAbove: "The terms changed: look at the new price and try again.",
  Market_NotOpen: "Another operator holds this replica; choose another one.",
  Market_NotYet: "A slot is activated in a round after the one in which it was accepted.",
  Market_StandingTooLow: "The order asks for a better standing than the operator has.",
  Market_Unsettled: "Settle the operator's earlier epochs first.",
  Operators_CapacityExceeded: "Offer more capacity or add stake.",
  Operators_NotAgent: "Sign with the operator's owner or prover key.",
  Operators_ProverLimit: "The owner can raise what the prover may accept (setKeys).",
  Operators_StakeTooLow: "Approve and hold enough of the asset for the capacity offered.",
  Oracle_BondFull: "Nothing is missing from the bond.",
  Oracle_BondThawing: "Wait for the epoch named; the bond stays for two epochs after the seat is gone.",
  Oracle_CommitteeFull: "Wait until a keeper leaves: governance admits them, and there are nine seats.",
  Oracle_NotJoined: "Join the committee first.",
  Oracle_NotLeaving: "Leave the committee first; the bond comes home two epochs later.",
  Pool_NotFrozen: "Claiming begins when the epoch is frozen, from round 5 of the next one.",
  Erc1271_TooLittleGas: "Send the batch with more gas: a contract's signature takes up to 100,000.",
  Retrieval_BalanceTooLow: "Deposit more first, or ask for less.",
  Retrieval_KeyNarrowed: "A live key can only be widened: revoke it, or authorise another one.",
  Retrieval_NothingThawing: "Ask for an amount first; two rounds later it can be taken.",
  Retrieval_Thawing: "Withdrawals and released earmarks take two rounds; vouchers are redeemed meanwhile.",
  Retrieval_UnknownContent: "Pay for a content that is in the catalog.",
  Settlement_AuditsPending: "Roll or close the audits due in that epoch first.",
  Settlement_NotTallied: "Tally the operator's page of the keepers' values first.",
  Settlement_TooEarly: "Settling begins in round 2 of the next epoch, freezing in round 5.",
};

/** Turns whatever a client threw into a ContractRevert, with what to do about it, if a contract refused; anything else stays as it is. */
export function explain(error: unknown, name: string): unknown {
  const revert = toContractRevert(error, name, ERRORS);
  const hint = HINTS[revert?.errorName ?? ""];
  return hint === undefined ? (revert ?? error) : toContractRevert(error, name, ERRORS, { hint });
}

/** Whether a contract refused with one of these errors. */
export function isRevert(error: unknown, ...errorNames: readonly string[]): error is ContractRevert {
  return error instanceof ContractRevert && errorNames.includes(error.errorName ?? "");
}
