// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReputationMath} from "../../src/libraries/ReputationMath.sol";
import {BPS, ROUNDS, WAD} from "../../src/Types.sol";

/// @notice Bounds of the formulas for every record that a settlement can have, and what a clean or a lost epoch comes to.
contract ReputationProof {
    /// @dev What `Settlement._record` guarantees. An operator's chunks are below 2^21, its losses at most two halves of each and epoch.
    modifier sound(ReputationMath.Record memory e) {
        require(e.due != 0 && e.due <= ROUNDS && e.clean <= e.due);
        require(e.chunks != 0 && e.chunks < 1 << 32 && e.lostHalves < 1 << 48);
        require(e.uptimeBps <= BPS && e.availabilityBps <= BPS && e.standing <= WAD);
        _;
    }

    /// @notice x^14 is at most x.
    function prove_PowAtMostX(uint256 x) external pure {
        require(x <= WAD);
        assert(ReputationMath.pow14(x) <= x);
    }

    /// @notice Each of the products of x^14, and of a reputation with it, grows with its factors: so do all of them, one after the other.
    function prove_ProductsAreMonotonous(uint256 x, uint256 y, uint256 z) external pure {
        require(x <= y && y <= WAD && z <= WAD);
        assert(x * z / WAD <= y * z / WAD);
    }

    function prove_PowOfOneIsOne() external pure {
        assert(ReputationMath.pow14(WAD) == WAD);
    }

    function prove_PowIsMonotonous(uint256 x, uint256 y) external pure {
        require(x <= y && y <= WAD);
        assert(ReputationMath.pow14(x) <= ReputationMath.pow14(y));
    }

    function prove_RetentionIsAtMostOne(ReputationMath.Record memory e) external pure sound(e) {
        assert(ReputationMath.retention(e) <= WAD);
    }

    function prove_RetentionOfACleanEpochIsOne(ReputationMath.Record memory e) external pure sound(e) {
        require(e.clean == e.due && e.lostHalves == 0);
        assert(ReputationMath.retention(e) == WAD);
    }

    function prove_RetentionOfALostEpochIsZero(ReputationMath.Record memory e) external pure sound(e) {
        require(e.lostHalves >= 2 * e.chunks);
        assert(ReputationMath.retention(e) == 0);
    }

    function prove_ReliabilityIsAtMostOne(ReputationMath.Record memory e, uint256 r) external pure sound(e) {
        require(r <= WAD);
        assert(ReputationMath.reliability(e, r) <= WAD);
    }

    /// @notice At most the larger of what it was and the reliability.
    function prove_ReputationIsAtMostTheBetter(ReputationMath.Record memory e, uint256 r, uint256 q) external pure sound(e) {
        require(r <= WAD && q <= WAD);
        assert(ReputationMath.reputation(e, r, q) <= (e.standing > q ? e.standing : q));
    }

    function prove_ReputationAfterALostEpochIsZero(ReputationMath.Record memory e, uint256 q) external pure sound(e) {
        require(q <= WAD);
        assert(ReputationMath.reputation(e, 0, q) == 0);
    }

    function prove_ALowerRetentionNeverRaisesReputation(ReputationMath.Record memory e, uint256 r, uint256 lower, uint256 q)
        external
        pure
        sound(e)
    {
        require(lower <= r && r <= WAD && q <= WAD);
        assert(ReputationMath.reputation(e, lower, q) <= ReputationMath.reputation(e, r, q));
    }

    function prove_ALowerReliabilityNeverRaisesReputation(ReputationMath.Record memory e, uint256 r, uint256 q, uint256 lower)
        external
        pure
        sound(e)
    {
        require(r <= WAD && lower <= q && q <= WAD);
        assert(ReputationMath.reputation(e, r, lower) <= ReputationMath.reputation(e, r, q));
    }

    function prove_AnotherLossNeverRaisesRetention(ReputationMath.Record memory e, uint256 more) external pure sound(e) {
        require(more < 1 << 48);
        uint256 before = ReputationMath.retention(e);
        e.lostHalves += more;
        assert(ReputationMath.retention(e) <= before);
    }

    function prove_AnotherBadRoundNeverRaisesRetention(ReputationMath.Record memory e) external pure sound(e) {
        require(e.clean != 0);
        uint256 before = ReputationMath.retention(e);
        e.clean -= 1;
        assert(ReputationMath.retention(e) <= before);
    }
}
