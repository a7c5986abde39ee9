// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {IAudits} from "../../src/interfaces/IAudits.sol";
import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

contract AuditsTest is BaseTest {
    uint32 private op;
    uint32 private content;
    uint40 private order;
    uint256 private constant SLOT = 3 * uint256(STAKE);

    function setUp() public override {
        super.setUp();
        op = _register(100);
        content = _publish(ONE_CHUNK * 3);
        order = _hold(op, content, 2); // live from round 32
    }

    // ---- open ----

    function test_Open_RevertWhen_TheSlotIsNotLive() external {
        uint40 reserved = _open(content, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_NotLive.selector, reserved, 0));
        _audit(reserved, 0);
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_NotLive.selector, order, 1));
        _audit(order, 1);
    }

    /// What is activated in this round is live in the one in which the audit is due.
    function test_Open_InTheRoundBeforeItIsLive() external {
        uint40 fresh = _open(_publish(ONE_BLOCK), 1, 1);
        _accept(fresh, 0, op);
        _nextSeeded();
        _activate(fresh, 0);
        _audit(fresh, 0);
        _nextSeeded();
        _answer(fresh, 0);
        assertEq(audits.credit(_payout(op)), AUDIT_FEE);
    }

    function test_Open_RevertWhen_ARenewalIsNotLiveInTheNextRound() external {
        uint40 renewal = _renewal();
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_NotLive.selector, renewal, 0));
        _audit(renewal, 0);
        _to(Round.wrap(89));
        _audit(renewal, 0);
        assertEq(Round.unwrap(audits.audit(renewal, 0).due), 90);
        assertEq(Epoch.unwrap(audits.audit(renewal, 0).last), 3);
    }

    function test_Open_RevertWhen_TheTermEnds() external {
        Round last = Epoch.wrap(2).last();
        _to(last);
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_TooLate.selector, last.addRounds(1), last));
        _audit(order, 0);
    }

    function test_Open_AndRollAsLongAsItIsDueInTheTerm() external {
        _to(Round.wrap(87));
        _audit(order, 0);
        _to(Round.wrap(88)); // due and void
        vm.warp(block.timestamp + LENGTH / 2);
        audits.roll(order, 0);
        assertEq(Round.unwrap(audits.audit(order, 0).due), 89);
        _to(Round.wrap(89));
        _seed();
        _answer(order, 0);
        assertEq(audits.credit(_payout(op)), AUDIT_FEE);
    }

    function test_Open_RevertWhen_OneIsOpenOrTheFeeIsAbove() external {
        vm.prank(auditor);
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_FeeAbove.selector, AUDIT_FEE, AUDIT_FEE - 1));
        audits.open(order, 0, AUDIT_FEE - 1);
        _audit(order, 0);
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_AlreadyOpen.selector, order, 0));
        _audit(order, 0);
    }

    function test_Open_RevertWhen_ThirtyTwoAreOpen() external {
        uint40[] memory orders = new uint40[](33);
        for (uint256 i; i < 33; ++i) {
            orders[i] = _open(_publish(ONE_BLOCK), 1, 1);
            _accept(orders[i], 0, op);
        }
        _nextSeeded();
        for (uint256 i; i < 33; ++i) {
            _activate(orders[i], 0);
        }
        for (uint256 i; i < 32; ++i) {
            _audit(orders[i], 0);
        }
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_TooMany.selector, op, _now(), 32));
        _audit(orders[32], 0);
    }

    function test_Open_IsDueInTheNextRound() external {
        vm.expectEmit(address(audits));
        emit IAudits.AuditOpened(order, 0, op, auditor, AUDIT_FEE, Round.wrap(33));
        _audit(order, 0);
        assertEq(audits.accounted(), AUDIT_FEE);
        assertEq(holdings.tally(op, Epoch.wrap(1)).audits, 1);
        _checkLedgers();
    }

    // ---- answer ----

    /// H-PROOF-4.
    function test_HProof4_Answer_RevertWhen_TheCallerIsNoAgent() external {
        _audit(order, 0);
        _nextSeeded();
        vm.prank(anyone);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_NotAgent.selector, op, anyone));
        audits.answer(order, 0, "");
    }

    function test_Answer_RevertWhen_NotDueOrWithoutSeed() external {
        _audit(order, 0);
        address prover = _prover(op);
        vm.startPrank(prover);
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_NotDue.selector, 32, 33));
        audits.answer(order, 0, "");
        _next();
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_NoSeed.selector, 33));
        audits.answer(order, 0, "");
        _next();
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_NotDue.selector, 34, 33));
        audits.answer(order, 0, "");
    }

    function test_Answer_RevertWhen_AWordIsWrong() external {
        _audit(order, 0);
        _nextSeeded();
        uint64 leaf = holdings.wordsOf(content, audits.auditSeed(order, 0))[0];
        bytes memory proof = _words(content, audits.auditSeed(order, 0));
        proof[7] ^= 0x10;
        address prover = _prover(op);
        vm.prank(prover);
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_WrongProof.selector, 0, content, leaf));
        audits.answer(order, 0, proof);
    }

    function test_Answer_TheFeeIsTheOperators() external {
        _audit(order, 0);
        _nextSeeded();
        vm.expectEmit(address(audits));
        emit IAudits.AuditAnswered(order, 0, op, _payout(op), AUDIT_FEE);
        _answer(order, 0);
        assertEq(audits.credit(_payout(op)), AUDIT_FEE);
        assertEq(holdings.tally(op, Epoch.wrap(1)).audits, 0);
        vm.expectEmit(address(audits));
        emit IAudits.CreditWithdrawn(_payout(op), AUDIT_FEE);
        vm.prank(_payout(op));
        assertEq(audits.withdraw(), AUDIT_FEE);
        assertEq(asset.balanceOf(_payout(op)), AUDIT_FEE);
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_NothingOwed.selector, _payout(op)));
        vm.prank(_payout(op));
        audits.withdraw();
        _checkLedgers();
    }

    // ---- roll ----

    function test_Roll_RevertWhen_TheOperatorProved() external {
        _audit(order, 0);
        _nextSeeded();
        _prove(op);
        _next();
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_NotRollable.selector, order, 0, 33));
        audits.roll(order, 0);
    }

    function test_HRand2_Roll_WhenAbsentOrVoid() external {
        _audit(order, 0);
        _nextSeeded();
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_NotRollable.selector, order, 0, 33));
        audits.roll(order, 0);
        _next(); // absent in 33
        vm.expectEmit(address(audits));
        emit IAudits.AuditRolled(order, 0, op, Round.wrap(35));
        audits.roll(order, 0);
        assertEq(Round.unwrap(audits.audit(order, 0).due), 35);
        _next();
        vm.warp(block.timestamp + LENGTH / 2); // 35 is void
        audits.roll(order, 0);
        assertEq(Round.unwrap(audits.audit(order, 0).due), 36);
        _nextSeeded();
        _answer(order, 0);
    }

    function test_Roll_MovesBetweenEpochs() external {
        _to(Epoch.wrap(1), 28);
        _audit(order, 0);
        _next();
        _to(Epoch.wrap(2), 0);
        audits.roll(order, 0);
        assertEq(holdings.tally(op, Epoch.wrap(1)).audits, 0);
        assertEq(holdings.tally(op, Epoch.wrap(2)).audits, 1);
    }

    function test_Roll_ReturnsWhen_TheTermEnds() external {
        _to(Epoch.wrap(2), 28);
        _audit(order, 0);
        _next();
        _next();
        audits.roll(order, 0);
        assertEq(audits.credit(auditor), AUDIT_FEE);
        assertEq(audits.audit(order, 0).payer, address(0));
    }

    // ---- close ----

    function test_Close_RevertWhen_AbsentOrNotOver() external {
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_NoneOpen.selector, order, 0));
        audits.close(order, 0);
        _audit(order, 0);
        _nextSeeded();
        _prove(op);
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_NotClosable.selector, order, 0, 33));
        audits.close(order, 0);
    }

    /// H-STAKE-2, H-ESC-2: the evidence is on chain, the slash is shared, the unpaid fee goes back.
    function test_HStake2_Close_FailsWhen_ProvenAndNotAnswered() external {
        _audit(order, 0);
        _nextSeeded();
        _prove(op);
        _next();
        uint256 balance = market.order(order).balance;
        vm.expectEmit(address(audits));
        emit IAudits.AuditFailed(order, 0, op, Round.wrap(33));
        vm.expectEmit(address(market));
        emit IMarket.SlotEnded(order, 0, op, IMarket.Ending.AuditFailed, Round.wrap(35), 3 * 55 * uint256(FEE), SLOT);
        audits.close(order, 0);
        assertEq(market.order(order).balance, balance + 3 * 55 * uint256(FEE) + SLOT / 2);
        assertEq(pool.treasuryBalance(), SLOT / 2);
        assertEq(operators.operator(op).stake, 97 * STAKE);
        assertEq(holdings.tally(op, Epoch.wrap(1)).lostHalves, 6);
        assertEq(audits.credit(auditor), AUDIT_FEE);
        // The replica is open again, to others as well.
        uint32 other = _register(100);
        _accept(order, 0, other);
        _checkLedgers();
    }

    // ---- reportLoss ----

    function test_ReportLoss_HalfTheSlash() external {
        vm.expectEmit(address(audits));
        emit IAudits.LossReported(order, 0, op);
        _reportLoss(order, 0);
        assertEq(operators.operator(op).stake, 100 * STAKE - SLOT / 2);
        assertEq(holdings.tally(op, Epoch.wrap(1)).lostHalves, 3);
        _checkLedgers();
    }

    function test_ReportLoss_RevertWhen_NoAgentOrNotLive() external {
        vm.prank(anyone);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_NotAgent.selector, op, anyone));
        audits.reportLoss(order, 0);
        uint40 reserved = _open(_publish(ONE_BLOCK), 1, 1);
        _accept(reserved, 0, op);
        address prover = _prover(op);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_NotLive.selector, reserved, 0));
        vm.prank(prover);
        audits.reportLoss(reserved, 0);
    }

    function test_ReportLoss_IsAFailedAuditWhen_OneIsPending() external {
        _audit(order, 0);
        _next();
        _reportLoss(order, 0);
        assertEq(operators.operator(op).stake, 97 * STAKE);
        assertEq(holdings.tally(op, Epoch.wrap(1)).lostHalves, 6);
        assertEq(audits.credit(auditor), AUDIT_FEE);
    }

    function test_ReportLoss_InTheRoundOfTheAuditIsAReport() external {
        _audit(order, 0);
        _reportLoss(order, 0);
        assertEq(operators.operator(op).stake, 100 * STAKE - SLOT / 2);
        assertEq(audits.credit(auditor), AUDIT_FEE);
        assertEq(holdings.tally(op, Epoch.wrap(1)).audits, 0);
    }

    function test_ReportLoss_RevertWhen_TheTermIsOver() external {
        _to(Epoch.wrap(3), 0);
        address prover = _prover(op);
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_TooLate.selector, 90, 89));
        vm.prank(prover);
        audits.reportLoss(order, 0);
        assertEq(operators.operator(op).stake, 100 * STAKE);
    }

    function test_ReportLoss_InTheLastRound() external {
        _to(Round.wrap(89));
        _reportLoss(order, 0);
        assertEq(holdings.tally(op, Epoch.wrap(2)).lostHalves, 3);
        assertEq(operators.operator(op).stake, 100 * STAKE - SLOT / 2);
        _checkLedgers();
    }

    function test_ReportLoss_OfARenewalCountsWhenItWouldHaveBegun() external {
        uint40 renewal = _renewal();
        _reportLoss(renewal, 0);
        assertEq(holdings.tally(op, Epoch.wrap(2)).lostHalves, 0);
        assertEq(holdings.tally(op, Epoch.wrap(3)).lostHalves, 3);
        _checkLedgers();
    }

    /// @dev Accepted by the incumbent in round 87, live from round 90.
    function _renewal() private returns (uint40 renewal) {
        _to(Round.wrap(87));
        settlement.settle(op, Epoch.wrap(1));
        IMarket.Request memory r = _request(content, 1, 1);
        (r.incumbentOrder, r.startEpoch) = (order, Epoch.wrap(3));
        renewal = _open(r);
        _accept(renewal, 0, op);
    }

    // ---- What is audited is gone ----

    function test_Answer_RevertWhen_TheSlotWasEjected() external {
        _auditAndEject();
        address prover = _prover(op);
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_ObjectLost.selector, order, 0));
        vm.prank(prover);
        audits.answer(order, 0, "");
    }

    function test_Close_ReturnsWhen_TheSlotWasEjected() external {
        _auditAndEject();
        vm.expectEmit(address(audits));
        emit IAudits.AuditReturned(order, 0, op, auditor, AUDIT_FEE);
        audits.close(order, 0);
        assertEq(audits.credit(auditor), AUDIT_FEE);
    }

    function test_Close_ReturnsWhen_TheSlotIsUnwoundOrAnothers() external {
        _auditAndEject();
        _next();
        market.unwind(order, 0);
        _accept(order, 0, _register(100));
        audits.close(order, 0);
        assertEq(audits.credit(auditor), AUDIT_FEE);
        assertEq(holdings.tally(op, Epoch.wrap(1)).audits, 0);
        _checkLedgers();
    }

    function test_Close_ReturnsWhen_TheSlotWasEjectedInItsLastEpoch() external {
        _to(Epoch.wrap(2), 0);
        _auditAndEject(Round.wrap(70));
        audits.close(order, 0);
        assertEq(audits.credit(auditor), AUDIT_FEE);
    }

    /// Another slot, if the same operator takes it again.
    function test_Close_ReturnsWhen_TheOperatorTookTheSlotAgain() external {
        _auditAndEject();
        _next();
        market.unwind(order, 0);
        _to(Epoch.wrap(2), 0);
        _accept(order, 0, op);
        audits.close(order, 0);
        assertEq(audits.credit(auditor), AUDIT_FEE);
    }

    function _auditAndEject() private {
        _auditAndEject(Round.wrap(40));
    }

    /// @dev After eight bad rounds, in the round in which the audit is due.
    function _auditAndEject(Round round) private {
        _idleTo(round);
        _audit(order, 0);
        _nextSeeded();
        audits.eject(op);
    }

    // ---- eject ----

    function test_Eject_RevertWhen_FewerThanSevenAreBad() external {
        _idleTo(Round.wrap(38)); // six, from 32 on
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_NotEjectable.selector, op, 6));
        audits.eject(op);
        _to(Round.wrap(50)); // void rounds count for nothing
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_NotEjectable.selector, op, 6));
        audits.eject(op);
        _seed();
        _prove(op);
        _next();
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_NotEjectable.selector, op, 0));
        audits.eject(op);
    }

    function test_Eject_TakesEverything() external {
        uint40 second = _hold(op, _publish(ONE_CHUNK), 1); // two rounds later
        _idleTo(Round.wrap(41));
        vm.expectEmit(address(holdings));
        emit IHoldings.Ejected(op, Round.wrap(41), 4);
        audits.eject(op);
        _next();
        address prover = _prover(op);
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_Stamped.selector, op, 41));
        vm.prank(prover);
        audits.reportLoss(order, 0);
        uint40 next = _open(_publish(ONE_BLOCK), 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_Stamped.selector, op, 41));
        _accept(next, 0, op);

        market.unwind(order, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_NotLive.selector, order, 0));
        market.unwind(order, 0);
        vm.expectEmit(address(holdings));
        emit IHoldings.Unstamped(op);
        market.unwind(second, 0);
        assertEq(operators.operator(op).stake, 96 * STAKE);
        _settle(op, Epoch.wrap(1));
        assertEq(_reputation(op), 0);
        _checkLedgers();
    }

    /// H-RAND-3: each slot and round has words of its own.
    function test_HRand3_AuditSeedsDiffer() external {
        _seed();
        bytes32 seed = audits.auditSeed(order, 0);
        assertEq(seed, keccak256(abi.encode("audit", beacon.seed(_now()), order, 0)));
        assertNotEq(seed, audits.auditSeed(order, 1));
        assertNotEq(seed, audits.auditSeed(order + 1, 0));
    }

    // ---- setAuditFee ----

    function test_SetAuditFee_RevertWhen_NotGoverned() external {
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, anyone));
        vm.prank(anyone);
        audits.setAuditFee(1);
    }

    function test_SetAuditFee_RevertWhen_OutOfBounds() external {
        vm.startPrank(governor);
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_FeeOutOfBounds.selector, 0));
        audits.setAuditFee(0);
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_FeeOutOfBounds.selector, 1e24 + 1));
        audits.setAuditFee(1e24 + 1);
        vm.expectEmit(address(audits));
        emit IAudits.AuditFeeSet(1e24);
        audits.setAuditFee(1e24);
        audits.setAuditFee(1);
    }

    function test_SetAuditFee_ReachesTheNextAudit() external {
        _audit(order, 0);
        vm.prank(governor);
        audits.setAuditFee(7);
        assertEq(audits.auditFee(), 7);
        _nextSeeded();
        _answer(order, 0);
        assertEq(audits.credit(_payout(op)), AUDIT_FEE, "the fee it was opened with");
        _audit(order, 0);
        assertEq(audits.accounted(), AUDIT_FEE + 7);
    }
}
