// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Clock} from "../../src/libraries/Clock.sol";
import {Epoch, Round, ROUNDS} from "../../src/Types.sol";

contract PlainClock is Clock {
    constructor(uint64 genesis, uint64 roundLength) Clock(genesis, roundLength) {}
}

contract ClockTest is Test {
    function test_RevertWhen_TheParametersAreOutOfBounds() external {
        _expectBad(0, 1 days);
        _expectBad(1, 59);
        _expectBad(1, 7 days + 1);
        new PlainClock(1, 60);
        new PlainClock(type(uint64).max, 7 days);
    }

    function test_RevertWhen_BeforeTheGenesis() external {
        Clock clock = new PlainClock(1000, 60);
        vm.warp(999);
        vm.expectRevert(abi.encodeWithSelector(Clock.Clock_BeforeGenesis.selector, 1000));
        clock.currentRound();
        vm.expectRevert(abi.encodeWithSelector(Clock.Clock_BeforeGenesis.selector, 1000));
        clock.currentEpoch();
        vm.warp(1000);
        assertEq(Round.unwrap(clock.currentRound()), ROUNDS);
        assertEq(Epoch.unwrap(clock.currentEpoch()), 1);
    }

    function testFuzz_NowIsWithinTheCurrentRound(uint64 genesis, uint64 length, uint256 time) external {
        (genesis, length) = (uint64(bound(genesis, 1, 2 ** 63)), uint64(bound(length, 60, 7 days)));
        Clock clock = new PlainClock(genesis, length);
        time = bound(time, genesis, genesis + (2 ** 32 - ROUNDS - 2) * uint256(length));
        vm.warp(time);
        Round round = clock.currentRound();
        assertLe(clock.startOf(round), time);
        assertGt(clock.startOf(round.addRounds(1)), time);
    }

    function _expectBad(uint64 genesis, uint64 length) private {
        vm.expectRevert(abi.encodeWithSelector(Clock.Clock_BadParameters.selector, genesis, length));
        new PlainClock(genesis, length);
    }
}
