// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SSTORE2} from "solady/utils/SSTORE2.sol";

import {Drand} from "../lib/drand/Drand.sol";
import {IBeacon} from "./interfaces/IBeacon.sol";
import {Clock} from "./libraries/Clock.sol";
import {Epoch, Round} from "./Types.sol";

/// @title Beacon
/// @notice One verified seed a round, or the round is void.
contract Beacon is IBeacon, Clock, AccessManaged {
    /// @dev A drand network.
    struct Source {
        // slot 0
        address key; // SSTORE2: a contract whose code is the public key
        Epoch from; // first epoch it seeds
        uint40 genesis; // time of its round 1, in Unix seconds
        uint24 period; // seconds between its rounds
    }

    uint256 public immutable DELAY;

    mapping(Round round => bytes32) public seed;
    mapping(Epoch epoch => uint32) public seededMask;

    /// @dev By growing `from`. Only the last one can lie ahead.
    Source[] private _sources;

    /// @param key The drand network's public key, point of G2 in EIP-2537's encoding. @param drandGenesis Time of its round 1.
    /// @param drandPeriod Seconds between its rounds.
    constructor(
        address authority,
        uint64 genesis,
        uint64 roundLength,
        uint256 delay,
        bytes memory key,
        uint256 drandGenesis,
        uint256 drandPeriod
    ) Clock(genesis, roundLength) AccessManaged(authority) {
        if (delay == 0) revert Beacon_BadSchedule(delay, drandGenesis, drandPeriod);
        DELAY = delay;
        _setSource(Epoch.wrap(1), key, drandGenesis, drandPeriod);
    }

    function submit(Round round, bytes calldata signature) external {
        if (seed[round] != 0) return;

        Source memory from = _source(round.epochOf());
        uint64 drandRound = _drandRound(round, from);
        (uint256 opens, uint256 closes) = _window(round, drandRound, from);
        if (block.timestamp < opens) revert Beacon_NotYet(round, opens);
        if (block.timestamp >= closes) revert Beacon_TooLate(round, closes);
        if (!Drand.verify(signature, drandRound, SSTORE2.read(from.key))) revert Beacon_BadSignature(round, drandRound);

        bytes32 randomness = Drand.randomness(signature);
        // Deployments that share a drand network, and rounds of one deployment, draw independently.
        bytes32 fresh = keccak256(abi.encode(block.chainid, address(this), round, randomness));
        seed[round] = fresh;
        seededMask[round.epochOf()] |= uint32(1 << round.index());
        emit Seeded(round, drandRound, randomness, fresh);
    }

    function succeed(Epoch from, bytes calldata key, uint256 genesis, uint256 period) external restricted {
        Epoch current = currentEpoch();
        if (from <= current) revert Beacon_NotFuture(from, current);
        if (_sources[_sources.length - 1].from > current) _sources.pop();
        _setSource(from, key, genesis, period);
    }

    function isVoid(Round round) external view returns (bool) {
        return seed[round] == 0 && block.timestamp >= _closes(round);
    }

    function drandRoundFor(Round round) external view returns (uint64) {
        return _drandRound(round, _source(round.epochOf()));
    }

    function window(Round round) external view returns (uint256 opens, uint256 closes) {
        Source memory from = _source(round.epochOf());
        return _window(round, _drandRound(round, from), from);
    }

    function source(Epoch epoch) external view returns (bytes memory key, uint256 genesis, uint256 period) {
        Source memory s = _source(epoch);
        return (SSTORE2.read(s.key), s.genesis, s.period);
    }

    function _setSource(Epoch from, bytes memory key, uint256 genesis, uint256 period) private {
        // The first beacon at or after start + DELAY comes less than a period later: before the middle, with time to submit it.
        if (genesis > startOf(from.first()) || period == 0 || DELAY + period > ROUND_LENGTH / 2) {
            revert Beacon_BadSchedule(DELAY, genesis, period);
        }
        if (!Drand.isPublicKey(key)) revert Beacon_BadKey();
        _sources.push(Source({key: SSTORE2.write(key), from: from, genesis: SafeCast.toUint40(genesis), period: SafeCast.toUint24(period)}));
        emit SourceSet(from, key, genesis, period);
    }

    /// @dev The last source named that is not after `epoch`: for the current epoch the last or the last but one. Epoch 0 has none and reverts.
    function _source(Epoch epoch) private view returns (Source memory s) {
        uint256 i = _sources.length;
        do {
            s = _sources[--i];
        } while (s.from > epoch);
    }

    /// @dev Round 1 is at `genesis`, which is not after the start of any round that the source serves.
    function _drandRound(Round round, Source memory from) private view returns (uint64) {
        uint256 elapsed = startOf(round) + DELAY - from.genesis;
        return uint64((elapsed + from.period - 1) / from.period + 1);
    }

    function _window(Round round, uint64 drandRound, Source memory from) private view returns (uint256 opens, uint256 closes) {
        return (from.genesis + uint256(drandRound - 1) * from.period, _closes(round));
    }

    /// @dev The middle of the round.
    function _closes(Round round) private view returns (uint256) {
        return startOf(round) + ROUND_LENGTH / 2;
    }
}
