// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch, WAD} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice The governor turns against those who trusted the parameters they saw, or time does.
///
/// Bound: no change reaches an open order, a round under way or an ended epoch. Slots that run feel one thing: the operators' part of the
/// fees, 80% at least, from the next epoch on. What lay unclaimed for more than six epochs is lost when the reputation falls.
contract GovernorTest is BaseTest {
    Epoch private constant E1 = Epoch.wrap(1);
    Epoch private constant E2 = Epoch.wrap(2);

    uint32 private mallory;

    function setUp() public override {
        super.setUp();
        mallory = _register(100);
    }

    /// The most that governance can do to slots that run: from the next epoch on, four fifths instead of what it was.
    function test_SharesReachRunningSlotsFromTheNextEpoch() external {
        _hold(mallory, _publish(ONE_CHUNK), 2);
        vm.prank(governor);
        pool.setShares(1000, 1000);
        _proveToEnd(mallory);
        _proveToEnd(mallory);
        settlement.settle(mallory, E1);
        _settle(mallory, E2);
        settlement.freeze(E1);
        _freeze(E2);
        assertEq(pool.epochFees(E1).sharesBps, 500);
        assertEq(operators.claim(mallory, E2), pool.share(mallory, E2).fees * 8000 / 10_000);
    }

    /// A share that nobody claimed for more than six epochs is the treasury's as soon as the reputation falls, however good it was before.
    function test_AnOldShareIsForfeitedWhenTheReputationFalls() external {
        _hold(mallory, _publish(ONE_CHUNK), 1);
        _proveToEnd(mallory);
        _settle(mallory, E1);
        _freeze(E1);
        _to(Epoch.wrap(8), 0);
        vm.prank(address(settlement));
        operators.setStanding(mallory, 0.29e18, WAD);
        vm.prank(anyone);
        assertEq(operators.claim(mallory, E1), 0);
        assertEq(pool.treasuryBalance(), pool.accounted());
    }
}
