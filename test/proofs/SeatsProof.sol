// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Seats} from "../../src/libraries/Seats.sol";

/// @notice Nine lanes in a word are nine numbers.
contract SeatsProof {
    function prove_ASeatIsBelow24Bits(uint256 lanes, uint256 seat) external pure {
        require(seat < 9);
        assert(Seats.get(lanes, seat) < 1 << 24);
    }

    function prove_AddingToTheLowestSeat(uint256 lanes, uint256 value) external pure {
        require(lanes < 1 << 216 && value < 1 << 24 && Seats.get(lanes, 0) + value < 1 << 24);
        assert(Seats.get(Seats.add(lanes, 0, value), 0) == Seats.get(lanes, 0) + value);
    }

    function prove_AtMostComparesTheLowest(uint256 lanes, uint256 x) external pure {
        require(lanes < 1 << 23 && x < 1 << 23);
        assert((Seats.get(Seats.atMost(lanes, x), 0) == 1) == (lanes <= x));
    }

    function prove_SumIsTheSum(uint24 a, uint24 b, uint24 c) external pure {
        require(uint256(a) + b + c < 1 << 24);
        assert(Seats.sum(uint256(a) | uint256(b) << 24 | uint256(c) << 192) == uint256(a) + b + c);
    }
}
