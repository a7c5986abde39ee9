// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch, Round, ROUNDS} from "../Types.sol";

/// @title Clock
/// @notice Rounds and epochs as pure functions of `block.timestamp` and the genesis: nobody advances anything.
/// @dev Every contract of a deployment is constructed with the same two numbers; the deployment check compares them.
abstract contract Clock {
    /// @notice When the first round (number ROUNDS, of epoch 1) starts, in Unix seconds.
    uint64 public immutable GENESIS;

    /// @notice Length of a round, in seconds: one day, or less on a local chain.
    uint64 public immutable ROUND_LENGTH;

    error Clock_BadParameters(uint64 genesis, uint64 roundLength);
    error Clock_BeforeGenesis(uint64 genesis);

    constructor(uint64 genesis, uint64 roundLength) {
        if (genesis == 0 || roundLength < 60 || roundLength > 7 days) revert Clock_BadParameters(genesis, roundLength);
        (GENESIS, ROUND_LENGTH) = (genesis, roundLength);
    }

    /// @notice The round under way. Reverts before the genesis.
    function currentRound() public view returns (Round) {
        if (block.timestamp < GENESIS) revert Clock_BeforeGenesis(GENESIS);
        return Round.wrap(uint32((block.timestamp - GENESIS) / ROUND_LENGTH) + ROUNDS);
    }

    /// @notice The epoch under way.
    function currentEpoch() public view returns (Epoch) {
        return currentRound().epochOf();
    }

    /// @notice When a round starts, in Unix seconds.
    function startOf(Round round) public view returns (uint256) {
        return GENESIS + uint256(Round.unwrap(round) - ROUNDS) * ROUND_LENGTH;
    }
}
