// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev Most seats of a committee.
uint256 constant SEATS = 9;

/// @title Seats
/// @notice One number for each seat of a committee in a single word: nine lanes of 24 bits, seat 0 lowest. Who sits, what each of them says
/// of one operator, how often each agreed: all have this form, so that one operation treats all seats at once.
library Seats {
    /// @notice Bits of a lane.
    uint256 internal constant WIDTH = 24;

    uint256 private constant LANE = 0xffffff;
    /// @dev 1 in each of the nine lanes.
    uint256 private constant ONES = 0x000001000001000001000001000001000001000001000001000001;
    /// @dev The top bit of each.
    uint256 private constant TOPS = 0x800000800000800000800000800000800000800000800000800000;

    /// @notice The number of a seat.
    function get(uint256 lanes, uint256 seat) internal pure returns (uint256) {
        return lanes >> seat * WIDTH & LANE;
    }

    /// @notice Adds to the number of a seat. The caller keeps it below 2^24.
    function add(uint256 lanes, uint256 seat, uint256 value) internal pure returns (uint256) {
        return lanes + (value << seat * WIDTH);
    }

    /// @notice Seats before the first one that is 0.
    function count(uint256 lanes) internal pure returns (uint256 seats) {
        while (seats < SEATS && get(lanes, seats) != 0) ++seats;
    }

    /// @notice The first seat with this number; SEATS: none.
    function find(uint256 lanes, uint256 value) internal pure returns (uint256 seat) {
        while (seat < SEATS && get(lanes, seat) != value) ++seat;
    }

    /// @notice Takes a seat out; those above it move down by one.
    function remove(uint256 lanes, uint256 seat) internal pure returns (uint256) {
        uint256 low = seat * WIDTH;
        uint256 below = lanes & (1 << low) - 1;
        return lanes >> low + WIDTH << low | below;
    }

    /// @notice 1 in the lane of every seat whose number is at most `x`, 0 in the others.
    /// @dev Requirements: `x` and every number are below 2^23. So each lane of `TOPS + x` less the number is 2^23 + x - number, between 1 and
    /// 2^24 - 1: no lane borrows from the next, and its top bit is set exactly when number <= x.
    function atMost(uint256 lanes, uint256 x) internal pure returns (uint256 ones) {
        unchecked {
            return (TOPS + x * ONES - lanes & TOPS) >> WIDTH - 1;
        }
    }

    /// @notice The numbers of the seats marked 1 in `ones`, 0 in the other lanes.
    function only(uint256 lanes, uint256 ones) internal pure returns (uint256) {
        unchecked {
            // A 1 becomes a lane full of ones, which does not reach the next lane.
            return lanes & ones * LANE;
        }
    }

    /// @notice The sum of all lanes.
    /// @dev Requirements: it is below 2^24. The product's lane 8 is the sum of lanes 0 to 8, and no lane under it carries, each being a part
    /// of the same sum; what lies above is cut off.
    function sum(uint256 lanes) internal pure returns (uint256) {
        unchecked {
            return lanes * ONES >> (SEATS - 1) * WIDTH & LANE;
        }
    }
}
