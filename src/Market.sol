// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Deployment} from "./Deployment.sol";
import {IBeacon} from "./interfaces/IBeacon.sol";
import {ICatalog} from "./interfaces/ICatalog.sol";
import {IHoldings} from "./interfaces/IHoldings.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {IOperators} from "./interfaces/IOperators.sol";
import {IPool} from "./interfaces/IPool.sol";
import {Clock} from "./libraries/Clock.sol";
import {Tokens} from "./libraries/Tokens.sol";
import {BPS, Epoch, MAX_EPOCHS, Round, ROUNDS, WAD} from "./Types.sol";

/// @title Market
/// @notice See IMarket. Governance sets the terms of new orders and pauses them; it cannot touch an open order or a deposit.
contract Market is IMarket, AccessManaged, Pausable, Clock {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    uint8 public constant MAX_REPLICAS = 16;
    uint256 public constant MAX_DESIGNATED = 32;
    uint64 public constant MAX_FEE = 1e18;
    /// @notice Rounds at the end of an order in which nobody can accept.
    uint32 public constant LAST_ROUNDS = 3;
    /// @notice Rounds before startEpoch in which incumbents renew.
    uint32 public constant RENEWAL_ROUNDS = 3;
    /// @notice Non-void rounds in which a reservation can be activated.
    uint32 public constant ACTIVATION_ROUNDS = 3;

    IERC20 public immutable ASSET;
    IBeacon public immutable BEACON;
    ICatalog public immutable CATALOG;
    IPool public immutable POOL;
    IOperators public immutable OPERATORS;
    IHoldings public immutable HOLDINGS;
    address public immutable AUDITS;
    address public immutable SETTLEMENT;

    /// @notice Terms of new orders: asset wei per chunk and round, and basis points.
    uint64 public feePerChunkRound;
    uint16 public slashBps;
    uint40 public count;
    /// @dev The orders' balances and the fees scheduled with the Pool, in one: it changes when tokens come or go, never when a slot begins.
    uint128 public accounted;

    mapping(uint40 orderId => Order) private _orders;
    mapping(uint40 orderId => mapping(uint8 replica => Slot)) private _slots;
    /// @dev Operators whose reservation of an order lapsed, and those an order designates.
    mapping(uint40 orderId => mapping(uint32 operatorId => bool)) private _barred;
    mapping(uint40 orderId => mapping(uint32 operatorId => bool)) private _designated;

    modifier only(address caller) {
        if (msg.sender != caller) revert Market_Unauthorized(msg.sender);
        _;
    }

    constructor(Deployment memory d, uint64 feePerChunkRound_, uint16 slashBps_)
        AccessManaged(d.authority)
        Clock(d.genesis, d.roundLength)
    {
        ASSET = IERC20(d.asset);
        BEACON = IBeacon(d.beacon);
        CATALOG = ICatalog(d.catalog);
        POOL = IPool(d.pool);
        OPERATORS = IOperators(d.operators);
        HOLDINGS = IHoldings(d.holdings);
        (AUDITS, SETTLEMENT) = (d.audits, d.settlement);
        _setTerms(feePerChunkRound_, slashBps_);
    }

    // ---- Uploaders ----

    function open(Request calldata request, uint256 maxDeposit) external whenNotPaused returns (uint40 orderId) {
        _check(request);
        orderId = count + 1;
        Order storage o = _orders[orderId];
        (o.uploader, o.contentId, o.startEpoch) = (msg.sender, request.contentId, uint24(Epoch.unwrap(request.startEpoch)));
        (o.epochs, o.replicas, o.minReputation, o.minReliability) =
        (request.epochs, request.replicas, request.minReputation, request.minReliability);
        (o.unheld, o.feePerChunkRound, o.stakePerChunk, o.slashBps) =
        (request.replicas, feePerChunkRound, OPERATORS.stakePerChunk(), slashBps);
        if (request.incumbentOrder != 0 || request.designated.length != 0) {
            o.isRestricted = true;
            (o.incumbentOrder, o.isDesignated) = (request.incumbentOrder, request.designated.length != 0);
            for (uint256 i; i < request.designated.length; ++i) {
                _designated[orderId][request.designated[i]] = true;
            }
        }
        uint256 chunks = CATALOG.orderable(request.contentId);
        uint256 deposit = _needed(o, chunks);
        if (deposit == 0) revert Market_TooLate(currentRound(), _lastRound(o));
        if (deposit > maxDeposit) revert Market_DepositAbove(deposit, maxDeposit);
        (o.balance, count, accounted) = (deposit.toUint104(), orderId, accounted + uint128(deposit));
        emit OrderOpened(orderId, request.contentId, msg.sender, chunks, deposit, o.feePerChunkRound, o.stakePerChunk, o.slashBps, request);
        Tokens.pull(ASSET, msg.sender, deposit);
    }

    function cancelOpen(uint40 orderId, uint16 replicas) external {
        Order storage o = _ownOrder(orderId);
        for (uint8 i; i < MAX_REPLICAS; ++i) {
            if (replicas >> i & 1 == 0) continue;
            _requireOpen(orderId, o, i);
            _slots[orderId][i].cancelled = true;
            o.unheld -= 1;
            emit ReplicaCancelled(orderId, i);
        }
    }

    function withdraw(uint40 orderId, address to) external returns (uint256 amount) {
        Order storage o = _ownOrder(orderId);
        if (to == address(0)) revert Market_ZeroAddress();
        amount = withdrawable(orderId);
        (o.balance, accounted) = (o.balance - uint104(amount), accounted - uint128(amount));
        emit OrderWithdrawn(orderId, to, amount);
        ASSET.safeTransfer(to, amount);
    }

    // ---- Operators ----

    function accept(uint40 orderId, uint8 replica, uint32 operatorId) external {
        Order storage o = _known(orderId);
        Round round = currentRound();
        if (round.addRounds(LAST_ROUNDS) > _lastRound(o)) revert Market_TooLate(round, _lastRound(o));
        _requireOpen(orderId, o, replica);
        bool renews = _checkPrivileges(orderId, o, replica, operatorId, round);
        _checkStanding(o, operatorId);
        _checkSettled(operatorId, round);

        (Epoch start, Epoch last) = (Epoch.wrap(o.startEpoch), _lastEpoch(o));
        uint256 chunks = CATALOG.orderable(o.contentId);
        Slot storage s = _slots[orderId][replica];
        (s.operatorId, s.acceptedIn) = (operatorId, round);
        emit Accepted(orderId, replica, operatorId, round);
        OPERATORS.reserve(operatorId, msg.sender, uint32(chunks), (chunks * o.stakePerChunk).toUint96(), last);
        HOLDINGS.claimContent(operatorId, o.contentId, chunks, start, last);
        if (renews) _begin(orderId, o, replica, operatorId, start.first(), chunks);
    }

    function activate(uint40 orderId, uint8 replica, bytes calldata proof) external {
        Order storage o = _known(orderId);
        Slot memory s = _slots[orderId][replica];
        if (s.operatorId == 0 || Round.unwrap(s.liveFrom) != 0) revert Market_NotReserved(orderId, replica);
        OPERATORS.requireAgent(s.operatorId, msg.sender);
        Round round = currentRound();
        Round from = _reservedFrom(o, s);
        if (round <= from) revert Market_NotYet(round, from.addRounds(1));
        if (_isPast(o, from, round)) revert Market_Lapsed(orderId, replica);
        bytes32 seed = BEACON.seed(round);
        if (seed == 0) revert Market_NoSeed(round);
        uint256 chunks = HOLDINGS.requireWords(o.contentId, _activationSeed(seed, orderId, replica, s.operatorId), proof);
        _begin(orderId, o, replica, s.operatorId, round.addRounds(1), chunks);
    }

    function release(uint40 orderId, uint8 replica) external {
        Order storage o = _known(orderId);
        Slot memory s = _slots[orderId][replica];
        if (!_isReleasable(o, s)) revert Market_NotLapsed(orderId, replica);
        _release(orderId, o, replica, s.operatorId);
    }

    // ---- Endings ----

    function endSlot(uint40 orderId, uint8 replica, Epoch countIn, Ending ending) external only(AUDITS) {
        Order storage o = _known(orderId);
        Slot memory s = _live(orderId, replica);
        uint256 chunks = CATALOG.chunks(o.contentId);
        HOLDINGS.end(s.operatorId, _lastEpoch(o), s.entry, countIn, ending == Ending.LossReported ? chunks : 2 * chunks);
        _end(orderId, o, replica, s, currentRound().addRounds(1), ending, chunks);
    }

    function unwind(uint40 orderId, uint8 replica) external {
        Order storage o = _known(orderId);
        Slot memory s = _live(orderId, replica);
        (Round deadFrom, bool lost) = HOLDINGS.unwind(s.operatorId, _lastEpoch(o), s.entry);
        _end(orderId, o, replica, s, deadFrom, lost ? Ending.Ejected : Ending.ContentStamped, CATALOG.chunks(o.contentId));
    }

    // ---- Settlement ----

    function collect(Epoch epoch) external only(SETTLEMENT) returns (uint256 fees) {
        fees = POOL.collect(epoch);
        accounted -= uint128(fees);
        emit Collected(epoch, fees);
        if (fees != 0) ASSET.safeTransfer(address(POOL), fees);
    }

    // ---- Governance and guardian ----

    function setTerms(uint64 feePerChunkRound_, uint16 slashBps_) external restricted {
        _setTerms(feePerChunkRound_, slashBps_);
    }

    function pause() external restricted {
        _pause();
    }

    function unpause() external restricted {
        _unpause();
    }

    // ---- Views ----

    function order(uint40 orderId) external view returns (Order memory) {
        return _orders[orderId];
    }

    function slot(uint40 orderId, uint8 replica) external view returns (Slot memory) {
        return _slots[orderId][replica];
    }

    function isDesignated(uint40 orderId, uint32 operatorId) public view returns (bool) {
        return !_orders[orderId].isDesignated || _designated[orderId][operatorId];
    }

    function isLapsed(uint40 orderId, uint8 replica) external view returns (bool) {
        return _isReleasable(_known(orderId), _slots[orderId][replica]);
    }

    function term(uint40 orderId) external view returns (Round, Round) {
        Order storage o = _known(orderId);
        return (Epoch.wrap(o.startEpoch).first(), _lastRound(o));
    }

    function withdrawable(uint40 orderId) public view returns (uint256) {
        Order storage o = _known(orderId);
        return o.balance - _needed(o, CATALOG.chunks(o.contentId));
    }

    function activationSeed(uint40 orderId, uint8 replica) public view returns (bytes32) {
        return _activationSeed(BEACON.seed(currentRound()), orderId, replica, _slots[orderId][replica].operatorId);
    }

    // ---- Checks ----

    function _check(Request calldata r) private view {
        if (
            r.replicas == 0 || r.replicas > MAX_REPLICAS || r.epochs == 0 || r.epochs > MAX_EPOCHS || r.minReputation > 100
                || r.minReliability > 100 || r.designated.length > MAX_DESIGNATED
        ) {
            revert Market_BadRequest(r.replicas, r.epochs, r.minReputation, r.minReliability, r.designated.length);
        }
        Epoch current = currentEpoch();
        if (r.startEpoch != current && r.startEpoch != current.addEpochs(1)) revert Market_BadStart(r.startEpoch, current);
        if (r.incumbentOrder != 0) {
            Order storage i = _orders[r.incumbentOrder];
            if (i.uploader == address(0) || i.contentId != r.contentId || _lastEpoch(i).addEpochs(1) != r.startEpoch) {
                revert Market_BadIncumbent(r.incumbentOrder);
            }
        }
    }

    /// @dev Whether accepting is a renewal, after checking that the operator is not barred, designation and incumbency.
    function _checkPrivileges(uint40 orderId, Order storage o, uint8 replica, uint32 operatorId, Round round)
        private
        view
        returns (bool renews)
    {
        if (!o.isRestricted) return false;
        if (_barred[orderId][operatorId]) revert Market_Barred(orderId, operatorId);
        if (!isDesignated(orderId, operatorId)) revert Market_NotDesignated(orderId, operatorId);
        uint40 incumbent = o.incumbentOrder;
        Round start = Epoch.wrap(o.startEpoch).first();
        if (incumbent == 0 || round >= start) return false;
        Slot storage held = _slots[incumbent][replica];
        if (round < start.subRounds(RENEWAL_ROUNDS) || held.operatorId != operatorId || Round.unwrap(held.liveFrom) == 0) {
            revert Market_IncumbentsOnly(orderId, replica, operatorId);
        }
        return true;
    }

    function _checkStanding(Order storage o, uint32 operatorId) private view {
        (uint256 minReputation, uint256 minReliability) = (o.minReputation, o.minReliability);
        if (minReputation == 0 && minReliability == 0) return;
        (uint256 reputation, uint256 reliability) = OPERATORS.standing(operatorId);
        if (reputation < minReputation * WAD / 100 || reliability < minReliability * WAD / 100) {
            revert Market_StandingTooLow(operatorId, reputation, reliability);
        }
    }

    function _checkSettled(uint32 operatorId, Round round) private view {
        uint32 open_ = round.index() < 5 ? 2 : 1; // epochs that may be open
        uint32 current = Epoch.unwrap(round.epochOf());
        if (current <= open_) return;
        uint32 ended = current - open_;
        if (!POOL.settledThrough(operatorId, Epoch.wrap(ended))) revert Market_Unsettled(operatorId, Epoch.wrap(ended));
    }

    /// @dev Reverts unless the replica is open; a lapsed reservation is released on the way.
    function _requireOpen(uint40 orderId, Order storage o, uint8 replica) private {
        if (replica >= o.replicas) revert Market_NoSuchReplica(orderId, replica);
        Slot memory s = _slots[orderId][replica];
        if (s.cancelled) revert Market_NotOpen(orderId, replica);
        if (s.operatorId == 0) return;
        if (!_lapsed(o, s)) revert Market_NotOpen(orderId, replica);
        _release(orderId, o, replica, s.operatorId);
    }

    // ---- Moves of money ----

    /// @dev A slot becomes live: its fee to the end of the term moves from the order's balance to the schedules.
    function _begin(uint40 orderId, Order storage o, uint8 replica, uint32 operatorId, Round liveFrom, uint256 chunks) private {
        Epoch last = _lastEpoch(o);
        CATALOG.noteOrder(o.contentId, last);
        uint256 fee = chunks * o.feePerChunkRound;
        uint256 total = fee * (Round.unwrap(last.last()) + 1 - Round.unwrap(liveFrom));
        (o.balance, o.unheld) = (o.balance - uint104(total), o.unheld - 1);
        uint32 entry = HOLDINGS.add(operatorId, o.contentId, orderId, replica, liveFrom, last);
        Slot storage s = _slots[orderId][replica];
        (s.liveFrom, s.entry) = (liveFrom, entry);
        POOL.schedule(operatorId, liveFrom, last, fee, chunks);
        emit Activated(orderId, replica, operatorId, liveFrom, entry);
    }

    /// @dev A live slot ends, without pay from round `from` on.
    function _end(uint40 orderId, Order storage o, uint8 replica, Slot memory s, Round from, Ending ending, uint256 chunks) private {
        delete _slots[orderId][replica];
        o.unheld += 1;
        Epoch last = _lastEpoch(o);
        uint256 fee = chunks * o.feePerChunkRound;
        uint256 returned = fee * POOL.cut(s.operatorId, s.liveFrom, from, last, fee, chunks);
        uint256 stake = chunks * o.stakePerChunk;
        OPERATORS.release(s.operatorId, uint32(chunks), uint96(stake), last);
        HOLDINGS.unclaimContent(s.operatorId, o.contentId, Epoch.wrap(o.startEpoch), last);

        // Half to the uploader, to buy the replica again; the odd wei to the treasury.
        uint256 slashed;
        if (ending != Ending.ContentStamped) {
            slashed = OPERATORS.slash(s.operatorId, stake * o.slashBps / (ending == Ending.LossReported ? 2 * BPS : BPS));
        }
        o.balance += (returned + slashed / 2).toUint104();
        accounted += uint128(slashed / 2);
        emit SlotEnded(orderId, replica, s.operatorId, ending, from, returned, slashed);
        uint256 toTreasury = slashed - slashed / 2;
        if (toTreasury != 0) {
            ASSET.safeTransfer(address(POOL), toTreasury);
            POOL.creditTreasury(toTreasury);
        }
    }

    function _release(uint40 orderId, Order storage o, uint8 replica, uint32 operatorId) private {
        delete _slots[orderId][replica];
        (_barred[orderId][operatorId], o.isRestricted) = (true, true);
        uint256 chunks = CATALOG.chunks(o.contentId);
        Epoch last = _lastEpoch(o);
        OPERATORS.release(operatorId, uint32(chunks), uint96(chunks * o.stakePerChunk), last);
        HOLDINGS.unclaimContent(operatorId, o.contentId, Epoch.wrap(o.startEpoch), last);
        emit ReservationLapsed(orderId, replica, operatorId);
    }

    // ---- Arithmetic of terms ----

    /// @dev What an order's replicas without a holder may still cost, from the next round or startEpoch to the end.
    function _needed(Order storage o, uint256 chunks) private view returns (uint256) {
        uint256 from = Round.unwrap(currentRound()) + 1;
        uint256 start = uint256(o.startEpoch) * ROUNDS;
        uint256 end = (uint256(o.startEpoch) + o.epochs) * ROUNDS;
        if (from < start) from = start;
        return from >= end ? 0 : chunks * o.unheld * o.feePerChunkRound * (end - from);
    }

    /// @dev The round after which a reservation's activation rounds begin: when it was accepted, but no earlier than two rounds before
    /// startEpoch, so that a slot activated is live in the next round, never later.
    function _reservedFrom(Order storage o, Slot memory s) private view returns (Round) {
        Round earliest = Epoch.wrap(o.startEpoch).first().subRounds(2);
        return s.acceptedIn > earliest ? s.acceptedIn : earliest;
    }

    function _activationSeed(bytes32 seed, uint40 orderId, uint8 replica, uint32 operatorId) private pure returns (bytes32) {
        return keccak256(abi.encode("activate", seed, orderId, replica, operatorId));
    }

    /// @dev Whether a slot is reserved and can no longer be activated.
    function _lapsed(Order storage o, Slot memory s) private view returns (bool) {
        if (s.operatorId == 0 || Round.unwrap(s.liveFrom) != 0) return false;
        return _isPast(o, _reservedFrom(o, s), currentRound());
    }

    /// @dev Whether `round` is past the activation rounds after `from`, or past its order's. Looks at two epochs' seeds; a reservation that
    /// outlives both has lapsed whatever became of the beacon.
    function _isPast(Order storage o, Round from, Round round) private view returns (bool) {
        if (round >= _lastRound(o)) return true;
        if (round <= from.addRounds(ACTIVATION_ROUNDS)) return false;
        Epoch epoch = from.epochOf();
        if (round.epochOf() > epoch.addEpochs(1)) return true;
        uint256 seeded = BEACON.seededMask(epoch) | uint256(BEACON.seededMask(epoch.addEpochs(1))) << ROUNDS;
        uint256 base = Round.unwrap(epoch.first());
        // Rounds after `from` and before this one, in which the reservation could have been activated.
        seeded &= (1 << (Round.unwrap(round) - base)) - 1;
        seeded >>= Round.unwrap(from) - base + 1;
        for (uint256 n; seeded != 0; seeded &= seeded - 1) {
            if (++n == ACTIVATION_ROUNDS) return true;
        }
        return false;
    }

    /// @dev Or of a content that nobody may begin to hold any more: it would keep capacity for nothing.
    function _isReleasable(Order storage o, Slot memory s) private view returns (bool) {
        if (_lapsed(o, s)) return true;
        (, Round stamp,) = CATALOG.sampled(o.contentId);
        return Round.unwrap(stamp) != 0 && s.operatorId != 0 && Round.unwrap(s.liveFrom) == 0;
    }

    function _known(uint40 orderId) private view returns (Order storage o) {
        o = _orders[orderId];
        if (o.uploader == address(0)) revert Market_UnknownOrder(orderId);
    }

    function _ownOrder(uint40 orderId) private view returns (Order storage o) {
        o = _known(orderId);
        if (o.uploader != msg.sender) revert Market_NotUploader(orderId, msg.sender);
    }

    function _live(uint40 orderId, uint8 replica) private view returns (Slot memory s) {
        s = _slots[orderId][replica];
        if (Round.unwrap(s.liveFrom) == 0) revert Market_NotLive(orderId, replica);
    }

    function _lastEpoch(Order storage o) private view returns (Epoch) {
        (uint32 start, uint32 epochs) = (o.startEpoch, o.epochs);
        return Epoch.wrap(start + epochs - 1);
    }

    function _lastRound(Order storage o) private view returns (Round) {
        return _lastEpoch(o).last();
    }

    function _setTerms(uint64 feePerChunkRound_, uint16 slashBps_) private {
        if (feePerChunkRound_ == 0 || feePerChunkRound_ > MAX_FEE || slashBps_ > BPS) {
            revert Market_TermsOutOfBounds(feePerChunkRound_, slashBps_);
        }
        (feePerChunkRound, slashBps) = (feePerChunkRound_, slashBps_);
        emit TermsSet(feePerChunkRound_, slashBps_);
    }
}
