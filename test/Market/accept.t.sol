// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

contract AcceptTest is BaseTest {
    uint32 private op;
    uint32 private other;
    uint32 private content;

    function setUp() public override {
        super.setUp();
        (op, other) = (_register(100), _register(100));
        content = _publish(ONE_CHUNK * 3);
    }

    function test_RevertWhen_TheOrderIsUnknown() external {
        _expect(abi.encodeWithSelector(IMarket.Market_UnknownOrder.selector, 1), 1, 0, op);
    }

    function test_RevertWhen_ItIsOneOfTheLastThreeRounds() external {
        uint40 order = _open(content, 2, 1);
        Epoch epoch = _epoch();
        _to(epoch, 26);
        _accept(order, 0, op);
        _to(epoch, 27);
        _expect(abi.encodeWithSelector(IMarket.Market_TooLate.selector, _now(), epoch.last()), order, 1, other);
    }

    function test_RevertWhen_TheReplicaIsNotOpen() external {
        uint40 order = _open(content, 2, 1);
        _accept(order, 0, op);
        _expect(abi.encodeWithSelector(IMarket.Market_NotOpen.selector, order, 0), order, 0, other);
        _expect(abi.encodeWithSelector(IMarket.Market_NoSuchReplica.selector, order, 2), order, 2, other);
        vm.prank(uploader);
        market.cancelOpen(order, 2);
        _expect(abi.encodeWithSelector(IMarket.Market_NotOpen.selector, order, 1), order, 1, other);
    }

    function test_RevertWhen_TheCallerIsNoAgentOrBeyondItsLimit() external {
        uint40 order = _open(content, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_NotAgent.selector, op, anyone));
        vm.prank(anyone);
        market.accept(order, 0, op);

        vm.prank(_owner(op));
        operators.setKeys(op, _owner(op), _prover(op), 2, _payout(op));
        _expect(abi.encodeWithSelector(IOperators.Operators_ProverLimit.selector, op, 3, 2), order, 0, op);
        vm.prank(_owner(op));
        market.accept(order, 0, op);
    }

    function test_RevertWhen_CapacityOrStakeDoesNotSuffice() external {
        uint40 order = _open(_publish(ONE_CHUNK * 98), 1, 1);
        _accept(order, 0, op);
        uint40 next = _open(content, 1, 1);
        _expect(abi.encodeWithSelector(IOperators.Operators_CapacityExceeded.selector, op, 3, 2, 2 * STAKE), next, 0, op);
        vm.prank(governor);
        operators.setStakePerChunk(50 * STAKE);
        next = _open(content, 1, 1);
        bytes memory expected = abi.encodeWithSelector(IOperators.Operators_CapacityExceeded.selector, other, 3, 100, 100 * STAKE);
        _expect(expected, next, 0, other);
        vm.prank(_owner(other));
        operators.addStake(other, 50 * STAKE);
        _accept(next, 0, other);
    }

    function test_RevertWhen_ReputationIsTooLow() external {
        IMarket.Request memory r = _request(content, 1, 1);
        r.minReputation = 51;
        uint40 order = _open(r);
        _expect(abi.encodeWithSelector(IMarket.Market_StandingTooLow.selector, op, 0.5e18, 1e18), order, 0, op);
        r.minReputation = 50;
        _accept(_open(r), 0, op);
    }

    /// With reputation asked for or not, to the last hundredth.
    function test_RevertWhen_ReliabilityIsTooLow() external {
        vm.prank(address(settlement));
        operators.setStanding(op, 0.5e18, 0.5e18);
        IMarket.Request memory r = _request(content, 1, 1);
        r.minReliability = 51;
        uint40 order = _open(r);
        _expect(abi.encodeWithSelector(IMarket.Market_StandingTooLow.selector, op, 0.5e18, 0.5e18), order, 0, op);
        r.minReliability = 50;
        _accept(_open(r), 0, op);

        vm.prank(address(settlement));
        operators.setStanding(other, 0, 0);
        (r.minReputation, r.minReliability) = (0, 1);
        _expect(abi.encodeWithSelector(IMarket.Market_StandingTooLow.selector, other, 0, 0), _open(r), 0, other);
        (r.minReputation, r.minReliability) = (1, 0);
        _expect(abi.encodeWithSelector(IMarket.Market_StandingTooLow.selector, other, 0, 0), _open(r), 0, other);
        r.minReputation = 0;
        _accept(_open(r), 0, other);
    }

    function test_RevertWhen_TheOrderDesignatesOthers() external {
        IMarket.Request memory r = _request(content, 1, 1);
        r.designated = new uint32[](1);
        r.designated[0] = other;
        uint40 order = _open(r);
        _expect(abi.encodeWithSelector(IMarket.Market_NotDesignated.selector, order, op), order, 0, op);
        _accept(order, 0, other);
    }

    function test_RevertWhen_TheOperatorHoldsTheSameData() external {
        uint40 order = _open(content, 2, 1);
        _accept(order, 0, op);
        _expect(abi.encodeWithSelector(IHoldings.Holdings_ContentHeld.selector, op, content, _epoch()), order, 1, op);
        // The next epoch's is another matter.
        IMarket.Request memory r = _request(content, 1, 1);
        r.startEpoch = r.startEpoch.addEpochs(1);
        _accept(_open(r), 0, op);
    }

    /// What is held of one content says nothing of those published beside it.
    function test_RevertWhen_TheOperatorHoldsTheSameData_ForEachContent() external {
        uint40[12] memory orders;
        for (uint256 i; i < 12; ++i) {
            orders[i] = _open(_publish(ONE_CHUNK), 2, uint8(1 + i));
        }
        for (uint256 i; i < 12; i += 2) {
            _accept(orders[i], 0, op);
        }
        for (uint256 i; i < 12; ++i) {
            if (i % 2 == 1) _accept(orders[i], 0, op);
            uint32 id = market.order(orders[i]).contentId;
            Epoch through = Epoch.wrap(uint32(1 + i));
            _expect(abi.encodeWithSelector(IHoldings.Holdings_ContentHeld.selector, op, id, through), orders[i], 1, op);
        }
    }

    function test_RevertWhen_AnEndedEpochIsNotSettled() external {
        _hold(op, content, 1);
        _to(Epoch.wrap(2), 4);
        _accept(_open(_publish(ONE_CHUNK), 1, 1), 0, op);
        _to(Epoch.wrap(2), 5);
        uint40 order = _open(_publish(ONE_CHUNK), 1, 1);
        _expect(abi.encodeWithSelector(IMarket.Market_Unsettled.selector, op, Epoch.wrap(1)), order, 0, op);
        settlement.settle(op, Epoch.wrap(1));
        _accept(order, 0, op);
    }

    function test_RevertWhen_ItsReservationLapsed() external {
        uint40 order = _open(content, 1, 1);
        _accept(order, 0, op);
        _next();
        _idleTo(_now().addRounds(3));
        _expect(abi.encodeWithSelector(IMarket.Market_Barred.selector, order, op), order, 0, op);
        vm.expectEmit(address(market));
        emit IMarket.ReservationLapsed(order, 0, op);
        _accept(order, 0, other);
    }

    function test_RevertWhen_MoreWasLostThanLives() external {
        uint32 one = _publish(ONE_CHUNK);
        uint40 order = _hold(op, _publish(ONE_CHUNK * 11), 1);
        _hold(op, _publish(ONE_CHUNK * 9), 1);
        _reportLoss(order, 0);
        _expect(abi.encodeWithSelector(IHoldings.Holdings_TooMuchLost.selector, op, 11, 10), _open(one, 1, 1), 0, op);
        _accept(_open(_publish(ONE_CHUNK * 2), 1, 1), 0, op);
    }

    function test_RenewsWhen_TheIncumbentAcceptsInTime() external {
        uint40 order = _open(content, 2, 1);
        _accept(order, 0, op);
        _accept(order, 1, other);
        _nextSeeded();
        _activate(order, 0);
        _activate(order, 1);
        IMarket.Request memory r = _request(content, 2, 2);
        (r.incumbentOrder, r.startEpoch) = (order, Epoch.wrap(2));
        uint40 renewal = _open(r);

        _to(Epoch.wrap(1), 26);
        _expect(abi.encodeWithSelector(IMarket.Market_IncumbentsOnly.selector, renewal, 0, op), renewal, 0, op);
        _to(Epoch.wrap(1), 27);
        _expect(abi.encodeWithSelector(IMarket.Market_IncumbentsOnly.selector, renewal, 1, op), renewal, 1, op);
        _accept(renewal, 0, op);
        assertEq(Round.unwrap(market.slot(renewal, 0).liveFrom), 60);
        assertEq(market.order(renewal).unheld, 1);

        _to(Epoch.wrap(2), 0);
        uint32 stranger = _register(10);
        _accept(renewal, 1, stranger);
        assertEq(Round.unwrap(market.slot(renewal, 1).liveFrom), 0);
        // Without a gap, and paid from the first round.
        _seed();
        _prove(op);
        _to(Epoch.wrap(3), 2);
        assertEq(holdings.tally(op, Epoch.wrap(2)).idle, 0);
        _checkLedgers();
    }

    function test_Reserves() external {
        uint40 order = _open(content, 1, 1);
        vm.expectEmit(address(market));
        emit IMarket.Accepted(order, 0, op, _now());
        _accept(order, 0, op);
        IMarket.Slot memory s = market.slot(order, 0);
        assertEq(s.operatorId, op);
        assertEq(Round.unwrap(s.acceptedIn), 30);
        assertEq(Round.unwrap(s.liveFrom), 0);
        (uint256 chunks, uint256 stake) = operators.reservedNow(op);
        assertEq(chunks, 3);
        assertEq(stake, 3 * STAKE);
        // By arithmetic, at the end of the term.
        _to(Epoch.wrap(2), 0);
        (chunks, stake) = operators.reservedNow(op);
        assertEq(chunks + stake, 0);
    }

    function _expect(bytes memory err, uint40 order, uint8 replica, uint32 by) private {
        address prover = _prover(by);
        vm.expectRevert(err);
        vm.prank(prover);
        market.accept(order, replica, by);
    }
}
