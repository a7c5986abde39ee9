// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

import {IAudits} from "../../src/interfaces/IAudits.sol";
import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Epoch, K, Round, ROUNDS} from "../../src/Types.sol";
import {UnrulyToken} from "../doubles/UnrulyToken.sol";
import {ProtocolContents} from "./ProtocolContents.sol";

/// @notice Who orders, holds, proves and audits, and all the ways in which a slot ends.
abstract contract ProtocolOrders is ProtocolContents {
    using EnumerableSet for EnumerableSet.UintSet;

    // ---- Actions ----

    function open(uint256 r) public action {
        r = _mix(r);
        if (market.count() == ORDERS) return;
        IMarket.Request memory q = _request(_inService(r), uint8(_pick(r >> 8, REPLICAS) + 1), uint8(_pick(r >> 16, 3) + 1));
        if ((r >> 24) % 3 == 0) q.startEpoch = q.startEpoch.addEpochs(1);
        if ((r >> 32) % 2 == 0 && market.count() != 0) {
            // A renewal of what ends with this epoch.
            uint40 old = uint40(_pick(r >> 40, market.count()) + 1);
            (, Round last) = market.term(old);
            if (last.epochOf() == _epoch()) {
                (q.incumbentOrder, q.startEpoch) = (old, _epoch().addEpochs(1));
                q.contentId = market.order(old).contentId;
            }
        }
        if ((r >> 48) % 8 == 0) {
            q.designated = new uint32[](1);
            q.designated[0] = uint32((r >> 56) % 4 + 1);
        }
        uint40 id = market.count();
        _try("open", uploader, address(market), abi.encodeCall(market.open, (q, type(uint256).max)));
        while (id < market.count()) {
            (, Round end) = market.term(++id);
            lastRound[id] = Round.unwrap(end);
        }
    }

    /// @dev The first that nobody holds, of the latest orders.
    function cancelOpen(uint256 r) public action {
        r = _mix(r);
        uint256 n = market.count();
        for (uint256 i; i < 4 && n != 0; ++i) {
            uint40 orderId = uint40(n - (n < 6 ? 0 : (r + i) % 6));
            uint16 replicas = uint16(1 << ((r >> 8) + i) % REPLICAS);
            if (_try("cancelOpen", uploader, address(market), abi.encodeCall(market.cancelOpen, (orderId, replicas)))) return;
        }
    }

    function withdrawDeposit(uint256 r) public action {
        r = _mix(r);
        uint256 n = market.count();
        if (n == 0) return;
        _must("withdrawDeposit", uploader, address(market), abi.encodeCall(market.withdraw, (uint40(r % n + 1), uploader)));
    }

    /// @dev Some replica that somebody can take, from a random place on.
    function accept(uint256 r) public action {
        _accept(_mix(r));
    }

    function _accept(uint256 r) private {
        uint256 orders = market.count() < 8 ? market.count() : 8; // the latest
        uint32 n = operators.count();
        for (uint256 i; i < 12 && orders != 0; ++i) {
            uint40 orderId = uint40(market.count() - (r + i) % orders);
            if (lastRound[orderId] < Round.unwrap(_now())) continue;
            IMarket.Order memory o = market.order(orderId);
            // Of what is out of service, seldom.
            if (o.unheld == 0 || (published[o.contentId].stamp != 0 && i % 8 != 0)) continue;
            uint8 replica = uint8(((r >> 16) + i) % o.replicas);
            if (Round.unwrap(market.slot(orderId, replica).liveFrom) != 0) continue;
            uint32 op = uint32(((r >> 32) + i) % n + 1);
            bytes memory call = abi.encodeCall(market.accept, (orderId, replica, op));
            bool ok = _try("accept", agents[op].prover, address(market), call);
            _sync(orderId, replica);
            if (!ok) continue;
            reserved.add(_idOf(orderId, replica));
            return;
        }
    }

    /// @dev A round goes by: most have a seed, in which operators activate, prove and answer, each by its diligence.
    function pass(uint256 r) public action {
        r = _mix(r);
        _goOn();
        if (r % 8 != 0) _work(_mix(r));
    }

    /// @dev A whole epoch's rest goes by, a round of the next one is seeded.
    function leap(uint256 r) public action {
        r = _mix(r);
        if (r % 2 == 0) return pass(r);
        _goTo(_epoch().addEpochs(1), uint32((r >> 8) % 7));
        _work(_mix(r));
    }

    /// @dev Every reservation that lapsed.
    function release(uint256) public action {
        for (uint256 i = reserved.length(); i != 0; --i) {
            (uint40 orderId, uint8 replica) = _slotAt(reserved, i - 1);
            if (!_isReserved(orderId, replica)) continue;
            bool ok = _try("release", anyone, address(market), abi.encodeCall(market.release, (orderId, replica)));
            if (ok) reserved.remove(_idOf(orderId, replica));
            else assertEq(published[market.order(orderId).contentId].stamp, 0, "what is reserved of a content out of service is free");
        }
    }

    function audit(uint256 r) public action {
        _audit(_mix(r));
    }

    function _audit(uint256 r) private {
        for (uint256 i; i < 6; ++i) {
            if (tenures.length == 0) return;
            Tenure memory t = _recent(r % 6 + i);
            if (!_try("audit", auditor, address(audits), abi.encodeCall(audits.open, (t.orderId, t.replica, type(uint96).max)))) continue;
            audited.add(_idOf(t.orderId, t.replica));
            return;
        }
    }

    /// @dev What is open and can be, or another one is opened.
    function rollOrClose(uint256 r) public action {
        uint256 decided = done["roll"] + done["close"];
        _rollAndClose();
        if (done["roll"] + done["close"] == decided) _audit(_mix(r));
    }

    function drawCredit(uint256 r) public action {
        r = _mix(r);
        _try("drawCredit", agents[uint32(r % operators.count() + 1)].payout, address(audits), abi.encodeCall(audits.withdraw, ()));
        _try("drawCredit", auditor, address(audits), abi.encodeCall(audits.withdraw, ()));
    }

    /// @dev The first that somebody still holds, from one of the latest on.
    function reportLoss(uint256 r) public action {
        r = _mix(r);
        for (uint256 i; i < 6 && tenures.length != 0; ++i) {
            Tenure memory t = _recent(r % 6 + i);
            if (t.held && _reportLoss(t)) return;
        }
    }

    function _reportLoss(Tenure memory t) private returns (bool ok) {
        IAudits.Audit memory a = audits.audit(t.orderId, t.replica);
        bool counts = a.payer != address(0) && Round.unwrap(a.acceptedIn) == t.acceptedIn && a.openedIn < _now();
        bytes memory call = abi.encodeCall(audits.reportLoss, (t.orderId, t.replica));
        ok = _try("reportLoss", agents[t.operatorId].prover, address(audits), call);
        if (ok) {
            uint32 e = (t.liveFrom > Round.unwrap(_now()) ? t.liveFrom : Round.unwrap(_now())) / ROUNDS;
            bool fails = counts && !published[t.contentId].isBlocked;
            if (fails && a.due < _now()) e = Epoch.unwrap(a.due.epochOf());
            lostHalves[t.operatorId][e] += fails ? 2 * t.chunks : t.chunks;
        }
        _sync(t.orderId, t.replica);
    }

    /// @dev One time in four after a week in which the fourth operator does nothing, and the others work once.
    function eject(uint256 r) public action {
        r = _mix(r);
        for (uint256 i; i < 8 && r % 4 == 0; ++i) {
            _goOn();
            if (i == 3) _work(_mix(r) & ~(uint256(7) << 64));
            else _seed();
        }
        uint32 n = operators.count();
        for (uint32 i; i < n; ++i) {
            uint32 op = uint32((r % n + i) % n + 1);
            if (_try("eject", anyone, address(audits), abi.encodeCall(audits.eject, (op)))) _stamped(op);
        }
    }

    /// @dev One slot that a stamp took, or all of them.
    function unwind(uint256 r) public action {
        r = _mix(r);
        if (r % 3 == 0) return _unwindAll();
        uint256 n = tenures.length;
        for (uint256 i; i < n; ++i) {
            if (_unwind(tenures[(r % n + i) % n])) return;
        }
    }

    // ---- Steps ----

    /// @dev Who finds nothing to do takes an order, moves a payer's money or adds to a stake.
    function _instead(uint256 r) internal override {
        uint256 before = steps;
        if (r % 4 == 0) _accept(r >> 8);
        if (steps == before) _movePayersMoney(r >> 8);
        uint32 op = uint32((r >> 8) % operators.count() + 1);
        if (steps == before) _try("topUp", agents[op].owner, address(operators), abi.encodeCall(operators.addStake, (op, 1e9)));
    }

    /// @dev A seed comes. Everybody draws, activates, proves what it drew, whatever was activated in between (H-PROOF-1), and answers, each by
    /// its diligence: the first never fails, the fourth hardly ever works.
    function _work(uint256 r) private {
        _seed();
        uint32 now_ = Round.unwrap(_now());
        IHoldings.Challenge[][] memory drawn = new IHoldings.Challenge[][](operators.count() + 1);
        for (uint32 op = 1; op < drawn.length; ++op) {
            bool works = (r >> 16 * op) % 8 >= [uint256(0), 1, 4, 7][(op - 1) % 4];
            // And one that only watches. What is all dead is drawn for long, and in vain.
            if (!works && now_ % (drawn.length - 1) + 1 != op) continue;
            (uint256 live,) = holdings.chunksNow(op);
            if (live == 0) continue;
            IHoldings.Challenge[] memory c = holdings.challenges(op);
            _note(op, c);
            if (works) drawn[op] = c;
        }
        for (uint256 i = reserved.length(); i != 0; --i) {
            (uint40 orderId, uint8 replica) = _slotAt(reserved, i - 1);
            if (lastRound[orderId] < now_ || !_isReserved(orderId, replica)) reserved.remove(_idOf(orderId, replica));
            else if (r >> i % 64 & 3 != 0) _tryToActivate(orderId, replica);
        }
        for (uint32 op = 1; op < drawn.length; ++op) {
            if (drawn[op].length != 0) _proveDrawn(op, drawn[op]);
        }
        for (uint256 i = audited.length(); i != 0; --i) {
            (uint40 orderId, uint8 replica) = _slotAt(audited, i - 1);
            if (r >> 96 + i % 64 & 3 != 0) _tryToAnswer(orderId, replica);
        }
    }

    /// @dev What was drawn can be proven if every challenge met something live, or blocked, and only then.
    function _proveDrawn(uint32 op, IHoldings.Challenge[] memory drawn) private {
        uint256 met;
        bool passed;
        for (uint256 i; i < drawn.length; ++i) {
            if (drawn[i].answer || drawn[i].passed) ++met;
            passed = passed || drawn[i].passed;
        }
        bool ok = _try("prove", agents[op].prover, address(holdings), abi.encodeCall(holdings.prove, (op, _proofOf(drawn))));
        assertEq(ok, met == K, "who has what was drawn proves it");
        if (!ok) return;
        cleanIn[op][Round.unwrap(_now())] = true;
        if (passed) ++done["passed"];
    }

    function _isReserved(uint40 orderId, uint8 replica) private view returns (bool) {
        IMarket.Slot memory s = market.slot(orderId, replica);
        return s.operatorId != 0 && Round.unwrap(s.liveFrom) == 0;
    }

    function _tryToActivate(uint40 orderId, uint8 replica) private {
        bytes memory proof = _words(market.order(orderId).contentId, market.activationSeed(orderId, replica));
        address prover = agents[market.slot(orderId, replica).operatorId].prover;
        _try("activate", prover, address(market), abi.encodeCall(market.activate, (orderId, replica, proof)));
        _sync(orderId, replica);
    }

    function _tryToAnswer(uint40 orderId, uint8 replica) private {
        IAudits.Audit memory a = audits.audit(orderId, replica);
        if (a.payer == address(0) || a.due != _now()) return;
        bytes memory proof = _words(market.order(orderId).contentId, audits.auditSeed(orderId, replica));
        _try("answer", agents[a.operatorId].prover, address(audits), abi.encodeCall(audits.answer, (orderId, replica, proof)));
    }

    /// @dev Every audit that is not decided.
    function _rollAndClose() internal {
        for (uint256 i = audited.length(); i != 0; --i) {
            (uint40 orderId, uint8 replica) = _slotAt(audited, i - 1);
            _try("roll", anyone, address(audits), abi.encodeCall(audits.roll, (orderId, replica)));
            _close(orderId, replica);
            if (audits.audit(orderId, replica).payer == address(0)) audited.remove(_idOf(orderId, replica));
        }
    }

    function _close(uint40 orderId, uint8 replica) private {
        IAudits.Audit memory a = audits.audit(orderId, replica);
        if (a.payer == address(0)) return;
        uint256 ended = done["ended"];
        _try("close", anyone, address(audits), abi.encodeCall(audits.close, (orderId, replica)));
        _sync(orderId, replica);
        if (done["ended"] != ended) {
            lostHalves[a.operatorId][Epoch.unwrap(a.due.epochOf())] += 2 * _chunks(market.order(orderId).contentId);
        }
    }

    /// @dev Every slot that a stamp took. An operator's is gone when none is left.
    function _unwindAll() internal {
        for (uint256 i; i < tenures.length; ++i) {
            _unwind(tenures[i]);
        }
        for (uint32 op = 1; op <= operators.count() && token.mood() != UnrulyToken.Mood.Refusing; ++op) {
            assertEq(Round.unwrap(holdings.inventory(op).stamp), 0, "a stamp is lifted when all is unwound");
        }
    }

    /// @dev The first of two stamps ends a slot: its operator's as lost, its content's without fault, with every round's fee that is neither
    /// settled nor frozen back in the order, to the wei. But what was audited when it was disproved is answered for first.
    function _unwind(Tenure storage t) private returns (bool ok) {
        uint32 ejected = _before(Round.unwrap(holdings.inventory(t.operatorId).stamp), t.lastEpoch);
        uint32 withdrawn = _before(published[t.contentId].stamp, t.lastEpoch);
        if (!t.held || (ejected == 0 && withdrawn == 0)) return false;
        bool isBlocked = published[t.contentId].isBlocked;
        bool answerable = !isBlocked && holdings.entry(t.operatorId, Epoch.wrap(t.lastEpoch), t.entry).audited;
        bool lost = ejected != 0 && (withdrawn == 0 || ejected <= withdrawn || answerable);
        bytes memory call = abi.encodeCall(market.unwind, (t.orderId, t.replica));
        if (!lost && answerable) {
            assertFalse(_try("unwind", anyone, address(market), call), "an audit is pending");
            return false;
        }
        uint256 balance = market.order(t.orderId).balance;
        uint256 stake = operators.operator(t.operatorId).stake;
        ok = _must(
            lost ? bytes32("unwind") : isBlocked ? bytes32("unwindBlocked") : bytes32("unwindDisproved"), anyone, address(market), call
        );
        if (!ok) return false;
        _ended(t, (lost ? ejected : withdrawn) + 1, ejected != 0 ? type(uint32).max : _idleFrom(t, withdrawn));
        if (lost) return true;
        uint256 unpaid = (t.lastEpoch + 1) * ROUNDS - t.unpaidFrom;
        assertEq(market.order(t.orderId).balance, balance + unpaid * t.fee, "what is not paid is back");
        assertEq(operators.operator(t.operatorId).stake, stake, "no fault of the operator's");
    }

    /// @dev What its content's stamp took is due until it is unwound. If that is late, its round is due as well if something else is there by
    /// then, be it live from the next round on; if nothing is, it is not, be it that something was lost in it.
    function _idleFrom(Tenure storage unwound, uint32 stamp) private returns (uint32 idle) {
        uint32 now_ = Round.unwrap(_now());
        if (unwound.lastEpoch < now_ / ROUNDS) return type(uint32).max;
        bool isLast = stamp < now_;
        for (uint256 i; i < tenures.length && isLast; ++i) {
            Tenure memory t = tenures[i];
            if (t.operatorId != unwound.operatorId || t.dead || t.lastEpoch < now_ / ROUNDS) continue;
            if (t.orderId == unwound.orderId && t.replica == unwound.replica) continue;
            isLast = t.liveFrom / ROUNDS > now_ / ROUNDS;
        }
        idle = isLast ? now_ : now_ + 1;
        for (uint256 i; i < tenures.length && isLast; ++i) {
            Tenure storage t = tenures[i];
            if (t.operatorId == unwound.operatorId && t.dead && t.liveFrom <= now_ && t.dueUntil > now_) t.dueUntil = now_;
        }
    }

    /// @dev A stamp set before the end of an epoch; 0: none.
    function _before(uint32 stamp, uint32 epoch) private pure returns (uint32) {
        return stamp / ROUNDS <= epoch ? stamp : 0;
    }

    /// @dev One that can be ordered, from a random one on.
    function _inService(uint256 r) private view returns (uint32 id) {
        uint32 n = catalog.count();
        for (uint32 i; i < n; ++i) {
            id = uint32((_pick(r, n) + i) % n + 1);
            if (published[id].stamp == 0 && published[id].bond != 0) return id;
        }
    }
}
