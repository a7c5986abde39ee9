// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {stdError} from "forge-std/StdError.sol";

import {IAudits} from "../../src/interfaces/IAudits.sol";
import {ICatalog} from "../../src/interfaces/ICatalog.sol";
import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IPool} from "../../src/interfaces/IPool.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {ReputationMath} from "../../src/libraries/ReputationMath.sol";
import {Epoch, Round, ROUNDS, WAD} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";
import {ITokenHook, UnrulyToken} from "../doubles/UnrulyToken.sol";
import {TestToken} from "../utils/Tokens.sol";

/// @notice What all contracts that hold money have.
interface ILedger {
    function accounted() external view returns (uint256);
}

/// @notice A plain model of what everybody did: one line for every slot that was ever live. And what must be true of the books at any time.
abstract contract ProtocolModel is BaseTest, ITokenHook {
    using EnumerableSet for EnumerableSet.UintSet;

    uint32 internal constant OPERATORS = 6; // at most; four from the beginning
    uint8 internal constant REPLICAS = 3;
    uint40 internal constant ORDERS = 80; // every look at the books goes through all of them

    /// @dev One slot, as long as somebody held it. Two words: every look at the books goes through all of them.
    struct Tenure {
        uint32 operatorId;
        uint40 orderId;
        uint8 replica;
        uint32 acceptedIn;
        uint32 liveFrom;
        uint32 deadFrom; // what it samples and is owed; the term's end unless it ended early
        uint32 dueUntil; // what is due: later, where a content was stamped long before it was unwound
        uint32 unpaidFrom; // what its order pays: later, where it was settled or frozen before it was unwound
        bool held; // still in the market's books
        bool dead; // before its term ended
        uint32 lastEpoch;
        uint32 contentId;
        uint32 entry; // in its operator's line
        uint32 chunks;
        uint128 fee; // a round
    }

    /// @dev A content: what was published and what became of it.
    struct Published {
        ICatalog.Commitment commitment;
        uint256 bond;
        uint32 stamp; // round in which it went out of service; 0: in service
        bool isBlocked;
        bool isDisproved;
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
    EnumerableSet.UintSet internal reserved; // slots accepted and perhaps not live yet
    EnumerableSet.UintSet internal audited; // slots with an audit, perhaps decided
    mapping(uint40 orderId => uint32) internal lastRound; // of its term
    mapping(uint32 contentId => Published) internal published;
    mapping(uint32 operatorId => Agents) internal agents;
    mapping(uint32 operatorId => mapping(uint32 round => bool)) internal cleanIn;
    mapping(uint32 operatorId => mapping(uint32 epoch => uint256)) internal lostHalves; // half-chunks
    mapping(uint32 operatorId => mapping(uint32 epoch => bool)) internal ejectedIn;
    mapping(uint32 operatorId => uint32) internal unsettled; // its first epoch that is perhaps not settled
    uint32 public nextToFreeze = 1;
    uint32 internal firstUnclaimed = 1; // epochs before it are claimed in full
    mapping(address => uint256) public donated;
    mapping(bytes32 action => uint256) public done; // how often each action went through
    uint256 public actions;
    uint256 public idle; // those in which nothing went through
    uint256 internal steps; // what went through, and times that it went by
    address[7] internal ledgers;

    UnrulyToken internal token;
    address internal blocked; // by the token; 0: nobody
    bool internal inHook;
    address private lastFrom; // of the last call made while the token calls back
    address private lastTarget;
    bytes private lastCall;

    /// @dev Every action leaves balances that are accounted for.
    modifier action() {
        uint256 before = steps;
        _;
        if (steps == before) _instead(uint256(keccak256(msg.data)));
        ++actions;
        if (steps == before) ++idle;
        _checkBalances();
    }

    function setUp() public virtual override {
        super.setUp();
        ledgers =
            [address(market), address(pool), address(operators), address(audits), address(oracle), address(retrieval), address(catalog)];
        string[7] memory names = ["Market", "Pool", "Operators", "Audits", "Oracle", "Retrieval", "Catalog"];
        for (uint256 i; i < ledgers.length; ++i) {
            vm.label(ledgers[i], names[i]);
        }
        for (uint256 i; i < 4; ++i) {
            _enlist(_register(600));
        }
        uint40[4] memory blocks = [ONE_BLOCK, 700, ONE_CHUNK * 3, ONE_CHUNK * 8]; // the second: a chunk and a part
        for (uint32 id = 1; id <= 4; ++id) {
            ICatalog.Commitment memory c = _newCommitment(id, blocks[id - 1]);
            _publish(c);
            (published[id].commitment, published[id].bond) = (c, PUBLISH_BOND);
        }
    }

    /// @dev What an action does when nothing of it went through.
    function _instead(uint256 r) internal virtual;

    function _newAsset() internal override returns (TestToken) {
        return token = new UnrulyToken(this);
    }

    function _enlist(uint32 op) internal {
        agents[op] = Agents(_owner(op), _prover(op), _payout(op), 0, 0);
    }

    /// @dev A content of one block is a lie: its file is another one than its possession tree says.
    function _newCommitment(uint32 contentId, uint40 blocks) internal pure returns (ICatalog.Commitment memory c) {
        c = _commitmentOf(contentId, blocks);
        if (blocks == ONE_BLOCK) c.filesRoot = sha256(abi.encode(_lieRow()));
    }

    function _lieRow() internal pure returns (ICatalog.FileRow memory) {
        return ICatalog.FileRow({piecesRoot: sha256("what is there"), firstBlock: 0, length: 13});
    }

    // ---- Equalities ----

    /// @dev H-ESC-1: every ledger, summed from what it is made of.
    function checkLedgers() external view {
        _checkBalances();
        assertEq(pool.scheduled(), _scheduled(), "scheduled = what slots will pay");
        _checkLedger(address(market), _deposits() + _scheduled());
        _checkLedger(address(pool), pool.treasuryBalance() + _unclaimed() + _keepersPay());
        uint256 stakes;
        uint256 credits = audits.credit(auditor);
        for (uint32 op = 1; op <= operators.count(); ++op) {
            stakes += operators.operator(op).stake;
            credits += audits.credit(agents[op].payout);
        }
        _checkLedger(address(operators), stakes);
        _checkLedger(address(audits), credits + _feesInFlight());
        _checkLedger(address(oracle), _bonds());
        _checkLedger(address(retrieval), _payersMoney());
        uint256 bonds;
        for (uint32 id = 1; id <= catalog.count(); ++id) {
            bonds += published[id].bond;
        }
        _checkLedger(address(catalog), bonds);
    }

    function _checkLedger(address ledger, uint256 parts) private view {
        uint256 accounted = ILedger(ledger).accounted();
        if (accounted != parts) assertEq(accounted, parts, string.concat(vm.getLabel(ledger), ": accounted = sum of its parts"));
    }

    function _checkBalances() private view {
        for (uint256 i; i < ledgers.length; ++i) {
            (uint256 balance, uint256 owed) = (asset.balanceOf(ledgers[i]), ILedger(ledgers[i]).accounted() + donated[ledgers[i]]);
            if (balance != owed) assertEq(balance, owed, string.concat(vm.getLabel(ledgers[i]), ": balance = accounted + donations"));
        }
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
            (uint256 reputation, uint256 reliability) = operators.standing(op);
            assertTrue(reputation <= WAD && reliability <= WAD, "reputation and reliability are at most 1");
        }
        _checkSamples();
    }

    /// @dev H-PROOF-1.
    function _checkSamples() private view {
        uint32 round = Round.unwrap(_now());
        for (uint32 op = 1; op <= operators.count(); ++op) {
            Agents storage a = agents[op];
            if (a.round == round) assertEq(keccak256(abi.encode(holdings.challenges(op))), a.sample, "a seeded round samples what it did");
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
        for (uint256 i; i < audited.length(); ++i) {
            (uint40 id, uint8 replica) = _slotAt(audited, i);
            IAudits.Audit memory a = audits.audit(id, replica);
            if (a.payer == address(0)) continue;
            sum += a.fee;
            uint32 e = Epoch.unwrap(a.due.epochOf());
            if (e >= from) ++pending[a.operatorId][e - from];
        }
        for (uint32 op = 1; op <= operators.count(); ++op) {
            for (uint32 i; i < 7; ++i) {
                assertEq(holdings.tally(op, Epoch.wrap(from + i)).audits, pending[op][i], "audits pending in an epoch");
            }
        }
    }

    function _reserved() private view returns (uint256[OPERATORS + 1] memory chunks, uint256[OPERATORS + 1] memory stakes) {
        uint32 epoch = Epoch.unwrap(_epoch());
        for (uint40 id = 1; id <= market.count(); ++id) {
            if (lastRound[id] / ROUNDS < epoch) continue;
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
        uint32 first = e * ROUNDS;
        for (uint256 i; i < tenures.length; ++i) {
            Tenure memory t = tenures[i];
            if (t.operatorId != op || t.liveFrom >= first + ROUNDS) continue;
            uint256 from = t.liveFrom > first ? t.liveFrom - first : 0;
            if (_roundsIn(first, t.dueUntil) > from) live |= (1 << _roundsIn(first, t.dueUntil)) - (1 << from);
            // Live at any time in the epoch; so is what was to be live in it and ended before, for its loss is part of t.
            bool neverLived = t.deadFrom == t.liveFrom && t.liveFrom >= first;
            if (t.deadFrom <= first && !neverLived) continue;
            plain.chunks += t.chunks;
            fees += t.fee * (_roundsIn(first, t.deadFrom) - from);
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

    /// @dev Rounds of the epoch that begins with `first` that are before `until`.
    function _roundsIn(uint32 first, uint32 until) private pure returns (uint256) {
        return until <= first ? 0 : until < first + ROUNDS ? until - first : ROUNDS;
    }

    // ---- The model follows the market's books ----

    /// @dev After anything that may begin or end a slot.
    function _sync(uint40 id, uint8 replica) internal {
        IMarket.Slot memory s = market.slot(id, replica);
        uint256 known = holder[id][replica];
        if (known != 0) {
            Tenure storage t = tenures[known - 1];
            if (s.operatorId == t.operatorId && Round.unwrap(s.acceptedIn) == t.acceptedIn) return;
            _ended(t, Round.unwrap(_now()) + 1, 0);
        }
        if (Round.unwrap(s.liveFrom) != 0) _begin(id, replica, s);
    }

    function _begin(uint40 id, uint8 replica, IMarket.Slot memory s) private {
        IMarket.Order memory o = market.order(id);
        uint256 chunks = _chunks(o.contentId);
        uint32 end = lastRound[id] + 1;
        tenures.push(
            Tenure({
                operatorId: s.operatorId,
                orderId: id,
                replica: replica,
                acceptedIn: Round.unwrap(s.acceptedIn),
                liveFrom: Round.unwrap(s.liveFrom),
                deadFrom: end,
                dueUntil: end,
                unpaidFrom: end,
                held: true,
                dead: false,
                lastEpoch: lastRound[id] / ROUNDS,
                contentId: o.contentId,
                entry: s.entry,
                chunks: uint32(chunks),
                fee: uint128(chunks * o.feePerChunkRound)
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
            if (t.deadFrom < t.dueUntil) t.dueUntil = t.deadFrom;
        }
    }

    /// @dev Early, dead from round `from` and nothing due from `idleFrom` on if that is later. What is settled or frozen stays paid.
    function _ended(Tenure storage t, uint32 from, uint32 idleFrom) internal {
        (t.held, t.dead) = (false, true);
        holder[t.orderId][t.replica] = 0;
        uint32 dead = from > t.liveFrom ? from : t.liveFrom;
        if (dead < t.deadFrom) t.deadFrom = dead;
        if (idleFrom < dead) idleFrom = dead;
        if (idleFrom < t.dueUntil) t.dueUntil = idleFrom;
        uint32 open = nextToFreeze > unsettled[t.operatorId] ? nextToFreeze : unsettled[t.operatorId];
        uint32 unpaid = dead > open * ROUNDS ? dead : open * ROUNDS;
        if (unpaid < t.unpaidFrom) t.unpaidFrom = unpaid;
        ++done["ended"];
    }

    // ---- Tools ----

    /// @dev Time goes by. To its last moment a round samples what it did when its seed came.
    function _goTo(Epoch epoch, uint32 n) internal {
        _checkSamples();
        _to(epoch, n);
        ++steps;
    }

    function _goOn() internal {
        _checkSamples();
        _next();
        ++steps;
    }

    /// @dev What the round under way samples of an operator.
    function _note(uint32 op, IHoldings.Challenge[] memory drawn) internal {
        (agents[op].round, agents[op].sample) = (Round.unwrap(_now()), keccak256(abi.encode(drawn)));
    }

    function _idOf(uint40 orderId, uint8 replica) internal pure returns (uint256) {
        return uint256(orderId) << 8 | replica;
    }

    function _slotAt(EnumerableSet.UintSet storage slots, uint256 i) internal view returns (uint40 orderId, uint8 replica) {
        return (uint40(slots.at(i) >> 8), uint8(slots.at(i)));
    }

    /// @dev One of the last slots that became live.
    function _recent(uint256 n) internal view returns (Tenure memory) {
        return tenures[tenures.length - 1 - n % tenures.length];
    }

    /// @dev Goes through, or is refused by an error that somebody names: an arithmetic error or a failed assertion is a bug wherever it comes up.
    function _try(bytes32 what, address from, address target, bytes memory call) internal returns (bool ok) {
        if (!inHook && token.mood() == UnrulyToken.Mood.Calling) (lastFrom, lastTarget, lastCall) = (from, target, call);
        bytes memory result;
        vm.prank(from);
        (ok, result) = target.call(call);
        if (ok) {
            ++done[what];
            ++steps;
        } else if (_isBug(result) && !_isDepositUndone(result)) {
            assertTrue(false, string.concat("a bug in ", string(abi.encodePacked(what)), " ", vm.toString(result)));
        }
    }

    /// @dev Goes through, unless the asset is in its way.
    function _must(bytes32 what, address from, address target, bytes memory call) internal returns (bool ok) {
        ok = _try(what, from, target, call);
        if (!ok) assertTrue(blocked != address(0) || token.mood() != UnrulyToken.Mood.Calm, string(abi.encodePacked(what)));
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

    /// @dev Choices are independent of each other, whatever numbers a fuzzer prefers.
    function _mix(uint256 r) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(r)));
    }

    function _pick(uint256 r, uint256 n) internal pure returns (uint256) {
        return (r & 0xff) % n;
    }
}
