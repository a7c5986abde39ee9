// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {IBeacon} from "../../src/interfaces/IBeacon.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {DrandSigner} from "../utils/DrandSigner.sol";
import {BeaconTest} from "./BeaconTest.sol";

contract SucceedTest is BeaconTest {
    uint256 private constant HEIR = 0xbe12;
    uint256 private constant HEIR_GENESIS = GENESIS + 777;
    uint256 private constant HEIR_PERIOD = 30;

    bytes private heirKey;

    function setUp() public override {
        super.setUp();
        heirKey = DrandSigner.publicKey(HEIR);
    }

    function test_RevertWhen_TheCallerIsNotAuthorised(address caller) external {
        vm.assume(caller != admin);
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, caller));
        beacon.succeed(Epoch.wrap(2), heirKey, HEIR_GENESIS, HEIR_PERIOD);
    }

    function test_HRand3_RevertWhen_TheEpochIsNotAfterTheCurrentOne() external {
        vm.warp(_start(_round(75)));
        for (uint32 e = 0; e <= 3; ++e) {
            vm.expectRevert(abi.encodeWithSelector(IBeacon.Beacon_NotFuture.selector, Epoch.wrap(e), Epoch.wrap(3)));
            vm.prank(admin);
            beacon.succeed(Epoch.wrap(e), heirKey, HEIR_GENESIS, HEIR_PERIOD);
        }
        _succeed(4, HEIR_GENESIS);
    }

    function test_RevertWhen_TheSourceStartsAfterTheEpoch() external {
        uint256 start = _start(_round(30));
        vm.expectRevert(abi.encodeWithSelector(IBeacon.Beacon_BadSchedule.selector, DELAY, start + 1, HEIR_PERIOD));
        vm.prank(admin);
        beacon.succeed(Epoch.wrap(2), heirKey, start + 1, HEIR_PERIOD);
        _succeed(2, start);
    }

    function test_RevertWhen_ThePeriodLeavesNoTime() external {
        uint256 longest = LENGTH / 2 - DELAY;
        vm.startPrank(admin);
        vm.expectRevert(abi.encodeWithSelector(IBeacon.Beacon_BadSchedule.selector, DELAY, HEIR_GENESIS, 0));
        beacon.succeed(Epoch.wrap(2), heirKey, HEIR_GENESIS, 0);
        vm.expectRevert(abi.encodeWithSelector(IBeacon.Beacon_BadSchedule.selector, DELAY, HEIR_GENESIS, longest + 1));
        beacon.succeed(Epoch.wrap(2), heirKey, HEIR_GENESIS, longest + 1);
        beacon.succeed(Epoch.wrap(2), heirKey, HEIR_GENESIS, longest);
    }

    function test_RevertWhen_TheKeyIsNoPublicKey() external {
        vm.prank(admin);
        vm.expectRevert(IBeacon.Beacon_BadKey.selector);
        beacon.succeed(Epoch.wrap(2), new bytes(256), HEIR_GENESIS, HEIR_PERIOD);
    }

    function test_ReplacesASourceThatIsNotInUseYet() external {
        _succeed(5, HEIR_GENESIS);
        vm.prank(admin);
        beacon.succeed(Epoch.wrap(3), key, DRAND_GENESIS, 6);
        _expectSource(1, key, DRAND_GENESIS, PERIOD);
        _expectSource(2, key, DRAND_GENESIS, PERIOD);
        _expectSource(3, key, DRAND_GENESIS, 6);
        _expectSource(6, key, DRAND_GENESIS, 6);
        // And leaves nothing of it, if it begins later.
        _succeed(8, HEIR_GENESIS);
        _expectSource(7, key, DRAND_GENESIS, PERIOD);
        _expectSource(8, heirKey, HEIR_GENESIS, HEIR_PERIOD);
    }

    function test_SeedsEachEpochWithItsOwnSource() external {
        vm.expectEmit(address(beacon));
        emit IBeacon.SourceSet(Epoch.wrap(3), heirKey, HEIR_GENESIS, HEIR_PERIOD);
        _succeed(3, HEIR_GENESIS);
        _seed(_round(59)); // last of epoch 2

        Round first = _round(60);
        _open(first);
        uint64 due = beacon.drandRoundFor(first);
        bytes memory old = DrandSigner.sign(SECRET, due);
        vm.expectRevert(abi.encodeWithSelector(IBeacon.Beacon_BadSignature.selector, first, due));
        beacon.submit(first, old);
        beacon.submit(first, DrandSigner.sign(HEIR, due));

        _succeed(4, HEIR_GENESIS + 1);
        _expectSource(2, key, DRAND_GENESIS, PERIOD);
        _expectSource(3, heirKey, HEIR_GENESIS, HEIR_PERIOD);
        _expectSource(4, heirKey, HEIR_GENESIS + 1, HEIR_PERIOD);
        Round next = _round(90);
        _open(next);
        beacon.submit(next, DrandSigner.sign(HEIR, beacon.drandRoundFor(next)));
        assertNotEq(beacon.seed(next), 0);
    }

    function _succeed(uint32 from, uint256 genesis) private {
        vm.prank(admin);
        beacon.succeed(Epoch.wrap(from), heirKey, genesis, HEIR_PERIOD);
    }

    function _expectSource(uint32 epoch, bytes memory k, uint256 genesis, uint256 period) private view {
        (bytes memory key_, uint256 genesis_, uint256 period_) = beacon.source(Epoch.wrap(epoch));
        assertEq(key_, k);
        assertEq(genesis_, genesis);
        assertEq(period_, period);
    }
}
