// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch, MAX_EPOCHS} from "../Types.sol";

/// @title Lanes
/// @notice A ring of 16 chunk totals, one for each epoch in which slots end, in two words: epoch e has lane e % 16, 32 bits.
/// Slots end in the epoch under way or in one of the MAX_EPOCHS after it, so 13 lanes mean something at any time; `clean` drops the others:
/// what expires costs nobody a transaction (H-ESC-3).
library Lanes {
    struct Ring {
        uint256 low; // lanes 0 to 7
        uint256 high; // lanes 8 to 15
    }

    uint256 private constant LANE = type(uint32).max;
    uint256 private constant EVEN = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;

    /// @notice The total of epoch `e`.
    function get(Ring memory ring, Epoch e) internal pure returns (uint256) {
        uint256 lane = Epoch.unwrap(e) & 15;
        return (lane < 8 ? ring.low : ring.high) >> ((lane & 7) * 32) & LANE;
    }

    /// @notice Adds to the total of epoch `e`. The caller keeps it below 2^32: chunks of one operator are.
    function add(Ring memory ring, Epoch e, uint256 chunks) internal pure {
        uint256 lane = Epoch.unwrap(e) & 15;
        uint256 shifted = chunks << ((lane & 7) * 32);
        if (lane < 8) ring.low += shifted;
        else ring.high += shifted;
    }

    /// @notice Drops every lane but those of epochs `from` to `written` + MAX_EPOCHS, what a ring last written in epoch `written` can hold
    /// that has not ended before epoch `from`.
    function clean(Ring memory ring, Epoch from, Epoch written) internal pure {
        if (from == written) return; // cleaned when it was written
        (uint256 low, uint256 high) = (ring.low, ring.high);
        (ring.low, ring.high) = (0, 0);
        if (low | high == 0) return;
        Epoch end = written.addEpochs(MAX_EPOCHS);
        for (Epoch e = from; e <= end; e = e.addEpochs(1)) {
            uint256 lane = Epoch.unwrap(e) & 15;
            uint256 mask = LANE << ((lane & 7) * 32);
            if (lane < 8) ring.low |= low & mask;
            else ring.high |= high & mask;
        }
    }

    /// @notice Sum of all lanes.
    function sum(Ring memory ring) internal pure returns (uint256 total) {
        (uint256 low, uint256 high) = (ring.low, ring.high);
        unchecked {
            // Sixteen lanes of 32 bits as four of 64: none of these sums overflows.
            total = (low & EVEN) + (low >> 32 & EVEN) + (high & EVEN) + (high >> 32 & EVEN);
            total += total >> 128;
            total = uint64(total + (total >> 64));
        }
    }
}
