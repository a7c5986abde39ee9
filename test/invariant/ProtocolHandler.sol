// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IAudits} from "../../src/interfaces/IAudits.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IPool} from "../../src/interfaces/IPool.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {Epoch, Round, ROUNDS} from "../../src/Types.sol";
import {UnrulyToken} from "../doubles/UnrulyToken.sol";
import {ProtocolRulers} from "./ProtocolRulers.sol";

/// @notice Everybody, in any order.
///
/// An action tries something that the protocol may refuse, but only by one of its own errors: an arithmetic error or a failed assertion is a
/// bug wherever it comes up.
contract ProtocolHandler is ProtocolRulers {
    mapping(uint40 orderId => uint32) private lastRound; // of its term
    mapping(uint32 operatorId => uint32) private settled; // epochs before it are settled

    // ---- Actions ----

    function open(uint256 r) public {
        if (market.count() == ORDERS) return;
        IMarket.Request memory q =
            _request(uint32(_pick(r, catalog.count()) + 1), uint8(_pick(r >> 8, REPLICAS) + 1), uint8(_pick(r >> 16, 3) + 1));
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
        _try("open", uploader, address(market), abi.encodeCall(market.open, (q, type(uint256).max)));
        uint40 id = market.count();
        if (id == 0 || lastRound[id] != 0) return;
        (, Round end) = market.term(id);
        lastRound[id] = Round.unwrap(end);
    }

    /// @dev Some replica that somebody can take, from a random place on.
    function accept(uint256 r) public {
        uint256 orders = market.count() < 8 ? market.count() : 8; // the latest
        uint256 n = orders * REPLICAS * operators.count();
        for (uint256 i; i < 20 && n != 0; ++i) {
            uint256 x = (r % n + i * 7) % n;
            uint32 op = uint32(x / REPLICAS % operators.count() + 1);
            uint40 orderId = uint40(market.count() - x / REPLICAS / operators.count());
            uint8 replica = uint8(x % REPLICAS);
            if (lastRound[orderId] < Round.unwrap(_now()) || replica >= market.order(orderId).replicas) continue;
            bytes memory call = abi.encodeCall(market.accept, (orderId, replica, op));
            bool ok = _try("accept", agents[op].prover, address(market), call);
            _sync(orderId, replica);
            if (ok) break;
        }
    }

    /// @dev Rounds go by: most have a seed, in which operators activate, prove and answer, each by its diligence.
    function pass(uint256 r) public {
        for (uint256 n = r % 4 + 1; n != 0; --n) {
            _next();
            r = uint256(keccak256(abi.encode(r)));
            if (r % 8 == 0) continue;
            _seedAndNote();
            _work(r);
        }
    }

    /// @dev A whole epoch's rest goes by, a round of the next one is seeded.
    function leap(uint256 r) public {
        if (r % 6 != 0) return;
        _to(_epoch().addEpochs(1), uint32((r >> 8) % 7));
        _seedAndNote();
        _work(r);
    }

    function audit(uint256 r) public {
        for (uint256 i; i < 6; ++i) {
            if (tenures.length == 0) return;
            Tenure memory t = _recent(r % 6 + i);
            if (_try("audit", auditor, address(audits), abi.encodeCall(audits.open, (t.orderId, t.replica, type(uint96).max)))) return;
        }
    }

    function rollOrClose(uint256 r) public {
        _eachSlot(r, _roll);
        _eachSlot(r, _close);
    }

    function reportLoss(uint256 r) public {
        if (tenures.length == 0) return;
        Tenure memory t = _recent(r % 6);
        IAudits.Audit memory a = audits.audit(t.orderId, t.replica);
        bool audited = a.payer != address(0) && Round.unwrap(a.acceptedIn) == t.acceptedIn && a.openedIn < _now();
        bytes memory call = abi.encodeCall(audits.reportLoss, (t.orderId, t.replica));
        if (_try("reportLoss", agents[t.operatorId].prover, address(audits), call)) {
            uint32 live = t.liveFrom / ROUNDS;
            uint32 epoch = Epoch.unwrap(_epoch());
            lostHalves[t.operatorId][live > epoch ? live : epoch] += audited ? 2 * t.chunks : t.chunks;
        }
        _sync(t.orderId, t.replica);
    }

    /// @dev Half of the time after a week in which the fourth operator does nothing.
    function eject(uint256 r) public {
        for (uint256 i; i < 8 && r % 2 == 0; ++i) {
            _next();
            _seedAndNote();
            _work(uint256(keccak256(abi.encode(r, i))) & ~(uint256(7) << 64));
        }
        uint32 n = operators.count();
        for (uint32 i; i < n; ++i) {
            uint32 op = uint32((r % n + i) % n + 1);
            if (_try("eject", anyone, address(audits), abi.encodeCall(audits.eject, (op)))) _stamped(op);
        }
    }

    function unwind(uint256 r) public {
        if (r % 3 != 0) _unwindAll();
    }

    function release(uint256 r) public {
        _eachSlot(r, _release);
    }

    function cancelOpen(uint256 r) public {
        uint256 n = market.count();
        if (n == 0) return;
        uint40 orderId = uint40(n - (n < 6 ? 0 : (r >> 8) % 6));
        _try("cancelOpen", uploader, address(market), abi.encodeCall(market.cancelOpen, (orderId, uint16(1 << (r >> 72) % REPLICAS))));
    }

    function withdrawDeposit(uint256 r) public {
        uint256 n = market.count();
        if (n == 0) return;
        _must("withdrawDeposit", uploader, address(market), abi.encodeCall(market.withdraw, (uint40(r % n + 1), uploader)));
    }

    /// @dev When an epoch nears its end, mostly in the rounds that are for it, and then most operators settle.
    function settleAndFreeze(uint256 r) public {
        bool inTime = _now().index() >= 20 && r % 4 != 0;
        if (inTime) report(r);
        for (uint32 op = 1; op <= operators.count(); ++op) {
            for (uint256 i; i < 3 && r >> op & 3 != 0; ++i) {
                _settleSome(op);
            }
        }
        if (inTime) _to(_epoch(), 5);
        for (uint256 i; i < 3; ++i) {
            _freezeSome();
        }
    }

    /// @dev H-EPOCH-2: nobody gets more than its own fees less the shares.
    function claim(uint256 r) public {
        for (uint32 e = firstUnclaimed; e < nextToFreeze; ++e) {
            for (uint32 op = 1; op <= operators.count(); ++op) {
                IPool.Share memory s = pool.share(op, Epoch.wrap(e));
                if (s.merit == 0 || r >> op & 1 == 0) continue;
                uint256 before = asset.balanceOf(agents[op].payout);
                if (!_try("claim", anyone, address(operators), abi.encodeCall(operators.claim, (op, Epoch.wrap(e))))) continue;
                uint256 most = uint256(s.fees) * (10_000 - pool.epochFees(Epoch.wrap(e)).sharesBps) / 10_000;
                // What was called back in between may have paid it more, of other epochs and other kinds.
                if (token.mood() != UnrulyToken.Mood.Calling) assertLe(asset.balanceOf(agents[op].payout) - before, most);
            }
        }
        while (firstUnclaimed < nextToFreeze && _unclaimedOf(firstUnclaimed) == 0) ++firstUnclaimed;
    }

    function drawCredit(uint256 r) public {
        _try("drawCredit", agents[uint32(r % operators.count() + 1)].payout, address(audits), abi.encodeCall(audits.withdraw, ()));
        _try("drawCredit", auditor, address(audits), abi.encodeCall(audits.withdraw, ()));
    }

    /// @dev More stake, more or less capacity, or another operator.
    function topUp(uint256 r) public {
        uint32 n = operators.count();
        uint32 op = uint32(r % n + 1);
        address owner = agents[op].owner;
        uint32 capacity = uint32((r >> 16) % 1000 + 100);
        bytes memory call = abi.encodeCall(operators.addStake, (op, uint96(_ofAnySize(r >> 8) % 1e20)));
        _must("topUp", owner, address(operators), call);
        _try("setCapacity", owner, address(operators), abi.encodeCall(operators.setCapacity, (op, capacity)));
        if (n == OPERATORS || (r >> 8) % 4 == 0) return;
        _fund(_owner(n + 1));
        call = abi.encodeCall(operators.register, (capacity, _payout(n + 1), _prover(n + 1), ""));
        if (!_try("register", _owner(n + 1), address(operators), call)) return;
        _enlist(n + 1);
        Agents storage a = agents[n + 1];
        vm.prank(a.owner);
        operators.setKeys(n + 1, a.owner, a.prover, 600, a.payout);
    }

    /// @dev The third and the sixth of the operators may leave, late.
    function exit(uint256 r) public {
        if (market.count() < 6) return;
        if (r % 16 == 0) _to(_epoch().addEpochs(1), 3);
        for (uint32 op = 3; op <= operators.count(); op += 3) {
            _try("exit", agents[op].owner, address(operators), abi.encodeCall(operators.requestExit, (op)));
            _try("leave", agents[op].owner, address(operators), abi.encodeCall(operators.withdraw, (op, anyone)));
        }
    }

    function treasuryDraws(uint256) public {
        _must("treasuryDraws", anyone, address(pool), abi.encodeCall(pool.withdrawTreasury, ()));
    }

    function donate(uint256 r) public {
        address[7] memory to =
            [address(market), address(pool), address(operators), address(audits), address(oracle), address(retrieval), address(catalog)];
        uint256 amount = (r >> 8) % 1e18;
        if (blocked != address(0)) token.setBlocked(blocked, false);
        blocked = address(0);
        asset.mint(to[r % 7], amount);
        donated[to[r % 7]] += amount;
    }

    function _anyMove(uint256 r) internal override {
        uint256 what = r % 16;
        r >>= 8;
        if (what == 0) open(r);
        else if (what == 1) publish(r);
        else if (what == 2) withdrawPublishersBond(r);
        else if (what == 3) member(r);
        else if (what == 4) payKeepers(r);
        else if (what == 5) tallyAndForfeit(r);
        else if (what == 6) deposit(r);
        else if (what == 7) collect(r);
        else if (what == 8) audit(r);
        else if (what == 9) rollOrClose(r);
        else if (what == 10) reportLoss(r);
        else if (what == 11) unwind(0);
        else if (what == 12) withdrawDeposit(r);
        else if (what == 13) settleAndFreeze(r);
        else if (what == 14) claim(r);
        else topUp(r);
    }

    // ---- The end of the world ----

    /// @dev Lets every term run out and pays everything that is owed to anybody. Nothing of it may be refused: neither a pause nor somebody
    /// whom the asset blocks is in the others' way.
    function runDown() external {
        // Seven epochs later even withheld claims are the treasury's.
        uint32 end = Epoch.unwrap(_epoch());
        for (uint40 id = 1; id <= market.count(); ++id) {
            (, Round last) = market.term(id);
            if (Epoch.unwrap(last.epochOf()) > end) end = Epoch.unwrap(last.epochOf());
        }
        _unwindAll();
        _resignAll();
        _to(Epoch.wrap(end + 8), 6);
        for (uint32 e = 1; e <= end; ++e) {
            _tally(Epoch.wrap(e));
        }
        _eachSlot(0, _roll);
        _eachSlot(0, _close);
        for (uint32 op = 1; op <= operators.count(); ++op) {
            for (uint32 e = 1; e <= end; ++e) {
                _settleSome(op);
            }
            assertTrue(pool.settledThrough(op, Epoch.wrap(end)), "all is settled");
        }
        for (uint32 e = nextToFreeze; e <= end; ++e) {
            _freezeSome();
        }
        if (blocked != address(0)) token.setBlocked(blocked, false);
        blocked = address(0);
        for (uint32 e = firstUnclaimed; e <= end; ++e) {
            for (uint32 op = 1; op <= operators.count(); ++op) {
                IPool.Share memory s = pool.share(op, Epoch.wrap(e));
                if (uint256(s.fees) * s.merit / pool.MERIT() != 0) operators.claim(op, Epoch.wrap(e));
            }
        }
        for (uint40 id = 1; id <= market.count(); ++id) {
            vm.prank(uploader);
            market.withdraw(id, uploader);
            assertEq(market.order(id).balance, 0, "an order is empty");
        }
        for (uint32 id = 1; id <= catalog.count(); ++id) {
            if (catalog.content(id).bond != 0) catalog.withdrawBond(id);
        }
        payKeepers(type(uint256).max);
        _withdrawAllBonds();
        _payersLeave();
        pool.withdrawTreasury();
        _try("drawCredit", auditor, address(audits), abi.encodeCall(audits.withdraw, ()));
        for (uint32 op = 1; op <= operators.count(); ++op) {
            Agents storage a = agents[op];
            _try("drawCredit", a.payout, address(audits), abi.encodeCall(audits.withdraw, ()));
            if (Round.unwrap(operators.operator(op).exitRequested) != 0) continue;
            vm.prank(a.owner);
            operators.requestExit(op);
        }
        _to(_epoch().addEpochs(7), 0);
        for (uint32 op = 1; op <= operators.count(); ++op) {
            vm.prank(agents[op].owner);
            operators.withdraw(op, agents[op].owner);
        }
    }

    /// @dev By all contracts that hold money.
    function owed() external view returns (uint256) {
        return market.accounted() + pool.accounted() + audits.accounted() + oracle.accounted() + operators.accounted()
            + retrieval.accounted() + catalog.accounted();
    }

    // ---- Steps ----

    function _work(uint256 r) private {
        _eachSlot(r, _tryToActivate);
        for (uint32 op = 1; op <= operators.count(); ++op) {
            // The first never fails, the fourth hardly ever works.
            if ((r >> 16 * op) % 8 < [uint256(0), 1, 4, 7][(op - 1) % 4]) continue;
            (uint256 live,) = holdings.chunksNow(op);
            if (live == 0 && op > 1) continue;
            bytes memory call = abi.encodeCall(holdings.prove, (op, _proof(op)));
            if (_try("prove", agents[op].prover, address(holdings), call)) cleanIn[op][Round.unwrap(_now())] = true;
        }
        _eachSlot(r >> 96, _tryToAnswer);
    }

    function _tryToActivate(uint40 orderId, uint8 replica, uint256 r) private {
        if (lastRound[orderId] < Round.unwrap(_now())) return;
        IMarket.Slot memory s = market.slot(orderId, replica);
        if (s.operatorId == 0 || Round.unwrap(s.liveFrom) != 0 || r % 4 == 0) return;
        bytes memory proof = _words(market.order(orderId).contentId, market.activationSeed(orderId, replica));
        _try("activate", agents[s.operatorId].prover, address(market), abi.encodeCall(market.activate, (orderId, replica, proof)));
        _sync(orderId, replica);
    }

    function _tryToAnswer(uint40 orderId, uint8 replica, uint256 r) private {
        if (lastRound[orderId] < Round.unwrap(_now())) return;
        IAudits.Audit memory a = audits.audit(orderId, replica);
        if (a.payer == address(0) || a.due != _now() || r % 4 == 0) return;
        bytes memory proof = _words(market.order(orderId).contentId, audits.auditSeed(orderId, replica));
        _try("answer", agents[a.operatorId].prover, address(audits), abi.encodeCall(audits.answer, (orderId, replica, proof)));
    }

    function _roll(uint40 orderId, uint8 replica, uint256) private {
        if (audits.audit(orderId, replica).payer == address(0)) return;
        _try("roll", anyone, address(audits), abi.encodeCall(audits.roll, (orderId, replica)));
    }

    function _close(uint40 orderId, uint8 replica, uint256) private {
        IAudits.Audit memory a = audits.audit(orderId, replica);
        if (a.payer == address(0)) return;
        uint256 ended = done["ended"];
        _try("close", anyone, address(audits), abi.encodeCall(audits.close, (orderId, replica)));
        _sync(orderId, replica);
        if (done["ended"] != ended) {
            lostHalves[a.operatorId][Epoch.unwrap(a.due.epochOf())] += 2 * _chunks(market.order(orderId).contentId);
        }
    }

    function _release(uint40 orderId, uint8 replica, uint256) private {
        if (market.slot(orderId, replica).operatorId == 0) return;
        _try("release", anyone, address(market), abi.encodeCall(market.release, (orderId, replica)));
    }

    /// @dev Every slot that an ejection took. The stamp is gone when none is left.
    function _unwindAll() private {
        for (uint256 i; i < tenures.length; ++i) {
            Tenure storage t = tenures[i];
            Round stamp = holdings.inventory(t.operatorId).stamp;
            if (!t.held || Round.unwrap(stamp) == 0 || t.lastEpoch < Epoch.unwrap(stamp.epochOf())) continue;
            bytes memory call = abi.encodeCall(market.unwind, (t.orderId, t.replica));
            if (!_must("unwind", anyone, address(market), call)) continue;
            _ended(t, Round.unwrap(stamp) + 1);
        }
        for (uint32 op = 1; op <= operators.count() && token.mood() != UnrulyToken.Mood.Refusing; ++op) {
            assertEq(Round.unwrap(holdings.inventory(op).stamp), 0, "a stamp is lifted when all is unwound");
        }
    }

    /// @dev The next epoch of an operator that can be settled, checked against the model.
    function _settleSome(uint32 op) private {
        uint32 e = settled[op] == 0 ? 1 : settled[op];
        while (e < Epoch.unwrap(_epoch()) && pool.settledThrough(op, Epoch.wrap(e))) ++e;
        settled[op] = e;
        if (e == Epoch.unwrap(_epoch())) return;
        vm.recordLogs();
        if (!_try("settle", anyone, address(settlement), abi.encodeCall(settlement.settle, (op, Epoch.wrap(e))))) return;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs[logs.length - 1].topics[0], ISettlement.Settled.selector);
        _checkSettled(op, e, abi.decode(logs[logs.length - 1].data, (ISettlement.Outcome)));
    }

    function _freezeSome() private {
        bytes memory call = abi.encodeCall(settlement.freeze, (Epoch.wrap(nextToFreeze)));
        if (_try("freeze", anyone, address(settlement), call)) ++nextToFreeze;
        // An epoch in which nothing was held needs no freezing once the next order has passed it over.
        else if (nextToFreeze < Epoch.unwrap(_epoch()) && _isIdle(nextToFreeze)) ++nextToFreeze;
    }

    function _isIdle(uint32 e) private view returns (bool) {
        for (uint256 i; i < tenures.length; ++i) {
            if (tenures[i].liveFrom < (e + 1) * ROUNDS && tenures[i].unpaidFrom > e * ROUNDS) return false;
        }
        return true;
    }
}
