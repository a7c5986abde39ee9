// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {stdError} from "forge-std/StdError.sol";

import {IAudits} from "../../src/interfaces/IAudits.sol";
import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IPool} from "../../src/interfaces/IPool.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {ReputationMath} from "../../src/libraries/ReputationMath.sol";
import {Epoch, Round, ROUNDS, WAD} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";
import {ITokenHook, UnrulyToken} from "../doubles/UnrulyToken.sol";
import {TestToken} from "../utils/Tokens.sol";

/// @notice A plain model of what everybody did: one line for every slot that was ever live. And what must be true of the books at any time.
abstract contract ProtocolModel is BaseTest, ITokenHook {
    uint32 internal constant OPERATORS = 6; // at most; four from the beginning
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
        uint32 lastEpoch;
        uint128 chunks;
        uint128 fee; // a round
    }

    /// @dev Of an operator: who acts for it, and what a seeded round samples of it.
    struct Agents {
        address owner;
        address prover;
        address payout;
        uint32 round;
        bytes32 sample;
    }

    Tenure[] internal tenures;
    mapping(uint40 orderId => mapping(uint8 replica => uint256)) private holder; // 1 + its tenure; 0: not live
    mapping(uint32 operatorId => Agents) internal agents;
    mapping(uint32 operatorId => mapping(uint32 round => bool)) internal cleanIn;
    mapping(uint32 operatorId => mapping(uint32 epoch => uint256)) internal lostHalves; // half-chunks
    mapping(uint32 operatorId => mapping(uint32 epoch => bool)) internal ejectedIn;
    uint32 public nextToFreeze = 1;
    uint32 internal firstUnclaimed = 1; // epochs before it are claimed in full
    mapping(address => uint256) public donated;
    mapping(bytes32 action => uint256) public done; // how often each action went through

    UnrulyToken internal token;
    address internal blocked; // by the token; 0: nobody
    bool internal inHook;
    address private lastFrom; // of the last call made while the token calls back
    address private lastTarget;
    bytes private lastCall;

    function setUp() public virtual override {
        super.setUp();
        vm.label(address(market), "Market");
        vm.label(address(pool), "Pool");
        vm.label(address(operators), "Operators");
        vm.label(address(audits), "Audits");
        vm.label(address(oracle), "Oracle");
        vm.label(address(retrieval), "Retrieval");
        vm.label(address(catalog), "Catalog");
        for (uint256 i; i < 4; ++i) {
            _enlist(_register(600));
        }
        _publish(ONE_BLOCK);
        _publish(700); // a chunk and a part
        _publish(ONE_CHUNK * 3);
        _publish(ONE_CHUNK * 8);
    }

    function _newAsset() internal override returns (TestToken) {
        return token = new UnrulyToken(this);
    }

    function _enlist(uint32 op) internal {
        agents[op] = Agents(_owner(op), _prover(op), _payout(op), 0, 0);
    }

    // ---- Equalities ----

    /// @dev H-ESC-1: every ledger, summed from what it is made of, and what the token says.
    function checkLedgers() external view {
        assertEq(pool.scheduled(), _scheduled(), "scheduled = what slots will pay");
        _checkLedger(address(market), market.accounted(), _deposits() + _scheduled());
        _checkLedger(address(pool), pool.accounted(), pool.treasuryBalance() + _unclaimed() + _keepersPay());
        uint256 stakes;
        uint256 credits = audits.credit(auditor);
        for (uint32 op = 1; op <= operators.count(); ++op) {
            stakes += operators.operator(op).stake;
            credits += audits.credit(agents[op].payout);
        }
        _checkLedger(address(operators), operators.accounted(), stakes);
        _checkLedger(address(audits), audits.accounted(), credits + _feesInFlight());
        _checkLedger(address(oracle), oracle.accounted(), _bonds());
        _checkLedger(address(retrieval), retrieval.accounted(), _payersMoney());
        uint256 bonds;
        for (uint32 id = 1; id <= catalog.count(); ++id) {
            bonds += catalog.content(id).bond;
        }
        _checkLedger(address(catalog), catalog.accounted(), bonds);
    }

    function _checkLedger(address ledger, uint256 accounted, uint256 parts) private view {
        assertEq(accounted, parts, string.concat(vm.getLabel(ledger), ": accounted = sum of its parts"));
        assertEq(asset.balanceOf(ledger), accounted + donated[ledger], string.concat(vm.getLabel(ledger), ": balance = that + donations"));
    }

    /// @dev Sum of the keepers' bonds, by whoever plays them.
    function _bonds() internal view virtual returns (uint256);

    /// @dev Sum of what Retrieval owes, by whoever plays the payers.
    function _payersMoney() internal view virtual returns (uint256);

    /// @dev What is held, sampled and reserved, summed slot by slot.
    function checkHoldings() external view {
        uint32 epoch = Epoch.unwrap(_epoch());
        uint256[OPERATORS + 1] memory live;
        uint256[OPERATORS + 1] memory dead;
        for (uint256 i; i < tenures.length; ++i) {
            Tenure storage t = tenures[i];
            if (t.lastEpoch < epoch) continue;
            if (t.dead) dead[t.operatorId] += t.chunks;
            else if (t.liveFrom / ROUNDS <= epoch) live[t.operatorId] += t.chunks;
        }
        (uint256[OPERATORS + 1] memory chunks, uint256[OPERATORS + 1] memory stakes) = _reserved();
        for (uint32 op = 1; op <= operators.count(); ++op) {
            (uint256 live_, uint256 dead_) = holdings.chunksNow(op);
            assertEq(live_, live[op], "live chunks");
            assertEq(dead_, dead[op], "dead chunks");
            (uint256 chunks_, uint256 stake) = operators.reservedNow(op);
            assertEq(chunks_, chunks[op], "reserved chunks");
            assertEq(stake, stakes[op], "reserved stake");
            Agents storage a = agents[op];
            if (a.round == Round.unwrap(_now())) assertEq(_sampleOf(op), a.sample, "a seeded round samples what it did");
            (uint256 reputation, uint256 reliability) = operators.standing(op);
            assertTrue(reputation <= WAD && reliability <= WAD, "reputation and reliability are at most 1");
        }
    }

    function _deposits() private view returns (uint256 sum) {
        for (uint40 id = 1; id <= market.count(); ++id) {
            sum += market.order(id).balance;
        }
    }

    function _scheduled() private view returns (uint256 sum) {
        uint32 first = nextToFreeze * ROUNDS;
        for (uint256 i; i < tenures.length; ++i) {
            Tenure storage t = tenures[i];
            (uint32 from, uint32 until) = (t.liveFrom > first ? t.liveFrom : first, t.unpaidFrom);
            if (until > from) sum += uint256(t.fee) * (until - from);
        }
    }

    function _unclaimed() private view returns (uint256 sum) {
        for (uint32 e = firstUnclaimed; e < nextToFreeze; ++e) {
            sum += _unclaimedOf(e);
        }
    }

    function _unclaimedOf(uint32 e) internal view returns (uint256 sum) {
        IPool.EpochFees memory f = pool.epochFees(Epoch.wrap(e));
        for (uint32 op = 1; op <= operators.count(); ++op) {
            IPool.Share memory s = pool.share(op, Epoch.wrap(e));
            uint256 w = uint256(s.fees) * s.merit / 1e9;
            if (w != 0) sum += uint256(f.net) * (s.before + w) / f.weight - uint256(f.net) * s.before / f.weight;
        }
    }

    /// @dev What keepers earned in frozen epochs and have not drawn.
    function _keepersPay() private view returns (uint256 sum) {
        for (uint32 e = 1; e < nextToFreeze; ++e) {
            IPool.EpochFees memory f = pool.epochFees(Epoch.wrap(e));
            for (uint256 unpaid = f.unpaidKeepers; unpaid != 0; unpaid &= unpaid - 1) {
                sum += f.keeperPay;
            }
        }
    }

    /// @dev Also: the audits due in each of the last epochs are those that its tally counts.
    function _feesInFlight() private view returns (uint256 sum) {
        uint32 from = Epoch.unwrap(_epoch());
        from = from > 5 ? from - 5 : 1;
        uint256[7][OPERATORS + 1] memory pending;
        for (uint40 id = 1; id <= market.count(); ++id) {
            for (uint8 i; i < REPLICAS; ++i) {
                IAudits.Audit memory a = audits.audit(id, i);
                if (a.payer == address(0)) continue;
                sum += a.fee;
                uint32 e = Epoch.unwrap(a.due.epochOf());
                if (e >= from) ++pending[a.operatorId][e - from];
            }
        }
        for (uint32 op = 1; op <= operators.count(); ++op) {
            for (uint32 i; i < 7; ++i) {
                assertEq(holdings.tally(op, Epoch.wrap(from + i)).audits, pending[op][i], "audits pending in an epoch");
            }
        }
    }

    function _reserved() private view returns (uint256[OPERATORS + 1] memory chunks, uint256[OPERATORS + 1] memory stakes) {
        for (uint40 id = 1; id <= market.count(); ++id) {
            (, Round last) = market.term(id);
            if (last.epochOf() < _epoch()) continue;
            IMarket.Order memory o = market.order(id);
            uint256 c = _chunks(o.contentId);
            for (uint8 i; i < o.replicas; ++i) {
                uint32 op = market.slot(id, i).operatorId;
                if (op != 0) (chunks[op], stakes[op]) = (chunks[op] + c, stakes[op] + c * o.stakePerChunk);
            }
        }
    }

    /// @dev H-PROOF-3, H-EPOCH-4: what settling found, against every round of every slot.
    function _checkSettled(uint32 op, uint32 e, ISettlement.Outcome memory o) internal view {
        ReputationMath.Record memory plain;
        uint256 fees;
        uint256 live; // bit i: round i of the epoch
        for (uint256 i; i < tenures.length; ++i) {
            Tenure storage t = tenures[i];
            if (t.operatorId != op || t.liveFrom >= (e + 1) * ROUNDS) continue;
            // Live at any time in the epoch; so is what was to be live in it and ended before, for its loss is part of t.
            bool neverLived = t.deadFrom == t.liveFrom && t.liveFrom >= e * ROUNDS;
            if (t.deadFrom <= e * ROUNDS && !neverLived) continue;
            plain.chunks += t.chunks;
            uint256 from = t.liveFrom > e * ROUNDS ? t.liveFrom - e * ROUNDS : 0;
            uint256 until = t.deadFrom < (e + 1) * ROUNDS ? t.deadFrom - e * ROUNDS : ROUNDS;
            fees += t.fee * (until - from);
            live |= (1 << until) - (1 << from);
        }
        for (uint32 i; i < ROUNDS; ++i) {
            if (live >> i & 1 == 0 || beacon.seed(Round.wrap(e * ROUNDS + i)) == 0) continue;
            ++plain.due;
            if (cleanIn[op][e * ROUNDS + i]) ++plain.clean;
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

    // ---- The model follows the market's books ----

    /// @dev After anything that may begin or end a slot.
    function _sync(uint40 id, uint8 replica) internal {
        IMarket.Slot memory s = market.slot(id, replica);
        uint256 known = holder[id][replica];
        if (known != 0) {
            Tenure storage t = tenures[known - 1];
            if (s.operatorId == t.operatorId && Round.unwrap(s.acceptedIn) == t.acceptedIn) return;
            _ended(t, Round.unwrap(_now()) + 1);
        }
        if (Round.unwrap(s.liveFrom) != 0) _begin(id, replica, s);
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
                dead: false,
                lastEpoch: Epoch.unwrap(last.epochOf()),
                chunks: uint128(chunks),
                fee: uint128(chunks * market.order(id).feePerChunkRound)
            })
        );
        holder[id][replica] = tenures.length;
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
        holder[t.orderId][t.replica] = 0;
        uint32 dead = from > t.liveFrom ? from : t.liveFrom;
        if (dead < t.deadFrom) t.deadFrom = dead;
        uint32 unpaid = dead > nextToFreeze * ROUNDS ? dead : nextToFreeze * ROUNDS;
        if (unpaid < t.unpaidFrom) t.unpaidFrom = unpaid;
        ++done["ended"];
    }

    // ---- Tools ----

    /// @dev Seeds the round under way and notes what it samples (H-PROOF-1).
    function _seedAndNote() internal {
        _seed();
        for (uint32 op = 1; op <= operators.count(); ++op) {
            (agents[op].round, agents[op].sample) = (Round.unwrap(_now()), _sampleOf(op));
        }
    }

    /// @dev Its draws; none if they meet nothing live, as before and after an ejection is unwound.
    function _sampleOf(uint32 op) private view returns (bytes32) {
        IHoldings.Challenge[] memory drawn = holdings.challenges(op);
        return drawn.length == 0 || !drawn[drawn.length - 1].answer ? bytes32(0) : keccak256(abi.encode(drawn));
    }

    /// @dev One of the last slots that became live.
    function _recent(uint256 n) internal view returns (Tenure memory) {
        return tenures[tenures.length - 1 - n % tenures.length];
    }

    /// @dev Goes through, or is refused by an error that somebody names: an arithmetic error or a failed assertion is a bug wherever it comes up.
    function _try(bytes32 action, address from, address target, bytes memory call) internal returns (bool ok) {
        if (!inHook && token.mood() == UnrulyToken.Mood.Calling) (lastFrom, lastTarget, lastCall) = (from, target, call);
        bytes memory result;
        vm.prank(from);
        (ok, result) = target.call(call);
        if (ok) {
            ++done[action];
        } else if (_isBug(result) && !_isDepositUndone(result)) {
            assertTrue(false, string.concat("a bug in ", string(abi.encodePacked(action)), " ", vm.toString(result)));
        }
    }

    /// @dev Goes through, unless the asset is in its way.
    function _must(bytes32 action, address from, address target, bytes memory call) internal returns (bool ok) {
        ok = _try(action, from, target, call);
        if (!ok) assertTrue(blocked != address(0) || token.mood() != UnrulyToken.Mood.Calm, string(abi.encodePacked(action)));
    }

    /// @dev The last call once more, in the middle of itself.
    function _again() internal {
        _try("again", lastFrom, lastTarget, lastCall);
    }

    /// @dev More went out while the asset called back than a deposit brought: refused by the subtraction in Tokens.pull.
    function _isDepositUndone(bytes memory result) private view returns (bool) {
        return token.mood() == UnrulyToken.Mood.Calling && keccak256(result) == keccak256(stdError.arithmeticError);
    }

    /// @dev Nothing, a panic, a string or a cheatcode's error instead of one that has a name.
    function _isBug(bytes memory result) private pure returns (bool) {
        bytes4 e = bytes4(result);
        return result.length < 4 || e == 0x4e487b71 || e == 0x08c379a0 || e == 0xeeaa9e6f;
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
