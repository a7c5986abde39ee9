// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

contract ActivateTest is BaseTest {
    uint32 private op;
    uint32 private content;
    uint40 private order;

    function setUp() public override {
        super.setUp();
        op = _register(100);
        content = _publish(700);
        order = _open(content, 1, 2);
    }

    function test_RevertWhen_NotReserved() external {
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_NotReserved.selector, order, 0));
        market.activate(order, 0, "");
        _accept(order, 0, op);
        _nextSeeded();
        _activate(order, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_NotReserved.selector, order, 0));
        market.activate(order, 0, "");
    }

    /// H-PROOF-4.
    function test_HProof4_RevertWhen_TheCallerIsNoAgent() external {
        _accept(order, 0, op);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_NotAgent.selector, op, anyone));
        vm.prank(anyone);
        market.activate(order, 0, "");
    }

    /// H-RAND-3: the seed that draws was not known when the slot was reserved.
    function test_HRand3_RevertWhen_ItIsTheRoundOfAccepting() external {
        _seed();
        _accept(order, 0, op);
        _expect(abi.encodeWithSelector(IMarket.Market_NotYet.selector, Round.wrap(30), Round.wrap(31)), "");
    }

    function test_RevertWhen_TheRoundHasNoSeed() external {
        _accept(order, 0, op);
        _next();
        _expect(abi.encodeWithSelector(IMarket.Market_NoSeed.selector, Round.wrap(31)), "");
    }

    function test_RevertWhen_ThreeSeededRoundsHavePassed() external {
        _accept(order, 0, op);
        _next();
        _idleTo(Round.wrap(33));
        assertFalse(market.isLapsed(order, 0));
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_NotLapsed.selector, order, 0));
        market.release(order, 0);
        _idleTo(Round.wrap(34));
        assertTrue(market.isLapsed(order, 0));
        _seed();
        _expect(abi.encodeWithSelector(IMarket.Market_Lapsed.selector, order, 0), "");

        vm.prank(anyone);
        market.release(order, 0);
        assertEq(market.slot(order, 0).operatorId, 0);
        (uint256 chunks,) = operators.reservedNow(op);
        assertEq(chunks, 0);
    }

    /// H-RAND-2: void rounds count against nobody.
    function test_HRand2_PossibleWhen_RoundsWereVoid() external {
        _accept(order, 0, op);
        _to(Round.wrap(31));
        _idleTo(Round.wrap(33)); // two seeded
        _to(Round.wrap(45)); // twelve void
        _seed();
        _activate(order, 0);
        assertEq(Round.unwrap(market.slot(order, 0).liveFrom), 46);
    }

    /// H-TREE-1: a path of another length, of another place, or of another word is none.
    function test_HTree1_RevertWhen_AWordIsWrong() external {
        _accept(order, 0, op);
        _nextSeeded();
        bytes memory proof = _words(content, market.activationSeed(order, 0));
        uint64 leaf = holdings.wordsOf(content, market.activationSeed(order, 0))[3];
        uint256 fourth = proof.length / 5 * 3;
        for (uint256 i; i < 20; ++i) {
            bytes memory wrong = bytes.concat(proof);
            wrong[fourth + i * 32] ^= 0x01;
            _expect(abi.encodeWithSelector(IHoldings.Holdings_WrongProof.selector, 3, content, leaf), wrong);
        }
        bytes memory longer = bytes.concat(proof, hex"00");
        _expect(abi.encodeWithSelector(IHoldings.Holdings_WrongProofLength.selector, longer.length, proof.length), longer);
        _activate(order, 0);
    }

    function test_InTheRoundBeforeWhen_TheOrderStartsWithTheNextEpoch() external {
        IMarket.Request memory r = _request(content, 1, 1);
        r.startEpoch = Epoch.wrap(2);
        order = _open(r);
        _accept(order, 0, op);
        _to(Epoch.wrap(1), 28);
        _seed();
        _expect(abi.encodeWithSelector(IMarket.Market_NotYet.selector, Round.wrap(58), Round.wrap(59)), "");
        _nextSeeded();
        _activate(order, 0);
        assertEq(Round.unwrap(market.slot(order, 0).liveFrom), 60);
        assertEq(market.order(order).balance, 0);
        (uint256 live,) = holdings.chunksNow(op);
        assertEq(live, 0);
        _next();
        (live,) = holdings.chunksNow(op);
        assertEq(live, 2);
    }

    /// H-ESC-2: what is not owed to the holder stays refundable.
    function test_HEsc2_LiveAndPaidFromTheNextRound() external {
        assertEq(market.accounted(), 2 * 59 * uint256(FEE));
        _accept(order, 0, op);
        _nextSeeded();
        vm.expectEmit(address(market));
        emit IMarket.Activated(order, 0, op, Round.wrap(32), 0);
        _activate(order, 0);
        assertEq(pool.scheduled(), 2 * 58 * uint256(FEE));
        assertEq(market.withdrawable(order), 2 * uint256(FEE));
        assertEq(holdings.tally(op, Epoch.wrap(1)).idle, 3);
        _checkLedgers();
    }

    function _expect(bytes memory err, bytes memory proof) private {
        address prover = _prover(op);
        vm.expectRevert(err);
        vm.prank(prover);
        market.activate(order, 0, proof);
    }
}
