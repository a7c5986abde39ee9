// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAudits} from "../../src/interfaces/IAudits.sol";
import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IPool} from "../../src/interfaces/IPool.sol";
import {Epoch, Round, ROUNDS, WAD} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice Everybody, in any order, and a plain model of what they did: one line for every slot that was ever live.
///
/// An action tries something that the protocol may refuse, but only by one of its own errors: an arithmetic error or a failed assertion is a
/// bug wherever it comes up.
contract ProtocolHandler is BaseTest {
    uint32 internal constant OPERATORS = 4;
    uint32 internal constant CONTENTS = 4;
    uint8 internal constant REPLICAS = 3;
    uint40 internal constant ORDERS = 30; // every look at the books goes through all of them

    /// @dev One slot, as long as somebody held it.
    struct Tenure {
        uint32 operatorId;
        uint40 orderId;
        uint8 replica;
        uint32 acceptedIn;
        uint32 liveFrom;
        uint32 deadFrom; // what it samples and counts; the term's end unless it ended early
        uint32 unpaidFrom; // the same for its fee
        bool held; // still in the market's books
        bool dead; // before its term ended
        uint256 chunks;
        uint256 fee; // a round
        uint32 lastEpoch;
    }

    Tenure[] internal tenures;
    mapping(uint32 operatorId => mapping(uint32 round => bool)) internal cleanIn;
    uint32 public nextToFreeze = 1;
    mapping(address => uint256) public donated;
    mapping(bytes32 action => uint256) public done; // how often each action went through

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

    /// @dev A whole epoch's rest goes by, the first round of the next one is seeded.
    function leap(uint256 r) external {
        _to(_epoch().addEpochs(1), uint32(r % 7));
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
        bytes memory call = abi.encodeCall(audits.reportLoss, (t.orderId, t.replica));
        _try("reportLoss", _prover(t.operatorId), address(audits), call);
        _sync();
    }

    function eject(uint256 r) external {
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
        if (n == 0 || r % 3 != 0) return;
        uint40 orderId = uint40((r >> 8) % n + 1);
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

    /// @dev Half of the time in the rounds that are for it, and then most operators settle.
    function settleAndFreeze(uint256 r) external {
        if (r % 2 == 0) _to(_epoch().addEpochs(1), 2);
        for (uint32 op = 1; op <= OPERATORS; ++op) {
            for (uint256 i; i < 3 && r >> op & 3 != 0; ++i) {
                _settleSome(op);
            }
        }
        if (r % 2 == 0) _to(_epoch(), 5);
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
        if (r % 2 == 0) _to(_epoch().addEpochs(1), 3);
        _try("exit", _owner(OPERATORS), address(operators), abi.encodeCall(operators.withdraw, (OPERATORS, anyone)));
    }

    function govern(uint256 r) external {
        vm.startPrank(governor);
        market.setTerms(uint64(r % 1e15 + 1), uint16((r >> 64) % 10_001));
        operators.setStakePerChunk(uint64((r >> 80) % 1e13 + 1));
        audits.setAuditFee(uint96((r >> 144) % 1e18 + 1));
        pool.setShares(uint16((r >> 208) % 1001), uint16((r >> 224) % 1001));
        vm.stopPrank();
    }

    function donate(uint256 r) external {
        address[4] memory to = [address(market), address(pool), address(operators), address(audits)];
        uint256 amount = (r >> 8) % 1e18;
        asset.mint(to[r % 4], amount);
        donated[to[r % 4]] += amount;
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
        _to(Epoch.wrap(end + 8), 6);
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
        pool.withdrawTreasury();
        _try("drawCredit", auditor, address(audits), abi.encodeCall(audits.withdraw, ()));
        for (uint32 op = 1; op <= OPERATORS; ++op) {
            _try("drawCredit", _payout(op), address(audits), abi.encodeCall(audits.withdraw, ()));
        }
    }

    /// @dev By all contracts that hold money but the operators' stakes.
    function owed() external view returns (uint256) {
        return market.accounted() + pool.accounted() + audits.accounted();
    }

    // ---- Equalities ----

    /// @dev H-ESC-1: every ledger, summed from what it is made of.
    function checkLedgers() external {
        address[4] memory all = [address(market), address(pool), address(operators), address(audits)];
        uint256[4] memory accounted = [market.accounted(), pool.accounted(), operators.accounted(), audits.accounted()];
        for (uint256 i; i < 4; ++i) {
            assertEq(asset.balanceOf(all[i]), accounted[i] + donated[all[i]], "balance = accounted + donations");
        }
        uint256 deposits;
        for (uint40 id = 1; id <= market.count(); ++id) {
            deposits += market.order(id).balance;
        }
        assertEq(market.deposits(), deposits, "deposits = sum of the orders' balances");
        assertEq(market.scheduled(), _scheduled(), "scheduled = what slots will pay");
        assertEq(accounted[1], pool.treasuryBalance() + _unclaimed(), "pool = treasury + unclaimed");
        uint256 stakes;
        uint256 credits = audits.credit(auditor);
        for (uint32 op = 1; op <= OPERATORS; ++op) {
            stakes += operators.operator(op).stake;
            credits += audits.credit(_payout(op));
        }
        assertEq(accounted[2], stakes, "operators = sum of stakes");
        assertEq(accounted[3], credits + _feesInFlight(), "audits = fees in flight + credits");
    }

    /// @dev What is held and reserved, summed slot by slot.
    function checkHoldings() external view {
        uint32 epoch = Epoch.unwrap(_epoch());
        for (uint32 op = 1; op <= OPERATORS; ++op) {
            uint256 live;
            uint256 dead;
            for (uint256 i; i < tenures.length; ++i) {
                Tenure memory t = tenures[i];
                if (t.operatorId != op) continue;
                if (t.lastEpoch < epoch) continue;
                if (t.dead) dead += t.chunks;
                else if (t.liveFrom / ROUNDS <= epoch) live += t.chunks;
            }
            (uint256 live_, uint256 dead_) = holdings.chunksNow(op);
            assertEq(live_, live, "live chunks");
            assertEq(dead_, dead, "dead chunks");

            (uint256 chunks, uint256 stake) = _reserved(op);
            (uint256 chunks_, uint256 stake_) = operators.reservedNow(op);
            assertEq(chunks_, chunks, "reserved chunks");
            assertEq(stake_, stake, "reserved stake");
        }
    }

    function _scheduled() private view returns (uint256 sum) {
        for (uint256 i; i < tenures.length; ++i) {
            Tenure memory t = tenures[i];
            uint256 from = t.liveFrom > nextToFreeze * ROUNDS ? t.liveFrom : nextToFreeze * ROUNDS;
            if (t.unpaidFrom > from) sum += t.fee * (t.unpaidFrom - from);
        }
    }

    function _unclaimed() private view returns (uint256 sum) {
        for (uint32 e = 1; e < nextToFreeze; ++e) {
            IPool.EpochFees memory f = pool.epochFees(Epoch.wrap(e));
            for (uint32 op = 1; op <= OPERATORS; ++op) {
                IPool.Share memory s = pool.share(op, Epoch.wrap(e));
                uint256 w = uint256(s.fees) * s.merit / pool.MERIT();
                if (w != 0) sum += uint256(f.net) * (s.before + w) / f.weight - uint256(f.net) * s.before / f.weight;
            }
        }
    }

    function _feesInFlight() private view returns (uint256 sum) {
        uint256[40][OPERATORS + 1] memory pending;
        for (uint40 id = 1; id <= market.count(); ++id) {
            for (uint8 i; i < REPLICAS; ++i) {
                IAudits.Audit memory a = audits.audit(id, i);
                if (a.payer == address(0)) continue;
                sum += a.fee;
                ++pending[a.operatorId][Epoch.unwrap(a.due.epochOf()) % 40];
            }
        }
        uint32 epoch = Epoch.unwrap(_epoch());
        for (uint32 op = 1; op <= OPERATORS; ++op) {
            for (uint32 e = epoch > 30 ? epoch - 30 : 1; e <= epoch + 1; ++e) {
                assertEq(holdings.tally(op, Epoch.wrap(e)).audits, pending[op][e % 40], "audits pending in an epoch");
            }
        }
    }

    function _reserved(uint32 op) private view returns (uint256 chunks, uint256 stake) {
        for (uint40 id = 1; id <= market.count(); ++id) {
            IMarket.Order memory o = market.order(id);
            (, Round last) = market.term(id);
            if (last.epochOf() < _epoch()) continue;
            for (uint8 i; i < o.replicas; ++i) {
                if (market.slot(id, i).operatorId != op) continue;
                uint256 c = _chunks(o.contentId);
                (chunks, stake) = (chunks + c, stake + c * o.stakePerChunk);
            }
        }
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
        if (audits.audit(orderId, replica).payer == address(0)) return;
        _try("close", anyone, address(audits), abi.encodeCall(audits.close, (orderId, replica)));
        _sync();
    }

    function _release(uint40 orderId, uint8 replica, uint256) private {
        if (market.slot(orderId, replica).operatorId == 0) return;
        _try("release", anyone, address(market), abi.encodeCall(market.release, (orderId, replica)));
    }

    function _stamped(uint32 op) private {
        uint32 from = Round.unwrap(_now()) + 1;
        for (uint256 i; i < tenures.length; ++i) {
            Tenure storage t = tenures[i];
            if (t.operatorId != op || !t.held || t.deadFrom < from) continue;
            t.dead = true;
            if (from < t.deadFrom) t.deadFrom = t.liveFrom > from ? t.liveFrom : from;
        }
    }

    /// @dev Every slot that an ejection took. The stamp is gone when none is left.
    function _unwindAll() private {
        for (uint256 i; i < tenures.length; ++i) {
            Tenure storage t = tenures[i];
            Round stamp = holdings.inventory(t.operatorId).stamp;
            if (!t.held || Round.unwrap(stamp) == 0 || t.lastEpoch < Epoch.unwrap(stamp.epochOf())) continue;
            market.unwind(t.orderId, t.replica);
            ++done["unwind"];
            uint32 from = Round.unwrap(stamp) + 1;
            if (from < nextToFreeze * ROUNDS) from = nextToFreeze * ROUNDS;
            _ended(t, from);
        }
        for (uint32 op = 1; op <= OPERATORS; ++op) {
            assertEq(Round.unwrap(holdings.inventory(op).stamp), 0, "a stamp is lifted when all is unwound");
        }
    }

    function _ended(Tenure storage t, uint32 from) private {
        (t.held, t.dead) = (false, true);
        uint32 unpaid = from > t.liveFrom ? from : t.liveFrom;
        if (unpaid < t.unpaidFrom) t.unpaidFrom = unpaid;
        if (unpaid < t.deadFrom) t.deadFrom = unpaid;
    }

    /// @dev The next epoch of an operator that can be settled, checked against the model.
    function _settleSome(uint32 op) private {
        for (uint32 e = 1; e < Epoch.unwrap(_epoch()); ++e) {
            if (pool.settledThrough(op, Epoch.wrap(e))) continue;
            if (!_try("settle", anyone, address(settlement), abi.encodeCall(settlement.settle, (op, Epoch.wrap(e))))) return;
            _checkSettled(op, e);
            assertLe(_reputation(op), WAD);
            return;
        }
    }

    function _checkSettled(uint32 op, uint32 e) private view {
        uint256 fees;
        uint256 due;
        uint256 clean;
        IHoldings.Tally memory tally = holdings.tally(op, Epoch.wrap(e));
        for (uint32 round = e * ROUNDS; round < (e + 1) * ROUNDS; ++round) {
            bool live;
            for (uint256 i; i < tenures.length; ++i) {
                Tenure memory t = tenures[i];
                if (t.operatorId != op || round < t.liveFrom) continue;
                live = live || round < t.deadFrom;
                if (round < t.unpaidFrom) fees += t.fee;
            }
            assertEq(tally.idle >> round % ROUNDS & 1 == 0, live, "a round is idle when nothing is live");
            if (!live || beacon.seed(Round.wrap(round)) == 0) continue;
            ++due;
            if (cleanIn[op][round]) ++clean;
        }
        uint256 mask = beacon.seededMask(Epoch.wrap(e)) & ~uint256(tally.idle);
        assertEq(_count(mask), due, "rounds due");
        assertEq(_count(mask & tally.clean), clean, "clean rounds");
        IPool.Share memory s = pool.share(op, Epoch.wrap(e));
        if (s.fees != 0) assertEq(s.fees, fees, "fees accrued");
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

    // ---- The model follows the market's books ----

    function _sync() private {
        uint32 next = Round.unwrap(_now()) + 1;
        for (uint256 i; i < tenures.length; ++i) {
            Tenure storage t = tenures[i];
            IMarket.Slot memory s = market.slot(t.orderId, t.replica);
            if (t.held && (s.operatorId != t.operatorId || Round.unwrap(s.acceptedIn) != t.acceptedIn)) _ended(t, next);
        }
        for (uint40 id = 1; id <= market.count(); ++id) {
            for (uint8 i; i < market.order(id).replicas; ++i) {
                IMarket.Slot memory s = market.slot(id, i);
                if (Round.unwrap(s.liveFrom) != 0 && !_isKnown(id, i, s)) _begin(id, i, s);
            }
        }
    }

    function _isKnown(uint40 id, uint8 replica, IMarket.Slot memory s) private view returns (bool) {
        for (uint256 i = tenures.length; i != 0; --i) {
            Tenure memory t = tenures[i - 1];
            if (t.held && t.orderId == id && t.replica == replica && t.operatorId == s.operatorId) return true;
        }
        return false;
    }

    function _begin(uint40 id, uint8 replica, IMarket.Slot memory s) private {
        (, Round last) = market.term(id);
        uint32 end = Round.unwrap(last) + 1;
        uint256 chunks = _chunks(market.order(id).contentId);
        tenures.push(
            Tenure({
                operatorId: s.operatorId,
                orderId: id,
                replica: replica,
                acceptedIn: Round.unwrap(s.acceptedIn),
                liveFrom: Round.unwrap(s.liveFrom),
                deadFrom: end,
                unpaidFrom: end,
                held: true,
                chunks: chunks,
                fee: chunks * market.order(id).feePerChunkRound,
                dead: false,
                lastEpoch: Epoch.unwrap(last.epochOf())
            })
        );
    }

    // ---- Tools ----

    /// @dev One of the last slots that became live.
    function _recent(uint256 n) private view returns (Tenure memory) {
        return tenures[tenures.length - 1 - n % tenures.length];
    }

    /// @dev Goes through, or is refused by an error that the protocol names.
    function _try(bytes32 action, address from, address target, bytes memory call) private returns (bool ok) {
        bytes memory result;
        vm.prank(from);
        (ok, result) = target.call(call);
        if (ok) ++done[action];
        else assertFalse(_isBug(result), string.concat("a bug in ", string(abi.encodePacked(action)), " ", vm.toString(result)));
    }

    /// @dev Nothing, a panic or a string instead of an error of the protocol's own.
    function _isBug(bytes memory result) private pure returns (bool) {
        return result.length < 4 || bytes4(result) == 0x4e487b71 || bytes4(result) == 0x08c379a0;
    }

    function _eachSlot(uint256 r, function(uint40, uint8, uint256) action) private {
        for (uint40 id = 1; id <= market.count(); ++id) {
            for (uint8 i; i < REPLICAS; ++i) {
                action(id, i, uint256(keccak256(abi.encode(r, id, i))));
            }
        }
    }

    function _pick(uint256 r, uint256 n) private pure returns (uint256) {
        return (r & 0xff) % n;
    }

    function _count(uint256 bits) private pure returns (uint256 n) {
        for (; bits != 0; bits &= bits - 1) {
            ++n;
        }
    }
}
