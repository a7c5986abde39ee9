// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A proof interval. Round r covers [genesis + (r - ROUNDS) * roundLength, one roundLength); the first is number ROUNDS.
type Round is uint32;

/// @notice A reward period of ROUNDS rounds: epoch e is rounds e * ROUNDS to e * ROUNDS + ROUNDS - 1. The first is number 1; 0 means none.
type Epoch is uint32;

/// @dev Rounds in an epoch.
uint32 constant ROUNDS = 30;

/// @dev Words proven in a challenge: a round, an activation, an audit.
uint256 constant K = 5;

/// @dev Blocks of 16 KiB in a chunk, the unit of accounting.
uint32 constant CHUNK_BLOCKS = 512;

/// @dev Longest order, in epochs. With an order starting in the next epoch at the latest, a slot ends at most MAX_EPOCHS after the current one.
uint32 constant MAX_EPOCHS = 12;

uint256 constant WAD = 1e18;
uint256 constant BPS = 1e4;

using {
    roundEq as ==,
    roundNe as !=,
    roundLt as <,
    roundLe as <=,
    roundGt as >,
    roundGe as >=,
    epochOf,
    index,
    addRounds,
    subRounds
} for Round global;
using {epochEq as ==, epochNe as !=, epochLt as <, epochLe as <=, epochGt as >, epochGe as >=, first, last, addEpochs} for Epoch global;

function roundEq(Round a, Round b) pure returns (bool) {
    return Round.unwrap(a) == Round.unwrap(b);
}

function roundNe(Round a, Round b) pure returns (bool) {
    return Round.unwrap(a) != Round.unwrap(b);
}

function roundLt(Round a, Round b) pure returns (bool) {
    return Round.unwrap(a) < Round.unwrap(b);
}

function roundLe(Round a, Round b) pure returns (bool) {
    return Round.unwrap(a) <= Round.unwrap(b);
}

function roundGt(Round a, Round b) pure returns (bool) {
    return Round.unwrap(a) > Round.unwrap(b);
}

function roundGe(Round a, Round b) pure returns (bool) {
    return Round.unwrap(a) >= Round.unwrap(b);
}

/// @notice The epoch a round belongs to.
function epochOf(Round r) pure returns (Epoch) {
    return Epoch.wrap(Round.unwrap(r) / ROUNDS);
}

/// @notice The place of a round in its epoch, 0 to ROUNDS - 1.
function index(Round r) pure returns (uint256) {
    return Round.unwrap(r) % ROUNDS;
}

function epochEq(Epoch a, Epoch b) pure returns (bool) {
    return Epoch.unwrap(a) == Epoch.unwrap(b);
}

function epochNe(Epoch a, Epoch b) pure returns (bool) {
    return Epoch.unwrap(a) != Epoch.unwrap(b);
}

function epochLt(Epoch a, Epoch b) pure returns (bool) {
    return Epoch.unwrap(a) < Epoch.unwrap(b);
}

function epochLe(Epoch a, Epoch b) pure returns (bool) {
    return Epoch.unwrap(a) <= Epoch.unwrap(b);
}

function epochGt(Epoch a, Epoch b) pure returns (bool) {
    return Epoch.unwrap(a) > Epoch.unwrap(b);
}

function epochGe(Epoch a, Epoch b) pure returns (bool) {
    return Epoch.unwrap(a) >= Epoch.unwrap(b);
}

/// @notice First round of an epoch.
function first(Epoch e) pure returns (Round) {
    return Round.wrap(Epoch.unwrap(e) * ROUNDS);
}

/// @notice Last round of an epoch.
function last(Epoch e) pure returns (Round) {
    return Round.wrap(Epoch.unwrap(e) * ROUNDS + ROUNDS - 1);
}

function addEpochs(Epoch e, uint32 n) pure returns (Epoch) {
    return Epoch.wrap(Epoch.unwrap(e) + n);
}

function addRounds(Round r, uint32 n) pure returns (Round) {
    return Round.wrap(Round.unwrap(r) + n);
}

function subRounds(Round r, uint32 n) pure returns (Round) {
    return Round.wrap(Round.unwrap(r) - n);
}
