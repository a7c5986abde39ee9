// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch, Round} from "../Types.sol";

/// @title Settlement
/// @notice An operator's epoch, from what was proven and measured to reputation and weight; and the epoch's end for everybody.
/// Each step is by anyone, O(1) (H-EPOCH-4), and moves only what arithmetic says. Holds no money; nobody has a role here.
///
///     epoch e     | rounds of epoch e + 1
///     ... proofs  | 0 commit  1 reveal  2 - 4 tally, settle  5 - freeze, then Operators.claim
interface ISettlement {
    /// @notice What settling found; ratios are WAD.
    struct Outcome {
        uint256 due; // rounds with something live, void ones out (A)
        uint256 clean; // of those proven in full (c)
        uint256 chunks; // live at any time in the epoch (H)
        uint256 fees; // accrued by its slots, in asset wei (F)
        uint256 retention;
        uint256 reliability; // after, like reputation: both stay what they were if nothing was due
        uint256 reputation;
        bool weighed;
    }

    event Settled(uint32 indexed operatorId, Epoch indexed epoch, Outcome outcome);

    error Settlement_TooEarly(Round round, Round from);
    error Settlement_NothingToSettle(uint32 operatorId, Epoch epoch);
    error Settlement_AuditsPending(uint32 operatorId, Epoch epoch, uint256 audits);
    error Settlement_NotUnwound(uint32 operatorId, Round stamp);
    error Settlement_NotTallied(uint32 operatorId, Epoch epoch);

    /// @notice Settles an operator's epoch: once, in order, without a deadline. By the end of round 4 it weighs; later its weight is zero but
    /// the reputation still moves.
    /// Requirements: round 2 of the next epoch has begun; the operator's earlier epochs are settled; no audit due in the epoch is open; its
    /// page of the keepers' values is tallied, if a quorum revealed; an ejection in the epoch is unwound.
    function settle(uint32 operatorId, Epoch epoch) external;

    /// @notice Fixes an epoch's fees, net and weights.
    /// Requirements: round 5 of the next epoch has begun; once; epochs with fees in order.
    function freeze(Epoch epoch) external;
}
