// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BeaconTest} from "../Beacon/BeaconTest.sol";

/// @notice Whole transactions, calldata and intrinsic gas included.
/// forge-config: default.isolate = true
contract BeaconGasTest is BeaconTest {
    function test_Submit() external {
        _seed(_round(0));
        vm.snapshotGasLastCall("Beacon", "submit: first of an epoch");
        _seed(_round(1));
        assertLe(vm.snapshotGasLastCall("Beacon", "submit"), 190_000, "a seed");
        beacon.submit(_round(1), _sign(_round(1)));
        vm.snapshotGasLastCall("Beacon", "submit: a lost race");
    }
}
