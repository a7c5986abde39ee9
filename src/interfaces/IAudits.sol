// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch, Round} from "../Types.sol";

/// @title Audits
/// @notice Challenges to one slot that anyone may pay for, losses an operator reports itself, and ejection. Holds audit fees.
///
/// An audit opened in round r is due in round r + 1, whose seed names the words. Answered: the fee is the operator's. It fails only if the
/// operator proved its round clean and left the audit unanswered: an outage is not made a loss by whoever audits it. A round that was void
/// or that the operator missed rolls the audit to a coming one. Fees are owed to their receivers, who draw them.
interface IAudits {
    struct Audit {
        // slot 0
        address payer; // 0: none open
        uint96 fee; // asset wei
        // slot 1
        uint32 operatorId;
        Round acceptedIn; // with the operator, names the slot's tenure
        Round openedIn;
        Round due;
        Epoch last; // with `entry`, where the slot stands in IHoldings
        uint32 entry;
    }

    event AuditOpened(uint40 indexed orderId, uint8 replica, uint32 indexed operatorId, address payer, uint256 fee, Round due);
    event AuditAnswered(uint40 indexed orderId, uint8 replica, uint32 indexed operatorId, address payout, uint256 fee);
    event AuditRolled(uint40 indexed orderId, uint8 replica, uint32 indexed operatorId, Round due);
    event AuditFailed(uint40 indexed orderId, uint8 replica, uint32 indexed operatorId, Round due);
    event AuditReturned(uint40 indexed orderId, uint8 replica, uint32 indexed operatorId, address payer, uint256 fee);
    event LossReported(uint40 indexed orderId, uint8 replica, uint32 indexed operatorId);
    event CreditWithdrawn(address indexed account, uint256 amount);
    event AuditFeeSet(uint96 auditFee);

    error Audits_NotLive(uint40 orderId, uint8 replica);
    error Audits_AlreadyOpen(uint40 orderId, uint8 replica);
    error Audits_NoneOpen(uint40 orderId, uint8 replica);
    error Audits_TooMany(uint32 operatorId, Round round, uint256 most);
    error Audits_TooLate(Round due, Round last);
    error Audits_FeeAbove(uint256 fee, uint256 maxFee);
    error Audits_NotDue(Round round, Round due);
    error Audits_NoSeed(Round round);
    error Audits_ObjectLost(uint40 orderId, uint8 replica);
    error Audits_NotClosable(uint40 orderId, uint8 replica, Round due);
    error Audits_NotRollable(uint40 orderId, uint8 replica, Round due);
    error Audits_FeeOutOfBounds(uint96 auditFee);
    error Audits_NothingOwed(address account);

    /// @notice Pays `auditFee` for K words of one slot, due in the next round.
    /// Requirements: the slot is live in the next round and within its term, its content in service; no audit of it is open; fewer than MAX_OPEN were opened against
    /// this operator in this round; the fee is at most maxFee.
    function open(uint40 orderId, uint8 replica, uint96 maxFee) external;

    /// @notice Answers an audit in the round it is due.
    /// @param proof K times a word and its path (IHoldings.requireWords); `auditSeed` draws the words.
    /// Requirements: caller is the operator's owner or prover; the round is the due one and has a seed; the words are right.
    function answer(uint40 orderId, uint8 replica, bytes calldata proof) external;

    /// @notice Moves an audit whose round was void or missed by the operator to the next round, by anyone; past the slot's term, or if the
    /// slot is not what it was, the fee goes back.
    function roll(uint40 orderId, uint8 replica) external;

    /// @notice Closes an audit, by anyone: failed, if the operator proved the due round clean and did not answer, and the slot is lost, even
    /// after its term; without object, if the slot was lost otherwise. The fee goes back either way.
    function close(uint40 orderId, uint8 replica) external;

    /// @notice The operator says itself that a slot is lost: half the slash. A failed audit nevertheless, if one opened in an earlier round
    /// is pending.
    /// Requirements: caller is the operator's owner or prover; the slot is live or renewed and its term not over; nothing is stamped.
    function reportLoss(uint40 orderId, uint8 replica) external;

    /// @notice Ejects an operator after 7 non-void rounds in a row without a clean one, by anyone; Market.unwind follows, slot by slot.
    function eject(uint32 operatorId) external;

    /// @notice Draws what is owed to the caller.
    function withdraw() external returns (uint256 amount);

    /// @notice Governance: what an audit costs, asset wei, 1 to MAX_AUDIT_FEE; at least twice the gas of an answer is the rule.
    function setAuditFee(uint96 auditFee) external;

    function auditFee() external view returns (uint96);

    function audit(uint40 orderId, uint8 replica) external view returns (Audit memory);

    /// @notice The seed that draws the words of an audit due in the round under way.
    function auditSeed(uint40 orderId, uint8 replica) external view returns (bytes32);

    /// @notice Owed to an account, in asset wei.
    function credit(address account) external view returns (uint256);

    /// @notice Fees in flight + credits, in asset wei. The balance is at least that.
    function accounted() external view returns (uint256);
}
