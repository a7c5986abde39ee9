// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOperators} from "../../src/interfaces/IOperators.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {Epoch, Round, WAD} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice Mallory sees a slash come, in the mempool or by its own empty disk, and is faster: it reports the loss itself, for half; it asks
/// for its stake back; it has the slot ended in another way, or by itself, to get half of the slash as the uploader.
///
/// Bound: a report after the round in which an audit was opened is a failed audit; no stake leaves before every epoch is settled, and no
/// epoch is settled with an audit open; the order of calls changes no slash; and slashing oneself costs the treasury's half (H-STAKE-1).
contract SlashFrontRunningTest is BaseTest {
    uint32 private mallory;

    function setUp() public override {
        super.setUp();
        mallory = _register(1_000_000);
    }

    /// H-STAKE-2: seeing an audit come, Mallory reports the loss first: the audit was opened a round before, and it is the whole slash.
    function test_HStake2_AReportDoesNotOutrunAnAudit() external {
        uint40 order = _hold(mallory, _publish(ONE_CHUNK * 100), 1);
        _audit(order, 0);
        _next();
        _reportLoss(order, 0);
        assertEq(operators.operator(mallory).stake, (1_000_000 - 100) * uint256(STAKE));
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
        assertEq(operators.operator(mallory).stake, (1_000_000 - 100) * uint256(STAKE));
        settlement.settle(mallory, Epoch.wrap(1));
        vm.prank(owner);
        operators.requestExit(mallory);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_Thawing.selector, mallory, Round.wrap(63 + 180)));
        vm.prank(owner);
        operators.withdraw(mallory, owner);
    }

    /// The loss was in the epoch of the request: without its settlement the thaw would go by the reputation of before.
    function test_TheThawLooksAtTheReputationAfterTheLoss() external {
        uint32 content = _publish(ONE_CHUNK * 200);
        vm.prank(address(settlement));
        operators.setStanding(mallory, 0.9e18, WAD);
        uint40 last = _open(content, 1, 1);
        _accept(last, 0, mallory);
        _nextSeeded();
        _activate(last, 0);
        Epoch epoch = _epoch();
        _nextSeeded();
        _reportLoss(last, 0);
        Round asked = _now();
        vm.prank(_owner(mallory));
        operators.requestExit(mallory);
        _to(asked.addRounds(30)); // nobody settled
        uint256 snapshot = vm.snapshotState();
        settlement.settle(mallory, epoch);
        assertLt(_reputation(mallory), 0.8e18);
        vm.revertToState(snapshot);
        vm.expectRevert();
        vm.prank(_owner(mallory));
        operators.withdraw(mallory, anyone);
    }

    /// Mallory is ejected while a failed audit is not closed yet: whoever calls what first, it is the same slash.
    function test_AFailedAuditFails() external {
        uint40 a = _hold(mallory, _publish(ONE_CHUNK * 100), 1);
        uint40 b = _open(_publish(ONE_CHUNK), 1, 3);
        _accept(b, 0, mallory);
        _nextSeeded();
        _activate(b, 0);
        _to(Epoch.wrap(1), 28);
        _audit(a, 0);
        _nextSeeded();
        _prove(mallory); // clean, unanswered: failed
        _next();
        _idleTo(Epoch.wrap(2).first().addRounds(7));
        audits.eject(mallory);
        uint256 snapshot = vm.snapshotState();
        market.unwind(b, 0);
        audits.close(a, 0);
        uint256 closedAfter = operators.operator(mallory).stake;
        vm.revertToState(snapshot);
        vm.prank(_owner(mallory));
        audits.close(a, 0);
        market.unwind(b, 0);
        assertEq(operators.operator(mallory).stake, closedAfter, "the slash does not depend on the order of calls");
    }

    /// Who slashes itself, as an operator of its own order, gets half of the slash back as the uploader.
    function test_SlashingOneselfCostsHalfOfTheSlash() external {
        uint40 order = _hold(mallory, _publish(ONE_CHUNK), 1);
        _audit(order, 0);
        _next();
        uint256 before = market.order(order).balance;
        uint256 fee = FEE * (60 - uint256(Round.unwrap(_now())) - 1); // of the rounds not served any more
        _reportLoss(order, 0); // after an audit: the whole slash
        assertEq(market.order(order).balance - before, fee + STAKE / 2);
        assertEq(pool.treasuryBalance(), STAKE / 2);
    }
}
