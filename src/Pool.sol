// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {EpochSchedule} from "../lib/accounting/EpochSchedule.sol";
import {Deployment} from "./Deployment.sol";
import {IPool} from "./interfaces/IPool.sol";
import {Clock} from "./libraries/Clock.sol";
import {BPS, Epoch, Round, ROUNDS, WAD} from "./Types.sol";

/// @title Pool
/// @notice See IPool. Governance sets the treasury's address and the shares of coming epochs; it cannot move, delay or redirect a claim.
contract Pool is IPool, AccessManaged, Clock {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;
    using EpochSchedule for EpochSchedule.Schedule;
    using Checkpoints for Checkpoints.Trace224;

    /// @notice Most that the oracle and the treasury may take together, in basis points of an epoch's fees.
    uint16 public constant MAX_SHARES_BPS = 2000;

    /// @notice A merit of 1.
    uint32 public constant MERIT = 1e9;

    IERC20 public immutable ASSET;
    address public immutable CATALOG;
    address public immutable OPERATORS;
    address public immutable ORACLE;
    address public immutable MARKET;
    address public immutable SETTLEMENT;
    address public immutable RETRIEVAL;

    address public treasury;

    // In one slot: a claim changes both.
    uint128 public accounted;
    uint128 public treasuryBalance;

    EpochSchedule.Schedule private _total;
    mapping(uint32 operatorId => EpochSchedule.Schedule) private _ofOperator;
    mapping(Epoch epoch => EpochFees) private _epochs;
    /// @dev The share an operator was given last, claimed or not: a slot that is used again costs 17,000 gas less than a new one.
    mapping(uint32 operatorId => Share) private _latest;
    /// @dev Those not claimed when the next one came.
    mapping(uint32 operatorId => mapping(Epoch epoch => Share)) private _older;
    Checkpoints.Trace224 private _shareBps; // epoch => oracleBps << 16 | treasuryBps

    modifier only(address caller) {
        if (msg.sender != caller) revert Pool_Unauthorized(msg.sender);
        _;
    }

    constructor(Deployment memory d, address treasury_, uint16 oracleBps, uint16 treasuryBps)
        AccessManaged(d.authority)
        Clock(d.genesis, d.roundLength)
    {
        ASSET = IERC20(d.asset);
        (CATALOG, OPERATORS, ORACLE, MARKET, SETTLEMENT, RETRIEVAL) =
        (d.catalog, d.operators, d.oracle, d.market, d.settlement, d.retrieval);
        _setTreasury(treasury_);
        _setShares(Epoch.wrap(1), oracleBps, treasuryBps);
    }

    // ---- Schedules ----

    function schedule(uint32 operatorId, Round from, Epoch last, uint256 feePerRound, uint256 chunks) external only(MARKET) {
        EpochSchedule.Stream memory slot = _slot(from, last, feePerRound, chunks);
        uint256 current = Epoch.unwrap(currentEpoch());
        _total.add(ROUNDS, current, slot);
        _ofOperator[operatorId].add(ROUNDS, current, slot);
    }

    function cut(uint32 operatorId, Round start, Round from, Epoch last, uint256 feePerRound, uint256 chunks)
        external
        only(MARKET)
        returns (uint256 unpaidRounds)
    {
        // What the operator has settled stays paid, like what is frozen: it was weighed with these fees.
        EpochSchedule.Schedule storage own = _ofOperator[operatorId];
        Round open = Epoch.wrap(own.head.next).first();
        if (from < open) from = open;
        EpochSchedule.Stream memory slot = _slot(start, last, feePerRound, chunks);
        unpaidRounds = _total.cut(ROUNDS, slot, Round.unwrap(from));
        own.cut(ROUNDS, slot, Round.unwrap(from));
    }

    function collect(Epoch epoch) external only(MARKET) returns (uint256 fees) {
        (fees,) = _total.close(ROUNDS, Epoch.unwrap(epoch));
    }

    function closeOperator(uint32 operatorId, Epoch epoch) external only(SETTLEMENT) returns (uint256 fees, uint256 chunks) {
        EpochSchedule.Schedule storage s = _ofOperator[operatorId];
        if (Epoch.unwrap(epoch) >= s.head.next) return s.close(ROUNDS, Epoch.unwrap(epoch));
    }

    function settledThrough(uint32 operatorId, Epoch epoch) external view returns (bool) {
        return _ofOperator[operatorId].closedThrough(Epoch.unwrap(epoch));
    }

    // ---- Shares and claims ----

    function weigh(uint32 operatorId, Epoch epoch, uint256 fees, uint256 merit) external only(SETTLEMENT) {
        EpochFees storage e = _epochs[epoch];
        (bool frozen, uint256 before) = (e.frozen, e.weight);
        if (frozen) revert Pool_AlreadyFrozen(epoch);
        Share storage latest = _latest[operatorId];
        Share memory s = latest;
        if (s.merit != 0) _older[operatorId][s.epoch] = s;
        s = Share({fees: fees.toUint96(), before: before.toUint96(), merit: (merit / (WAD / MERIT)).toUint32(), epoch: epoch});
        (latest.fees, latest.before, latest.merit, latest.epoch) = (s.fees, s.before, s.merit, s.epoch);
        e.weight = (before + _weight(s)).toUint104();
    }

    function freeze(Epoch epoch, uint256 fees, uint256 seats, uint256 earned) external only(SETTLEMENT) {
        EpochFees storage e = _epochs[epoch];
        if (e.frozen) revert Pool_AlreadyFrozen(epoch);
        (uint16 oracleBps, uint16 treasuryBps) = sharesOf(epoch);
        uint256 net = fees * (BPS - oracleBps - treasuryBps) / BPS;
        uint256 keeperPay = seats == 0 ? 0 : fees * oracleBps / BPS / seats;
        uint256 paid;
        for (uint256 i; i < seats; ++i) {
            paid += earned >> i & 1;
        }
        uint256 weight = e.weight;
        uint256 owed = (weight == 0 ? 0 : net) + keeperPay * paid;
        (e.net, e.sharesBps, e.frozen) = (net.toUint104(), oracleBps + treasuryBps, true);
        if (keeperPay * paid != 0) (e.keeperPay, e.unpaidKeepers) = (keeperPay.toUint96(), uint16(earned));
        (accounted, treasuryBalance) = (accounted + fees.toUint128(), treasuryBalance + (fees - owed).toUint128());
        emit Frozen(epoch, fees, net, weight, keeperPay, earned);
    }

    function pay(uint32 operatorId, Epoch epoch, address to, bool forfeited) external only(OPERATORS) returns (uint256 owed) {
        EpochFees storage e = _epochs[epoch];
        if (!e.frozen) revert Pool_NotFrozen(epoch);
        Share storage claimed = _share(operatorId, epoch);
        Share memory s = claimed;
        uint256 weight = _weight(s);
        if (weight == 0) revert Pool_NothingToPay(operatorId, epoch);
        claimed.merit = 0;

        // The parts telescope: over all operators they sum to net exactly, whatever the order of claims.
        (uint256 net, uint256 sum) = (e.net, e.weight);
        uint256 part = net * (s.before + weight) / sum - net * s.before / sum;
        uint256 cap = uint256(s.fees) * (BPS - e.sharesBps) / BPS;
        owed = forfeited ? 0 : part < cap ? part : cap;
        part -= owed; // is the treasury's
        _book(owed, part);
        emit Paid(operatorId, epoch, to, owed, part);
        if (owed != 0) ASSET.safeTransfer(to, owed);
    }

    function payKeeper(Epoch epoch, uint256 seat, address keeper) external only(ORACLE) returns (uint256 amount) {
        EpochFees storage e = _epochs[epoch];
        uint16 bit = uint16(1 << seat);
        if (seat >= 16 || e.unpaidKeepers & bit == 0) revert Pool_KeeperNotOwed(epoch, seat);
        e.unpaidKeepers &= ~bit;
        amount = e.keeperPay;
        emit KeeperPaid(keeper, epoch, amount);
        _send(keeper, amount);
    }

    // ---- Treasury ----

    function creditTreasury(uint256 amount) external {
        if (msg.sender != CATALOG && msg.sender != ORACLE && msg.sender != MARKET && msg.sender != RETRIEVAL) {
            revert Pool_Unauthorized(msg.sender);
        }
        (accounted, treasuryBalance) = (accounted + amount.toUint128(), treasuryBalance + amount.toUint128());
        emit TreasuryCredited(amount);
    }

    function withdrawTreasury() external returns (uint256 amount) {
        amount = treasuryBalance;
        treasuryBalance = 0;
        emit TreasuryWithdrawn(treasury, amount);
        _send(treasury, amount);
    }

    function setTreasury(address treasury_) external restricted {
        _setTreasury(treasury_);
    }

    function setShares(uint16 oracleBps, uint16 treasuryBps) external restricted {
        _setShares(currentEpoch().addEpochs(1), oracleBps, treasuryBps);
    }

    // ---- Views ----

    function scheduled() external view returns (uint256) {
        return _total.outstanding(ROUNDS);
    }

    function sharesOf(Epoch epoch) public view returns (uint16 oracleBps, uint16 treasuryBps) {
        uint224 packed = _shareBps.upperLookupRecent(Epoch.unwrap(epoch));
        return (uint16(packed >> 16), uint16(packed));
    }

    function epochFees(Epoch epoch) external view returns (EpochFees memory) {
        return _epochs[epoch];
    }

    function share(uint32 operatorId, Epoch epoch) external view returns (Share memory) {
        return _share(operatorId, epoch);
    }

    // ---- Internals ----

    function _slot(Round from, Epoch last, uint256 feePerRound, uint256 chunks) private pure returns (EpochSchedule.Stream memory) {
        return EpochSchedule.Stream({from: Round.unwrap(from), last: Epoch.unwrap(last), fee: feePerRound, units: chunks});
    }

    function _share(uint32 operatorId, Epoch epoch) private view returns (Share storage s) {
        s = _latest[operatorId];
        if (s.epoch != epoch) s = _older[operatorId][epoch];
    }

    /// @dev Rounded down; what is stored gives the same weight when it is added and when it is claimed.
    function _weight(Share memory s) private pure returns (uint256) {
        return uint256(s.fees) * s.merit / MERIT;
    }

    /// @dev What is `paid` leaves the books, what is `kept` is the treasury's from now on: neither exceeds what was accounted for.
    function _book(uint256 paid, uint256 kept) private {
        (uint256 owed, uint256 treasurys) = (accounted, treasuryBalance);
        (owed, treasurys) = (owed - paid, treasurys + kept);
        (accounted, treasuryBalance) = (uint128(owed), uint128(treasurys));
    }

    function _send(address to, uint256 amount) private {
        accounted -= amount.toUint128();
        ASSET.safeTransfer(to, amount);
    }

    function _setTreasury(address treasury_) private {
        if (treasury_ == address(0)) revert Pool_ZeroTreasury();
        treasury = treasury_;
        emit TreasurySet(treasury_);
    }

    function _setShares(Epoch from, uint16 oracleBps, uint16 treasuryBps) private {
        if (uint256(oracleBps) + treasuryBps > MAX_SHARES_BPS) revert Pool_SharesOutOfBounds(oracleBps, treasuryBps);
        _shareBps.push(Epoch.unwrap(from), uint224(oracleBps) << 16 | treasuryBps);
        emit SharesSet(from, oracleBps, treasuryBps);
    }
}
