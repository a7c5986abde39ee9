// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAudits} from "../../src/interfaces/IAudits.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IPool} from "../../src/interfaces/IPool.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice What somebody might try, and what it brings.
contract AttacksTest is BaseTest {
    uint32 private honest;
    uint32 private mallory;

    function setUp() public override {
        super.setUp();
        (honest, mallory) = (_register(10_000), _register(10_000));
    }

    /// H-EPOCH-2: Mallory pays for junk that it generates itself and holds it without a fault, beside a rival whose reputation is gone.
    /// The rival's lost weight does not flow to Mallory: it gets back its own fees less the shares, whatever it does.
    function test_HEpoch2_SelfDealingLoses() external {
        uint40 fromHonest = _open(_publish(MANY_CHUNKS), 1, 1);
        uint40 own = _open(_publish(MANY_CHUNKS), 1, 1);
        _accept(fromHonest, 0, honest);
        _accept(own, 0, mallory);
        _nextSeeded();
        _activate(fromHonest, 0);
        _activate(own, 0);
        _next();
        while (_epoch() == Epoch.wrap(1)) {
            _seed();
            _prove(mallory);
            if (_now().index() % 3 == 0) _prove(honest);
            _next();
        }
        _settle(mallory, Epoch.wrap(1));
        _settle(honest, Epoch.wrap(1));
        _freeze(Epoch.wrap(1));
        uint256 fees = pool.share(mallory, Epoch.wrap(1)).fees;
        uint256 owed = settlement.claim(mallory, Epoch.wrap(1));
        assertEq(owed, fees * 9500 / 10_000);
        assertLt(owed, fees);
    }

    /// Mallory has had a bad epoch and does not settle it. Anyone settles it; and until somebody does, it cannot take a new slot or leave,
    /// and has no weight.
    function test_DodgingSettlementGainsNothing() external {
        _hold(mallory, _publish(MANY_CHUNKS), 1);
        _idleTo(Round.wrap(60));
        _to(Epoch.wrap(2), 5);
        uint40 order = _open(_publish(ONE_BLOCK), 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_Unsettled.selector, mallory, Epoch.wrap(1)));
        _accept(order, 0, mallory);
        address owner = _owner(mallory);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_Unsettled.selector, mallory, Epoch.wrap(1)));
        vm.prank(owner);
        operators.requestExit(mallory);
        vm.prank(anyone);
        settlement.settle(mallory, Epoch.wrap(1));
        assertLt(_reputation(mallory), 0.05e18);
        settlement.freeze(Epoch.wrap(1));
        vm.expectRevert(abi.encodeWithSelector(ISettlement.Settlement_Withheld.selector, mallory, _reputation(mallory)));
        settlement.claim(mallory, Epoch.wrap(1));
    }

    /// Late settling moves the reputation, but has no weight any more.
    function test_SettlingLateWeighsNothing() external {
        _hold(mallory, _publish(MANY_CHUNKS), 1);
        _proveToEnd(mallory);
        _to(Epoch.wrap(2), 5);
        settlement.settle(mallory, Epoch.wrap(1));
        assertGt(_reputation(mallory), 0.5e18);
        settlement.freeze(Epoch.wrap(1));
        vm.expectRevert(abi.encodeWithSelector(IPool.Pool_NothingToPay.selector, mallory, Epoch.wrap(1)));
        settlement.claim(mallory, Epoch.wrap(1));
        assertEq(pool.treasuryBalance(), pool.accounted());
    }

    /// Both lost the same twentieth of what they hold. The honest one says so at once. Mallory says nothing until an audit comes.
    function test_ReportingALossBeatsHidingIt() external {
        uint40[2] memory lost;
        uint40[2] memory kept;
        for (uint256 i; i < 2; ++i) {
            kept[i] = _open(_publish(ONE_CHUNK * 190), 1, 1);
            lost[i] = _open(_publish(ONE_CHUNK * 10), 1, 1);
            _accept(kept[i], 0, i == 0 ? honest : mallory);
            _accept(lost[i], 0, i == 0 ? honest : mallory);
        }
        _nextSeeded();
        for (uint256 i; i < 2; ++i) {
            _activate(kept[i], 0);
            _activate(lost[i], 0);
        }
        _next();
        uint256 stake = operators.operator(honest).stake;
        _reportLoss(lost[0], 0);
        _audit(lost[1], 0);
        _nextSeeded();
        _prove(honest);
        _prove(mallory); // by luck, with what it has left; the audit it cannot answer
        _next();
        audits.close(lost[1], 0);
        while (_epoch() == Epoch.wrap(1)) {
            _seed();
            _prove(honest);
            _prove(mallory);
            _next();
        }
        _settle(honest, Epoch.wrap(1));
        _settle(mallory, Epoch.wrap(1));
        assertEq(stake - operators.operator(honest).stake, 5 * STAKE);
        assertEq(stake - operators.operator(mallory).stake, 10 * STAKE);
        assertGt(_reputation(honest), _reputation(mallory) * 13 / 10);
    }

    /// An auditor waits for an operator's outage to make a loss of it. The audit moves on until the operator is back.
    function test_AnOutageIsNotMadeALossByAudits() external {
        uint40 order = _hold(honest, _publish(ONE_CHUNK * 3), 1);
        for (uint256 i; i < 5; ++i) {
            if (i == 0) _audit(order, 0);
            _nextSeeded(); // away
            Round due = audits.audit(order, 0).due;
            vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_NotClosable.selector, order, 0, due));
            audits.close(order, 0);
            _next();
            audits.roll(order, 0);
        }
        _nextSeeded();
        _prove(honest);
        _answer(order, 0);
        assertEq(operators.operator(honest).stake, 10_000 * uint256(STAKE));
        assertEq(audits.credit(_payout(honest)), AUDIT_FEE);
    }

    /// H-STAKE-1: an audit of its last slot failed in the slot's last round. Mallory runs for the exit before anybody closes it.
    function test_HStake1_ASlashReachesWhoRunsForTheExit() external {
        uint40 order = _hold(mallory, _publish(ONE_CHUNK * 100), 1);
        _to(Epoch.wrap(1), 28);
        _audit(order, 0);
        _nextSeeded();
        _prove(mallory);
        _to(Epoch.wrap(2), 3);
        address owner = _owner(mallory);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_Unsettled.selector, mallory, Epoch.wrap(1)));
        vm.prank(owner);
        operators.requestExit(mallory);
        // And the epoch is not settled while the audit is open.
        vm.expectRevert(abi.encodeWithSelector(ISettlement.Settlement_AuditsPending.selector, mallory, Epoch.wrap(1), 1));
        settlement.settle(mallory, Epoch.wrap(1));
        audits.close(order, 0);
        assertEq(operators.operator(mallory).stake, 9_900 * uint256(STAKE));
        settlement.settle(mallory, Epoch.wrap(1));
        vm.prank(owner);
        operators.requestExit(mallory);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_Thawing.selector, mallory, Round.wrap(63 + 180)));
        vm.prank(owner);
        operators.withdraw(mallory, owner);
    }

    /// H-STAKE-2: seeing an audit come, Mallory reports the loss first: the audit was opened a round before, and it is the whole slash.
    function test_HStake2_AReportDoesNotOutrunAnAudit() external {
        uint40 order = _hold(mallory, _publish(ONE_CHUNK * 100), 1);
        _audit(order, 0);
        _next();
        _reportLoss(order, 0);
        assertEq(operators.operator(mallory).stake, 9_900 * uint256(STAKE));
    }

    /// Mallory reserves every replica and activates none. It blocks an order for three seeded rounds, once.
    function test_ReservationGriefingWorksOnce() external {
        uint40 order = _open(_publish(ONE_CHUNK), 1, 1);
        _accept(order, 0, mallory);
        _next();
        _idleTo(Round.wrap(34));
        _accept(order, 0, honest); // releases it on the way
        _seed();
        _next();
        _seed();
        _activate(order, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_NotOpen.selector, order, 0));
        _accept(order, 0, mallory);
        assertTrue(market.order(order).unheld == 0);
    }

    /// Seven days away cost the slots; the uploader gets back what was not served, and the half of the stake.
    function test_SevenDaysAwayCostTheSlots() external {
        uint40 order = _hold(mallory, _publish(ONE_CHUNK), 1);
        _idleTo(Round.wrap(39));
        audits.eject(mallory);
        market.unwind(order, 0);
        assertEq(market.order(order).balance, uint256(FEE) * (60 - 40 + 1) + uint256(STAKE) / 2);
        assertEq(operators.operator(mallory).stake, 9_999 * uint256(STAKE));
    }
}
