// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {stdError} from "forge-std/Test.sol";

import {Beacon} from "../../src/Beacon.sol";
import {IBeacon} from "../../src/interfaces/IBeacon.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {DrandSigner} from "../utils/DrandSigner.sol";
import {BeaconTest} from "./BeaconTest.sol";

contract SubmitTest is BeaconTest {
    function test_ReturnsQuietlyWhen_TheRoundHasItsSeed() external {
        Round round = _round(0);
        _seed(round);
        bytes32 seed = beacon.seed(round);

        vm.recordLogs();
        beacon.submit(round, _sign(round));
        beacon.submit(round, "garbage");
        vm.warp(_start(round) + 400 days);
        beacon.submit(round, "garbage");

        assertEq(vm.getRecordedLogs().length, 0);
        assertEq(beacon.seed(round), seed);
    }

    function test_RevertWhen_TheBeaconIsNotDue() external {
        Round round = _round(3);
        bytes memory signature = _sign(round);
        uint256 opens = _start(round) + DELAY + 1;
        vm.warp(opens - 1);
        vm.expectRevert(abi.encodeWithSelector(IBeacon.Beacon_NotYet.selector, round, opens));
        beacon.submit(round, signature);
        vm.warp(opens);
        beacon.submit(round, signature);
    }

    function test_HRand2_RevertWhen_TheMiddleHasCome() external {
        Round round = _round(3);
        bytes memory signature = _sign(round);
        uint256 closes = _start(round) + LENGTH / 2;
        vm.warp(closes);
        vm.expectRevert(abi.encodeWithSelector(IBeacon.Beacon_TooLate.selector, round, closes));
        beacon.submit(round, signature);
        vm.warp(closes - 1);
        beacon.submit(round, signature);
    }

    function test_RevertWhen_TheRoundIsBeforeTheFirst() external {
        vm.expectRevert(stdError.arithmeticError);
        beacon.submit(Round.wrap(29), "");
        vm.expectRevert(stdError.arithmeticError);
        beacon.submit(Round.wrap(0), "");
    }

    /// H-RAND-1: neither an earlier nor a later beacon of the same network will do.
    function testFuzz_HRand1_RevertWhen_TheSignatureIsAnotherDrandRounds(uint32 n, uint64 other) external {
        Round round = _round(uint32(bound(n, 0, 100_000)));
        _open(round);
        uint64 due = beacon.drandRoundFor(round);
        other = other % 2 == 0 ? due + 1 + other % 1000 : due - 1 - other % 1000;
        bytes memory signature = DrandSigner.sign(SECRET, other);
        vm.expectRevert(abi.encodeWithSelector(IBeacon.Beacon_BadSignature.selector, round, due));
        beacon.submit(round, signature);
    }

    function test_RevertWhen_TheSignatureIsNoValidPoint() external {
        Round round = _round(0);
        _open(round);
        bytes memory expected = abi.encodeWithSelector(IBeacon.Beacon_BadSignature.selector, round, beacon.drandRoundFor(round));
        vm.expectRevert(expected);
        beacon.submit(round, "");
        vm.expectRevert(expected);
        beacon.submit(round, new bytes(96));
        vm.expectRevert(expected);
        beacon.submit(round, new bytes(97));
    }

    function testFuzz_SetsTheSeedAndItsBit(uint32 n, address anyone) external {
        Round round = _round(uint32(bound(n, 0, 100_000)));
        _open(round);
        bytes memory signature = _sign(round);
        bytes32 randomness = sha256(_compress(signature));
        bytes32 expected = keccak256(abi.encode(block.chainid, address(beacon), round, randomness));

        vm.expectEmit(address(beacon));
        emit IBeacon.Seeded(round, beacon.drandRoundFor(round), randomness, expected);
        vm.prank(anyone);
        beacon.submit(round, signature);

        assertEq(beacon.seed(round), expected);
        assertEq(beacon.seededMask(round.epochOf()), 1 << round.index());
        assertFalse(beacon.isVoid(round));
    }

    function test_SeedsDifferByRoundAndDeployment() external {
        // The twin sees the same randomness.
        Beacon twin = _deploy(DELAY, key, DRAND_GENESIS, PERIOD);
        _seed(_round(0));
        twin.submit(_round(0), _sign(_round(0)));
        _seed(_round(1));
        assertNotEq(beacon.seed(_round(0)), twin.seed(_round(0)));
        assertNotEq(beacon.seed(_round(0)), beacon.seed(_round(1)));
    }

    function test_KeepsAMaskForEachEpoch() external {
        _seed(_round(0));
        _seed(_round(1));
        _seed(_round(29));
        _seed(_round(30));
        assertEq(beacon.seededMask(Epoch.wrap(0)), 0);
        assertEq(beacon.seededMask(Epoch.wrap(1)), 1 | 2 | 1 << 29);
        assertEq(beacon.seededMask(Epoch.wrap(2)), 1);
        assertEq(beacon.seededMask(Epoch.wrap(3)), 0);
    }

    function test_TakesRealQuicknetSignatures() external {
        // Each vector seeds the first round of a deployment that starts DELAY before it.
        DrandVector[] memory all = drandVectors("quicknet");
        bytes memory quicknet = drandKey("quicknet");
        for (uint256 i; i < all.length; ++i) {
            uint256 time = 1_692_803_367 + (all[i].round - 1) * 3;
            // A source must run by the start of the first round, which leaves out quicknet's own first ten minutes.
            if (time - DELAY < 1_692_803_367) continue;
            vm.warp(time);
            Beacon real = new Beacon(address(manager), uint64(time - DELAY), LENGTH, DELAY, quicknet, 1_692_803_367, 3);
            assertEq(real.drandRoundFor(_round(0)), all[i].round);
            real.submit(_round(0), all[i].signature);
            assertEq(real.seed(_round(0)), keccak256(abi.encode(block.chainid, address(real), _round(0), all[i].randomness)));
        }
    }

    /// @dev The serialised form of BLS12-381 points: 0x80 says compressed, 0x20 that y is the larger of y and -y.
    function _compress(bytes memory signature) private view returns (bytes memory compressed) {
        compressed = new bytes(48);
        for (uint256 i; i < 48; ++i) {
            compressed[i] = signature[i];
        }
        bytes memory y = new bytes(48);
        for (uint256 i; i < 48; ++i) {
            y[i] = signature[48 + i];
        }
        compressed[0] |= _larger(y) ? bytes1(0xa0) : bytes1(0x80);
    }

    /// @dev Whether y > (p - 1) / 2, byte by byte.
    function _larger(bytes memory y) private pure returns (bool) {
        bytes memory half = hex"0d0088f51cbff34d258dd3db21a5d66bb23ba5c279c2895fb39869507b587b120f55ffff58a9ffffdcff7fffffffd555";
        for (uint256 i; i < 48; ++i) {
            if (y[i] != half[i]) return y[i] > half[i];
        }
        return false;
    }
}
