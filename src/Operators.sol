// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Deployment} from "./Deployment.sol";
import {IOperators} from "./interfaces/IOperators.sol";
import {IPool} from "./interfaces/IPool.sol";
import {Clock} from "./libraries/Clock.sol";
import {Tokens} from "./libraries/Tokens.sol";
import {Epoch, Round, ROUNDS, WAD} from "./Types.sol";

/// @title Operators
/// @notice See IOperators. Governance sets the stake asked of new registrations and orders and pauses registrations; it cannot move,
/// freeze or slash a stake.
contract Operators is IOperators, AccessManaged, Pausable, Clock {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @notice Most chunks of one operator: 8 TiB, the size of one identity.
    uint32 public constant MAX_CAPACITY = 1_048_576;
    uint64 public constant MAX_STAKE_PER_CHUNK = 1e19;
    uint256 public constant MAX_ENDPOINT = 256;
    uint256 public constant FIRST_REPUTATION = 0.5e18;
    uint256 public constant QUICK_EXIT_REPUTATION = 0.8e18;
    uint32 public constant QUICK_THAW_EPOCHS = 1;
    uint32 public constant THAW_EPOCHS = 6;
    uint256 public constant PAID_REPUTATION = 0.3e18;
    uint32 public constant WAIT_EPOCHS = 6;

    /// @dev Of a standing as it is stored, so that both fit a slot with the payout address.
    uint256 private constant STEP = WAD / 1e14;

    IERC20 public immutable ASSET;
    IPool public immutable POOL;
    address public immutable MARKET;
    address public immutable SETTLEMENT;

    uint32 public count;
    uint64 public stakePerChunk;
    uint256 public accounted;

    mapping(uint32 operatorId => Operator) private _operators;
    /// @dev What stops being reserved when an epoch ends, by arithmetic: chunks << 96 | asset wei.
    mapping(uint32 operatorId => mapping(Epoch last => uint256 ending)) private _ending;

    modifier only(address caller) {
        if (msg.sender != caller) revert Operators_Unauthorized(msg.sender);
        _;
    }

    modifier onlyOwner(uint32 operatorId) {
        if (msg.sender != _operators[operatorId].owner) revert Operators_NotOwner(operatorId, msg.sender);
        _;
    }

    constructor(Deployment memory d, uint64 stakePerChunk_) AccessManaged(d.authority) Clock(d.genesis, d.roundLength) {
        ASSET = IERC20(d.asset);
        POOL = IPool(d.pool);
        (MARKET, SETTLEMENT) = (d.market, d.settlement);
        _setStakePerChunk(stakePerChunk_);
    }

    // ---- Owners ----

    function register(uint32 capacityChunks, address payout, address prover, string calldata endpoint)
        external
        whenNotPaused
        returns (uint32 operatorId)
    {
        if (capacityChunks == 0 || capacityChunks > MAX_CAPACITY) {
            revert Operators_CapacityOutOfBounds(capacityChunks, 0, MAX_CAPACITY);
        }
        _checkEndpoint(endpoint);
        operatorId = ++count;
        Operator storage o = _operators[operatorId];
        _setKeys(operatorId, o, msg.sender, prover, 0, payout);
        o.capacityChunks = capacityChunks;
        (o.reputation, o.reliability) = (uint48(FIRST_REPUTATION / STEP), uint48(WAD / STEP));
        uint96 stake = (uint256(capacityChunks) * stakePerChunk).toUint96();
        emit Registered(operatorId, msg.sender, capacityChunks, endpoint);
        _addStake(operatorId, o, stake);
    }

    function addStake(uint32 operatorId, uint96 amount) external {
        _addStake(operatorId, _known(operatorId), amount);
    }

    function setKeys(uint32 operatorId, address owner, address prover, uint32 proverChunks, address payout) external onlyOwner(operatorId) {
        _setKeys(operatorId, _operators[operatorId], owner, prover, proverChunks, payout);
    }

    function setCapacity(uint32 operatorId, uint32 capacityChunks) external onlyOwner(operatorId) {
        Operator storage o = _operators[operatorId];
        (uint256 reservedChunks,) = reservedNow(operatorId);
        if (capacityChunks < reservedChunks || capacityChunks > MAX_CAPACITY) {
            revert Operators_CapacityOutOfBounds(capacityChunks, uint32(reservedChunks), MAX_CAPACITY);
        }
        uint256 needed = uint256(capacityChunks) * stakePerChunk;
        if (capacityChunks > o.capacityChunks && o.stake < needed) revert Operators_StakeTooLow(o.stake, needed);
        o.capacityChunks = capacityChunks;
        emit CapacitySet(operatorId, capacityChunks);
    }

    function setEndpoint(uint32 operatorId, string calldata endpoint) external onlyOwner(operatorId) {
        _checkEndpoint(endpoint);
        emit EndpointSet(operatorId, endpoint);
    }

    function requestExit(uint32 operatorId) external onlyOwner(operatorId) {
        Operator storage o = _operators[operatorId];
        if (Round.unwrap(o.exitRequested) != 0) revert Operators_Exiting(operatorId);
        (uint256 reservedChunks,) = reservedNow(operatorId);
        if (reservedChunks != 0) revert Operators_HasSlots(operatorId, reservedChunks);
        Round now_ = currentRound();
        Epoch ended = Epoch.wrap(Epoch.unwrap(now_.epochOf()) - 1);
        if (!POOL.settledThrough(operatorId, ended)) revert Operators_Unsettled(operatorId, ended);
        o.exitRequested = now_;
        emit ExitRequested(operatorId, now_);
    }

    function withdraw(uint32 operatorId, address to) external onlyOwner(operatorId) returns (uint256 amount) {
        Operator storage o = _operators[operatorId];
        if (to == address(0)) revert Operators_ZeroAddress();
        if (Round.unwrap(o.exitRequested) == 0) revert Operators_NotExiting(operatorId);
        Round until = o.exitRequested.addRounds((o.reputation * STEP > QUICK_EXIT_REPUTATION ? QUICK_THAW_EPOCHS : THAW_EPOCHS) * ROUNDS);
        if (currentRound() < until) revert Operators_Thawing(operatorId, until);
        // The thaw goes by the reputation after all that happened.
        Epoch held = o.exitRequested.epochOf();
        if (!POOL.settledThrough(operatorId, held)) revert Operators_Unsettled(operatorId, held);
        amount = o.stake;
        o.stake = 0;
        accounted -= amount;
        emit Withdrawn(operatorId, to, amount);
        ASSET.safeTransfer(to, amount);
    }

    function claim(uint32 operatorId, Epoch epoch) external returns (uint256 owed) {
        Operator storage o = _operators[operatorId];
        uint256 reputation = o.reputation * STEP;
        bool isLow = reputation < PAID_REPUTATION;
        bool isForfeited = isLow && currentEpoch() > epoch.addEpochs(WAIT_EPOCHS);
        if (isLow && !isForfeited) revert Operators_Withheld(operatorId, reputation);
        return POOL.pay(operatorId, epoch, o.payout, isForfeited);
    }

    // ---- The protocol ----

    function reserve(uint32 operatorId, address caller, uint32 chunks, uint96 amount, Epoch last) external only(MARKET) {
        Operator storage o = _operators[operatorId];
        bool byProver = caller == o.prover;
        if (!byProver && caller != o.owner) revert Operators_NotAgent(operatorId, caller);
        if (Round.unwrap(o.exitRequested) != 0) revert Operators_Exiting(operatorId);
        (uint256 reservedChunks, uint256 reserved) = reservedNow(operatorId);
        (uint256 capacity, uint256 stake) = (o.capacityChunks, o.stake);
        if (reservedChunks + chunks > capacity || reserved + amount > stake) {
            revert Operators_CapacityExceeded(operatorId, chunks, _spare(capacity, reservedChunks), _spare(stake, reserved));
        }
        reservedChunks += chunks;
        if (byProver && reservedChunks > o.proverChunks && caller != o.owner) {
            revert Operators_ProverLimit(operatorId, reservedChunks, o.proverChunks);
        }
        _ending[operatorId][last] += uint256(chunks) << 96 | amount;
        // Both fit: they are at most the capacity and the stake.
        (o.reserved, o.reservedChunks, o.asOf) = (uint96(reserved + amount), uint32(reservedChunks), currentEpoch());
    }

    function release(uint32 operatorId, uint32 chunks, uint96 amount, Epoch last) external only(MARKET) {
        if (last < currentEpoch()) return;
        Operator storage o = _operators[operatorId];
        (uint256 reservedChunks, uint256 reserved) = reservedNow(operatorId);
        _ending[operatorId][last] -= uint256(chunks) << 96 | amount;
        (o.reserved, o.reservedChunks, o.asOf) = (uint96(reserved - amount), uint32(reservedChunks - chunks), currentEpoch());
    }

    function slash(uint32 operatorId, uint256 wanted) external only(MARKET) returns (uint256 taken) {
        Operator storage o = _operators[operatorId];
        taken = wanted < o.stake ? wanted : o.stake;
        o.stake -= uint96(taken);
        accounted -= taken;
        emit Slashed(operatorId, wanted, taken);
        if (taken != 0) ASSET.safeTransfer(MARKET, taken);
    }

    function setStanding(uint32 operatorId, uint256 reputation, uint256 reliability) external only(SETTLEMENT) returns (uint256, uint256) {
        (reputation, reliability) = (reputation / STEP, reliability / STEP); // at most 1e14
        Operator storage o = _operators[operatorId];
        (o.reputation, o.reliability) = (uint48(reputation), uint48(reliability));
        return (reputation * STEP, reliability * STEP);
    }

    // ---- Governance and guardian ----

    function setStakePerChunk(uint64 stakePerChunk_) external restricted {
        _setStakePerChunk(stakePerChunk_);
    }

    function pause() external restricted {
        _pause();
    }

    function unpause() external restricted {
        _unpause();
    }

    // ---- Views ----

    function requireAgent(uint32 operatorId, address caller) external view {
        Operator storage o = _operators[operatorId];
        if (caller != o.prover && caller != o.owner) revert Operators_NotAgent(operatorId, caller);
    }

    function operator(uint32 operatorId) external view returns (Operator memory) {
        return _operators[operatorId];
    }

    function standing(uint32 operatorId) external view returns (uint256, uint256) {
        Operator storage o = _operators[operatorId];
        return (o.reputation * STEP, o.reliability * STEP);
    }

    function payoutOf(uint32 operatorId) external view returns (address) {
        return _operators[operatorId].payout;
    }

    /// @inheritdoc IOperators
    /// @dev At most MAX_EPOCHS + 1 steps (H-ESC-3): every slot ends within MAX_EPOCHS of the epoch it was reserved in, and the loop stops at none left.
    function reservedNow(uint32 operatorId) public view returns (uint256 chunks, uint256 amount) {
        Operator storage o = _operators[operatorId];
        Epoch e;
        (chunks, amount, e) = (o.reservedChunks, o.reserved, o.asOf);
        Epoch now_ = currentEpoch();
        for (; e < now_ && chunks != 0; e = e.addEpochs(1)) {
            uint256 ending = _ending[operatorId][e];
            (chunks, amount) = (chunks - (ending >> 96), amount - uint96(ending));
        }
    }

    // ---- Internals ----

    function _known(uint32 operatorId) private view returns (Operator storage o) {
        o = _operators[operatorId];
        if (o.owner == address(0)) revert Operators_Unknown(operatorId);
    }

    function _addStake(uint32 operatorId, Operator storage o, uint96 amount) private {
        o.stake += amount;
        accounted += amount;
        emit StakeAdded(operatorId, amount, o.stake);
        Tokens.pull(ASSET, msg.sender, amount);
    }

    function _setKeys(uint32 operatorId, Operator storage o, address owner, address prover, uint32 proverChunks, address payout) private {
        if (owner == address(0) || prover == address(0) || payout == address(0)) revert Operators_ZeroAddress();
        (o.owner, o.prover, o.proverChunks, o.payout) = (owner, prover, proverChunks, payout);
        emit KeysSet(operatorId, owner, prover, proverChunks, payout);
    }

    function _setStakePerChunk(uint64 stakePerChunk_) private {
        if (stakePerChunk_ == 0 || stakePerChunk_ > MAX_STAKE_PER_CHUNK) revert Operators_StakePerChunkOutOfBounds(stakePerChunk_);
        stakePerChunk = stakePerChunk_;
        emit StakePerChunkSet(stakePerChunk_);
    }

    function _checkEndpoint(string calldata endpoint) private pure {
        if (bytes(endpoint).length > MAX_ENDPOINT) revert Operators_EndpointTooLong(bytes(endpoint).length, MAX_ENDPOINT);
    }

    function _spare(uint256 total, uint256 used) private pure returns (uint256) {
        return total > used ? total - used : 0;
    }
}
