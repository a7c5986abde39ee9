// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

contract ReleaseTest is BaseTest {
    uint32 private op;
    uint32 private other;
    uint32 private content;
    uint40 private order;

    function setUp() public override {
        super.setUp();
        (op, other) = (_register(100), _register(100));
        content = _publish(ONE_CHUNK * 3);
        order = _open(content, 2, 2);
    }

    function test_RevertWhen_TheOrderIsUnknown() external {
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_UnknownOrder.selector, 7));
        market.release(7, 0);
    }

    function test_RevertWhen_NothingIsReservedOrItCanBeActivated() external {
        _expectNotLapsed(0); // open
        _accept(order, 0, op);
        _expectNotLapsed(0);
        _next();
        _idleTo(Round.wrap(33)); // in the third of the rounds in which it can be activated
        _seed();
        _expectNotLapsed(0);
        _activate(order, 0);
        _expectNotLapsed(0); // live
        _to(Epoch.wrap(3), 0);
        _expectNotLapsed(0); // and over
    }

    /// H-RAND-2: rounds without a seed do not bring a reservation any nearer to its end.
    function test_HRand2_RevertWhen_TheRoundsWereVoid() external {
        _accept(order, 0, op);
        _to(Round.wrap(50));
        _expectNotLapsed(0);
    }

    function test_FreesReplicaChunksStakeAndContent() external {
        _accept(order, 0, op);
        _next();
        _idleTo(Round.wrap(34));
        vm.expectEmit(address(market));
        emit IMarket.ReservationLapsed(order, 0, op);
        vm.prank(anyone);
        market.release(order, 0);

        assertEq(market.slot(order, 0).operatorId, 0);
        (uint256 chunks, uint256 stake) = operators.reservedNow(op);
        assertEq(chunks + stake, 0);
        assertEq(operators.operator(op).stake, 100 * STAKE, "a reservation costs nothing");
        _expectNotLapsed(0); // once

        // Not this operator's any more, whichever replica; another order of the same content is.
        address prover = _prover(op);
        for (uint8 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IMarket.Market_Barred.selector, order, op));
            vm.prank(prover);
            market.accept(order, i, op);
        }
        _accept(order, 0, other);
        _accept(_open(content, 1, 1), 0, op);
        _checkLedgers();
    }

    /// H-RAND-2: whatever became of the beacon, nobody keeps a replica reserved for more than an epoch after the one it was accepted in.
    function test_HRand2_PossibleWhen_TwoEpochsHadNoSeed() external {
        order = _open(content, 1, 4);
        _accept(order, 0, op);
        _to(Epoch.wrap(2), 29);
        _expectNotLapsed(0);
        _next();
        assertTrue(market.isLapsed(order, 0));
        market.release(order, 0);
        assertEq(market.slot(order, 0).operatorId, 0);
    }

    /// Seeds before it was accepted, and that of the round it was accepted in, do not count.
    function test_HRand3_RevertWhen_TheSeedsWereThereBefore() external {
        _seed();
        _next();
        _seed();
        _accept(order, 0, op); // round 31
        _to(Round.wrap(33)); // 32 is void
        _idleTo(Round.wrap(35)); // 33 and 34 count
        _expectNotLapsed(0);
        _seed();
        _activate(order, 0);
    }

    function test_RevertWhen_TheContentIsBlockedAndNothingIsReserved() external {
        _accept(order, 0, op);
        _nextSeeded();
        _activate(order, 0);
        vm.prank(curator);
        catalog.blockContent(content, "");
        _expectNotLapsed(0); // live
        _expectNotLapsed(1); // open
    }

    function test_PossibleWhen_TheOrdersEndIsNear() external {
        _to(Epoch.wrap(2), 26);
        _accept(order, 0, op);
        _to(Epoch.wrap(2), 28);
        _expectNotLapsed(0);
        _next(); // in its last round nothing can become live any more
        market.release(order, 0);
        // The content is the operator's to take again at once.
        IMarket.Request memory r = _request(content, 1, 1);
        r.startEpoch = r.startEpoch.addEpochs(1);
        _accept(_open(r), 0, op);
    }

    /// One copy at a time, all along: the slot that runs out, the reservation that lapses, the next one.
    function test_TheContentCanBeHeldAgainWhen_ItWasTheNextEpochsOrder() external {
        uint40 held = _open(content, 1, 1);
        _accept(held, 0, op);
        _nextSeeded();
        _activate(held, 0);
        IMarket.Request memory r = _request(content, 1, 2);
        r.startEpoch = Epoch.wrap(2);
        uint40 next = _open(r);
        _accept(next, 0, op);
        _to(Epoch.wrap(1), 29);
        _idleTo(Round.wrap(62)); // 59, 60 and 61 pass
        market.release(next, 0);
        uint40 again = _open(content, 2, 1);
        _accept(again, 0, op);
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_ContentHeld.selector, op, content, Epoch.wrap(2)));
        _accept(again, 1, op);
    }

    function _expectNotLapsed(uint8 replica) private {
        assertFalse(market.isLapsed(order, replica));
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_NotLapsed.selector, order, replica));
        market.release(order, replica);
    }
}
