// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {LibSort} from "solady/utils/LibSort.sol";

import {Medians} from "../../src/libraries/Medians.sol";
import {Seats} from "../../src/libraries/Seats.sol";

/// @notice Medians of packed lanes, against sorting.
contract MediansTest is Test {
    struct Result {
        uint256[] pairs; // by operator
        uint256[9] agreed;
        uint256 operators;
    }

    function testFuzz_LowerIsTheMiddleOfTheSorted(uint16[9] memory numbers, uint256 spread) external pure {
        spread = bound(spread, 1, 2 ** 14 - 1); // small ones make ties
        uint256 lanes;
        uint256[] memory present = new uint256[](9);
        uint256 n;
        for (uint256 i; i < 9; ++i) {
            uint256 x = numbers[i] % (spread + 1);
            lanes = Seats.add(lanes, i, x);
            if (x != 0) present[n++] = x;
        }
        vm.assume(n != 0);
        assertEq(Medians.lower(lanes, n), _median(present, n));
    }

    function test_LowerOfTwoAndTies() external pure {
        assertEq(_lower([uint16(0), 7, 0, 0, 0, 0, 0, 0, 0]), 7);
        assertEq(_lower([uint16(9), 0, 0, 0, 0, 0, 0, 0, 4]), 4);
        assertEq(_lower([uint16(1), 2, 3, 4, 0, 0, 0, 0, 0]), 2);
        assertEq(_lower([uint16(5), 5, 5, 1, 9, 0, 0, 0, 0]), 5);
        assertEq(_lower([10_001, 10_001, 10_001, 10_001, 1, 1, 1, 1, 1]), 1);
        assertEq(_lower([10_001, 10_001, 10_001, 10_001, 10_001, 1, 1, 1, 1]), 10_001);
    }

    /// H-ORC-1: whatever a minority says, the median stays within what the others say.
    function testFuzz_HOrc1_AMinorityCannotLeaveTheHonestRange(uint16[9] memory numbers, uint256 n, uint256 liars) external pure {
        n = bound(n, 1, 9);
        liars = bound(liars, 0, (n - 1) / 2);
        uint256 lanes;
        (uint256 least, uint256 most) = (type(uint256).max, 0);
        for (uint256 i; i < n; ++i) {
            uint256 x = i < liars ? bound(numbers[i], 1, 10_001) : bound(numbers[i], 4000, 6000);
            lanes = Seats.add(lanes, i, x);
            if (i >= liars) (least, most) = (x < least ? x : least, x > most ? x : most);
        }
        uint256 median = Medians.lower(lanes, n);
        assertGe(median, least);
        assertLe(median, most);
    }

    /// Pages of any length with anything in them.
    function testFuzz_OfPageIsTheReference(bytes[9] memory raw, uint256 revealers, uint256 tolerance, uint256 kind) external pure {
        tolerance = bound(tolerance, 100, 2000);
        bytes[] memory pages = new bytes[](9);
        uint256 nonEmpty;
        for (uint256 i; i < 9; ++i) {
            pages[i] = kind % 2 == 0 ? _plausible(raw[i], i) : _whole(raw[i]);
            if (pages[i].length != 0) ++nonEmpty;
        }
        revealers = bound(revealers, nonEmpty, 9);
        (uint256[] memory words, uint256 agreed, uint256 operators) = Medians.ofPage(pages, revealers, tolerance);
        Result memory expected = _reference(pages, revealers, tolerance);
        assertEq(words.length, (expected.pairs.length + 7) / 8);
        for (uint256 i; i < words.length * 8; ++i) {
            assertEq(uint32(words[i / 8] >> 32 * (i % 8)), i < expected.pairs.length ? expected.pairs[i] : 0);
        }
        for (uint256 i; i < 9; ++i) {
            assertEq(Seats.get(agreed, i), expected.agreed[i]);
        }
        assertEq(operators, expected.operators);
    }

    /// What stands in memory behind a page is not part of it.
    function testFuzz_ReadsNothingBehindAPage(bytes32 seed, uint256 operators) external pure {
        operators = bound(operators, 1, 20);
        bytes[] memory pages = new bytes[](9);
        for (uint256 i; i < 9; ++i) {
            bytes memory page = _plausible(abi.encode(seed), i);
            assembly ("memory-safe") {
                mstore(page, mul(4, operators)) // shorter than it was written
            }
            pages[i] = page;
        }
        (uint256[] memory words,, uint256 counted) = Medians.ofPage(pages, 1, 500);
        Result memory expected = _reference(pages, 1, 500);
        assertEq(counted, expected.operators);
        for (uint256 i; i < words.length * 8; ++i) {
            assertEq(uint32(words[i / 8] >> 32 * (i % 8)), i < operators ? expected.pairs[i] : 0);
        }
    }

    /// A keeper agrees at `tolerance` from the median and not beyond, on either side and down to the least value there is.
    function test_AgreementEndsAtTheTolerance() external pure {
        _checkAgreement([uint16(5000), 4500, 5500, 4499, 5501], 500, [true, true, true, false, false]);
        _checkAgreement([uint16(500), 1, 1000, 1001, 2], 500, [true, true, true, false, true]);
        _checkAgreement([uint16(300), 1, 800, 801, 2], 500, [true, true, true, false, true]);
    }

    function _checkAgreement(uint16[5] memory ups, uint256 tolerance, bool[5] memory expected) private pure {
        bytes[] memory pages = new bytes[](9);
        for (uint256 i; i < 5; ++i) {
            pages[i] = abi.encodePacked(ups[i], uint16(7000));
        }
        (, uint256 agreed,) = Medians.ofPage(pages, 5, tolerance);
        for (uint256 i; i < 5; ++i) {
            assertEq(Seats.get(agreed, i) == 1, expected[i]);
        }
    }

    function _lower(uint16[9] memory numbers) private pure returns (uint256) {
        (uint256 lanes, uint256 n) = (0, 0);
        for (uint256 i; i < 9; ++i) {
            lanes = Seats.add(lanes, i, numbers[i]);
            if (numbers[i] != 0) ++n;
        }
        return Medians.lower(lanes, n);
    }

    /// @dev 20 operators of which a seat sampled most, near one another: medians, agreement and absence all occur.
    function _plausible(bytes memory seed, uint256 seat) private pure returns (bytes memory page) {
        if (seed.length % 5 == 4) return "";
        for (uint256 i; i < 20; ++i) {
            uint256 h = uint256(keccak256(abi.encode(seed, seat, i)));
            (uint16 up, uint16 right) = (uint16(7000 + h % 3002), uint16((h >> 16) % 1500));
            if ((h >> 32) % 3 == 0) (up, right) = ((h >> 40) % 2 == 0 ? up : 0, (h >> 41) % 3 == 0 ? 10_002 : 0);
            page = abi.encodePacked(page, up, right);
        }
    }

    function _whole(bytes memory raw) private pure returns (bytes memory page) {
        page = new bytes(raw.length / 4 * 4);
        for (uint256 i; i < page.length; ++i) {
            page[i] = i % 2 == 0 ? raw[i] & 0x3f : raw[i];
        }
    }

    function _reference(bytes[] memory pages, uint256 revealers, uint256 tolerance) private pure returns (Result memory r) {
        uint256 longest;
        for (uint256 k; k < 9; ++k) {
            if (pages[k].length / 4 > longest) longest = pages[k].length / 4;
        }
        r.pairs = new uint256[](longest);
        for (uint256 i; i < longest; ++i) {
            (uint256[] memory ups, uint256[] memory rights, uint256 n) = (new uint256[](9), new uint256[](9), 0);
            for (uint256 k; k < 9; ++k) {
                (uint256 up, uint256 right) = _valid(pages[k], i);
                if (up != 0) (ups[n], rights[n++]) = (up, right);
            }
            if (2 * n <= revealers) continue;
            (uint256 midUp, uint256 midRight) = (_median(ups, n), _median(rights, n));
            r.pairs[i] = midUp * 65_536 + midRight;
            ++r.operators;
            for (uint256 k; k < 9; ++k) {
                (uint256 up, uint256 right) = _valid(pages[k], i);
                if (up != 0 && _distance(up, midUp) <= tolerance && _distance(right, midRight) <= tolerance) ++r.agreed[k];
            }
        }
    }

    function _valid(bytes memory page, uint256 i) private pure returns (uint256 up, uint256 right) {
        if (page.length < 4 * i + 4) return (0, 0);
        up = uint256(uint8(page[4 * i])) * 256 + uint8(page[4 * i + 1]);
        right = uint256(uint8(page[4 * i + 2])) * 256 + uint8(page[4 * i + 3]);
        if (up < 1 || up > 10_001 || right < 1 || right > 10_001) return (0, 0);
    }

    function _median(uint256[] memory numbers, uint256 n) private pure returns (uint256) {
        uint256[] memory sorted = new uint256[](n);
        for (uint256 i; i < n; ++i) {
            sorted[i] = numbers[i];
        }
        LibSort.insertionSort(sorted);
        return sorted[(n - 1) / 2];
    }

    function _distance(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a - b : b - a;
    }
}
