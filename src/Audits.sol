// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Deployment} from "./Deployment.sol";
import {IAudits} from "./interfaces/IAudits.sol";
import {IBeacon} from "./interfaces/IBeacon.sol";
import {ICatalog} from "./interfaces/ICatalog.sol";
import {IHoldings} from "./interfaces/IHoldings.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {IOperators} from "./interfaces/IOperators.sol";
import {Clock} from "./libraries/Clock.sol";
import {Tokens} from "./libraries/Tokens.sol";
import {Epoch, Round} from "./Types.sol";

/// @title Audits
/// @notice See IAudits. Governance sets the fee of coming audits; it cannot open, answer or decide one.
contract Audits is IAudits, AccessManaged, Clock {
    using SafeERC20 for IERC20;

    /// @notice Most audits opened against one operator in one round.
    uint256 public constant MAX_OPEN = 32;
    uint96 public constant MAX_AUDIT_FEE = 1e24;

    IERC20 public immutable ASSET;
    IBeacon public immutable BEACON;
    ICatalog public immutable CATALOG;
    IOperators public immutable OPERATORS;
    IHoldings public immutable HOLDINGS;
    IMarket public immutable MARKET;

    uint96 public auditFee;
    uint256 public accounted;
    mapping(address account => uint256) public credit;

    mapping(uint40 orderId => mapping(uint8 replica => Audit)) private _audits;
    mapping(uint32 operatorId => mapping(Round round => uint256)) private _opened;

    constructor(Deployment memory d, uint96 auditFee_) AccessManaged(d.authority) Clock(d.genesis, d.roundLength) {
        ASSET = IERC20(d.asset);
        BEACON = IBeacon(d.beacon);
        CATALOG = ICatalog(d.catalog);
        OPERATORS = IOperators(d.operators);
        HOLDINGS = IHoldings(d.holdings);
        MARKET = IMarket(d.market);
        _setAuditFee(auditFee_);
    }

    // ---- Audits ----

    function open(uint40 orderId, uint8 replica, uint96 maxFee) external {
        IMarket.Slot memory s = MARKET.slot(orderId, replica);
        (, Round last) = MARKET.term(orderId);
        Round round = currentRound();
        Round due = round.addRounds(1);
        (, Round stamp,) = CATALOG.sampled(MARKET.order(orderId).contentId);
        if (Round.unwrap(s.liveFrom) == 0 || s.liveFrom > due || Round.unwrap(stamp) != 0) revert Audits_NotLive(orderId, replica);
        if (due > last) revert Audits_TooLate(due, last);
        if (_audits[orderId][replica].payer != address(0)) revert Audits_AlreadyOpen(orderId, replica);
        if (_opened[s.operatorId][round]++ >= MAX_OPEN) revert Audits_TooMany(s.operatorId, round, MAX_OPEN);
        uint96 fee = auditFee;
        if (fee > maxFee) revert Audits_FeeAbove(fee, maxFee);
        _audits[orderId][replica] = Audit({
            payer: msg.sender,
            fee: fee,
            operatorId: s.operatorId,
            acceptedIn: s.acceptedIn,
            openedIn: round,
            due: due,
            last: last.epochOf(),
            entry: s.entry
        });
        HOLDINGS.noteAudit(s.operatorId, last.epochOf(), s.entry, due.epochOf(), true);
        accounted += fee;
        emit AuditOpened(orderId, replica, s.operatorId, msg.sender, fee, due);
        Tokens.pull(ASSET, msg.sender, fee);
    }

    function answer(uint40 orderId, uint8 replica, bytes calldata proof) external {
        Audit memory a = _pendingAudit(orderId, replica);
        OPERATORS.requireAgent(a.operatorId, msg.sender);
        Round round = currentRound();
        if (round != a.due) revert Audits_NotDue(round, a.due);
        if (!_hasObject(orderId, replica, a)) revert Audits_ObjectLost(orderId, replica);
        if (BEACON.seed(round) == 0) revert Audits_NoSeed(round);
        HOLDINGS.requireWords(MARKET.order(orderId).contentId, auditSeed(orderId, replica), proof);
        address payout = OPERATORS.payoutOf(a.operatorId);
        emit AuditAnswered(orderId, replica, a.operatorId, payout, a.fee);
        _remove(orderId, replica, a, payout);
    }

    function roll(uint40 orderId, uint8 replica) external {
        Audit memory a = _pendingAudit(orderId, replica);
        Round round = currentRound();
        bool missed = round > a.due ? !HOLDINGS.isClean(a.operatorId, a.due) : round == a.due && BEACON.isVoid(round);
        if (!missed) revert Audits_NotRollable(orderId, replica, a.due);
        Round due = round.addRounds(1);
        (, Round last) = MARKET.term(orderId);
        if (due > last || !_hasObject(orderId, replica, a)) return _return(orderId, replica, a);
        HOLDINGS.noteAudit(a.operatorId, a.last, a.entry, a.due.epochOf(), false);
        HOLDINGS.noteAudit(a.operatorId, a.last, a.entry, due.epochOf(), true);
        _audits[orderId][replica].due = due;
        emit AuditRolled(orderId, replica, a.operatorId, due);
    }

    function close(uint40 orderId, uint8 replica) external {
        Audit memory a = _pendingAudit(orderId, replica);
        if (!_hasObject(orderId, replica, a)) return _return(orderId, replica, a);
        if (currentRound() <= a.due || !HOLDINGS.isClean(a.operatorId, a.due)) revert Audits_NotClosable(orderId, replica, a.due);
        _fail(orderId, replica, a, a.due.epochOf());
    }

    // ---- Losses ----

    function reportLoss(uint40 orderId, uint8 replica) external {
        IMarket.Slot memory s = MARKET.slot(orderId, replica);
        OPERATORS.requireAgent(s.operatorId, msg.sender);
        Round round = currentRound();
        (, Round last) = MARKET.term(orderId);
        if (round > last) revert Audits_TooLate(round, last);
        // What is lost before it was ever live counts when it would have been.
        Epoch countIn = (s.liveFrom > round ? s.liveFrom : round).epochOf();
        Audit memory a = _audits[orderId][replica];
        if (a.payer != address(0)) {
            if (a.openedIn < round && _hasObject(orderId, replica, a)) {
                return _fail(orderId, replica, a, a.due < round ? a.due.epochOf() : countIn);
            }
            _return(orderId, replica, a);
        }
        emit LossReported(orderId, replica, s.operatorId);
        MARKET.endSlot(orderId, replica, countIn, IMarket.Ending.LossReported);
    }

    function eject(uint32 operatorId) external {
        HOLDINGS.eject(operatorId);
    }

    // ---- Money and parameters ----

    function withdraw() external returns (uint256 amount) {
        amount = credit[msg.sender];
        if (amount == 0) revert Audits_NothingOwed(msg.sender);
        credit[msg.sender] = 0;
        accounted -= amount;
        emit CreditWithdrawn(msg.sender, amount);
        ASSET.safeTransfer(msg.sender, amount);
    }

    function setAuditFee(uint96 auditFee_) external restricted {
        _setAuditFee(auditFee_);
    }

    // ---- Views ----

    function audit(uint40 orderId, uint8 replica) external view returns (Audit memory) {
        return _audits[orderId][replica];
    }

    function auditSeed(uint40 orderId, uint8 replica) public view returns (bytes32) {
        return keccak256(abi.encode("audit", BEACON.seed(currentRound()), orderId, replica));
    }

    // ---- Internals ----

    function _pendingAudit(uint40 orderId, uint8 replica) private view returns (Audit memory a) {
        a = _audits[orderId][replica];
        if (a.payer == address(0)) revert Audits_NoneOpen(orderId, replica);
    }

    /// @dev Whether the slot is still the one audited, no ejection has taken it and its content is not blocked.
    function _hasObject(uint40 orderId, uint8 replica, Audit memory a) private view returns (bool) {
        IMarket.Slot memory s = MARKET.slot(orderId, replica);
        if (s.operatorId != a.operatorId || s.acceptedIn != a.acceptedIn) return false;
        (,, bool isBlocked) = CATALOG.sampled(MARKET.order(orderId).contentId);
        Round stamp = HOLDINGS.inventory(a.operatorId).stamp;
        return !isBlocked && (Round.unwrap(stamp) == 0 || a.last < stamp.epochOf());
    }

    function _fail(uint40 orderId, uint8 replica, Audit memory a, Epoch countIn) private {
        emit AuditFailed(orderId, replica, a.operatorId, a.due);
        _return(orderId, replica, a);
        MARKET.endSlot(orderId, replica, countIn, IMarket.Ending.AuditFailed);
    }

    function _return(uint40 orderId, uint8 replica, Audit memory a) private {
        emit AuditReturned(orderId, replica, a.operatorId, a.payer, a.fee);
        _remove(orderId, replica, a, a.payer);
    }

    function _remove(uint40 orderId, uint8 replica, Audit memory a, address creditor) private {
        delete _audits[orderId][replica];
        HOLDINGS.noteAudit(a.operatorId, a.last, a.entry, a.due.epochOf(), false);
        credit[creditor] += a.fee;
    }

    function _setAuditFee(uint96 auditFee_) private {
        if (auditFee_ == 0 || auditFee_ > MAX_AUDIT_FEE) revert Audits_FeeOutOfBounds(auditFee_);
        auditFee = auditFee_;
        emit AuditFeeSet(auditFee_);
    }
}
