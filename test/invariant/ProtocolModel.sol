// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAudits} from "../../src/interfaces/IAudits.sol";
import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IPool} from "../../src/interfaces/IPool.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {ReputationMath} from "../../src/libraries/ReputationMath.sol";
import {Epoch, Round, ROUNDS} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice A plain model of what everybody did: one line for every slot that was ever live. And what must be true of the books at any time.
abstract contract ProtocolModel is BaseTest {
    uint32 internal constant OPERATORS = 4;
    uint32 internal constant CONTENTS = 4;
    uint8 internal constant REPLICAS = 3;
    uint40 internal constant ORDERS = 50; // every look at the books goes through all of them

    /// @dev One slot, as long as somebody held it.
    struct Tenure {
        uint32 operatorId;
        uint40 orderId;
        uint8 replica;
        uint32 acceptedIn;
        uint32 liveFrom;
        uint32 deadFrom; // what it samples and counts; the term's end unless it ended early
        uint32 unpaidFrom; // what its order pays: later, where the epoch was frozen before an ejection was unwound
        bool held; // still in the market's books
        bool dead; // before its term ended
        uint256 chunks;
        uint256 fee; // a round
        uint32 lastEpoch;
    }

    Tenure[] internal tenures;
    mapping(uint32 operatorId => mapping(uint32 round => bool)) internal cleanIn;
    mapping(uint32 operatorId => mapping(uint32 epoch => uint256)) internal lostHalves; // half-chunks
    mapping(uint32 operatorId => mapping(uint32 epoch => bool)) internal ejectedIn;
    uint32 public nextToFreeze = 1;
    mapping(address => uint256) public donated;
    mapping(bytes32 action => uint256) public done; // how often each action went through

    // ---- Equalities ----

    /// @dev H-ESC-1: every ledger, summed from what it is made of.
    function checkLedgers() external {
        address[5] memory all = [address(market), address(pool), address(operators), address(audits), address(oracle)];
        uint256[5] memory accounted = [market.accounted(), pool.accounted(), operators.accounted(), audits.accounted(), oracle.accounted()];
        for (uint256 i; i < 5; ++i) {
            assertEq(asset.balanceOf(all[i]), accounted[i] + donated[all[i]], "balance = accounted + donations");
        }
        uint256 deposits;
        for (uint40 id = 1; id <= market.count(); ++id) {
            deposits += market.order(id).balance;
        }
        assertEq(pool.scheduled(), _scheduled(), "scheduled = what slots will pay");
        assertEq(accounted[0], deposits + pool.scheduled(), "market = the orders' balances + scheduled");
        assertEq(accounted[1], pool.treasuryBalance() + _unclaimed() + _keepersPay(), "pool = treasury + unclaimed + keepers' pay");
        uint256 stakes;
        uint256 credits = audits.credit(auditor);
        for (uint32 op = 1; op <= OPERATORS; ++op) {
            stakes += operators.operator(op).stake;
            credits += audits.credit(_payout(op));
        }
        assertEq(accounted[2], stakes, "operators = sum of stakes");
        assertEq(accounted[3], credits + _feesInFlight(), "audits = fees in flight + credits");
        assertEq(accounted[4], _bonds(), "oracle = sum of bonds");
    }

    /// @dev Sum of the keepers' bonds, by whoever plays them.
    function _bonds() internal view virtual returns (uint256);

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

    /// @dev What keepers earned in frozen epochs and have not drawn.
    function _keepersPay() private view returns (uint256 sum) {
        for (uint32 e = 1; e < nextToFreeze; ++e) {
            IPool.EpochFees memory f = pool.epochFees(Epoch.wrap(e));
            for (uint256 seat; seat < 16; ++seat) {
                if (f.unpaidKeepers >> seat & 1 != 0) sum += f.keeperPay;
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

    /// @dev H-PROOF-3, H-EPOCH-4: what settling found, against every round of every slot.
    function _checkSettled(uint32 op, uint32 e, ISettlement.Outcome memory o) internal view {
        ReputationMath.Record memory plain;
        uint256 fees;
        for (uint256 i; i < tenures.length; ++i) {
            Tenure memory t = tenures[i];
            if (t.operatorId != op || t.liveFrom >= (e + 1) * ROUNDS || t.deadFrom <= e * ROUNDS) continue;
            // Live at any time in the epoch; so is what was to be live from its middle and ended the round before, for its loss is part of t.
            plain.chunks += t.chunks;
            for (uint32 round = e * ROUNDS; round < (e + 1) * ROUNDS; ++round) {
                if (round >= t.liveFrom && round < t.deadFrom) fees += t.fee;
            }
        }
        for (uint32 round = e * ROUNDS; round < (e + 1) * ROUNDS; ++round) {
            if (!_isLive(op, round) || beacon.seed(Round.wrap(round)) == 0) continue;
            ++plain.due;
            if (cleanIn[op][round]) ++plain.clean;
        }
        plain.lostHalves = ejectedIn[op][e] ? 2 * plain.chunks : lostHalves[op][e];
        if (plain.due == 0 && plain.lostHalves != 0) (plain.due, plain.clean) = (1, 1);
        assertEq(o.due, plain.due, "A, rounds due");
        assertEq(o.clean, plain.clean, "c, clean rounds");
        assertEq(o.chunks, plain.chunks, "H, chunks live at any time");
        assertEq(o.fees, fees, "F, fees accrued");
        if (plain.due == 0) return;
        assertEq(o.retention, ReputationMath.retention(plain), "r, by the chunks lost");
        bool ready;
        (ready, plain.measured, plain.uptimeBps, plain.availabilityBps) = oracle.metrics(op, Epoch.wrap(e));
        assertTrue(ready, "settling waits for the tally");
        uint256 q = ReputationMath.reliability(plain, o.retention);
        assertApproxEqAbs(o.reliability, q, 1e4, "q, with the keepers' medians"); // what is stored of it
        assertEq(o.weighed, Round.unwrap(_now()) < (e + 1) * ROUNDS + 5, "weighs in time");
    }

    function _isLive(uint32 op, uint32 round) private view returns (bool) {
        for (uint256 i; i < tenures.length; ++i) {
            Tenure memory t = tenures[i];
            if (t.operatorId == op && t.liveFrom <= round && round < t.deadFrom) return true;
        }
        return false;
    }

    // ---- The model follows the market's books ----

    function _sync() internal {
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

    function _stamped(uint32 op) internal {
        uint32 from = Round.unwrap(_now()) + 1;
        ejectedIn[op][Epoch.unwrap(_epoch())] = true;
        for (uint256 i; i < tenures.length; ++i) {
            Tenure storage t = tenures[i];
            if (t.operatorId != op || !t.held || t.deadFrom < from) continue;
            t.dead = true;
            if (from < t.deadFrom) t.deadFrom = t.liveFrom > from ? t.liveFrom : from;
        }
    }

    /// @dev Early, dead from round `from`. What is frozen stays paid.
    function _ended(Tenure storage t, uint32 from) internal {
        (t.held, t.dead) = (false, true);
        uint32 dead = from > t.liveFrom ? from : t.liveFrom;
        if (dead < t.deadFrom) t.deadFrom = dead;
        uint32 unpaid = dead > nextToFreeze * ROUNDS ? dead : nextToFreeze * ROUNDS;
        if (unpaid < t.unpaidFrom) t.unpaidFrom = unpaid;
        ++done["ended"];
    }

    // ---- Tools ----

    /// @dev One of the last slots that became live.
    function _recent(uint256 n) internal view returns (Tenure memory) {
        return tenures[tenures.length - 1 - n % tenures.length];
    }

    /// @dev Goes through, or is refused by an error that the protocol names.
    function _try(bytes32 action, address from, address target, bytes memory call) internal returns (bool ok) {
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

    function _eachSlot(uint256 r, function(uint40, uint8, uint256) action) internal {
        for (uint40 id = 1; id <= market.count(); ++id) {
            for (uint8 i; i < REPLICAS; ++i) {
                action(id, i, uint256(keccak256(abi.encode(r, id, i))));
            }
        }
    }

    function _pick(uint256 r, uint256 n) internal pure returns (uint256) {
        return (r & 0xff) % n;
    }
}
