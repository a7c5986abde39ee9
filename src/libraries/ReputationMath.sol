// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BPS, K, ROUNDS, WAD} from "../Types.sol";

/// @title ReputationMath
/// @notice Retention, reliability and reputation as formulas. WAD in, WAD out; every division is rounded against the operator.
/// @dev Unchecked: within the ranges of a Record no product reaches 2^140, and nothing is taken from what is less.
library ReputationMath {
    /// @notice What an epoch knows of an operator.
    struct Record {
        uint256 due; // rounds with something live, void ones out (A), 1 to ROUNDS
        uint256 clean; // of those proven in full (c)
        uint256 chunks; // live at any time in the epoch (H), at least 1
        uint256 lostHalves; // half-chunks lost: 2 a chunk on evidence, 1 a chunk reported; below 2^48, like chunks
        bool measured; // whether the keepers have medians
        uint256 uptimeBps; // 0 to 10000
        uint256 availabilityBps; // 0 to 10000
        uint256 standing; // reputation before, WAD (R)
    }

    /// @notice r = (1 - (b - x) / (K (A - x))) (1 - t): one bad round weighs one of its K challenges, and one in an epoch of at least half
    /// its rounds is forgiven.
    function retention(Record memory e) internal pure returns (uint256) {
        unchecked {
            uint256 bad = e.due - e.clean;
            uint256 forgiven = bad != 0 && 2 * e.due >= ROUNDS ? 1 : 0;
            uint256 kept = WAD - _divUp((bad - forgiven) * WAD, K * (e.due - forgiven));
            uint256 lost = _divUp(e.lostHalves * WAD, 2 * e.chunks);
            return lost >= WAD ? 0 : kept * (WAD - lost) / WAD;
        }
    }

    /// @notice q = 0.3 u + 0.4 r + 0.3 a: uptime as the keepers saw it but no better than the rounds proven, and availability as the keepers
    /// saw it; without them the rounds proven and the retention stand in (H-ORC-2).
    function reliability(Record memory e, uint256 r) internal pure returns (uint256) {
        unchecked {
            uint256 proven = e.clean * WAD / e.due;
            uint256 seen = e.measured ? e.uptimeBps * WAD / BPS : proven;
            uint256 uptime = seen < proven ? seen : proven;
            uint256 availability = e.measured ? e.availabilityBps * WAD / BPS : r;
            return (30 * uptime + 40 * r + 30 * availability) / 100;
        }
    }

    /// @notice R' = (R + step) r^14, step = (q - R) / 7; a rise counts in proportion to what was held, up to 100 chunks, and to the rounds.
    function reputation(Record memory e, uint256 r, uint256 q) internal pure returns (uint256) {
        unchecked {
            uint256 next;
            if (q >= e.standing) {
                uint256 held = e.chunks < 100 ? e.chunks : 100;
                next = e.standing + (q - e.standing) * held * e.due / (7 * 100 * ROUNDS);
            } else {
                next = e.standing - _divUp(e.standing - q, 7);
            }
            return next * pow14(r) / WAD;
        }
    }

    /// @notice x^14 for x at most WAD, each product rounded down.
    function pow14(uint256 x) internal pure returns (uint256) {
        unchecked {
            uint256 x2 = x * x / WAD;
            uint256 x4 = x2 * x2 / WAD;
            uint256 x8 = x4 * x4 / WAD;
            return x8 * x4 / WAD * x2 / WAD;
        }
    }

    function _divUp(uint256 a, uint256 b) private pure returns (uint256) {
        unchecked {
            return a == 0 ? 0 : (a - 1) / b + 1;
        }
    }
}
