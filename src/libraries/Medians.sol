// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SEATS, Seats} from "./Seats.sol";

/// @title Medians
/// @notice What a committee says of a page of operators: the lower median of each value, and who agreed with it.
///
/// A page holds 4 bytes an operator: two values, uptime and availability, big-endian uint16, in basis points plus 1. A pair in which one is 0
/// or above 10001 says nothing of that operator, and neither does a page that ends before it. Medians are stored in the same form, 8 pairs a
/// word, the first one lowest; a pair of 0 is no median.
library Medians {
    using Seats for uint256;

    /// @notice Bits of a pair, and pairs in a word.
    uint256 internal constant PAIR = 32;
    uint256 internal constant PER_WORD = 8;

    /// @dev 10000 basis points, plus 1.
    uint256 private constant MOST = 10_001;

    /// @notice The medians of the operators that more than half of `revealers` sampled.
    /// @param pages By seat, SEATS of them, each of whole pairs; empty for those that did not reveal.
    /// @param tolerance In basis points.
    /// @return words The medians.
    /// @return agreed By seat: on how many operators both its values are within `tolerance` of the medians.
    /// @return operators How many have a median.
    function ofPage(bytes[] memory pages, uint256 revealers, uint256 tolerance)
        internal
        pure
        returns (uint256[] memory words, uint256 agreed, uint256 operators)
    {
        uint256 longest;
        for (uint256 seat; seat < SEATS; ++seat) {
            if (pages[seat].length > longest) longest = pages[seat].length;
        }
        words = new uint256[]((longest + 31) / 32);
        uint256[SEATS] memory rows;
        for (uint256 w; w < words.length; ++w) {
            for (uint256 seat; seat < SEATS; ++seat) {
                rows[seat] = _word(pages[seat], w);
            }
            for (uint256 i; i < PER_WORD; ++i) {
                (uint256 pair, uint256 near) = _operator(rows, i, revealers, tolerance);
                if (pair == 0) continue;
                words[w] |= pair << i * PAIR;
                agreed += near;
                ++operators;
            }
        }
    }

    /// @dev The medians of the operator at place `i` of its words, and 1 for each seat that agrees with both; 0 if too few sampled it.
    function _operator(uint256[SEATS] memory rows, uint256 i, uint256 revealers, uint256 tolerance)
        private
        pure
        returns (uint256 pair, uint256 near)
    {
        (uint256 ups, uint256 rights, uint256 present) = _column(rows, i);
        if (2 * present <= revealers) return (0, 0);
        uint256 up = lower(ups, present);
        uint256 right = lower(rights, present);
        return (up << 16 | right, _near(ups, up, tolerance) & _near(rights, right, tolerance));
    }

    /// @notice The median of the numbers that are not 0, of two the lower one (H-ORC-1).
    /// @param present How many those are, at least 1; each is below 2^14.
    /// @dev The smallest x such that the numbers up to x, zeros among them, reach the median's rank; found bit by bit.
    function lower(uint256 lanes, uint256 present) internal pure returns (uint256 x) {
        unchecked {
            // SEATS - present zeros come first. Nothing here exceeds 2^15.
            uint256 rank = SEATS - present + (present + 1) / 2;
            for (uint256 bit = 1 << 13; bit != 0; bit >>= 1) {
                if (lanes.atMost(x + bit - 1).sum() < rank) x += bit;
            }
        }
    }

    /// @dev Operators 8w to 8w + 7 of a page, the first one highest; 0 after its end.
    function _word(bytes memory page, uint256 w) private pure returns (uint256 word) {
        uint256 start = 32 * w;
        if (start >= page.length) return 0;
        assembly ("memory-safe") {
            word := mload(add(add(page, 32), start))
        }
        // What the last word read beyond the page goes.
        uint256 rest = page.length - start;
        if (rest < 32) word &= ~(type(uint256).max >> 8 * rest);
    }

    /// @dev What all seats say of the operator at place `i` of their words, and how many say something.
    function _column(uint256[SEATS] memory rows, uint256 i) private pure returns (uint256 ups, uint256 rights, uint256 present) {
        unchecked {
            uint256 shift = 256 - PAIR * (i + 1);
            for (uint256 seat = SEATS; seat != 0; --seat) {
                uint256 pair = rows[seat - 1] >> shift;
                ups = ups << Seats.WIDTH | pair >> 16 & 0xffff;
                rights = rights << Seats.WIDTH | pair & 0xffff;
            }
        }
        uint256 valid = ups.atMost(MOST) & rights.atMost(MOST) & ~(ups.atMost(0) | rights.atMost(0));
        return (ups.only(valid), rights.only(valid), valid.sum());
    }

    /// @dev 1 for each seat whose number is not 0 and at most `tolerance` from `x`.
    function _near(uint256 lanes, uint256 x, uint256 tolerance) private pure returns (uint256) {
        uint256 below = x > tolerance ? x - tolerance - 1 : 0;
        return lanes.atMost(x + tolerance) & ~lanes.atMost(below);
    }
}
