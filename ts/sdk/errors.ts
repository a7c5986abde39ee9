import { type ContractErrorName, parseAbi } from "viem";
import { errorsAbi } from "../bindings/errors.ts";
import { ContractRevert, toContractRevert } from "../chain/revert.ts";

/** A token's refusals come through the contract that draws from it (ERC-6093). */
const tokenErrors = parseAbi([
  "error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)",
  "error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)",
]);

/** Every custom error that a call of the protocol can end with. */
export const ERRORS = [...errorsAbi, ...tokenErrors] as const;

const FAULT = "This should not happen: please report it, with the call and its arguments.";
const ROLE = "Only governance, the guardian or the curator may do this, through the AccessManager and its delay.";
const INTERNAL = "Only another contract of the protocol calls this; use the action for it.";
const WITHIN = "Stay within the bounds that docs/parameters.md lists.";
const BEACON = "Wait for the round's beacon, or submit it; a round that has none by its middle is void.";
const OWN_WORDS = "Prove the words that the contract draws now, from this round's seed.";

export type ErrorName = ContractErrorName<typeof ERRORS>;

/** What to do about each error. */
export const HINTS: Readonly<Record<ErrorName, string>> = {
  AccessManagedInvalidAuthority: FAULT,
  AccessManagedRequiredDelay: ROLE,
  AccessManagedUnauthorized: ROLE,
  Audits_AlreadyOpen: "One audit of a slot at a time: wait until it is answered or closed.",
  Audits_FeeAbove: "An audit costs more than you would pay: read auditFee and try again.",
  Audits_FeeOutOfBounds: WITHIN,
  Audits_NoSeed: BEACON,
  Audits_NoneOpen: "No audit of this slot is open: it was answered or closed.",
  Audits_NotClosable:
    "An audit fails only after its round, if the operator proved that round and left it unanswered; else roll it.",
  Audits_NotDue: "An audit is answered in the round it is due.",
  Audits_NotLive: "Only live slots are audited: choose one that is live in the next round.",
  Audits_NotRollable: "Only an audit whose round was void or missed is rolled: answer it, or close it after its round.",
  Audits_NothingOwed: "Nothing is owed to this account; answered audits credit the operator's payout.",
  Audits_ObjectLost: "The slot has ended, or its content is blocked: close the audit, and its fee goes back.",
  Audits_TooLate: "The order's term is over, or ends before an audit would be due.",
  Audits_TooMany: "Wait for the next round.",
  Beacon_BadKey: "Give a point of G2's prime-order subgroup in EIP-2537's encoding, 256 bytes.",
  Beacon_BadSchedule: WITHIN,
  Beacon_BadSignature:
    "Submit the signature of the drand round that drandRoundFor names, uncompressed, from the configured network.",
  Beacon_NotFuture: "Name an epoch after the one under way.",
  Beacon_NotYet: "Wait until the beacon's time, which `window` says.",
  Beacon_TooLate: "The round is void; the next one has a beacon of its own.",
  Catalog_Agreed: "Both trees of the content have this block: there is nothing to disprove.",
  Catalog_AlreadyDisproved: "The content was disproved: it has no bond and takes no orders.",
  Catalog_AlreadyPublished: "Open an order for the content that is there.",
  Catalog_BadSignature:
    "Sign with the key of the publisher, or attester, that is named, for this chain and this deployment.",
  Catalog_BadTime:
    "An attestation is signed at a time that has passed, later than the attester's last one on this verdict.",
  Catalog_BlocksOutOfBounds: "Publish a content within the size limit, with at least one block.",
  Catalog_BondTied: "Wait for the epoch named: an order or the publication itself holds the bond until then.",
  Catalog_FileCountOutOfBounds:
    "Count the torrent's files that are not empty: at least one, each with a block of its own.",
  Catalog_ManifestMismatch: "Make the manifest of this very commitment (manifestOf), and sign it again.",
  Catalog_NoSuchVersion: "Name a version that the series has (HeadMoved lists them).",
  Catalog_NotItsBlock:
    "Give the block's bytes, a file's last one at its true length, and its whole path to the file's pieces root.",
  Catalog_NotItsCommitment: "Give the commitment that the content was published with.",
  Catalog_NotItsRow: "Give the file's row as filesRoot has it, its place and its whole path.",
  Catalog_NotItsWords:
    "Give the node of the possession tree nine levels above the block's words, and its path to dataRoot.",
  Catalog_NotNewer: "Give a version greater than the series' latest.",
  Catalog_NotSeriesOwner: "Sign with the key that created the series.",
  Catalog_PublishBondOutOfBounds: WITHIN,
  Catalog_Stamped: "The content was blocked or disproved: choose another one.",
  Catalog_TextTooLong: "Shorten the name, licence, source, reason or evidence.",
  Catalog_TooManySources: "Name fewer sources.",
  Catalog_Unauthorized: INTERNAL,
  Catalog_Unbonded: "Publish the content again: its bond has gone home.",
  Catalog_Unknown:
    "No content has this number, or the key attested to: publish it, or look its number up with contentOf.",
  CheckpointUnorderedInsertion: FAULT,
  Clock_BadParameters: "Give a genesis and a round length of at least a minute.",
  Clock_BeforeGenesis: "The deployment has not started yet.",
  ERC20InsufficientAllowance: "Approve the contract to draw the asset first.",
  ERC20InsufficientBalance: "The account has too little of the asset.",
  EnforcedPause: "The guardian has paused intake: proofs, settling, claims, refunds and exits go on; try again later.",
  EpochSchedule_Closed: FAULT,
  EpochSchedule_NoStream: FAULT,
  EpochSchedule_NotNext: "Epochs are frozen and settled in order, each once: do the earlier ones first, or it is done.",
  Erc1271_TooLittleGas: "Send the batch with more gas: a contract's signature takes up to 100,000.",
  ExpectedPause: "It is not paused.",
  HashToG1_PrecompileFailed: "The chain must have the precompiles of EIP-2537 (Pectra or later).",
  Holdings_AuditPending: "An audit of the slot is decided first: answer it, or wait until it can be closed.",
  Holdings_ContentHeld: "An operator holds one copy of the same data at a time.",
  Holdings_LineFull: "Take an order that ends in another epoch.",
  Holdings_NoSeed: BEACON,
  Holdings_NotEjectable: "An operator is ejected after 7 non-void rounds in a row without a clean one.",
  Holdings_NotStamped:
    "Only slots of an ejected operator, or of a content blocked or disproved, that were live by then are unwound.",
  Holdings_NothingHeld: "Nothing is live this round, so nothing is due.",
  Holdings_NothingLive: "Unwind the slots whose contents were blocked or disproved; with nothing live nothing is due.",
  Holdings_Stamped: "The operator was ejected: unwind its slots first.",
  Holdings_TooMuchLost: "More was lost in this epoch and the next than is held: wait until they are over.",
  Holdings_Unauthorized: INTERNAL,
  Holdings_WrongEntry: "Take the draws from `challenges` in the round under way, and answer them in their order.",
  Holdings_WrongProof: OWN_WORDS,
  Holdings_WrongProofLength: "Give every word drawn with its whole path, and nothing after them.",
  InvalidShortString: FAULT,
  Market_BadIncumbent:
    "Name an order of the same content that ends when this one starts, with as many replicas, or none.",
  Market_BadRequest:
    "Ask for 1 to 16 replicas, 1 to 12 epochs, percentages up to 100, and at most 32 designated operators.",
  Market_BadStart: "Orders start in the epoch under way or in the next.",
  Market_Barred: "This operator let a reservation of the order lapse; take another order.",
  Market_DepositAbove: "The terms changed: look at the new price and try again.",
  Market_IncumbentsOnly: "Until the order starts its former holders alone may renew; try from then on.",
  Market_Lapsed: "The reservation was not activated in time: release it and take another order.",
  Market_NoSeed: BEACON,
  Market_NoSuchReplica: "Name a replica of the order: 0 to its replicas - 1.",
  Market_NotDesignated: "The order names the operators that may take it; take another one.",
  Market_NotLapsed: "The reservation can still be activated: wait.",
  Market_NotLive: "The slot is not live: it was never activated, or has ended.",
  Market_NotOpen: "Another operator holds this replica; choose another one.",
  Market_NotReserved: "The replica is not reserved: accept it first; one that is live needs no more.",
  Market_NotUploader: "Sign with the key that opened the order.",
  Market_NotYet: "A slot is activated in a round after the one in which it was accepted.",
  Market_StandingTooLow: "The order asks for a better standing than the operator has.",
  Market_TermsOutOfBounds: WITHIN,
  Market_TooLate: "Too few rounds are left of the order; take another one, or start in the next epoch.",
  Market_Unauthorized: INTERNAL,
  Market_UnknownOrder: "No order has this number; `count` says how many there are.",
  Market_Unsettled: "Settle the operator's earlier epochs first.",
  Market_ZeroAddress: "Give an address that is not zero.",
  MerkleBlocks_TooLong: "A block has at most 16 KiB.",
  MerkleWords_NoSuchLeaf: "Name a leaf that the tree has.",
  MerkleWords_ProofTooShort: "Give every word drawn with its whole path.",
  Operators_CapacityExceeded: "Offer more capacity or add stake.",
  Operators_CapacityOutOfBounds: "Offer at least what is reserved and at most 1,048,576 chunks.",
  Operators_EndpointTooLong: "Give host:port in fewer bytes.",
  Operators_Exiting: "The operator is leaving: register another one to hold more.",
  Operators_HasSlots: "Wait until the slots held or reserved have ended.",
  Operators_NotAgent: "Sign with the operator's owner or prover key.",
  Operators_NotExiting: "Ask to leave first (requestExit).",
  Operators_NotOwner: "Sign with the operator's owner key.",
  Operators_ProverLimit: "The owner can raise what the prover may accept (setKeys).",
  Operators_StakePerChunkOutOfBounds: WITHIN,
  Operators_StakeTooLow: "Add stake first (addStake): the capacity asked for needs more.",
  Operators_Thawing: "Wait for the round named; above a reputation of 0.8 the thaw is shorter.",
  Operators_Unauthorized: INTERNAL,
  Operators_Unknown: "No operator has this number; `count` says how many there are.",
  Operators_Unsettled: "Settle the operator's earlier epochs first.",
  Operators_Withheld: "The share waits while reputation is below 0.3, for 6 epochs; then it is forfeited.",
  Operators_ZeroAddress: "Give an address that is not zero.",
  Oracle_AllRevealed: "Every page committed to has been revealed.",
  Oracle_AlreadyAdmitted: "The keeper is admitted; it can join.",
  Oracle_AlreadyJoined: "The keeper has a bond here: withdraw it before joining again.",
  Oracle_AlreadyTallied: "The page is tallied; go on with the next one.",
  Oracle_BondFull: "Nothing is missing from the bond.",
  Oracle_BondShort: "Top the bond up first: a forfeit was taken from it.",
  Oracle_BondThawing: "Wait for the epoch named; the bond stays for two epochs after the seat is gone.",
  Oracle_CommitteeFull: "Wait until a keeper leaves: governance admits them, and there are nine seats.",
  Oracle_KeeperBondOutOfBounds: WITHIN,
  Oracle_Leaving: "The keeper is leaving: it joins anew when its bond has come home.",
  Oracle_NoCommitment: "The keeper has no commitment for this epoch: it is made in round 0 of the next.",
  Oracle_NoSuchOperator: "Operators count from 1.",
  Oracle_NoSuchPage: "No keeper that counts revealed this page.",
  Oracle_NoSuchSeat: "Seats count from 0; `committee` lists them.",
  Oracle_NotAdmitted: "Governance must admit the keeper first.",
  Oracle_NotCounted: "Too few keepers revealed: the epoch has no medians, and settling goes on without.",
  Oracle_NotJoined: "Join the committee first.",
  Oracle_NotLeaving: "Leave the committee first; the bond comes home two epochs later.",
  Oracle_NotSeated: "Only keepers seated in that epoch commit to its values; a seat starts in the epoch after joining.",
  Oracle_PagesOutOfBounds: "Commit to at least one page, and no more than there can be.",
  Oracle_RulesOutOfBounds: WITHIN,
  Oracle_TooEarly: "Wait for the round named.",
  Oracle_WrongLength: "Give 4 bytes an operator, at most one page of them.",
  Oracle_WrongLink: "Reveal the pages committed to, in order, with the links and the salt of that commitment.",
  Oracle_WrongRound: "Commit in round 0 of the next epoch and reveal in round 1.",
  Pool_AlreadyFrozen: "The epoch is frozen: claim.",
  Pool_KeeperNotOwed: "The seat did not earn its pay or has drawn it, or the epoch is not frozen.",
  Pool_NotFrozen: "Claiming begins when the epoch is frozen, from round 5 of the next one.",
  Pool_NothingToPay: "The operator has no weight in this epoch, or was paid.",
  Pool_SharesOutOfBounds: WITHIN,
  Pool_Unauthorized: INTERNAL,
  Pool_ZeroTreasury: "Give an address that is not zero.",
  Retrieval_BalanceTooLow: "Deposit more first, or ask for less.",
  Retrieval_KeyExpiryPast: "Let the key expire at a time to come, in Unix seconds.",
  Retrieval_KeyNarrowed: "A live key can only be widened: revoke it, or authorise another one.",
  Retrieval_KeyNotLive: "The key has expired, or was never authorised.",
  Retrieval_NothingOwed: "Nothing is owed to this address: redeem vouchers first.",
  Retrieval_NothingThawing: "Ask for an amount first; two rounds later it can be taken.",
  Retrieval_TermsOutOfBounds: WITHIN,
  Retrieval_Thawing: "Withdrawals and released earmarks take two rounds; vouchers are redeemed meanwhile.",
  Retrieval_UnknownContent: "Pay for a content that is in the catalog.",
  Retrieval_ZeroAddress: "Give an address that is not zero.",
  SafeCastOverflowedIntDowncast: FAULT,
  SafeCastOverflowedIntToUint: FAULT,
  SafeCastOverflowedUintDowncast: "A number is larger than the protocol ever needs: look at the amounts.",
  SafeERC20FailedOperation:
    "The asset refused the transfer: look at balance and allowance, and at the asset's own rules.",
  Settlement_AuditsPending: "Roll or close the audits due in that epoch first.",
  Settlement_NotTallied: "Tally the operator's page of the keepers' values first.",
  Settlement_NotUnwound: "Unwind the ejected operator's slots first.",
  Settlement_NothingToSettle: "The operator held nothing in that epoch, or it is settled.",
  Settlement_TooEarly: "Settling begins in round 2 of the next epoch, freezing in round 5.",
  StringTooLong: FAULT,
  Tokens_NotExact: "The asset must arrive in full: fee-on-transfer and rebasing tokens are refused.",
};

/** Turns whatever a client threw into a ContractRevert, with what to do about it, if a contract refused; anything else stays as it is. */
export function explain(error: unknown, name: string): unknown {
  return toContractRevert(error, name, ERRORS, { hints: HINTS }) ?? error;
}

/** Whether a contract refused with one of these errors. */
export function isRevert(error: unknown, ...errorNames: readonly ErrorName[]): error is ContractRevert {
  return error instanceof ContractRevert && (errorNames as readonly (string | undefined)[]).includes(error.errorName);
}
