// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {StampTest} from "../utils/StampTest.sol";

/// @notice What contents that go, and slots that end before they began, could be used for: attacks that were tried, as tests of their
/// opposite.
contract WithdrawalTest is StampTest {
    Epoch private constant TWO = Epoch.wrap(2);

    uint32 private op;
    uint32 private content;
    uint40 private order;

    function setUp() public override {
        super.setUp();
        op = _register(1000);
        content = _publish(ONE_CHUNK * 3);
        order = _hold(op, content, 1); // rounds 32 to 59
    }

    // ---- Slots that end before they began ----

    /// A renewal is live without activation. Accepted and reported in one breath, again and again, it counts in the next epoch, and would
    /// take all the stake that nothing is reserved for.
    function test_AStolenProversKeyDoesNotRenewAndLoseInALoop() external {
        address owner = _owner(op);
        (address prover, address payout) = (_prover(op), _payout(op));
        vm.prank(owner);
        operators.setKeys(op, owner, prover, 6, payout);
        uint40 renewal = _renewal();
        _to(Round.wrap(57));
        uint256 stake = operators.operator(op).stake;
        uint256 times;
        for (; times < 20; ++times) {
            vm.prank(prover);
            try market.accept(renewal, 0, op) {}
            catch (bytes memory reason) {
                assertEq(reason, abi.encodeWithSelector(IHoldings.Holdings_TooMuchLost.selector, op, 9, 6));
                break;
            }
            _reportLoss(renewal, 0);
        }
        assertEq(times, 3);
        assertLe(stake - operators.operator(op).stake, 6 * uint256(STAKE), "the stake of proverChunks");
        _checkLedgers();
    }

    /// Nobody is at fault: an epoch in which it would have begun, and in which nothing lives, has nothing due.
    function test_ARenewalWithdrawnBeforeItBeganLeavesNothingDue() external {
        _proveTo(Round.wrap(57));
        uint40 renewal = _renewal();
        _accept(renewal, 0, op);
        _block(content);
        market.unwind(renewal, 0);
        market.unwind(order, 0);
        _next();
        _idleTo(Epoch.wrap(3).first());
        _settle(op, Epoch.wrap(1));
        uint256 reputation = _reputation(op);
        _settle(op, TWO);
        assertEq(_reputation(op), reputation);
    }

    /// The same by loss: the loss counts, rounds without anything live do not.
    function test_ARenewalLostBeforeItBeganMissesNoRound() external {
        _proveTo(Round.wrap(57));
        uint40 renewal = _renewal();
        _accept(renewal, 0, op);
        _reportLoss(renewal, 0);
        _proveTo(TWO.first());
        _settle(op, Epoch.wrap(1));
        _idleTo(Epoch.wrap(3).first());
        assertEq(uint256(holdings.tally(op, TWO).idle), (1 << 30) - 1);
        assertEq(holdings.badInARow(op), 0);
    }

    /// And what is renewed instead is due from the epoch's first round on.
    function test_WhatIsRenewedAfterThatIsDue() external {
        uint32 other = _publish(ONE_CHUNK);
        uint40 second = _hold(op, other, 1);
        _proveTo(Round.wrap(57));
        uint40 renewal = _renewal();
        _accept(renewal, 0, op);
        _reportLoss(renewal, 0);
        IMarket.Request memory r = _request(other, 1, 1);
        (r.incumbentOrder, r.startEpoch) = (second, TWO);
        _accept(_open(r), 0, op);
        assertEq(holdings.tally(op, TWO).idle, 0);
        _proveTo(TWO.first());
        _settle(op, Epoch.wrap(1));
        _idleTo(_now().addRounds(7));
        assertEq(holdings.badInARow(op), 7);
    }

    // ---- Unwinding ----

    /// A slot that ran its term was not ended by what came after.
    function test_RevertWhen_TheTermWasOverBeforeTheStamp() external {
        _to(TWO, 3);
        _block(content);
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_NotStamped.selector, op, Epoch.wrap(1), 0));
        market.unwind(order, 0);
    }

    /// A reservation of what nobody may hold any more does not keep capacity until it lapses.
    function test_AReservationOfAWithdrawnContentIsReleasedAtOnce() external {
        uint32 other = _publish(ONE_CHUNK * 100);
        IMarket.Request memory r = _request(other, 1, 1);
        r.startEpoch = TWO;
        uint40 reserved = _open(r);
        _accept(reserved, 0, op);
        _block(other);
        vm.prank(anyone);
        market.release(reserved, 0);
        (uint256 chunks,) = operators.reservedNow(op);
        assertEq(chunks, 3);
        vm.startPrank(uploader);
        market.cancelOpen(reserved, 1);
        assertEq(market.withdraw(reserved, uploader), 100 * 30 * uint256(FEE));
        vm.stopPrank();
        _checkLedgers();
    }

    /// Draws fall on what was blocked until its term ends. Whoever held little besides proves what is drawn of that, and no round is lost.
    function test_WhatIsBlockedKeepsNobodyFromProvingTheRest() external {
        uint32 big = _publish(ONE_CHUNK * 297);
        _hold(op, big, 1); // a hundredth lives
        _block(big);
        _next();
        uint256 answers;
        uint256 passed;
        for (uint256 i; i < 12; ++i) {
            _seed();
            IHoldings.Challenge[] memory drawn = holdings.challenges(op);
            for (uint256 d; d < drawn.length; ++d) {
                if (drawn[d].answer) ++answers;
                if (drawn[d].passed) ++passed;
            }
            _prove(op);
            _next();
        }
        assertEq(answers + passed, 12 * 5);
        assertGt(answers, 30); // 0.99 ** 128 = 0.28 of the challenges meet nothing live
        assertGt(passed, 5);
        assertEq(holdings.badInARow(op), 0);
    }

    // ---- Audits ----

    /// H-TREE-2: an operator whose friend disproves what is audited, and that stays away from then on, loses the slot as it would have.
    function test_HTree2_ADisproofDoesNotEndAnAuditForWhoStaysAway() external {
        uint32 liar = _register(10);
        (uint32 lie, uint40 lieOrder) = _holdALie(liar, 3);
        _audit(lieOrder, 0);
        _disprove(lie);
        _next();
        for (uint256 i; i < 7; ++i) {
            _seed();
            _next();
            if (_now() > audits.audit(lieOrder, 0).due) audits.roll(lieOrder, 0);
        }
        audits.eject(liar);
        audits.close(lieOrder, 0);
        market.unwind(lieOrder, 0);
        assertEq(operators.operator(liar).stake, 9 * STAKE);
        _checkLedgers();
    }

    // ---- Verbs ----

    function _renewal() private returns (uint40) {
        IMarket.Request memory r = _request(content, 1, 1);
        (r.incumbentOrder, r.startEpoch) = (order, TWO);
        return _open(r);
    }

    function _proveTo(Round until) private {
        while (_now() < until) {
            _seed();
            _prove(op);
            _next();
        }
    }
}
