// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IAudits} from "../../src/interfaces/IAudits.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IPool} from "../../src/interfaces/IPool.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {Epoch, Round, ROUNDS, WAD} from "../../src/Types.sol";
import {ProtocolKeepers} from "./ProtocolKeepers.sol";

/// @notice Everybody, in any order.
///
/// An action tries something that the protocol may refuse, but only by one of its own errors: an arithmetic error or a failed assertion is a
/// bug wherever it comes up.
contract ProtocolHandler is ProtocolKeepers {
    function setUp() public override {
        super.setUp();
        for (uint256 i; i < OPERATORS; ++i) {
            _register(600);
        }
        _publish(ONE_BLOCK);
        _publish(700); // a chunk and a part
        _publish(ONE_CHUNK * 3);
        _publish(MANY_CHUNKS);
    }

    // ---- Actions ----

    function open(uint256 r) external {
        if (market.count() == ORDERS) return;
        IMarket.Request memory q =
            _request(uint32(_pick(r, CONTENTS) + 1), uint8(_pick(r >> 8, REPLICAS) + 1), uint8(_pick(r >> 16, 3) + 1));
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
        _try("open", uploader, address(market), abi.encodeCall(market.open, (q, type(uint256).max)));
    }

    /// @dev Some replica that somebody can take, from a random place on.
    function accept(uint256 r) external {
        uint256 n = uint256(market.count()) * REPLICAS * OPERATORS;
        for (uint256 i; i < 40 && n != 0; ++i) {
            uint256 x = (r % n + i * 7) % n;
            uint32 op = uint32(x % OPERATORS + 1);
            uint40 orderId = uint40(x / OPERATORS / REPLICAS + 1);
            uint8 replica = uint8(x / OPERATORS % REPLICAS);
            bytes memory call = abi.encodeCall(market.accept, (orderId, replica, op));
            if (_try("accept", _prover(op), address(market), call)) break;
        }
        _sync();
    }

    /// @dev Rounds go by: most have a seed, in which operators activate, prove and answer, each by its diligence.
    function pass(uint256 r) external {
        for (uint256 n = r % 4 + 1; n != 0; --n) {
            _next();
            r = uint256(keccak256(abi.encode(r)));
            if (r % 8 == 0) continue;
            _seed();
            _work(r);
        }
    }

    /// @dev A whole epoch's rest goes by, a round of the next one is seeded.
    function leap(uint256 r) external {
        if (r % 4 != 0) return;
        _to(_epoch().addEpochs(1), uint32((r >> 8) % 7));
        _seed();
        _work(r);
    }

    function audit(uint256 r) external {
        for (uint256 i; i < 6; ++i) {
            if (tenures.length == 0) return;
            Tenure memory t = _recent(r % 6 + i);
            if (_try("audit", auditor, address(audits), abi.encodeCall(audits.open, (t.orderId, t.replica, type(uint96).max)))) return;
        }
    }

    function rollOrClose(uint256 r) external {
        _eachSlot(r, _roll);
        _eachSlot(r, _close);
    }

    function reportLoss(uint256 r) external {
        if (tenures.length == 0) return;
        Tenure memory t = _recent(r % 6);
        IAudits.Audit memory a = audits.audit(t.orderId, t.replica);
        bool audited = a.payer != address(0) && Round.unwrap(a.acceptedIn) == t.acceptedIn && a.openedIn < _now();
        bytes memory call = abi.encodeCall(audits.reportLoss, (t.orderId, t.replica));
        if (_try("reportLoss", _prover(t.operatorId), address(audits), call)) {
            lostHalves[t.operatorId][Epoch.unwrap(_epoch())] += audited ? 2 * t.chunks : t.chunks;
        }
        _sync();
    }

    /// @dev Half of the time after a week in which the last operator does nothing.
    function eject(uint256 r) external {
        for (uint256 i; i < 8 && r % 2 == 0; ++i) {
            _nextSeeded();
            _work(uint256(keccak256(abi.encode(r, i))) & ~(uint256(7) << 16 * OPERATORS));
        }
        for (uint32 i; i < OPERATORS; ++i) {
            uint32 op = uint32((r % OPERATORS + i) % OPERATORS + 1);
            if (_try("eject", anyone, address(audits), abi.encodeCall(audits.eject, (op)))) _stamped(op);
        }
    }

    function unwind(uint256 r) external {
        if (r % 3 != 0) _unwindAll();
    }

    function release(uint256 r) external {
        _eachSlot(r, _release);
    }

    function cancelOpen(uint256 r) external {
        uint256 n = market.count();
        if (n == 0) return;
        uint40 orderId = uint40(n - (n < 6 ? 0 : (r >> 8) % 6));
        _try("cancelOpen", uploader, address(market), abi.encodeCall(market.cancelOpen, (orderId, uint16(1 << (r >> 72) % REPLICAS))));
    }

    function withdrawDeposit(uint256 r) external {
        uint256 n = market.count();
        if (n == 0) return;
        require(_try("withdrawDeposit", uploader, address(market), abi.encodeCall(market.withdraw, (uint40(r % n + 1), uploader))));
    }

    /// @dev In time or late.
    function settle(uint256 r) external {
        _settleSome(uint32(r % OPERATORS + 1));
    }

    /// @dev When an epoch nears its end, mostly in the rounds that are for it, and then most operators settle.
    function settleAndFreeze(uint256 r) external {
        bool inTime = _now().index() >= 20 && r % 4 != 0;
        if (inTime) report(r);
        for (uint32 op = 1; op <= OPERATORS; ++op) {
            for (uint256 i; i < 3 && r >> op & 3 != 0; ++i) {
                _settleSome(op);
            }
        }
        if (inTime) _to(_epoch(), 5);
        for (uint256 i; i < 3; ++i) {
            _freezeSome();
        }
    }

    function claim(uint256 r) external {
        for (uint32 e = 1; e < nextToFreeze; ++e) {
            for (uint32 op = 1; op <= OPERATORS; ++op) {
                if (r >> op & 1 == 0) continue;
                _try("claim", anyone, address(settlement), abi.encodeCall(settlement.claim, (op, Epoch.wrap(e))));
            }
        }
    }

    function drawCredit(uint256 r) external {
        _try("drawCredit", _payout(uint32(r % OPERATORS + 1)), address(audits), abi.encodeCall(audits.withdraw, ()));
        _try("drawCredit", auditor, address(audits), abi.encodeCall(audits.withdraw, ()));
    }

    function topUp(uint256 r) external {
        uint32 op = uint32(r % OPERATORS + 1);
        bytes memory call = abi.encodeCall(operators.addStake, (op, uint96((r >> 8) % 1e18)));
        require(_try("topUp", _owner(op), address(operators), call));
    }

    function exit(uint256 r) external {
        // One of the four may leave, late.
        if (market.count() < 6) return;
        _try("exit", _owner(OPERATORS), address(operators), abi.encodeCall(operators.requestExit, (OPERATORS)));
        if (r % 8 == 0) _to(_epoch().addEpochs(1), 3);
        _try("exit", _owner(OPERATORS), address(operators), abi.encodeCall(operators.withdraw, (OPERATORS, anyone)));
    }

    function govern(uint256 r) external {
        vm.startPrank(governor);
        market.setTerms(uint64(r % 1e15 + 1), uint16((r >> 64) % 10_001));
        operators.setStakePerChunk(uint64((r >> 80) % 1e13 + 1));
        audits.setAuditFee(uint96((r >> 144) % 1e18 + 1));
        pool.setShares(uint16((r >> 208) % 1001), uint16((r >> 224) % 1001));
        oracle.setKeeperBond(uint96((r >> 40) % 1e18 + 1));
        vm.stopPrank();
    }

    function donate(uint256 r) external {
        address[5] memory to = [address(market), address(pool), address(operators), address(audits), address(oracle)];
        uint256 amount = (r >> 8) % 1e18;
        asset.mint(to[r % 5], amount);
        donated[to[r % 5]] += amount;
    }

    // ---- The end of the world ----

    /// @dev Lets every term run out and pays everything that is owed to anybody. Nothing of it may be refused.
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
        for (uint32 op = 1; op <= OPERATORS; ++op) {
            for (uint32 e = 1; e <= end; ++e) {
                _settleSome(op);
            }
            assertTrue(pool.settledThrough(op, Epoch.wrap(end)), "all is settled");
        }
        for (uint32 e = nextToFreeze; e <= end; ++e) {
            _freezeSome();
        }
        for (uint32 e = 1; e <= end; ++e) {
            for (uint32 op = 1; op <= OPERATORS; ++op) {
                IPool.Share memory s = pool.share(op, Epoch.wrap(e));
                if (uint256(s.fees) * s.merit / pool.MERIT() != 0) settlement.claim(op, Epoch.wrap(e));
            }
        }
        for (uint40 id = 1; id <= market.count(); ++id) {
            vm.prank(uploader);
            market.withdraw(id, uploader);
            assertEq(market.order(id).balance, 0, "an order is empty");
        }
        payKeepers(type(uint256).max);
        _withdrawAllBonds();
        pool.withdrawTreasury();
        _try("drawCredit", auditor, address(audits), abi.encodeCall(audits.withdraw, ()));
        for (uint32 op = 1; op <= OPERATORS; ++op) {
            _try("drawCredit", _payout(op), address(audits), abi.encodeCall(audits.withdraw, ()));
        }
    }

    /// @dev By all contracts that hold money but the operators' stakes.
    function owed() external view returns (uint256) {
        return market.accounted() + pool.accounted() + audits.accounted() + oracle.accounted();
    }

    // ---- Steps ----

    function _work(uint256 r) private {
        _eachSlot(r, _tryToActivate);
        for (uint32 op = 1; op <= OPERATORS; ++op) {
            // The first never fails, the last hardly ever works.
            if ((r >> 16 * op) % 8 < [uint256(0), 1, 4, 7][op - 1]) continue;
            bytes memory call = abi.encodeCall(holdings.prove, (op, _proof(op)));
            if (_try("prove", _prover(op), address(holdings), call)) cleanIn[op][Round.unwrap(_now())] = true;
        }
        _eachSlot(r >> 96, _tryToAnswer);
    }

    function _tryToActivate(uint40 orderId, uint8 replica, uint256 r) private {
        IMarket.Slot memory s = market.slot(orderId, replica);
        if (s.operatorId == 0 || Round.unwrap(s.liveFrom) != 0 || r % 4 == 0) return;
        bytes memory proof = _words(market.order(orderId).contentId, market.activationSeed(orderId, replica));
        _try("activate", _prover(s.operatorId), address(market), abi.encodeCall(market.activate, (orderId, replica, proof)));
        _sync();
    }

    function _tryToAnswer(uint40 orderId, uint8 replica, uint256 r) private {
        IAudits.Audit memory a = audits.audit(orderId, replica);
        if (a.payer == address(0) || a.due != _now() || r % 4 == 0) return;
        bytes memory proof = _words(market.order(orderId).contentId, audits.auditSeed(orderId, replica));
        _try("answer", _prover(a.operatorId), address(audits), abi.encodeCall(audits.answer, (orderId, replica, proof)));
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
        _sync();
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
            market.unwind(t.orderId, t.replica);
            ++done["unwind"];
            _ended(t, Round.unwrap(stamp) + 1);
        }
        for (uint32 op = 1; op <= OPERATORS; ++op) {
            assertEq(Round.unwrap(holdings.inventory(op).stamp), 0, "a stamp is lifted when all is unwound");
        }
    }

    /// @dev The next epoch of an operator that can be settled, checked against the model.
    function _settleSome(uint32 op) private {
        for (uint32 e = 1; e < Epoch.unwrap(_epoch()); ++e) {
            if (pool.settledThrough(op, Epoch.wrap(e))) continue;
            vm.recordLogs();
            if (!_try("settle", anyone, address(settlement), abi.encodeCall(settlement.settle, (op, Epoch.wrap(e))))) return;
            Vm.Log[] memory logs = vm.getRecordedLogs();
            assertEq(logs[logs.length - 1].topics[0], ISettlement.Settled.selector);
            _checkSettled(op, e, abi.decode(logs[logs.length - 1].data, (ISettlement.Outcome)));
            assertLe(_reputation(op), WAD);
            return;
        }
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
