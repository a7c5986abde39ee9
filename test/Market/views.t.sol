// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

contract MarketViewsTest is BaseTest {
    uint32 private op;
    uint32 private content;
    uint40 private order;

    function setUp() public override {
        super.setUp();
        op = _register(100);
        content = _publish(ONE_CHUNK * 3);
        order = _open(content, 2, 2);
    }

    function test_RevertWhen_TheOrderIsUnknown() external {
        bytes memory err = abi.encodeWithSelector(IMarket.Market_UnknownOrder.selector, 2);
        vm.expectRevert(err);
        market.term(2);
        vm.expectRevert(err);
        market.withdrawable(2);
        vm.expectRevert(err);
        market.isLapsed(2, 0);
    }

    function test_TermIsFirstAndLastRoundPaidFor() external {
        (Round first, Round last) = market.term(order);
        assertEq(Round.unwrap(first), 30);
        assertEq(Round.unwrap(last), 89);
        IMarket.Request memory r = _request(content, 1, 12);
        r.startEpoch = Epoch.wrap(2);
        (first, last) = market.term(_open(r));
        assertEq(Round.unwrap(first), 60);
        assertEq(Round.unwrap(last), 419);
        assertEq(market.count(), 2);
    }

    function test_IsDesignatedSaysWhoMayAccept() external {
        assertTrue(market.isDesignated(order, op));
        assertTrue(market.isDesignated(order, 77));
        IMarket.Request memory r = _request(content, 1, 1);
        r.designated = new uint32[](2);
        (r.designated[0], r.designated[1]) = (5, op);
        uint40 restricted = _open(r);
        assertTrue(market.isDesignated(restricted, op));
        assertTrue(market.isDesignated(restricted, 5));
        assertFalse(market.isDesignated(restricted, 77));
    }

    /// H-ESC-2: of what is deposited, what no replica can cost any more; round by round, to the last wei.
    function test_HEsc2_WithdrawableGrowsByTheRoundsWithoutAHolder() external {
        uint256 round = 3 * uint256(FEE);
        assertEq(market.withdrawable(order), 0);
        _next();
        assertEq(market.withdrawable(order), 2 * round);
        _accept(order, 0, op);
        _nextSeeded();
        _activate(order, 0); // live from round 33
        assertEq(market.withdrawable(order), 2 * round * 2);
        _to(Round.wrap(88));
        assertEq(market.withdrawable(order), 2 * round * 2 + 56 * round);
        _to(Round.wrap(200));
        assertEq(market.withdrawable(order), market.order(order).balance);
        assertEq(market.order(order).balance, 2 * round * 2 + 57 * round);
        assertEq(market.accounted(), market.order(order).balance + pool.scheduled());
    }

    /// H-RAND-3: each slot, round and operator has an activation seed of its own.
    function test_HRand3_ActivationSeedsDiffer() external {
        _accept(order, 0, op);
        uint32 other = _register(100);
        _accept(order, 1, other);
        _nextSeeded();
        bytes32 first = market.activationSeed(order, 0);
        assertNotEq(first, market.activationSeed(order, 1));
        _nextSeeded();
        assertNotEq(first, market.activationSeed(order, 0));
        // The words of the round before are none.
        bytes memory stale = _words(content, first);
        address prover = _prover(op);
        vm.expectRevert();
        vm.prank(prover);
        market.activate(order, 0, stale);
    }
}
