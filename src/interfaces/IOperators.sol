// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch, Round} from "../Types.sol";

/// @title Operators
/// @notice Who stakes to hold contents: stake, capacity, keys, reputation, exit. Holds the stakes.
/// Stake leaves only by exit or slash (H-STAKE-1), and a slash comes only from the Market, on evidence that is on chain (H-STAKE-2).
interface IOperators {
    struct Operator {
        // slot 0
        address prover; // hot key: proves, accepts within proverChunks, activates, reports losses, answers audits; nothing else
        uint32 proverChunks; // most chunks reserved in all after the prover accepts
        uint32 capacityChunks;
        Round exitRequested; // 0: not leaving
        // slot 1
        address owner;
        // slot 2
        address payout; // receives rewards and audit fees
        uint48 reputation; // in steps of 1e-14; `standing` says it in WAD
        uint48 reliability; // same, of the last epoch settled
        // slot 3
        uint96 stake; // asset wei
        uint96 reserved; // asset wei, of slots not ended by `asOf`
        uint32 reservedChunks;
        Epoch asOf; // endings of epochs before this one are taken out of the two sums
    }

    event Registered(uint32 indexed operatorId, address indexed owner, uint32 capacityChunks, string endpoint);
    event StakeAdded(uint32 indexed operatorId, uint256 amount, uint256 stake);
    event KeysSet(uint32 indexed operatorId, address owner, address prover, uint32 proverChunks, address payout);
    event CapacitySet(uint32 indexed operatorId, uint32 capacityChunks);
    event EndpointSet(uint32 indexed operatorId, string endpoint);
    event Slashed(uint32 indexed operatorId, uint256 wanted, uint256 taken);
    event ExitRequested(uint32 indexed operatorId, Round round);
    event Withdrawn(uint32 indexed operatorId, address indexed to, uint256 amount);
    event StakePerChunkSet(uint64 stakePerChunk);

    error Operators_Unauthorized(address caller);
    error Operators_Unknown(uint32 operatorId);
    error Operators_NotOwner(uint32 operatorId, address caller);
    error Operators_NotAgent(uint32 operatorId, address caller);
    error Operators_ZeroAddress();
    error Operators_EndpointTooLong(uint256 length, uint256 most);
    error Operators_CapacityOutOfBounds(uint32 chunks, uint32 reservedChunks, uint32 most);
    error Operators_StakeTooLow(uint256 stake, uint256 needed);
    error Operators_CapacityExceeded(uint32 operatorId, uint256 wanted, uint256 spareChunks, uint256 spareStake);
    error Operators_ProverLimit(uint32 operatorId, uint256 reservedChunks, uint256 most);
    error Operators_Exiting(uint32 operatorId);
    error Operators_HasSlots(uint32 operatorId, uint256 reservedChunks);
    error Operators_Unsettled(uint32 operatorId, Epoch epoch);
    error Operators_NotExiting(uint32 operatorId);
    error Operators_Thawing(uint32 operatorId, Round until);
    error Operators_Withheld(uint32 operatorId, uint256 reputation);
    error Operators_StakePerChunkOutOfBounds(uint64 stakePerChunk);

    /// @notice Registers an operator owned by the caller, with a stake of capacityChunks x stakePerChunk. Reputation starts at 0.5. A prover
    /// that is not the owner accepts nothing until the owner says how much (setKeys).
    /// @param capacityChunks Chunks of 8 MiB it offers, 1 to MAX_CAPACITY.
    /// @param endpoint Where peers and keepers find it, "host:port", at most 256 bytes.
    /// Requirements: intake is not paused; owner, payout and prover are not zero.
    function register(uint32 capacityChunks, address payout, address prover, string calldata endpoint) external returns (uint32 operatorId);

    /// @notice Adds to an operator's stake, by anyone; never paused, since it may save an operator from standing idle.
    function addStake(uint32 operatorId, uint96 amount) external;

    /// @notice Owner: changes the four addresses and limits of an operator. Two different keys: who owns the stake and who signs every day.
    /// Requirements: caller is the owner; no address is zero.
    function setKeys(uint32 operatorId, address owner, address prover, uint32 proverChunks, address payout) external;

    /// @notice Owner: offers more or less.
    /// Requirements: not below what is reserved, not above MAX_CAPACITY; the stake covers it.
    function setCapacity(uint32 operatorId, uint32 capacityChunks) external;

    /// @notice Owner: where peers and keepers find it.
    function setEndpoint(uint32 operatorId, string calldata endpoint) external;

    /// @notice Owner: leaves. Requirements: no slot held or reserved, every epoch settled, not leaving already.
    function requestExit(uint32 operatorId) external;

    /// @notice Owner: takes the stake home, 1 epoch after the request if reputation is above 0.8 now, else 6; once every epoch up to the request is settled.
    function withdraw(uint32 operatorId, address to) external returns (uint256 amount);

    /// @notice Pays an operator's share of a frozen epoch to its payout address, once, by anyone. While reputation is below PAID_REPUTATION it
    /// waits; if it still is when WAIT_EPOCHS have passed, the share goes to the treasury (H-EPOCH-3).
    function claim(uint32 operatorId, Epoch epoch) external returns (uint256 owed);

    /// @notice Reserves capacity and stake for a slot until the end of `last`.
    /// @param caller Who accepts: the owner, or the prover within its limit.
    /// Requirements: caller is the Market; the operator is not leaving; spare chunks and stake suffice.
    function reserve(uint32 operatorId, address caller, uint32 chunks, uint96 amount, Epoch last) external;

    /// @notice Gives back what a slot that ends early had reserved. Does nothing for a slot whose epochs are over.
    /// Requirements: caller is the Market.
    function release(uint32 operatorId, uint32 chunks, uint96 amount, Epoch last) external;

    /// @notice Takes `wanted` asset wei of stake, or what is there, and sends it to the Market: a slash never fails for want of stake.
    /// Requirements: caller is the Market.
    function slash(uint32 operatorId, uint256 wanted) external returns (uint256 taken);

    /// @notice Sets reputation and reliability, WAD.
    /// @return Both as they are kept, rounded down to steps of 1e-14.
    /// Requirements: caller is the Settlement.
    function setStanding(uint32 operatorId, uint256 reputation, uint256 reliability) external returns (uint256, uint256);

    /// @notice Governance: the stake asked per chunk of new registrations and new orders, asset wei, 1 to MAX_STAKE_PER_CHUNK.
    function setStakePerChunk(uint64 stakePerChunk) external;

    /// @notice Guardian: stops or allows registrations; nothing else.
    function pause() external;

    function unpause() external;

    /// @notice Reverts unless `caller` is the operator's owner or prover (H-PROOF-4).
    function requireAgent(uint32 operatorId, address caller) external view;

    /// @notice The stake asked per chunk of new registrations and new orders, asset wei.
    function stakePerChunk() external view returns (uint64);

    function operator(uint32 operatorId) external view returns (Operator memory);

    /// @notice Reputation and reliability, WAD.
    function standing(uint32 operatorId) external view returns (uint256 reputation, uint256 reliability);

    /// @notice Where what it earns goes; zero if unknown.
    function payoutOf(uint32 operatorId) external view returns (address);

    /// @notice Operators ever registered: ids are 1 to count.
    function count() external view returns (uint32);

    /// @notice Sum of stakes held, in asset wei. The balance is at least that.
    function accounted() external view returns (uint256);

    /// @notice Chunks and stake reserved now, endings up to this epoch taken out.
    function reservedNow(uint32 operatorId) external view returns (uint256 chunks, uint256 amount);
}
