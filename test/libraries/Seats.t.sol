// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Seats} from "../../src/libraries/Seats.sol";

/// @notice Nine numbers in a word, against nine numbers in an array.
contract SeatsTest is Test {
    function testFuzz_GetIsWhatWasAdded(uint24[9] memory numbers) external pure {
        uint256 lanes = _pack(numbers);
        for (uint256 i; i < 9; ++i) {
            assertEq(Seats.get(lanes, i), numbers[i]);
        }
        assertEq(lanes >> 216, 0);
    }

    function testFuzz_CountStopsAtTheFirstZero(uint24[9] memory numbers, uint256 zero) external pure {
        zero = bound(zero, 0, 9);
        for (uint256 i; i < 9; ++i) {
            numbers[i] = i == zero ? 0 : uint24(bound(numbers[i], 1, type(uint24).max));
        }
        assertEq(Seats.count(_pack(numbers)), zero);
    }

    function testFuzz_FindIsTheFirstOfItsNumber(uint24[9] memory numbers, uint24 wanted) external pure {
        uint256 expected = 9;
        for (uint256 i = 9; i > 0; --i) {
            numbers[i - 1] %= 16;
            if (numbers[i - 1] == wanted % 16) expected = i - 1;
        }
        assertEq(Seats.find(_pack(numbers), wanted % 16), expected);
    }

    function testFuzz_RemoveClosesTheGap(uint24[9] memory numbers, uint256 seat) external pure {
        seat = bound(seat, 0, 8);
        uint256 removed = Seats.remove(_pack(numbers), seat);
        for (uint256 i; i < 9; ++i) {
            uint256 expected = i < seat ? numbers[i] : i < 8 ? numbers[i + 1] : 0;
            assertEq(Seats.get(removed, i), expected);
        }
    }

    function testFuzz_AtMostComparesEveryLane(uint24[9] memory numbers, uint256 x, uint256 equal) external pure {
        for (uint256 i; i < 9; ++i) {
            numbers[i] = uint24(bound(numbers[i], 0, 2 ** 23 - 1));
        }
        x = equal < 9 ? numbers[equal] : bound(x, 0, 2 ** 23 - 1);
        uint256 ones = Seats.atMost(_pack(numbers), x);
        for (uint256 i; i < 9; ++i) {
            assertEq(Seats.get(ones, i), numbers[i] <= x ? 1 : 0);
        }
        assertEq(ones >> 216, 0);
    }

    function testFuzz_OnlyKeepsTheMarkedLanes(uint24[9] memory numbers, uint256 marks) external pure {
        uint256 ones;
        for (uint256 i; i < 9; ++i) {
            ones = Seats.add(ones, i, marks >> i & 1);
        }
        uint256 kept = Seats.only(_pack(numbers), ones);
        for (uint256 i; i < 9; ++i) {
            assertEq(Seats.get(kept, i), marks >> i & 1 == 1 ? numbers[i] : 0);
        }
    }

    function testFuzz_SumAddsEveryLane(uint24[9] memory numbers) external pure {
        uint256 sum;
        for (uint256 i; i < 9; ++i) {
            numbers[i] = uint24(bound(numbers[i], 0, (2 ** 24 - 1) / 9));
            sum += numbers[i];
        }
        assertEq(Seats.sum(_pack(numbers)), sum);
    }

    function _pack(uint24[9] memory numbers) private pure returns (uint256 lanes) {
        for (uint256 i; i < 9; ++i) {
            lanes = Seats.add(lanes, i, numbers[i]);
        }
    }
}
