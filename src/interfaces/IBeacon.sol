// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch, Round} from "../Types.sol";

/// @title IBeacon
/// @notice One verified seed a round, or the round is void.
///
/// A round's seed comes from one drand beacon, the first whose time is at or after the round's start + DELAY, so there is nothing to
/// choose, skip or redraw (H-RAND-1). Anyone submits it, from the beacon's time to the middle of the round; a round without a seed by
/// then is void for ever (H-RAND-2). What a seed decides is fixed before the round starts (H-RAND-3): DELAY is what the clock of the
/// chain may lag behind drand's.
///
/// Governance (AccessManager, behind its timelock) can name the drand key and schedule that seeds come from as of a future epoch, and with
/// it who knows seeds in advance. It cannot touch the epoch under way, a seed that is in, the delay or the window, nor submit without
/// a valid signature.
interface IBeacon {
    /// @notice Round `round` has its seed.
    /// @param drandRound The drand round it comes from. @param randomness drand's own randomness of that round.
    event Seeded(Round indexed round, uint64 drandRound, bytes32 randomness, bytes32 seed);

    /// @notice Seeds come from this drand network from epoch `from` on, unless it is replaced before that epoch.
    /// @param key The public key, a point of G2 in EIP-2537's encoding. @param genesis Time of its round 1. @param period Seconds between rounds.
    event SourceSet(Epoch indexed from, bytes key, uint256 genesis, uint256 period);

    /// @notice A delay or a source that would leave no time to submit in, or a source that does not run yet when it must serve.
    error Beacon_BadSchedule(uint256 delay, uint256 genesis, uint256 period);

    /// @notice The public key is the infinity or no point of G2's prime-order subgroup in EIP-2537's encoding.
    error Beacon_BadKey();

    /// @notice A source can only be succeeded from an epoch after `current`.
    error Beacon_NotFuture(Epoch from, Epoch current);

    /// @notice The round's beacon is not due before `opens`, or the round was over at `closes` (Unix seconds).
    error Beacon_NotYet(Round round, uint256 opens);
    error Beacon_TooLate(Round round, uint256 closes);

    /// @notice The signature is not drand's over `drandRound`.
    error Beacon_BadSignature(Round round, uint64 drandRound);

    /// @notice Brings the seed of a round on chain, by anyone.
    ///
    /// Once the round has its seed this returns quietly whatever the signature, at any time: keepers race to submit, all but one lose the
    /// race, and a batch they put the call in must not revert for that.
    ///
    /// Requirements:
    /// - `opens <= block.timestamp < closes` of `window(round)`
    /// - `signature` is drand's over `drandRoundFor(round)`, as the uncompressed point: x ++ y, 48 big-endian bytes each
    function submit(Round round, bytes calldata signature) external;

    /// @notice Names the source of seeds from epoch `from` on, in place of one named before that is not in use yet.
    /// @param key Point of G2 in EIP-2537's encoding, 256 bytes. @param genesis Time of its round 1, in Unix seconds. @param period Seconds.
    ///
    /// Requirements:
    /// - the caller is authorised by the AccessManager
    /// - `from` is after the current epoch
    /// - `genesis` is not after the start of `from`; `1 <= period <= ROUND_LENGTH / 2 - DELAY`
    /// - `key` is a point of the prime-order subgroup and not the infinity
    function succeed(Epoch from, bytes calldata key, uint256 genesis, uint256 period) external;

    /// @notice Seconds from the start of a round to the earliest time of its beacon. Fixed; 1 <= DELAY < ROUND_LENGTH / 2.
    function DELAY() external view returns (uint256);

    /// @notice The seed of a round, or 0 when it has none (yet).
    function seed(Round round) external view returns (bytes32);

    /// @notice Bit i is set when round i of the epoch (0 to ROUNDS - 1) has its seed.
    function seededMask(Epoch epoch) external view returns (uint32);

    /// @notice Whether the round has no seed and can no longer get one.
    function isVoid(Round round) external view returns (bool);

    /// @notice The drand round whose beacon seeds `round`.
    function drandRoundFor(Round round) external view returns (uint64);

    /// @notice When the seed of a round is accepted: `opens <= block.timestamp < closes`, in Unix seconds.
    function window(Round round) external view returns (uint256 opens, uint256 closes);

    /// @notice The drand network that seeds the rounds of an epoch, as named so far.
    function source(Epoch epoch) external view returns (bytes memory key, uint256 genesis, uint256 period);
}
