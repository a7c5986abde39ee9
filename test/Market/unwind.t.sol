// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

contract UnwindTest is BaseTest {
    uint32 private op;
    uint32 private content;
    uint40 private order;
    uint256 private constant ROUND = 3 * uint256(FEE); // the slot's fee
    uint256 private constant SLASH = 3 * uint256(STAKE);

    function setUp() public override {
        super.setUp();
        op = _register(100);
        content = _publish(ONE_CHUNK * 3);
        order = _hold(op, content, 3); // live from round 32
    }

    function test_RevertWhen_NotLive() external {
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_UnknownOrder.selector, 9));
        market.unwind(9, 0);
        uint40 open = _open(content, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_NotLive.selector, open, 0));
        market.unwind(open, 0);
    }

    function test_RevertWhen_TheOperatorIsNotEjected() external {
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_NotStamped.selector, op, Epoch.wrap(3), 0));
        market.unwind(order, 0);
    }

    function test_RevertWhen_TheTermWasOverByThen() external {
        uint40 short = _hold(op, _publish(ONE_CHUNK), 1);
        _idleTo(Round.wrap(57));
        // Not a whole week in a row: it lives into the second epoch.
        _seed();
        _prove(op);
        _next();
        _idleTo(Round.wrap(65));
        audits.eject(op);
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_NotStamped.selector, op, Epoch.wrap(1), 0));
        market.unwind(short, 0);
        market.unwind(order, 0);
        assertEq(Round.unwrap(holdings.inventory(op).stamp), 0);
    }

    /// H-ESC-2: unpaid from the round after the stamp, whenever somebody unwinds.
    function test_HEsc2_ReturnsTheFeeFromTheStampOn() external {
        _idleTo(Round.wrap(39));
        audits.eject(op);
        _to(Round.wrap(58)); // late, in the same epoch
        uint256 balance = market.order(order).balance;
        vm.expectEmit(address(market));
        emit IMarket.SlotEnded(order, 0, op, IMarket.Ending.Ejected, Round.wrap(40), 80 * ROUND, SLASH);
        vm.prank(anyone);
        market.unwind(order, 0);
        assertEq(market.order(order).balance, balance + 80 * ROUND + SLASH / 2);
        assertEq(pool.scheduled(), 8 * ROUND);
        assertEq(pool.treasuryBalance(), SLASH / 2);
        assertEq(operators.operator(op).stake, 97 * STAKE);
        (uint256 chunks, uint256 stake) = operators.reservedNow(op);
        assertEq(chunks + stake, 0);
        assertEq(holdings.inventory(op).stampedChunks, 0);

        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_NotLive.selector, order, 0));
        market.unwind(order, 0);
        _checkLedgers();
    }

    /// What is frozen stays paid, to the treasury, for nobody weighs.
    function test_WhatIsFrozenStaysPaid() external {
        _idleTo(Round.wrap(39));
        audits.eject(op);
        _freeze(Epoch.wrap(1));
        assertEq(pool.treasuryBalance(), 28 * ROUND);
        vm.expectEmit(address(market));
        emit IMarket.SlotEnded(order, 0, op, IMarket.Ending.Ejected, Round.wrap(40), 60 * ROUND, SLASH);
        market.unwind(order, 0);
        assertEq(pool.scheduled(), 0);
        // What it was judged by is what it held: eight rounds, all missed, and everything lost.
        settlement.settle(op, Epoch.wrap(1));
        assertEq(_reputation(op), 0);
        _freeze(Epoch.wrap(2));
        assertEq(pool.treasuryBalance(), 28 * ROUND + SLASH / 2);
        vm.prank(uploader);
        market.withdraw(order, uploader);
        _checkLedgers();
    }

    /// A renewal not begun yet is lost with the rest, and all its fee goes back.
    function test_ReturnsTheWholeFeeOfARenewal() external {
        IMarket.Request memory r = _request(content, 1, 2);
        (r.incumbentOrder, r.startEpoch) = (order, Epoch.wrap(4));
        _to(Epoch.wrap(3), 20);
        settlement.settle(op, Epoch.wrap(1));
        settlement.settle(op, Epoch.wrap(2));
        uint40 renewal = _open(r);
        _idleTo(Round.wrap(117));
        _accept(renewal, 0, op);
        audits.eject(op);
        assertEq(holdings.inventory(op).stampedChunks, 6);
        vm.expectEmit(address(market));
        emit IMarket.SlotEnded(renewal, 0, op, IMarket.Ending.Ejected, Round.wrap(118), 60 * ROUND, SLASH);
        market.unwind(renewal, 0);
        assertEq(market.order(renewal).balance, 60 * ROUND + SLASH / 2);
        assertEq(Round.unwrap(holdings.inventory(op).stamp), 117, "the stamp stays until all is unwound");
        vm.expectEmit(address(holdings));
        emit IHoldings.Unstamped(op);
        market.unwind(order, 0);
        _checkLedgers();
    }

    /// What ends with an epoch's last round has nothing in the next one to be settled.
    function test_NothingIsLeftOfWhatEndsWithAnEpoch() external {
        _to(Round.wrap(59));
        _reportLoss(order, 0);
        assertEq(pool.scheduled(), 28 * ROUND);
        _to(Epoch.wrap(3), 2);
        assertFalse(pool.settledThrough(op, Epoch.wrap(1)));
        settlement.settle(op, Epoch.wrap(1));
        assertTrue(pool.settledThrough(op, Epoch.wrap(3)));
    }

    function test_TheReplicaIsOpenAgain() external {
        _idleTo(Round.wrap(39));
        audits.eject(op);
        uint32 other = _register(100);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_NotOpen.selector, order, 0));
        _accept(order, 0, other);
        market.unwind(order, 0);
        assertEq(market.order(order).unheld, 1);
        _accept(order, 0, other);
        // The one that lost it takes nothing new in this epoch, and is judged by its reputation then.
        uint40 again = _open(_publish(ONE_BLOCK), 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_TooMuchLost.selector, op, 0, 1));
        _accept(again, 0, op);
        _to(Epoch.wrap(2), 5);
        settlement.settle(op, Epoch.wrap(1));
        _accept(_open(_publish(ONE_BLOCK), 1, 1), 0, op);
    }
}
