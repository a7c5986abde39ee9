// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {ReputationMath} from "../../src/libraries/ReputationMath.sol";
import {BPS, K, ROUNDS, WAD} from "../../src/Types.sol";

/// @notice The formulas of reputation: what they were calibrated to, and that they are the formulas.
contract ReputationMathTest is Test {
    using ReputationMath for ReputationMath.Record;

    // ---- Calibrations (for 100 chunks and more, without the keepers' medians) ----

    function test_TwelvePerfectEpochsFromHalfGive092() external pure {
        uint256 reputation = 0.5e18;
        for (uint256 i; i < 12; ++i) {
            reputation = _epoch(reputation, 0, 0);
        }
        assertApproxEqAbs(reputation, 0.92e18, 0.005e18);
    }

    function test_ALossOf5PercentShownByAuditAt092Gives045AndReported065() external pure {
        assertApproxEqAbs(_epoch(0.92e18, 0, 2 * 50), 0.45e18, 0.005e18);
        assertApproxEqAbs(_epoch(0.92e18, 0, 50), 0.65e18, 0.01e18);
    }

    function test_From045BackTo08TakesMoreThanSixPerfectEpochs() external pure {
        uint256 reputation = 0.45e18;
        for (uint256 i; i < 6; ++i) {
            reputation = _epoch(reputation, 0, 0);
        }
        assertLt(reputation, 0.8e18);
        assertGe(_epoch(reputation, 0, 0), 0.8e18);
    }

    function test_ThreeDaysOutCostLessThanAFifthAndHalfAMonthMoreThanHalf() external pure {
        assertGt(_epoch(0.92e18, 3, 0), 0.92e18 * 4 / 5);
        assertLt(_epoch(0.92e18, 15, 0), 0.92e18 / 2);
        // One bad round in an epoch is forgiven by retention, not by uptime.
        ReputationMath.Record memory e = _record(0.92e18, 1, 0);
        assertEq(e.retention(), WAD);
        assertLt(e.reliability(WAD), WAD);
    }

    /// Hiding a failed challenge by skipping the round gains nothing: both are one bad round.
    function test_HOrc2_WithoutMediansTheProofsStandIn() external pure {
        ReputationMath.Record memory e = _record(0.5e18, 6, 0);
        uint256 r = e.retention();
        assertEq(e.reliability(r), (30 * (WAD * 24 / 30) + 70 * r) / 100);
        // With the worst medians there are, the keepers take 60% and no more.
        (e.measured, e.uptimeBps, e.availabilityBps) = (true, 0, 0);
        assertEq(e.reliability(r), 40 * r / 100);
    }

    /// A fall is a seventh of the way and never a unit less; a rise counts in full from 100 chunks on.
    function test_FallsAreRoundedUpAndRisesGoByTheChunks() external pure {
        ReputationMath.Record memory e = _record(0.5e18, 0, 0);
        assertEq(e.reputation(WAD, 0.5e18 - 7), 0.5e18 - 1);
        assertEq(e.reputation(WAD, 0.5e18 - 8), 0.5e18 - 2);
        assertEq(e.reputation(WAD, 0.5e18 - 14), 0.5e18 - 2);
        for (e.chunks = 98; e.chunks <= 102; ++e.chunks) {
            assertEq(e.reputation(WAD, 0.85e18), 0.5e18 + 0.05e18 * (e.chunks < 100 ? e.chunks : 100) / 100);
        }
    }

    // ---- Against plain rationals ----

    /// Every product rounded down: never above x^14, and at most 14 units below.
    function testFuzz_Pow14(uint256 x) external pure {
        x = bound(x, 0, WAD);
        // In 1e27 of 1e27 for the reference: 9 digits more.
        uint256 exact = 1e27;
        for (uint256 i; i < 14; ++i) {
            exact = exact * (x * 1e9) / 1e27;
        }
        uint256 power = ReputationMath.pow14(x);
        assertLe(power, exact / 1e9 + 1);
        assertGe(power + 14, exact / 1e9);
    }

    function testFuzz_Retention(uint256 due, uint256 clean, uint256 chunks, uint256 halves) external pure {
        ReputationMath.Record memory e;
        e.due = bound(due, 1, ROUNDS);
        e.clean = bound(clean, 0, e.due);
        e.chunks = bound(chunks, 1, 2 ** 32);
        e.lostHalves = bound(halves, 0, 2 * e.chunks);
        uint256 bad = e.due - e.clean;
        uint256 x = bad > 0 && e.due >= ROUNDS / 2 ? 1 : 0;
        // (K (A - x) - (b - x)) / (K (A - x)) * (2H - halves) / 2H, as one fraction.
        uint256 exact = (K * (e.due - x) - (bad - x)) * (2 * e.chunks - e.lostHalves) * WAD / (K * (e.due - x) * 2 * e.chunks);
        uint256 r = e.retention();
        assertLe(r, exact);
        assertGe(r + 3, exact);
    }

    function testFuzz_Reputation(uint256 standing, uint256 bad, uint256 chunks, uint256 up, uint256 right, uint256 due) external pure {
        ReputationMath.Record memory e = _record(bound(standing, 0, WAD), 0, 0);
        e.due = bound(due, 1, ROUNDS);
        e.clean = e.due - bound(bad, 0, e.due);
        e.chunks = bound(chunks, 1, 1000);
        (e.measured, e.uptimeBps, e.availabilityBps) = (true, bound(up, 0, BPS), bound(right, 0, BPS));
        uint256 r = e.retention();
        uint256 q = e.reliability(r);
        uint256 up_ = e.uptimeBps * e.due < e.clean * BPS ? e.uptimeBps * e.due : e.clean * BPS; // of BPS * due
        assertApproxEqAbs(q, (30 * up_ * WAD / (BPS * e.due) + 40 * r + 30 * e.availabilityBps * WAD / BPS) / 100, 2);

        int256 step = (int256(q) - int256(e.standing)) / 7;
        if (step > 0) step = step * int256(e.chunks > 100 ? 100 : e.chunks) / 100 * int256(e.due) / int256(uint256(ROUNDS));
        uint256 next = uint256(int256(e.standing) + step) * ReputationMath.pow14(r) / WAD;
        assertApproxEqAbs(e.reputation(r, q), next, 4);
        assertLe(e.reputation(r, q), WAD);
    }

    /// A worse epoch never gives more.
    function testFuzz_Monotonous(uint256 standing, uint256 bad, uint256 halves) external pure {
        standing = bound(standing, 0, WAD);
        bad = bound(bad, 0, ROUNDS - 1);
        halves = bound(halves, 0, 1999);
        assertLe(_epoch(standing, bad + 1, halves), _epoch(standing, bad, halves));
        assertLe(_epoch(standing, bad, halves + 1), _epoch(standing, bad, halves));
    }

    /// @dev A full epoch with 1000 chunks.
    function _record(uint256 standing, uint256 bad, uint256 halves) private pure returns (ReputationMath.Record memory e) {
        (e.due, e.clean, e.chunks, e.lostHalves, e.standing) = (ROUNDS, ROUNDS - bad, 1000, halves, standing);
    }

    function _epoch(uint256 standing, uint256 bad, uint256 halves) private pure returns (uint256) {
        ReputationMath.Record memory e = _record(standing, bad, halves);
        uint256 r = e.retention();
        return e.reputation(r, e.reliability(r));
    }
}
