// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";

import {EpochSchedule} from "../../lib/accounting/EpochSchedule.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IPool} from "../../src/interfaces/IPool.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {Epoch, Round, WAD} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

contract SettlementTest is BaseTest {
    uint32 private op;
    uint40 private order;
    Epoch private constant E = Epoch.wrap(1);

    function setUp() public override {
        super.setUp();
        op = _register(1000);
        order = _hold(op, _publish(MANY_CHUNKS), 3); // live from round 32
    }

    function test_Settle_RevertWhen_TooEarly() external {
        _to(Epoch.wrap(2), 1);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.Settlement_TooEarly.selector, 61, 62));
        settlement.settle(op, E);
    }

    function test_Settle_RevertWhen_SettledOrNothingWasHeld() external {
        _settle(op, E);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.Settlement_NothingToSettle.selector, op, E));
        settlement.settle(op, E);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.Settlement_NothingToSettle.selector, 7, E));
        settlement.settle(7, E);
    }

    function test_Settle_RevertWhen_AnEarlierOneIsNot() external {
        _to(Epoch.wrap(3), 2);
        vm.expectRevert(abi.encodeWithSelector(EpochSchedule.EpochSchedule_NotNext.selector, 2, 1));
        settlement.settle(op, Epoch.wrap(2));
    }

    function test_Settle_RevertWhen_AnAuditIsPending() external {
        _to(E, 28);
        _audit(order, 0);
        _to(Epoch.wrap(2), 2);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.Settlement_AuditsPending.selector, op, E, 1));
        settlement.settle(op, E);
        audits.roll(order, 0);
        settlement.settle(op, E);
    }

    function test_Settle_RevertWhen_NotUnwound() external {
        _idleTo(Round.wrap(40));
        audits.eject(op);
        _to(Epoch.wrap(3), 2);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.Settlement_NotUnwound.selector, op, 40));
        settlement.settle(op, E);
        market.unwind(order, 0);
        settlement.settle(op, E);
        assertEq(_reputation(op), 0);
        // Nothing is left of the second epoch: the first was not frozen, so all from round 41 on went back.
        assertTrue(pool.settledThrough(op, Epoch.wrap(2)));
        assertEq(pool.scheduled(), 101 * 9 * uint256(FEE));
        _checkLedgers();
    }

    /// H-RAND-2: an epoch without a beacon is nobody's fault, and its fees are the treasury's.
    function test_HRand2_Settle_WhenEveryRoundWasVoid() external {
        uint256 before = _reputation(op);
        _to(Epoch.wrap(2), 2);
        // Round 31, in which the slot was activated, had a seed; the slot was not live.
        settlement.settle(op, E);
        assertEq(_reputation(op), before);
        _freeze(E);
        assertEq(pool.treasuryBalance(), 101 * 28 * uint256(FEE));
        vm.expectRevert(abi.encodeWithSelector(IPool.Pool_NothingToPay.selector, op, E));
        operators.claim(op, E);
    }

    /// H-PROOF-3, H-RAND-2: ten seeded rounds, of which eight were proven; the others were void.
    function test_HProof3_Settle_SaysWhatItFound() external {
        for (uint256 i; i < 10; ++i) {
            _seed();
            if (i < 8) _prove(op);
            _next();
        }
        _to(Epoch.wrap(2), 2);
        vm.recordLogs();
        settlement.settle(op, E);
        ISettlement.Outcome memory o = abi.decode(vm.getRecordedLogs()[0].data, (ISettlement.Outcome));
        assertEq(o.due, 10);
        assertEq(o.clean, 8);
        assertEq(o.chunks, 101);
        assertEq(o.fees, 101 * 28 * uint256(FEE));
        // b = 2, A = 10 < 15: none is forgiven.
        assertEq(o.retention, WAD - WAD * 2 / 50);
        assertEq(o.reliability, (30 * (WAD * 8 / 10) + 70 * o.retention) / 100);
        assertEq(o.reputation, _reputation(op));
        assertTrue(o.weighed);
        assertEq(pool.share(op, E).merit, o.reputation * o.reliability / WAD / 1e9);
    }

    /// H-PROOF-3: one round stands for all of them, and it was proven; half of what was held is lost.
    function test_HProof3_Settle_ALossCountsWhen_EveryRoundWasVoid() external {
        _reportLoss(order, 0);
        _to(Epoch.wrap(2), 2);
        vm.recordLogs();
        settlement.settle(op, E);
        ISettlement.Outcome memory o = abi.decode(vm.getRecordedLogs()[0].data, (ISettlement.Outcome));
        assertEq(o.due, 1);
        assertEq(o.clean, 1);
        assertEq(o.retention, WAD / 2);
        assertLt(o.reputation, 0.001e18);
    }

    /// Who settles when the epoch may be frozen is judged and not paid.
    function test_Settle_WeighsUntilTheEpochMayBeFrozen() external {
        _proveToEnd(op);
        _to(Epoch.wrap(2), 4);
        uint256 snapshot = vm.snapshotState();
        _checkWeighed(true);
        vm.revertToState(snapshot);
        _next();
        _checkWeighed(false);
    }

    function _checkWeighed(bool weighed) private {
        uint256 before = _reputation(op);
        vm.recordLogs();
        settlement.settle(op, E);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory settled = logs[logs.length - 1];
        assertEq(settled.topics[0], ISettlement.Settled.selector);
        assertEq(uint256(settled.topics[1]), op);
        assertEq(uint256(settled.topics[2]), 1);
        assertEq(abi.decode(settled.data, (ISettlement.Outcome)).weighed, weighed);
        assertEq(pool.share(op, E).merit != 0, weighed);
        assertGt(_reputation(op), before);
    }

    function test_Freeze_RevertWhen_TooEarlyOrTwice() external {
        _to(Epoch.wrap(2), 4);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.Settlement_TooEarly.selector, 64, 65));
        settlement.freeze(E);
        _next();
        settlement.freeze(E);
        vm.expectRevert(abi.encodeWithSelector(EpochSchedule.EpochSchedule_NotNext.selector, 1, 2));
        settlement.freeze(E);
        _checkLedgers();
    }

    /// H-EPOCH-3.
    function test_HEpoch3_Claim_WaitsWhileReputationIsLow() external {
        _proveToEnd(op);
        _settle(op, E);
        // The next epoch it is away, but comes often enough to keep its slots.
        while (_epoch() == Epoch.wrap(2)) {
            _seed();
            if (_now().index() % 6 == 0) _prove(op);
            _next();
        }
        _settle(op, Epoch.wrap(2));
        assertLt(_reputation(op), 0.3e18);
        settlement.freeze(E);
        uint256 withheld = _reputation(op);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_Withheld.selector, op, withheld));
        operators.claim(op, E);
        _to(Epoch.wrap(7), 29);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_Withheld.selector, op, withheld));
        operators.claim(op, E);
        _next();
        assertEq(operators.claim(op, E), 0);
        assertEq(asset.balanceOf(_payout(op)), 0);
        assertEq(pool.treasuryBalance(), pool.accounted());
    }

    function test_Claim_PaysThePayoutWhoeverCalls() external {
        _proveToEnd(op);
        _settle(op, E);
        _freeze(E);
        vm.prank(anyone);
        uint256 owed = operators.claim(op, E);
        assertEq(asset.balanceOf(_payout(op)), owed);
        vm.expectRevert(abi.encodeWithSelector(IPool.Pool_NothingToPay.selector, op, E));
        operators.claim(op, E);
    }
}
