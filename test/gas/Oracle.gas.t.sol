// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {OracleTest} from "../Oracle/OracleTest.sol";

/// @notice Whole transactions, calldata and intrinsic gas included: nine keepers and 500 operators, every value different.
/// forge-config: default.isolate = true
contract OracleGasTest is OracleTest {
    uint256 internal constant OPERATORS = 500;

    function test_AnEpoch() external {
        _seat(9);
        _after(ONE, 0);
        uint256 total;
        for (uint256 i; i < 9; ++i) {
            _commit(keepers[i], ONE, _one(_values(i)));
            total += vm.snapshotGasLastCall("Oracle", "commit");
        }
        _after(ONE, 1);
        for (uint256 i; i < 9; ++i) {
            _reveal(keepers[i], ONE, _one(_values(i)), 1);
            total += vm.snapshotGasLastCall("Oracle", "reveal: 500 operators");
        }
        _after(ONE, 2);
        oracle.tally(ONE, 0);
        total += vm.snapshotGasLastCall("Oracle", "tally: 500 operators, 9 keepers");
        vm.snapshotValue("Oracle", "an epoch: 500 operators, 9 keepers", total);

        oracle.metrics(500, ONE);
        vm.snapshotGasLastCall("Oracle", "metrics");
        assertEq(oracle.session(ONE).operators, OPERATORS);
        assertLe(total, 12_000_000, "commits, reveals and tally of 9 keepers over 500 operators");
    }

    /// @dev Near enough to agree on most, with no two alike.
    function _values(uint256 keeper) private pure returns (bytes memory page) {
        page = new bytes(4 * OPERATORS);
        for (uint256 i; i < OPERATORS; ++i) {
            uint256 h = uint256(keccak256(abi.encode(keeper, i)));
            (uint256 up, uint256 right) = (9001 + h % 1001, 8001 + (h >> 16) % 1001);
            (page[4 * i], page[4 * i + 1]) = (bytes1(uint8(up >> 8)), bytes1(uint8(up)));
            (page[4 * i + 2], page[4 * i + 3]) = (bytes1(uint8(right >> 8)), bytes1(uint8(right)));
        }
    }
}
