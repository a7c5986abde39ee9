// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch} from "../Types.sol";

/// @title Retrieval
/// @notice Downloads paid per byte: payers' deposits, and the vouchers by which operators draw on them. Holds deposits, what operators have
/// not collected, and the treasury's take.
///
/// A payer has one deposit, of which it may earmark parts, each for one operator. A channel is (payer, operator, content); a voucher
/// says what a channel owes in all, so that of many only the last matters, and one that was paid pays nothing again. An operator is the
/// address that is paid; who that is to the protocol, its keys or its reputation, plays no part, and nothing here moves a reward (H-RET-3).
interface IRetrieval {
    /// @notice EIP-712, domain "Holdfast Retrieval" version "1". Signed by the payer (ECDSA, or ERC-1271 if it is a contract) or by a
    /// session key it authorised.
    struct Voucher {
        address payer;
        address operator;
        uint64 contentId;
        uint128 cumulativeAmount; // owed in this channel from its beginning on, in asset wei; the take is part of it
        uint64 cumulativeBytes; // delivered in this channel from its beginning on
    }

    /// @notice A voucher without its operator, who is the same for a batch.
    struct SignedVoucher {
        address payer;
        uint64 contentId;
        uint128 cumulativeAmount;
        uint64 cumulativeBytes;
        bytes signature;
    }

    /// @notice What became of a voucher in a batch.
    enum Outcome {
        Paid, // whole
        Short, // as far as balance and ceiling reach; the rest is on record and is paid by the same voucher when they reach further
        // Skipped, changing nothing:
        NothingNew, // the channel has paid that much
        UnknownContent,
        BadSignature, // neither the payer's nor of a key it ever authorised
        KeyExpired,
        KeyExhausted, // the session key's ceiling is reached, and nothing is earmarked
        NoBalance // still nothing to pay with, and the shortfall is on record
    }

    struct Account {
        // slot 0: all that a redemption writes
        uint96 balance; // free deposit, in asset wei; what thaws is part of it
        uint96 earmarked; // sum of its earmarks, in asset wei
        uint64 down; // bytes credited
    }

    struct Channel {
        // slot 0
        uint96 paid; // in asset wei, take included; never falls
        uint96 signed; // highest cumulative amount of a good voucher seen here; never below `paid` (H-RET-1). The difference is the shortfall
        uint64 bytes_; // credited
    }

    struct SessionKey {
        // slot 0
        uint64 expiry; // Unix seconds: signs until before then. 0: never authorised
        uint96 ceiling; // most that its vouchers draw on the free deposit, in asset wei
        uint96 spent; // drawn by its vouchers on the free deposit, in asset wei
    }

    /// @notice A withdrawal under way, of the free deposit or of an earmark.
    struct Thaw {
        // slot 0
        uint96 amount; // in asset wei; redeemable meanwhile
        uint64 until; // Unix seconds: can be withdrawn from then on
    }

    struct Earnings {
        // slot 0
        uint128 credit; // not yet collected, in asset wei
        uint128 up; // bytes credited
    }

    event Deposited(address indexed payer, address indexed from, uint256 amount);
    event WithdrawalRequested(address indexed payer, uint256 amount, uint256 until);
    event Withdrawn(address indexed payer, address indexed to, uint256 amount);
    event Earmarked(address indexed payer, address indexed operator, uint256 amount);
    event ReleaseRequested(address indexed payer, address indexed operator, uint256 amount, uint256 until);
    event Released(address indexed payer, address indexed operator, uint256 amount);
    /// @notice Also when it is revoked: `expiry` is then the end of the thaw.
    event KeySet(address indexed payer, address indexed key, uint256 expiry, uint256 ceiling);
    /// @param amount Drawn now, take included. @param shortfall What the channel still owes. @param served Bytes credited now.
    event Redeemed(
        address indexed payer, address indexed operator, uint64 indexed contentId, uint256 amount, uint256 shortfall, uint256 served
    );
    event Skipped(address indexed payer, address indexed operator, uint64 indexed contentId, uint256 cumulativeAmount, Outcome reason);
    event PaidDirect(address indexed payer, address indexed operator, uint64 indexed contentId, uint256 amount, uint256 served);
    /// @notice Of `amount` paid to an operator, the treasury takes `take`; the rest is its to collect.
    event Credited(address indexed operator, uint256 amount, uint256 take);
    event Collected(address indexed operator, uint256 amount);
    event TakeSent(uint256 amount);
    event TermsSet(Epoch indexed from, uint16 takeBps, uint96 referencePrice);

    error Retrieval_ZeroAddress();
    error Retrieval_BalanceTooLow(uint256 balance, uint256 wanted);
    error Retrieval_NothingThawing(address payer, address operator);
    error Retrieval_Thawing(uint256 until);
    error Retrieval_KeyExpiryPast(uint256 expiry);
    error Retrieval_KeyNarrowed(address key, uint256 expiry, uint256 ceiling);
    error Retrieval_KeyNotLive(address payer, address key);
    error Retrieval_UnknownContent(uint64 contentId);
    error Retrieval_NothingOwed(address operator);
    error Retrieval_TermsOutOfBounds(uint16 takeBps, uint96 referencePrice);

    // ---- Payers ----

    /// @notice Adds to the free deposit of `to`, from the caller.
    /// Requirements: deposits are not paused; `to` is not 0; all of the amount arrives.
    function deposit(address to, uint96 amount) external;

    /// @notice The same with an ERC-2612 permit of the caller's. One that was used already, by whoever saw it first, does no harm: the
    /// allowance it gave is what counts.
    function depositWithPermit(address to, uint96 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Moves part of the caller's free deposit to one operator's reach alone; that operator's vouchers draw on it first, and those of
    /// session keys whatever their ceiling: what others are promised by the same key takes nothing from it.
    /// Requirements: the free deposit has as much; the operator is not 0.
    function earmark(address operator, uint96 amount) external;

    /// @notice Asks for part of an earmark back, in THAW_ROUNDS; it replaces an earlier request, and 0 cancels it.
    /// Requirements: the earmark has as much.
    function requestRelease(address operator, uint96 amount) external;

    /// @notice Moves what has thawed of an earmark to the caller's free deposit: what was requested, or what redemptions left.
    /// Requirements: requested, and thawed.
    function release(address operator) external returns (uint256 amount);

    /// @notice Asks for part of the free deposit, in THAW_ROUNDS; it replaces an earlier request, and 0 cancels it.
    /// Requirements: the free deposit has as much.
    function requestWithdrawal(uint96 amount) external;

    /// @notice Sends what has thawed of the free deposit to `to`: what was requested, or what redemptions and earmarks left.
    /// Requirements: requested, and thawed; `to` is not 0.
    function withdraw(address to) external returns (uint256 amount);

    /// @notice Lets a key sign the caller's vouchers until before `expiry` (Unix seconds), for at most `ceiling` asset wei of the free deposit,
    /// 0 for earmarks alone. An authorisation that has not expired can only be widened, and keeps what it has spent; after it, the key starts
    /// anew, and what it signed before is good again.
    /// Requirements: `key` is not 0; `expiry` is to come; of a live key neither `expiry` nor `ceiling` falls.
    function authorise(address key, uint64 expiry, uint96 ceiling) external;

    /// @notice Ends an authorisation THAW_ROUNDS from now, or when it expires if that is sooner.
    /// Requirements: it has not expired.
    function revoke(address key) external;

    /// @notice Pays an operator at once, from the caller's wallet; the take is part of `amount`. No channel is touched.
    /// @param served Bytes that the caller says it got, credited as far as `amount` buys them at the reference price.
    /// Requirements: the operator is not 0; the content is known; all of the amount arrives.
    function payDirect(address operator, uint64 contentId, uint96 amount, uint64 served) external;

    // ---- Operators ----

    /// @notice Redeems vouchers to one operator, by anyone: each pays what its channel has grown by, from the operator's earmark first, then
    /// from the free deposit. One that does not is skipped with a reason, and costs the others nothing but its gas (H-RET-2); called without
    /// a transaction it says what would become of each.
    /// @return amount Drawn in all, take included. @return outcomes Of each voucher, in order.
    /// Requirements: the operator is not 0; gas is left for what an ERC-1271 wallet may use (ERC1271_GAS).
    function redeem(address operator, SignedVoucher[] calldata batch) external returns (uint256 amount, Outcome[] memory outcomes);

    /// @notice Sends an operator what it is owed, by anyone.
    function collect(address operator) external returns (uint256 amount);

    // ---- Treasury, governance, guardian ----

    /// @notice Sends the take to the Pool's ledger of the treasury, by anyone.
    function sendTake() external returns (uint256 amount);

    /// @notice Governance: the take, in basis points of what is paid, and the reference price, in asset wei a chunk of 8 MiB, from the next
    /// epoch on.
    /// Requirements: takeBps at most MAX_TAKE_BPS; referencePrice 1 to MAX_REFERENCE_PRICE.
    function setTerms(uint16 takeBps, uint96 referencePrice) external;

    /// @notice Guardian: no deposits until `unpause`. Redemptions, withdrawals and collecting have no switch.
    function pause() external;

    function unpause() external;

    // ---- Views ----

    /// @notice What a voucher's signature is over (EIP-712).
    function hashOf(Voucher calldata voucher) external view returns (bytes32);

    function account(address payer) external view returns (Account memory);

    /// @notice What one operator may draw on besides the free deposit, in asset wei.
    function earmarkOf(address payer, address operator) external view returns (uint256);

    /// @notice A withdrawal under way: of an operator's earmark, or of the free deposit for operator 0.
    function thawOf(address payer, address operator) external view returns (Thaw memory);

    function sessionKey(address payer, address key) external view returns (SessionKey memory);

    function channel(address payer, address operator, uint64 contentId) external view returns (Channel memory);

    function earnings(address operator) external view returns (Earnings memory);

    /// @notice The ratio of a private tracker: bytes an address was paid for, and bytes it paid for, each credited at the reference price.
    function ratio(address who) external view returns (uint256 up, uint256 down);

    /// @notice Bytes credited of a content.
    function served(uint64 contentId) external view returns (uint256);

    function termsOf(Epoch epoch) external view returns (uint16 takeBps, uint96 referencePrice);

    /// @notice The take not yet sent, in asset wei.
    function takeOwed() external view returns (uint128);

    /// @notice Deposits + earmarks + what operators have not collected + the take not yet sent, in asset wei. The balance is at least that.
    function accounted() external view returns (uint128);
}
