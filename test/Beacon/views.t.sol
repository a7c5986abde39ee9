// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Beacon} from "../../src/Beacon.sol";
import {IBeacon} from "../../src/interfaces/IBeacon.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {BeaconTest} from "./BeaconTest.sol";

contract ViewsTest is BeaconTest {
    function test_RevertWhen_DelayAndPeriodLeaveNoTime() external {
        _expectBadSchedule(0, DRAND_GENESIS, PERIOD);
        _expectBadSchedule(DELAY, DRAND_GENESIS, 0);
        _expectBadSchedule(LENGTH / 2 - PERIOD + 1, DRAND_GENESIS, PERIOD);
        _deploy(LENGTH / 2 - PERIOD, key, DRAND_GENESIS, PERIOD);
    }

    function test_RevertWhen_TheSourceStartsAfterTheFirstRound() external {
        _expectBadSchedule(DELAY, GENESIS + 1, PERIOD);
        _deploy(DELAY, key, GENESIS, PERIOD);
    }

    function test_RevertWhen_TheKeyIsNoPublicKey() external {
        vm.expectRevert(IBeacon.Beacon_BadKey.selector);
        _deploy(DELAY, new bytes(256), DRAND_GENESIS, PERIOD);
    }

    function test_ConstructorNamesTheSourceFromEpochOne() external {
        vm.expectEmit();
        emit IBeacon.SourceSet(Epoch.wrap(1), key, DRAND_GENESIS, PERIOD);
        Beacon fresh = _deploy(DELAY, key, DRAND_GENESIS, PERIOD);
        assertEq(fresh.DELAY(), DELAY);
        (bytes memory k, uint256 genesis, uint256 period) = fresh.source(Epoch.wrap(1));
        assertEq(k, key);
        assertEq(genesis, DRAND_GENESIS);
        assertEq(period, PERIOD);
    }

    /// H-RAND-1: fixed by time alone, and the very first one that is due.
    function testFuzz_HRand1_TheFirstDrandRoundAtOrAfterTheDelay(uint32 n, uint256 genesis, uint256 period, uint256 now_) external {
        genesis = bound(genesis, 1, GENESIS);
        period = bound(period, 1, LENGTH / 2 - DELAY);
        beacon = _deploy(DELAY, key, genesis, period);
        Round round = _round(n % 1_000_000);
        uint64 due = beacon.drandRoundFor(round);

        uint256 time = genesis + uint256(due - 1) * period;
        assertGe(time, _start(round) + DELAY);
        if (due > 1) assertLt(time - period, _start(round) + DELAY);

        (uint256 opens, uint256 closes) = beacon.window(round);
        assertEq(opens, time);
        assertEq(closes, _start(round) + LENGTH / 2);
        assertLt(opens, closes);

        vm.warp(bound(now_, GENESIS, GENESIS + 2_000_000 * uint256(LENGTH)));
        assertEq(beacon.drandRoundFor(round), due);
    }

    /// H-RAND-1: a beacon at the very time is the one, and a second after one it is the next.
    function test_HRand1_TheDrandRoundDueAtEachPlaceOfItsPeriod() external {
        Round round = _round(4);
        uint256 due = _start(round) + DELAY;
        for (uint256 late; late < 3; ++late) {
            // One beacon is `late` seconds before the time.
            beacon = _deploy(DELAY, key, due - late - 3 * LENGTH * 5, 3);
            (uint256 opens,) = beacon.window(round);
            assertEq(opens, late == 0 ? due : due - late + 3);
            assertEq(beacon.drandRoundFor(round), LENGTH * 5 + (late == 0 ? 1 : 2));
        }
    }

    function test_HRand2_ARoundWithoutASeedIsVoidFromItsMiddleOn() external {
        (Round seeded, Round missed) = (_round(4), _round(5));
        _seed(seeded);

        vm.warp(_start(missed) + LENGTH / 2 - 1);
        assertFalse(beacon.isVoid(missed));
        vm.warp(_start(missed) + LENGTH / 2);
        assertTrue(beacon.isVoid(missed));
        vm.warp(_start(missed) + 400 days);
        assertTrue(beacon.isVoid(missed));
        assertFalse(beacon.isVoid(seeded));
    }

    function _expectBadSchedule(uint256 delay, uint256 genesis, uint256 period) private {
        vm.expectRevert(abi.encodeWithSelector(IBeacon.Beacon_BadSchedule.selector, delay, genesis, period));
        _deploy(delay, key, genesis, period);
    }
}
