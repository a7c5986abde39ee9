// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAudits} from "../../src/interfaces/IAudits.sol";
import {ICatalog} from "../../src/interfaces/ICatalog.sol";
import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {StampTest} from "../utils/StampTest.sol";

/// What becomes of the slots of a content that is taken out of service (H-TREE-2, H-ESC-1, H-ESC-2): nobody is at fault.
contract WithdrawnContentTest is StampTest {
    uint256 private constant ROUND = 3 * uint256(FEE); // the slot's fee
    uint32 private op;
    uint32 private content;
    uint40 private order;

    function setUp() public override {
        super.setUp();
        op = _register(100);
        content = _publish(ONE_CHUNK * 3);
        order = _hold(op, content, 3); // live from round 32
    }

    // ---- Money ----

    function test_HEsc2_ReturnsTheFeeFromTheStampOnAndSlashesNobody() external {
        _idleTo(Round.wrap(39));
        _block(content);
        _to(Round.wrap(58)); // late, in the same epoch
        uint256 balance = market.order(order).balance;
        vm.expectEmit(address(market));
        emit IMarket.SlotEnded(order, 0, op, IMarket.Ending.ContentStamped, Round.wrap(40), 80 * ROUND, 0);
        vm.prank(anyone);
        market.unwind(order, 0);
        assertEq(market.order(order).balance, balance + 80 * ROUND);
        assertEq(market.accounted(), market.order(order).balance + 8 * ROUND);
        assertEq(operators.operator(op).stake, 100 * STAKE);
        (uint256 chunks, uint256 stake) = operators.reservedNow(op);
        assertEq(chunks + stake, 0);
        _checkLedgers();

        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_NotLive.selector, order, 0));
        market.unwind(order, 0);
        // The uploader gives up the replica and has all that was not spent.
        vm.startPrank(uploader);
        market.cancelOpen(order, 1);
        assertEq(market.withdraw(order, uploader), balance + 80 * ROUND);
        vm.stopPrank();
        _checkLedgers();
    }

    /// What was weighed stays paid, frozen or not: else an operator would have a share of fees that went home.
    function test_HEpoch2_WhatIsSettledStaysPaid() external {
        for (uint32 n; n < 8; ++n) {
            _seed();
            _prove(op);
            _next();
        }
        _block(content); // round 40
        _settle(op, Epoch.wrap(1));
        assertEq(pool.share(op, Epoch.wrap(1)).fees, 28 * ROUND);
        vm.expectEmit(address(market));
        emit IMarket.SlotEnded(order, 0, op, IMarket.Ending.ContentStamped, Round.wrap(41), 60 * ROUND, 0);
        market.unwind(order, 0);
        assertEq(market.accounted(), market.order(order).balance + 28 * ROUND);
        _freeze(Epoch.wrap(1));
        assertEq(market.accounted(), market.order(order).balance);
        _checkLedgers();
    }

    function test_WhatIsFrozenStaysPaid() external {
        _block(content);
        _freeze(Epoch.wrap(1));
        vm.expectEmit(address(market));
        emit IMarket.SlotEnded(order, 0, op, IMarket.Ending.ContentStamped, Round.wrap(33), 60 * ROUND, 0);
        market.unwind(order, 0);
        settlement.settle(op, Epoch.wrap(1));
        assertEq(market.accounted(), market.order(order).balance);
        _checkLedgers();
    }

    function test_UnwindsAfterTheTerm() external {
        _to(Epoch.wrap(3), 10);
        _block(content);
        _to(Epoch.wrap(4), 1);
        vm.expectEmit(address(market));
        emit IMarket.SlotEnded(order, 0, op, IMarket.Ending.ContentStamped, Round.wrap(101), 19 * ROUND, 0);
        market.unwind(order, 0);
        (uint256 live, uint256 dead) = holdings.chunksNow(op);
        assertEq(live + dead, 0);
        _checkLedgers();
    }

    /// A renewal not begun yet has cost nothing.
    function test_ReturnsTheWholeFeeOfARenewal() external {
        IMarket.Request memory r = _request(content, 1, 2);
        (r.incumbentOrder, r.startEpoch) = (order, Epoch.wrap(4));
        _to(Epoch.wrap(3), 20);
        settlement.settle(op, Epoch.wrap(1));
        settlement.settle(op, Epoch.wrap(2));
        uint40 renewal = _open(r);
        _to(Round.wrap(117));
        _accept(renewal, 0, op);
        _block(content);
        vm.expectEmit(address(market));
        emit IMarket.SlotEnded(renewal, 0, op, IMarket.Ending.ContentStamped, Round.wrap(118), 60 * ROUND, 0);
        market.unwind(renewal, 0);
        assertEq(holdings.inventory(op).pendingChunks, 0);
        market.unwind(order, 0);
        (uint256 live, uint256 dead) = holdings.chunksNow(op);
        assertEq(live, 0);
        assertEq(dead, 6);
        _checkLedgers();
    }

    // ---- What may not happen any more ----

    function test_RevertWhen_TheContentIsInService() external {
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_NotStamped.selector, op, Epoch.wrap(3), 0));
        market.unwind(order, 0);
    }

    function test_RevertWhen_ItIsOrderedAcceptedOrActivated() external {
        uint32 other = _publish(ONE_CHUNK);
        uint40 reserved = _open(other, 2, 1);
        _accept(reserved, 0, op);
        _block(other);
        bytes memory expected = abi.encodeWithSelector(ICatalog.Catalog_Stamped.selector, other, _now());
        IMarket.Request memory again = _request(other, 1, 1);
        uint32 second = _register(100);
        vm.expectRevert(expected);
        _open(again);
        vm.startPrank(_prover(second));
        vm.expectRevert(expected);
        market.accept(reserved, 1, second);
        vm.stopPrank();

        _nextSeeded();
        bytes memory proof = _words(other, market.activationSeed(reserved, 0));
        address prover = _prover(op);
        vm.expectRevert(expected);
        vm.prank(prover);
        market.activate(reserved, 0, proof);
        // The reservation lapses like any other.
        _idleTo(_now().addRounds(3));
        market.release(reserved, 0);
        (uint256 chunks,) = operators.reservedNow(op);
        assertEq(chunks, 3);
    }

    // ---- The draw ----

    /// H-PROOF-1: who deleted it within the hour is clean all the same.
    function test_HProof1_ABlockedContentCountsAsPassedInItsRound() external {
        _seed();
        _block(content);
        IHoldings.Challenge[] memory drawn = holdings.challenges(op);
        assertEq(drawn.length, 5);
        for (uint256 k; k < 5; ++k) {
            assertTrue(drawn[k].passed && !drawn[k].answer);
        }
        _prove(op);
        assertTrue(holdings.isClean(op, _now()));
    }

    /// A disproved one is there still, and proven in its round as if nothing had happened.
    function test_HProof1_ADisprovedContentIsSampledInItsRound() external {
        (uint32 lie,) = _holdALie(op, 1);
        _seed();
        uint256 drawn = holdings.challenges(op).length;
        _disprove(lie);
        assertEq(holdings.challenges(op).length, drawn);
        assertFalse(holdings.challenges(op)[0].passed);
        _nextSeeded();
        _prove(op);
        assertTrue(holdings.isClean(op, _now()), "the rest, redrawn");
    }

    function test_RevertWhen_NothingElseThanADisprovedContentIsThere() external {
        (uint32 lie,) = _holdALie(op, 1);
        _reportLoss(order, 0);
        _disprove(lie);
        _nextSeeded();
        bytes memory names = _namesOnly();
        address prover = _prover(op);
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_NothingLive.selector, op, 0));
        vm.prank(prover);
        holdings.prove(op, names);
    }

    function test_IsNotSampledAfterItsRound() external {
        uint32 other = _publish(ONE_CHUNK * 4);
        _hold(op, other, 1);
        _block(content);
        _nextSeeded();
        IHoldings.Challenge[] memory drawn = holdings.challenges(op);
        for (uint256 i; i < drawn.length; ++i) {
            assertEq(drawn[i].answer, drawn[i].contentId == other);
            assertFalse(drawn[i].passed);
        }
        _prove(op);
        assertTrue(holdings.isClean(op, _now()));
        // Unwound or not, it is the same.
        market.unwind(order, 0);
        _nextSeeded();
        _prove(op);
    }

    /// With nothing else live, what is unwound in time leaves nothing due.
    function test_NothingIsDueOnceAllIsUnwound() external {
        _nextSeeded();
        _prove(op);
        _block(content); // round 33
        _nextSeeded();
        market.unwind(order, 0);
        _idleTo(Round.wrap(55));
        assertEq(holdings.badInARow(op), 0);
        _settle(op, Epoch.wrap(1));
        IHoldings.Tally memory t = holdings.tally(op, Epoch.wrap(1));
        assertEq(t.idle, uint32(((1 << 30) - 1) & ~uint256(15) | 3), "before it was live, and from the round it was unwound in");
        assertEq(t.lostHalves, 0);
        assertGt(_reputation(op), 0.5e18);
    }

    // ---- Ejection ----

    /// What a content's stamp ended first was not lost by the operator.
    function test_WhatWasWithdrawnBeforeAnEjectionIsNotSlashed() external {
        uint40 lost = _hold(op, _publish(ONE_CHUNK * 2), 3);
        _block(content);
        Round stamp = _now();
        _next();
        _idleTo(_now().addRounds(8));
        audits.eject(op);
        Round ejected = _now();
        vm.expectEmit(true, true, true, false, address(market));
        emit IMarket.SlotEnded(order, 0, op, IMarket.Ending.ContentStamped, stamp.addRounds(1), 0, 0);
        market.unwind(order, 0);
        assertEq(operators.operator(op).stake, 100 * STAKE);
        assertEq(Round.unwrap(holdings.inventory(op).stamp), Round.unwrap(ejected));
        market.unwind(lost, 0);
        assertEq(operators.operator(op).stake, 98 * STAKE);
        assertEq(Round.unwrap(holdings.inventory(op).stamp), 0);
        _checkLedgers();
    }

    function test_WhatIsWithdrawnAfterAnEjectionIsLost() external {
        _idleTo(_now().addRounds(8));
        audits.eject(op);
        _block(content);
        market.unwind(order, 0);
        assertEq(operators.operator(op).stake, 97 * STAKE);
        _checkLedgers();
    }

    // ---- Audits ----

    function test_RevertWhen_AWithdrawnContentIsAudited() external {
        _block(content);
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_NotLive.selector, order, 0));
        _audit(order, 0);
    }

    function test_AnAuditOfABlockedContentLosesItsObject() external {
        _audit(order, 0);
        _block(content);
        market.unwind(order, 0);
        audits.close(order, 0);
        assertEq(audits.credit(auditor), AUDIT_FEE);
        assertEq(holdings.tally(op, Epoch.wrap(1)).audits, 0);
        _checkLedgers();
    }

    /// H-TREE-2: a publisher's friend cannot end an audit by disproving what is audited.
    function test_HTree2_AnAuditOfADisprovedContentStillCounts() external {
        (uint32 lie, uint40 lieOrder) = _holdALie(op, 1);
        _audit(lieOrder, 0);
        _disprove(lie);
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_AuditPending.selector, op, Epoch.wrap(1), 0));
        market.unwind(lieOrder, 0);
        _nextSeeded();
        _prove(op);
        _next();
        audits.close(lieOrder, 0); // there, and unanswered
        assertEq(operators.operator(op).stake, 99 * STAKE);
        assertEq(holdings.tally(op, Epoch.wrap(1)).lostHalves, 2);
        _checkLedgers();
    }

    function test_HTree2_AnAnsweredAuditLetsADisprovedContentGo() external {
        (uint32 lie, uint40 lieOrder) = _holdALie(op, 1);
        _audit(lieOrder, 0);
        _disprove(lie);
        _nextSeeded();
        bytes memory words = _lieWords(lie, audits.auditSeed(lieOrder, 0));
        vm.prank(_prover(op));
        audits.answer(lieOrder, 0, words);
        market.unwind(lieOrder, 0);
        assertEq(operators.operator(op).stake, 100 * STAKE);
        _checkLedgers();
    }

    // ---- Verbs ----

    /// @dev Entries alone, as many as a proof has draws.
    function _namesOnly() private view returns (bytes memory proof) {
        IHoldings.Challenge[] memory drawn = holdings.challenges(op);
        for (uint256 i; i < drawn.length; ++i) {
            proof = bytes.concat(proof, bytes4(drawn[i].entry));
        }
    }
}
