// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAudits} from "../../src/interfaces/IAudits.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {EconomyTest} from "./EconomyTest.sol";

/// @notice Mallory has lost a twentieth of what it holds and says nothing: it goes on being paid for it, and hopes that neither the daily
/// draw nor an audit finds out.
///
/// Bound: an audit takes the whole stake of the slot where a report takes half, and more reputation; without one, every fourth or fifth
/// round draws a lost word and is bad, month after month. Who reports at once earns more in either case.
contract HiddenLossTest is EconomyTest {
    uint32 private constant KEPT = 190; // chunks
    uint32 private constant LOST = 10;

    uint256 private honest;
    uint256 private reporting;
    uint256 private audited;
    uint256 private silent;
    uint32 private lostContent;
    bool private isLost;

    function _works(uint32 op) internal view override returns (bool) {
        return op == _id(honest) || !isLost || !_isAsked(op, lostContent);
    }

    function test_ReportingALossBeatsHidingIt() external {
        honest = _party("nothing lost", 1, 200);
        reporting = _party("5% lost, reported at once", 1, 200);
        audited = _party("Mallory, silent, audited", 1, 200);
        silent = _party("Mallory, silent, never audited", 1, 200);
        uint40 kept = _openBy(uploader, _publish(ONE_CHUNK * KEPT), 4, uint8(EPOCHS));
        uint40 lost = _openBy(uploader, lostContent = _publish(ONE_CHUNK * LOST), 4, uint8(EPOCHS));
        for (uint8 i; i < 4; ++i) {
            _take(kept, i, _id(i));
            _take(lost, i, _id(i));
        }
        _day();
        _liveUntil(Epoch.wrap(3).first().addRounds(10));

        isLost = true;
        uint256 stake = operators.operator(_id(reporting)).stake;
        _reportLoss(lost, 1);
        _audit(lost, 2);
        do {
            _day();
            if (audits.audit(lost, 2).due < _now() && !holdings.isClean(_id(audited), audits.audit(lost, 2).due)) audits.roll(lost, 2);
        } while (_now() <= audits.audit(lost, 2).due);
        audits.close(lost, 2);
        assertEq(stake - operators.operator(_id(reporting)).stake, LOST * STAKE / 2);
        assertEq(stake - operators.operator(_id(audited)).stake, LOST * STAKE);

        _liveUntil(Epoch.wrap(4).first().addRounds(3));
        assertGt(_reputation(_id(reporting)), _reputation(_id(audited)) * 13 / 10, "reputation, after the epoch of the loss");
        _liveToTheEnd();
        _report("A loss of 5% in epoch 3");
        assertGt(_profit(honest), _profit(reporting));
        assertGt(_profit(reporting), _profit(audited), "a report beats an audit");
        assertGt(_profit(reporting), _profit(silent), "and silence");
    }

    /// Mallory lost a slot that is audited. It stays away whenever the audit is due, has it rolled, and proves the round in between. It is
    /// never ejected and the audit never fails, but every second round is bad, for as long as the slot lasts.
    function test_AnAuditIsDodgedByMissingEverySecondRound() external {
        uint32 mallory = _register(100);
        uint40 order = _hold(mallory, _publish(ONE_CHUNK), 2);
        _to(Epoch.wrap(2), 0);
        _audit(order, 0);
        while (_epoch() == Epoch.wrap(2)) {
            _seed();
            Round due = audits.audit(order, 0).due;
            if (due < _now()) audits.roll(order, 0);
            if (due != _now()) _prove(mallory);
            _next();
        }
        audits.roll(order, 0); // the term is over: the fee goes back
        assertEq(audits.credit(auditor), AUDIT_FEE);
        _settle(mallory, Epoch.wrap(1));
        assertEq(_reputation(mallory), 0.5e18);
        _settle(mallory, Epoch.wrap(2));
        assertLt(_reputation(mallory), 0.13e18);
    }

    /// The other side: an auditor waits for an operator's outage to make a loss of it. The audit moves on until the operator is back.
    function test_AnOutageIsNotMadeALossByAudits() external {
        uint32 op = _register(10_000);
        uint40 order = _hold(op, _publish(ONE_CHUNK * 3), 1);
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
        _prove(op);
        _answer(order, 0);
        assertEq(operators.operator(op).stake, 10_000 * uint256(STAKE));
        assertEq(audits.credit(_payout(op)), AUDIT_FEE);
    }

    /// Mallory proves an epoch's last round, does not answer the audit due in it, and reports the loss in the next epoch, before anybody
    /// closes the audit: the epoch would be paid in full, and the next one's capacity would dilute the loss.
    function test_AReportMovesNoFailedAuditToTheNextEpoch() external {
        uint256 closed = _meritAfterAFailedAudit(false);
        assertEq(_meritAfterAFailedAudit(true), closed, "a failed audit counts in the epoch it was due");
    }

    function _meritAfterAFailedAudit(bool isReported) private returns (uint256 merit) {
        uint256 start = vm.snapshotState();
        uint32 mallory = _register(1000);
        uint40 order = _hold(mallory, _publish(ONE_CHUNK * 100), 2);
        Epoch e = _epoch();
        for (; _now() < e.first().addRounds(28); _next()) {
            _seed();
            _prove(mallory);
        }
        _audit(order, 0);
        _nextSeeded();
        _prove(mallory);
        _next();
        if (isReported) _reportLoss(order, 0);
        else audits.close(order, 0);
        assertEq(holdings.tally(mallory, e).lostHalves, 200);
        _settle(mallory, e);
        merit = pool.share(mallory, e).merit;
        vm.revertToState(start);
    }
}
