// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ROUNDS} from "../../src/Types.sol";

/// @dev What EpochSchedule.add writes for a stream, written out again: its cells in storage are too much for a solver as they stand. The
/// stream starts in round `skipped` of epoch `first`; in epoch `end` its rate is taken back. A cut takes back the same, from its own round on.
library Stream {
    /// @dev What the first epoch pays: rate and correction of its cell.
    function inFirst(uint256 skipped, uint256 fee) internal pure returns (int256) {
        return int256(uint256(ROUNDS)) * int256(fee) - int256(fee) * int256(skipped);
    }

    function inAll(uint256 first, uint256 skipped, uint256 end, uint256 fee) internal pure returns (int256) {
        return inFirst(skipped, fee) + int256(uint256(ROUNDS)) * int256(fee) * int256(end - first - 1);
    }
}

/// @notice Lemmas: what the cells of one stream come to. Totals are sums of cells, so streams add up.
contract ScheduleProof {
    modifier sound(uint256 first, uint256 skipped, uint256 end, uint256 fee) {
        require(skipped < ROUNDS && first < end && end < 1 << 32 && fee < 1 << 96);
        _;
    }

    function prove_TheFirstEpochPaysItsLiveRounds(uint256 first, uint256 skipped, uint256 end, uint256 fee)
        external
        pure
        sound(first, skipped, end, fee)
    {
        assert(Stream.inFirst(skipped, fee) == int256(fee * (ROUNDS - skipped)));
    }

    function prove_AStreamPaysEachOfItsRounds(uint256 first, uint256 skipped, uint256 end, uint256 fee)
        external
        pure
        sound(first, skipped, end, fee)
    {
        assert(Stream.inAll(first, skipped, end, fee) == int256(fee * (end * ROUNDS - (first * ROUNDS + skipped))));
    }

    /// @notice What is left of a stream cut in round `s` of epoch `e` is the pay of the rounds before it.
    function prove_ACutStreamPaysTheRoundsBefore(uint256 first, uint256 skipped, uint256 e, uint256 s, uint256 end, uint256 fee)
        external
        pure
        sound(first, skipped, end, fee)
    {
        require(s < ROUNDS && e < end && first * ROUNDS + skipped <= e * ROUNDS + s);
        int256 left = Stream.inAll(first, skipped, end, fee) - Stream.inAll(e, s, end, fee);
        assert(left == int256(fee * (e * ROUNDS + s - (first * ROUNDS + skipped))));
    }

    function prove_NoTotalOfOneStreamIsNegative(uint256 first, uint256 skipped, uint256 end, uint256 fee)
        external
        pure
        sound(first, skipped, end, fee)
    {
        assert(Stream.inFirst(skipped, fee) >= 0);
    }
}
