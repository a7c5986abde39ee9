// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Seats} from "./Seats.sol";

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

    /// @dev 10000 basis points, plus 1. Everything compared below is under 2^14.
    uint256 private constant MOST = 10_001;

    /// @notice The medians of the operators that more than half of `revealers` sampled.
    /// @param pages By seat; empty for those that did not reveal.
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
        for (uint256 seat; seat < pages.length; ++seat) {
            if (pages[seat].length / 4 > longest) longest = pages[seat].length / 4;
        }
        words = new uint256[]((longest + PER_WORD - 1) / PER_WORD);
        for (uint256 i; i < longest; ++i) {
            (uint256 ups, uint256 rights, uint256 present) = _column(pages, i);
            if (2 * present <= revealers) continue;
            uint256 up = lower(ups, present);
            uint256 right = lower(rights, present);
            words[i / PER_WORD] |= (up << 16 | right) << i % PER_WORD * PAIR;
            agreed += _near(ups, up, tolerance) & _near(rights, right, tolerance);
            ++operators;
        }
    }

    /// @notice The median of the numbers that are not 0, of two the lower one (H-ORC-1).
    /// @param present How many those are, at least 1; each is below 2^14.
    /// @dev The smallest x such that the numbers up to x, zeros among them, reach the median's rank; found bit by bit.
    function lower(uint256 lanes, uint256 present) internal pure returns (uint256 x) {
        unchecked {
            // SEATS - present zeros come first. Nothing here exceeds 2^15.
            uint256 rank = Seats.SEATS - present + (present + 1) / 2;
            for (uint256 bit = 1 << 13; bit != 0; bit >>= 1) {
                if (lanes.atMost(x + bit - 1).sum() < rank) x += bit;
            }
        }
    }

    /// @dev What all seats say of operator `i` of a page.
    function _column(bytes[] memory pages, uint256 i) private pure returns (uint256 ups, uint256 rights, uint256 present) {
        for (uint256 seat; seat < pages.length; ++seat) {
            uint256 pair = _pair(pages[seat], i);
            if (pair == 0) continue;
            ups = ups.add(seat, pair >> 16);
            rights = rights.add(seat, pair & 0xffff);
            ++present;
        }
    }

    /// @dev A pair, or 0 if it says nothing.
    function _pair(bytes memory page, uint256 i) private pure returns (uint256 pair) {
        if (4 * i + 4 > page.length) return 0;
        // In bounds: the word starts at the pair, and only its first 4 bytes are kept.
        assembly ("memory-safe") {
            pair := shr(224, mload(add(add(page, 32), mul(i, 4))))
        }
        (uint256 up, uint256 right) = (pair >> 16, pair & 0xffff);
        if (up == 0 || up > MOST || right == 0 || right > MOST) return 0;
    }

    /// @dev 1 for each seat whose number is not 0 and at most `tolerance` from `x`.
    function _near(uint256 lanes, uint256 x, uint256 tolerance) private pure returns (uint256) {
        uint256 below = x > tolerance ? x - tolerance - 1 : 0;
        return lanes.atMost(x + tolerance) & ~lanes.atMost(below);
    }
}
