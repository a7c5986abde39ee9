// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Clock} from "../../src/libraries/Clock.sol";
import {Epoch, Round, ROUNDS} from "../../src/Types.sol";

/// @notice The round under way is the one that time is in. Only assertions: Clock's functions, as entries of their own, know nothing of its constructor.
contract ClockProof is Clock {
    constructor(uint64 genesis, uint64 roundLength) Clock(genesis, roundLength) {}

    /// @custom:targets assert
    /// @notice Until the rounds no longer fit in 32 bits: 8,000 years of the shortest.
    function prove_NowIsWithinTheCurrentRound() external view {
        require(GENESIS != 0 && ROUND_LENGTH >= 60 && ROUND_LENGTH <= 7 days);
        require(block.timestamp >= GENESIS && (block.timestamp - GENESIS) / ROUND_LENGTH < type(uint32).max - ROUNDS);
        Round r = currentRound();
        assert(startOf(r) <= block.timestamp);
        assert(block.timestamp < startOf(r.addRounds(1)));
    }

    /// @custom:targets assert
    function prove_TheGenesisIsTheStartOfTheFirstEpoch() external view {
        require(GENESIS != 0 && ROUND_LENGTH >= 60 && ROUND_LENGTH <= 7 days);
        assert(startOf(Epoch.wrap(1).first()) == GENESIS);
    }
}
