// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

contract EndTest is BaseTest {
    uint32 private op;

    function setUp() public override {
        super.setUp();
        op = _register(1000);
    }

    function test_RevertWhen_TheCallerIsNotTheMarket() external {
        Epoch epoch = _epoch();
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_Unauthorized.selector, address(this)));
        holdings.end(op, epoch, 0, epoch, 2);
    }

    function test_HProof1_DeadFromTheNextRoundAndSampledInThisOne() external {
        uint40 kept = _hold(op, _publish(ONE_CHUNK), 2);
        uint40 lost = _hold(op, _publish(ONE_CHUNK * 3), 2);
        _seed();
        bytes32 before = keccak256(_proof(op));
        _reportLoss(lost, 0);
        assertEq(keccak256(_proof(op)), before);
        _prove(op);
        (uint256 live, uint256 dead) = holdings.chunksNow(op);
        assertEq(live, 1);
        assertEq(dead, 3);

        _nextSeeded();
        _prove(op);
        IHoldings.Challenge[] memory drawn = holdings.challenges(op);
        for (uint256 i; i < drawn.length; ++i) {
            assertEq(drawn[i].answer, drawn[i].orderId == kept, "what is dead is drawn again");
        }
        assertEq(holdings.tally(op, _epoch()).lostHalves, 3);
    }

    function test_IdleWhen_NothingElseIsLive() external {
        uint40 order = _hold(op, _publish(ONE_CHUNK), 2); // live from round 2
        _to(_epoch(), 10);
        _reportLoss(order, 0);
        assertEq(holdings.tally(op, _epoch()).idle, ~uint32(0) >> 2 & ~(uint32(1 << 11) - (1 << 2)));
    }

    function test_PendingNoLongerWhen_TheSlotWasToStartWithTheNextEpoch() external {
        (uint40 first, uint40 renewal) = _renewalOf(_publish(ONE_CHUNK * 3));
        _to(_epoch(), 27);
        _accept(renewal, 0, op);
        _expectChunks(3, 0); // the renewal is in the ring, and not live
        _to(_epoch(), 28);
        _reportLoss(first, 0); // dead from round 29
        _expectChunks(0, 3);
        _next();
        // Its first round is the one from which it is dead. It counted as pending and as dead, and a sum went below zero.
        _reportLoss(renewal, 0);
        _expectChunks(0, 6);
        _next();
        _expectChunks(0, 3);
    }

    /// H-PROOF-3: with the only slot that was to begin with it lost, an epoch has nothing due; something added that lasts into it changes that.
    function test_HProof3_IdleNoMoreWhen_SomethingLastsIntoTheNextEpoch() external {
        uint32 content = _publish(ONE_CHUNK * 3);
        uint40 first = _hold(op, content, 1);
        IMarket.Request memory r = _request(content, 1, 1);
        (r.incumbentOrder, r.startEpoch) = (first, Epoch.wrap(2));
        uint40 renewal = _open(r);
        uint40 short = _open(_publish(ONE_CHUNK), 1, 1);
        uint40 long = _open(_publish(ONE_CHUNK), 1, 2);
        _to(_epoch(), 26);
        _accept(short, 0, op);
        _to(_epoch(), 27);
        _accept(renewal, 0, op);
        _accept(long, 0, op);
        _reportLoss(renewal, 0);
        assertEq(holdings.tally(op, Epoch.wrap(2)).idle, 2 ** 30 - 1);
        _seed();
        _activate(short, 0);
        assertEq(holdings.tally(op, Epoch.wrap(2)).idle, 2 ** 30 - 1, "it ends before");
        _nextSeeded();
        _activate(long, 0);
        assertEq(holdings.tally(op, Epoch.wrap(2)).idle, 0);
        _expectChunks(5, 3);
        _to(Epoch.wrap(2), 0);
        _expectChunks(1, 3);
        _seed();
        _prove(op);
    }

    /// A slot lost in its last round was not marked, so that an ejection in that round waited for it forever.
    function test_DeadWhen_ItIsTheLastRound() external {
        uint40 lost = _hold(op, _publish(ONE_CHUNK), 1);
        uint40 other = _hold(op, _publish(ONE_CHUNK), 2);
        _idleTo(_epoch().last());
        _reportLoss(lost, 0);
        _expectChunks(1, 1);
        audits.eject(op);
        assertEq(holdings.inventory(op).stampedChunks, 1);
        market.unwind(other, 0);
        assertEq(Round.unwrap(holdings.inventory(op).stamp), 0);
    }

    function test_OnlyCountsTheLossWhen_TheTermIsOver() external {
        uint40 order = _hold(op, _publish(ONE_CHUNK), 1);
        Epoch epoch = _epoch();
        _to(epoch, 28);
        _audit(order, 0);
        _nextSeeded();
        _prove(op);
        _next();
        audits.close(order, 0);
        assertEq(holdings.tally(op, epoch).lostHalves, 2);
        assertEq(Round.unwrap(holdings.entry(op, epoch, 0).deadFrom), 0);
        assertEq(operators.operator(op).stake, (1000 - 1) * uint256(STAKE));
    }

    /// Four bad rounds, a gap with nothing live, three bad rounds of the renewal: three in a row, not seven.
    function test_BadRoundsBeforeAGapAreNotInARow() external {
        (uint40 first, uint40 renewal) = _renewalOf(_publish(ONE_CHUNK * 3));
        Epoch e = _epoch();
        _to(e, 22);
        _seed();
        _prove(op);
        _next();
        _idleTo(e.first().addRounds(27));
        assertEq(holdings.badInARow(op), 4);
        _accept(renewal, 0, op);
        _reportLoss(first, 0);
        _idleTo(e.addEpochs(1).first().addRounds(3));
        assertEq(holdings.badInARow(op), 3);
    }

    /// An operator ejected with a renewal pending has nothing in the epoch in which that was to begin: no round of it is due.
    function test_IdleWhen_EjectedBeforeARenewalBegins() external {
        (uint40 first, uint40 renewal) = _renewalOf(_publish(ONE_CHUNK * 3));
        Epoch e = _epoch();
        _idleTo(e.first().addRounds(27));
        _accept(renewal, 0, op);
        audits.eject(op);
        market.unwind(first, 0);
        market.unwind(renewal, 0);
        assertEq(holdings.tally(op, e.addEpochs(1)).idle, (uint32(1) << 30) - 1);
        _to(e.addEpochs(2), 2);
        settlement.settle(op, e);
        uint256 before = _reputation(op);
        settlement.settle(op, e.addEpochs(1));
        assertEq(_reputation(op), before);
    }

    function _renewalOf(uint32 content) private returns (uint40 first, uint40 renewal) {
        first = _hold(op, content, 1);
        IMarket.Request memory r = _request(content, 1, 2);
        (r.incumbentOrder, r.startEpoch) = (first, _epoch().addEpochs(1));
        renewal = _open(r);
    }

    function _expectChunks(uint256 live, uint256 dead) private view {
        (uint256 live_, uint256 dead_) = holdings.chunksNow(op);
        assertEq(live_, live, "live");
        assertEq(dead_, dead, "dead");
    }
}
