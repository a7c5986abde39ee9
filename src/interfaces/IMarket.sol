// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch, Round} from "../Types.sol";

/// @title Market
/// @notice Orders to hold contents, their replicas, and the escrow that pays for them. Holds deposits and fees not yet collected:
/// the orders' balances + Pool.scheduled = accounted, an equality (H-ESC-1), and every wei deposited ends as a fee of some epoch or as a refund (H-ESC-2).
interface IMarket {
    /// @notice What an uploader asks for.
    struct Request {
        uint32 contentId;
        uint8 replicas; // copies, each by another operator, 1 to MAX_REPLICAS
        Epoch startEpoch; // the one under way or the next
        uint8 epochs; // 1 to MAX_EPOCHS
        uint8 minReputation; // percent, 0 to 100
        uint8 minReliability; // percent, 0 to 100
        uint40 incumbentOrder; // 0, or an order of the same content that ends when this one starts: replica i is its holder's to renew
        uint32[] designated; // the only operators that may accept, if any are named; at most MAX_DESIGNATED
    }

    struct Order {
        // slot 0
        address uploader;
        uint32 contentId;
        uint24 startEpoch;
        uint8 epochs;
        uint8 replicas;
        uint8 minReputation; // percent
        uint8 minReliability; // percent
        bool isRestricted; // not open to all: an incumbent or a designation (slot 2), or a reservation lapsed and its holder is barred
        // slot 1
        uint104 balance; // asset wei: deposits of rounds without a holder yet, and refunds
        uint8 unheld; // replicas neither live nor cancelled, whose deposit waits for a holder
        uint64 feePerChunkRound; // asset wei, fixed at opening, like what follows
        uint64 stakePerChunk; // asset wei
        uint16 slashBps;
        // slot 2
        uint40 incumbentOrder;
        bool isDesignated;
    }

    /// @notice One replica of an order.
    struct Slot {
        // slot 0
        uint32 operatorId; // 0: open
        Round acceptedIn;
        Round liveFrom; // 0: reserved, not activated
        uint32 entry; // in the holder's line of the order's last epoch
        bool cancelled;
    }

    /// @notice Why a slot ended early.
    enum Ending {
        AuditFailed,
        LossReported,
        Ejected,
        ContentStamped // blocked or disproved: without fault
    }

    event OrderOpened(
        uint40 indexed orderId,
        uint32 indexed contentId,
        address indexed uploader,
        uint256 chunks,
        uint256 deposit,
        uint64 feePerChunkRound,
        uint64 stakePerChunk,
        uint16 slashBps,
        Request request
    );
    event Accepted(uint40 indexed orderId, uint8 replica, uint32 indexed operatorId, Round round);
    /// @param entry Index in the operator's line of the order's last epoch (IHoldings.Entry).
    event Activated(uint40 indexed orderId, uint8 replica, uint32 indexed operatorId, Round liveFrom, uint32 entry);
    event ReservationLapsed(uint40 indexed orderId, uint8 replica, uint32 indexed operatorId);
    event SlotEnded(
        uint40 indexed orderId, uint8 replica, uint32 indexed operatorId, Ending ending, Round from, uint256 returned, uint256 slashed
    );
    event ReplicaCancelled(uint40 indexed orderId, uint8 replica);
    event OrderWithdrawn(uint40 indexed orderId, address to, uint256 amount);
    event Collected(Epoch indexed epoch, uint256 fees);
    event TermsSet(uint64 feePerChunkRound, uint16 slashBps);

    error Market_Unauthorized(address caller);
    error Market_ZeroAddress();
    error Market_UnknownOrder(uint40 orderId);
    error Market_BadRequest(uint8 replicas, uint8 epochs, uint8 minReputation, uint8 minReliability, uint256 designated);
    error Market_BadStart(Epoch startEpoch, Epoch current);
    error Market_TooLate(Round round, Round last);
    error Market_DepositAbove(uint256 deposit, uint256 maxDeposit);
    error Market_BadIncumbent(uint40 incumbentOrder);
    error Market_NoSuchReplica(uint40 orderId, uint8 replica);
    error Market_NotOpen(uint40 orderId, uint8 replica);
    error Market_NotReserved(uint40 orderId, uint8 replica);
    error Market_NotLive(uint40 orderId, uint8 replica);
    error Market_NotLapsed(uint40 orderId, uint8 replica);
    error Market_Lapsed(uint40 orderId, uint8 replica);
    error Market_Barred(uint40 orderId, uint32 operatorId);
    error Market_NotDesignated(uint40 orderId, uint32 operatorId);
    error Market_IncumbentsOnly(uint40 orderId, uint8 replica, uint32 operatorId);
    error Market_StandingTooLow(uint32 operatorId, uint256 reputation, uint256 reliability);
    error Market_Unsettled(uint32 operatorId, Epoch epoch);
    error Market_NotYet(Round round, Round from);
    error Market_NoSeed(Round round);
    error Market_NotUploader(uint40 orderId, address caller);
    error Market_TermsOutOfBounds(uint64 feePerChunkRound, uint16 slashBps);

    /// @notice Opens an order and pulls its whole deposit: chunks x replicas x feePerChunkRound x rounds to the end. The event is the
    /// broadcast. Fee, stake and slash are fixed in the order: no later change reaches it.
    /// @param maxDeposit Most the caller is willing to pay, in asset wei: terms may change before the transaction lands.
    /// Requirements: not paused; the content is published and bonded; every number within its bounds; at least one round left.
    function open(Request calldata request, uint256 maxDeposit) external returns (uint40 orderId);

    /// @notice Reserves a replica for an operator until it activates. A renewal (IMarket.Request.incumbentOrder) is live at once, from
    /// startEpoch on, without a gap.
    ///
    /// Requirements:
    /// - the replica is open, or its reservation has lapsed
    /// - caller is the operator's owner, or its prover within its limit; the operator is not leaving
    /// - every epoch before the one under way is settled; before round 5, the one just ended may be open
    /// - spare capacity and stake; reputation and reliability enough; designated, if the order designates
    /// - no slot with the same data in these epochs; not more lost in this epoch and the next than what is live and this; not ejected in it
    /// - its reservation of this order has not lapsed before
    /// - not in the last LAST_ROUNDS rounds of the order
    /// - for an order with an incumbent: its holders alone, in the RENEWAL_ROUNDS rounds before startEpoch; anyone from then on
    function accept(uint40 orderId, uint8 replica, uint32 operatorId) external;

    /// @notice Makes a reserved slot live from the next round: proves K words of it drawn from this round's seed. Possible in the first
    /// ACTIVATION_ROUNDS non-void rounds after accepting, and not before the last round ahead of startEpoch.
    /// @param proof K times a word and its path (see IHoldings.requireWords); `activationSeed` draws the words.
    /// Requirements: caller is the operator's owner or prover; the reservation has not lapsed; the round has a seed; the words are right.
    function activate(uint40 orderId, uint8 replica, bytes calldata proof) external;

    /// @notice Frees a reservation that was not activated in time, or whose content was blocked or disproved, by anyone. Its operator cannot
    /// take this order again.
    function release(uint40 orderId, uint8 replica) external;

    /// @notice Ends a slot for loss: the fee from the next round on returns to the order, the replica is open again, the slash is shared
    /// between uploader and treasury.
    /// @param countIn Epoch whose tally bears the loss.
    /// Requirements: caller is the Audits; the slot is live or its term is over.
    function endSlot(uint40 orderId, uint8 replica, Epoch countIn, Ending ending) external;

    /// @notice Ends one slot of an ejected operator, or of a content that was blocked or disproved, by anyone. The fee returns to the order from
    /// the round after the stamp on; what an operator has settled, or what is frozen, stays paid. A content's stamp slashes nobody.
    /// @dev An operator whose agent unwinds in the round of the stamp has nothing due for it any more from the next round on.
    /// Requirements: operator or content was stamped before the slot's term was over, and the slot was live or renewed by then; no audit of
    /// it is open, if it was disproved and its operator not ejected.
    function unwind(uint40 orderId, uint8 replica) external;

    /// @notice Uploader: gives up replicas that nobody holds, so that their deposit can be withdrawn.
    /// @param replicas Bit i: replica i. Requirements: each of them is open, or its reservation has lapsed.
    function cancelOpen(uint40 orderId, uint16 replicas) external;

    /// @notice Uploader: takes what the order does not need any more: cancelled replicas, rounds that passed without a holder, slashes.
    /// Requirements: caller is the uploader; `to` is not zero.
    function withdraw(uint40 orderId, address to) external returns (uint256 amount);

    /// @notice Closes an epoch's fees and hands them to the Pool. Requirements: caller is the Settlement.
    function collect(Epoch epoch) external returns (uint256 fees);

    /// @notice Governance: terms of new orders. Fee 1 to MAX_FEE asset wei per chunk and round; slash 0 to 10000 basis points of the slot's
    /// stake (0: reputation only, H-STAKE-3).
    function setTerms(uint64 feePerChunkRound, uint16 slashBps) external;

    /// @notice Guardian: stops or allows new orders; nothing else.
    function pause() external;

    function unpause() external;

    function order(uint40 orderId) external view returns (Order memory);

    function slot(uint40 orderId, uint8 replica) external view returns (Slot memory);

    /// @notice Whether `operatorId` may accept an order, if it designates.
    function isDesignated(uint40 orderId, uint32 operatorId) external view returns (bool);

    /// @notice Whether a slot is reserved and can no longer be activated.
    function isLapsed(uint40 orderId, uint8 replica) external view returns (bool);

    /// @notice Orders ever opened: ids are 1 to count.
    function count() external view returns (uint40);

    /// @notice First and last round an order pays for.
    function term(uint40 orderId) external view returns (Round first, Round last);

    /// @notice What an order's uploader can withdraw now, in asset wei.
    function withdrawable(uint40 orderId) external view returns (uint256);

    /// @notice The seed that draws the words of an activation in the round under way.
    function activationSeed(uint40 orderId, uint8 replica) external view returns (bytes32);

    /// @notice What this contract owes, in asset wei: the orders' balances + Pool.scheduled. Its token balance is at least that.
    function accounted() external view returns (uint128);
}
