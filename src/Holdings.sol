// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MerkleWords} from "../lib/bep52/MerkleWords.sol";
import {Deployment} from "./Deployment.sol";
import {IBeacon} from "./interfaces/IBeacon.sol";
import {ICatalog} from "./interfaces/ICatalog.sol";
import {IHoldings} from "./interfaces/IHoldings.sol";
import {IOperators} from "./interfaces/IOperators.sol";
import {Clock} from "./libraries/Clock.sol";
import {Draw} from "./libraries/Draw.sol";
import {Lanes} from "./libraries/Lanes.sol";
import {Epoch, K, Round, ROUNDS} from "./Types.sol";

/// @title Holdings
/// @notice See IHoldings. Nobody has a role here.
contract Holdings is IHoldings, Clock {
    using Lanes for Lanes.Ring;

    /// @notice Non-void rounds in a row without a clean one after which an operator can be ejected.
    uint256 public constant BAD_ROUNDS = 7;

    uint32 private constant ALL_ROUNDS = uint32((1 << ROUNDS) - 1);

    /// @dev What the draws of one operator's round pick from.
    struct Sample {
        uint32 operatorId;
        Round round;
        bytes32 seed;
        Lanes.Ring ring;
        uint256 total; // chunks, the dead and pending ones included
    }

    /// @dev No array: an index beyond its end finds an empty entry, which no chunk is in, without a read of the length.
    struct Line {
        uint32 length;
        mapping(uint256 index => Entry) entries;
    }

    IBeacon public immutable BEACON;
    ICatalog public immutable CATALOG;
    IOperators public immutable OPERATORS;
    address public immutable MARKET;
    address public immutable AUDITS;

    mapping(uint32 operatorId => Inventory) private _inventories;
    /// @dev Two, taken in turns: `ring` of the inventory says which one is in force. The other one is what it was before the last round in
    /// which it changed.
    mapping(uint32 operatorId => Lanes.Ring[2]) private _rings;
    mapping(uint32 operatorId => Lanes.Ring) private _deadRings;
    mapping(uint32 operatorId => mapping(Epoch last => Line)) private _lines;
    mapping(uint32 operatorId => mapping(Epoch epoch => Tally)) private _tallies;
    /// @dev Through which epoch an operator holds some data, eight neighbours in a slot: contents published one after the other are often
    /// held together, and a slot written again costs 17,000 gas less than a new one.
    mapping(uint32 operatorId => mapping(uint256 eight => Epoch[8])) private _holds;

    modifier only(address caller) {
        if (msg.sender != caller) revert Holdings_Unauthorized(msg.sender);
        _;
    }

    constructor(Deployment memory d) Clock(d.genesis, d.roundLength) {
        BEACON = IBeacon(d.beacon);
        CATALOG = ICatalog(d.catalog);
        OPERATORS = IOperators(d.operators);
        (MARKET, AUDITS) = (d.market, d.audits);
    }

    // ---- Proving ----

    function prove(uint32 operatorId, bytes calldata proof) external {
        OPERATORS.requireAgent(operatorId, msg.sender);
        Sample memory s = _sample(operatorId);
        if (s.seed == 0) revert Holdings_NoSeed(s.round);
        if (s.total == 0) revert Holdings_NothingHeld(operatorId, s.round);

        uint256 cursor;
        for (uint256 k; k < K; ++k) {
            cursor = _answer(s, k, proof, cursor);
        }
        if (cursor != proof.length) revert Holdings_WrongProofLength(proof.length, cursor);
        _tallies[operatorId][s.round.epochOf()].clean |= uint32(1 << s.round.index());
        emit Proven(operatorId, s.round);
    }

    /// @dev One challenge of a round: draws until one hits something live. What died is no way not to prove: none is waived for that. What the
    /// curator blocked may be gone in the round already, and later, at the end of all draws, keeps nobody from proving the rest.
    function _answer(Sample memory s, uint256 k, bytes calldata proof, uint256 cursor) private view returns (uint256) {
        for (uint256 attempt; attempt < Draw.ATTEMPTS; ++attempt) {
            (bytes32 h, Epoch last, uint256 chunk) = _draw(s, k, attempt);
            Entry memory e = _named(s.operatorId, last, k, chunk, proof, cursor);
            cursor += 4;
            (bytes32 dataRoot, bool live, bool isBlocked) = _standing(e, s.round);
            if (isBlocked && (live || attempt == Draw.ATTEMPTS - 1)) return cursor;
            if (!live) continue;
            uint256 leaf = Draw.word(h, chunk - e.start, e.chunks, e.tailBlocks);
            bytes32 root;
            (root, cursor) = MerkleWords.rootOf(proof, cursor, leaf, e.depth);
            if (root != dataRoot) revert Holdings_WrongProof(k, e.contentId, leaf);
            return cursor;
        }
        revert Holdings_NothingLive(s.operatorId, k);
    }

    /// @dev The entry that stands at `cursor`, which must be the one that holds `chunk`.
    function _named(uint32 operatorId, Epoch last, uint256 k, uint256 chunk, bytes calldata proof, uint256 cursor)
        private
        view
        returns (Entry memory e)
    {
        if (cursor + 4 > proof.length) revert Holdings_WrongProofLength(proof.length, cursor + 4);
        uint256 index = uint32(bytes4(proof[cursor:cursor + 4]));
        e = _lines[operatorId][last].entries[index];
        if (chunk < e.start || chunk >= uint256(e.start) + e.chunks) revert Holdings_WrongEntry(k, chunk, index);
    }

    function requireWords(uint32 contentId, bytes32 seed, bytes calldata proof) external view returns (uint256 chunks) {
        (uint256 blocks, bytes32 dataRoot) = CATALOG.tree(contentId);
        uint256 tailBlocks;
        uint256 depth;
        (chunks, tailBlocks, depth) = Draw.shape(blocks);
        uint256 cursor;
        for (uint256 k; k < K; ++k) {
            bytes32 h = Draw.hash(seed, 0, k, 0);
            uint256 leaf = Draw.word(h, uint256(h) % chunks, chunks, tailBlocks);
            bytes32 root;
            (root, cursor) = MerkleWords.rootOf(proof, cursor, leaf, depth);
            if (root != dataRoot) revert Holdings_WrongProof(k, contentId, leaf);
        }
        if (cursor != proof.length) revert Holdings_WrongProofLength(proof.length, cursor);
    }

    // ---- What is held ----

    function claimContent(uint32 operatorId, uint32 contentId, uint256 chunks, Epoch from, Epoch through) external only(MARKET) {
        (Round stamp, Epoch deadWritten) = (_inventories[operatorId].stamp, _inventories[operatorId].deadWritten);
        if (Round.unwrap(stamp) != 0) revert Holdings_Stamped(operatorId, stamp);
        if (Epoch.unwrap(deadWritten) != 0) {
            // Else a stolen prover's key could lose an operator's stake round after round. What is lost before it began counts in the next
            // epoch.
            Epoch epoch = currentEpoch();
            Tally memory t = _tallies[operatorId][epoch];
            uint256 lost = uint256(t.lostHalves) + _tallies[operatorId][epoch.addEpochs(1)].lostHalves;
            (uint256 live,) = chunksNow(operatorId);
            if (t.ejected || lost > live + chunks) revert Holdings_TooMuchLost(operatorId, lost, live + chunks);
        }
        (Epoch[8] storage holds, uint256 place) = _hold(operatorId, contentId);
        Epoch held = holds[place];
        if (held >= from) revert Holdings_ContentHeld(operatorId, contentId, held);
        holds[place] = through;
    }

    function unclaimContent(uint32 operatorId, uint32 contentId, Epoch from, Epoch through) external only(MARKET) {
        (Epoch[8] storage holds, uint256 place) = _hold(operatorId, contentId);
        // A renewal may already reach further, or this may be the renewal of a slot that runs until `from`.
        if (holds[place] == through) holds[place] = Epoch.wrap(Epoch.unwrap(from) - 1);
    }

    function add(uint32 operatorId, uint32 contentId, uint40 orderId, uint8 replica, Round liveFrom, Epoch last)
        external
        only(MARKET)
        returns (uint32 index)
    {
        (uint256 blocks,) = CATALOG.tree(contentId);
        Line storage line = _lines[operatorId][last];
        index = line.length++;
        Entry storage e = line.entries[index];
        // In parts, each written at once: the compiler writes a struct of this many fields field by field.
        (e.orderId, e.contentId, e.liveFrom, e.replica) = (orderId, contentId, liveFrom, replica);
        _place(operatorId, last, e, blocks, liveFrom);
    }

    /// @dev Where an entry stands in its line, and the shape of its content.
    function _place(uint32 operatorId, Epoch last, Entry storage e, uint256 blocks, Round liveFrom) private {
        (uint256 chunks, uint256 tailBlocks, uint256 depth) = Draw.shape(blocks);
        uint40 start = _extend(operatorId, last, uint32(chunks), liveFrom);
        (e.start, e.chunks) = (start, uint32(chunks));
        (e.tailBlocks, e.depth) = (uint16(tailBlocks), uint8(depth));
    }

    /// @dev Makes the line of `last` longer by `chunks` that are live from `liveFrom`.
    /// @return start Where they begin.
    function _extend(uint32 operatorId, Epoch last, uint32 chunks, Round liveFrom) private returns (uint40 start) {
        Inventory memory inv = _unstamped(operatorId);
        Inventory storage stored = _inventories[operatorId];
        Round now_ = currentRound();
        Lanes.Ring memory ring = _rings[operatorId][inv.ring];
        ring.clean(now_.epochOf(), inv.written);
        if (inv.changedIn != now_) {
            // What this round samples stays what it was when the round began (H-PROOF-1).
            if (inv.written != now_.epochOf()) _rings[operatorId][inv.ring] = ring;
            inv.ring = 1 - inv.ring;
        }
        if (liveFrom == now_.addRounds(1) && _liveAt(operatorId, inv, ring, liveFrom) == 0) {
            Tally storage t = _tallies[operatorId][liveFrom.epochOf()];
            t.idle = (t.idle == 0 ? ALL_ROUNDS : t.idle) & uint32((1 << liveFrom.index()) - 1);
            // What ends with the round under way and is followed by this at once leaves no gap.
            if (_liveAt(operatorId, inv, ring, now_) == 0) stored.liveSince = liveFrom;
        }
        if (liveFrom.epochOf() > now_.epochOf()) {
            // In the ring now, live from the next epoch. At most an operator's capacity, below 2^21.
            uint24 pending = inv.pendingFrom == liveFrom.epochOf() ? inv.pendingChunks : 0;
            (stored.pendingFrom, stored.pendingChunks) = (liveFrom.epochOf(), pending + uint24(chunks));
        }
        if (inv.pendingFrom > now_.epochOf() && last >= inv.pendingFrom) _tallies[operatorId][inv.pendingFrom].idle = 0;
        start = uint40(ring.get(last));
        if (start + chunks > type(uint32).max) revert Holdings_LineFull(operatorId, last);
        ring.add(last, chunks);
        _rings[operatorId][inv.ring] = ring;
        (stored.changedIn, stored.written, stored.ring) = (now_, now_.epochOf(), inv.ring);
    }

    function end(uint32 operatorId, Epoch last, uint32 index, Epoch countIn, uint256 lostHalves) external only(MARKET) {
        if (currentEpoch() <= last) _bury(operatorId, _unstamped(operatorId), last, index, currentRound().addRounds(1));
        _tallies[operatorId][countIn].lostHalves += uint48(lostHalves);
    }

    /// @dev Takes an entry of a line that has not ended out of what is live, from `deadFrom` on, which may lie behind.
    function _bury(uint32 operatorId, Inventory memory inv, Epoch last, uint32 index, Round deadFrom) private {
        Entry storage e = _lines[operatorId][last].entries[index];
        Round now_ = currentRound();
        if (e.liveFrom.epochOf() > now_.epochOf()) inv.pendingChunks -= uint24(e.chunks);
        e.deadFrom = deadFrom;
        Lanes.Ring memory dead = _dead(operatorId, inv, now_.epochOf());
        dead.add(last, e.chunks);
        _deadRings[operatorId] = dead;
        inv.deadWritten = now_.epochOf();

        Round idleFrom = deadFrom > now_ ? deadFrom : now_;
        Lanes.Ring memory ring = _rings[operatorId][inv.ring];
        ring.clean(idleFrom.epochOf(), inv.written);
        if (_liveAt(operatorId, inv, ring, idleFrom) == 0) {
            _setIdle(operatorId, idleFrom);
            // What is pending begins after a gap.
            if (inv.pendingFrom > idleFrom.epochOf()) inv.liveSince = inv.pendingFrom.first();
        }
        _inventories[operatorId] = inv;
        // What was to begin with the next epoch counts there even if it does not (EpochSchedule): with nothing due, if nothing else is left.
        Round next = inv.pendingFrom.first();
        if (inv.pendingFrom > now_.epochOf() && _liveAt(operatorId, inv, ring, next) == 0) _setIdle(operatorId, next);
    }

    function noteAudit(uint32 operatorId, Epoch last, uint32 index, Epoch due, bool opened) external only(AUDITS) {
        // Under an ejection it stays said: what was disproved while it was audited is lost with the rest.
        if (opened || !_ends(_inventories[operatorId].stamp, last)) _lines[operatorId][last].entries[index].audited = opened;
        Tally storage t = _tallies[operatorId][due];
        t.audits = opened ? t.audits + 1 : t.audits - 1;
    }

    function eject(uint32 operatorId) external only(AUDITS) returns (Round stamp) {
        Inventory memory inv = _unstamped(operatorId);
        uint256 bad = badInARow(operatorId);
        if (bad < BAD_ROUNDS) revert Holdings_NotEjectable(operatorId, bad);
        stamp = currentRound();
        Epoch epoch = stamp.epochOf();
        Lanes.Ring memory ring = _rings[operatorId][inv.ring];
        ring.clean(epoch, inv.written);
        uint256 held = ring.sum() - _dead(operatorId, inv, epoch).sum();
        // Everything that has not ended is dead from the next round on; `unwind` says so entry by entry before anything is added again.
        _deadRings[operatorId] = ring;
        (inv.deadWritten, inv.pendingChunks, inv.stamp, inv.stampedChunks) = (inv.written, 0, stamp, uint32(held));
        _inventories[operatorId] = inv;
        _tallies[operatorId][epoch].ejected = true;
        _setIdle(operatorId, stamp.addRounds(1));
        if (inv.pendingFrom > epoch) _setIdle(operatorId, inv.pendingFrom.first()); // of what was to begin, nothing will
        emit Ejected(operatorId, stamp, held);
    }

    function unwind(uint32 operatorId, Epoch last, uint32 index) external only(MARKET) returns (Round deadFrom, bool lost) {
        Inventory memory inv = _inventories[operatorId];
        Entry storage e = _lines[operatorId][last].entries[index];
        (, Round stamp, bool isBlocked) = CATALOG.sampled(e.contentId);
        (bool withdrawn, bool ejected) = (_ends(stamp, last), _ends(inv.stamp, last));
        // A publisher's friend cannot end an audit by disproving what is audited.
        bool answerable = e.audited && !isBlocked;
        // A content's stamp ends the slot without fault, unless an ejection did first.
        lost = ejected && (!withdrawn || inv.stamp <= stamp || answerable);
        if (Round.unwrap(e.deadFrom) != 0 || !(withdrawn || lost)) revert Holdings_NotStamped(operatorId, last, index);
        if (!lost && answerable) revert Holdings_AuditPending(operatorId, last, index);
        deadFrom = (lost ? inv.stamp : stamp).addRounds(1);

        if (!ejected) {
            if (currentEpoch() <= last) _bury(operatorId, inv, last, index, deadFrom);
            return (deadFrom, lost);
        }
        e.deadFrom = deadFrom;
        inv.stampedChunks -= e.chunks;
        if (inv.stampedChunks == 0) {
            inv.stamp = Round.wrap(0);
            emit Unstamped(operatorId);
        }
        _inventories[operatorId] = inv;
    }

    // ---- Views ----

    function wordsOf(uint32 contentId, bytes32 seed) external view returns (uint64[] memory leaves) {
        (uint256 blocks,) = CATALOG.tree(contentId);
        (uint256 chunks, uint256 tailBlocks,) = Draw.shape(blocks);
        leaves = new uint64[](K);
        for (uint256 k; k < K; ++k) {
            bytes32 h = Draw.hash(seed, 0, k, 0);
            leaves[k] = uint64(Draw.word(h, uint256(h) % chunks, chunks, tailBlocks));
        }
    }

    function challenges(uint32 operatorId) external view returns (Challenge[] memory drawn) {
        Sample memory s = _sample(operatorId);
        drawn = new Challenge[](K * Draw.ATTEMPTS);
        uint256 n;
        for (uint256 k; k < K && s.seed != 0 && s.total != 0; ++k) {
            for (uint256 attempt; attempt < Draw.ATTEMPTS; ++attempt) {
                drawn[n] = _challenge(s, k, attempt);
                n++;
                if (drawn[n - 1].answer || drawn[n - 1].passed) break;
            }
        }
        assembly ("memory-safe") {
            mstore(drawn, n) // n is at most the length allocated
        }
    }

    function _challenge(Sample memory s, uint256 k, uint256 attempt) private view returns (Challenge memory c) {
        (bytes32 h, Epoch last, uint256 chunk) = _draw(s, k, attempt);
        (c.last, c.entry) = (last, _find(_lines[s.operatorId][last], chunk));
        Entry memory e = _lines[s.operatorId][last].entries[c.entry];
        (c.contentId, c.orderId, c.replica) = (e.contentId, e.orderId, e.replica);
        (, bool live, bool isBlocked) = _standing(e, s.round);
        (c.passed, c.answer) = (isBlocked && (live || attempt == Draw.ATTEMPTS - 1), live && !isBlocked);
        if (c.answer) c.leaf = uint64(Draw.word(h, chunk - e.start, e.chunks, e.tailBlocks));
    }

    function inventory(uint32 operatorId) external view returns (Inventory memory) {
        return _inventories[operatorId];
    }

    function entry(uint32 operatorId, Epoch last, uint32 index) external view returns (Entry memory) {
        return _lines[operatorId][last].entries[index];
    }

    function tally(uint32 operatorId, Epoch epoch) external view returns (Tally memory) {
        return _tallies[operatorId][epoch];
    }

    function settling(uint32 operatorId, Epoch epoch) external view returns (Tally memory t, Round stamp) {
        t = _tallies[operatorId][epoch];
        if (t.ejected) stamp = _inventories[operatorId].stamp;
    }

    function isClean(uint32 operatorId, Round round) external view returns (bool) {
        return _tallies[operatorId][round.epochOf()].clean >> round.index() & 1 != 0;
    }

    function chunksNow(uint32 operatorId) public view returns (uint256 live, uint256 dead) {
        Inventory memory inv = _inventories[operatorId];
        Round now_ = currentRound();
        Lanes.Ring memory ring = _rings[operatorId][inv.ring];
        ring.clean(now_.epochOf(), inv.written);
        dead = _dead(operatorId, inv, now_.epochOf()).sum();
        live = _liveAt(operatorId, inv, ring, now_);
    }

    /// @inheritdoc IHoldings
    /// @dev Nobody reports a missed round (H-PROOF-3). Looks at the epoch under way and the one before it: sixty rounds hold any seven in a
    /// row but after a month of void ones.
    function badInARow(uint32 operatorId) public view returns (uint256 bad) {
        Inventory memory inv = _inventories[operatorId];
        Round now_ = currentRound();
        (uint256 live,) = chunksNow(operatorId);
        if (live == 0) return 0;
        Epoch epoch = now_.epochOf();
        Epoch before = Epoch.wrap(Epoch.unwrap(epoch) - 1);
        Tally memory a = _tallies[operatorId][before];
        Tally memory b = _tallies[operatorId][epoch];
        // Bit i is round i of the sixty; rounds not ended, idle or before `liveSince` are not due.
        uint256 due = BEACON.seededMask(before) & ~uint256(a.idle) | (BEACON.seededMask(epoch) & ~uint256(b.idle)) << ROUNDS;
        due &= (1 << (ROUNDS + now_.index())) - 1;
        if (inv.liveSince > before.first()) {
            due &= type(uint256).max << (Round.unwrap(inv.liveSince) - Round.unwrap(before.first()));
        }
        uint256 clean = uint256(a.clean) | uint256(b.clean) << ROUNDS;
        if (clean >> (ROUNDS + now_.index()) & 1 != 0) return 0; // back in the round under way
        for (uint256 bit = 1 << (2 * ROUNDS - 1); bit != 0; bit >>= 1) {
            if (due & bit == 0) continue;
            if (clean & bit != 0) break;
            ++bad;
        }
    }

    // ---- Internals ----

    /// @dev What draws of the round under way sample: the ring as it was when the round began.
    function _sample(uint32 operatorId) private view returns (Sample memory s) {
        (s.operatorId, s.round) = (operatorId, currentRound());
        s.seed = BEACON.seed(s.round);
        Inventory memory inv = _inventories[operatorId];
        if (Round.unwrap(inv.stamp) != 0 && inv.stamp < s.round) return s;
        if (inv.changedIn == s.round) {
            s.ring = _rings[operatorId][1 - inv.ring];
        } else {
            s.ring = _rings[operatorId][inv.ring];
            s.ring.clean(s.round.epochOf(), inv.written);
        }
        s.total = s.ring.sum();
    }

    function _draw(Sample memory s, uint256 k, uint256 attempt) private pure returns (bytes32 h, Epoch last, uint256 chunk) {
        h = Draw.hash(s.seed, s.operatorId, k, attempt);
        (last, chunk) = Draw.locate(s.ring, s.round.epochOf(), uint256(h) % s.total);
    }

    /// @dev Contents of the same data have one place.
    function _hold(uint32 operatorId, uint32 contentId) private view returns (Epoch[8] storage holds, uint256 place) {
        uint256 dataId = CATALOG.dataId(contentId);
        return (_holds[operatorId][dataId / 8], dataId % 8);
    }

    function _unstamped(uint32 operatorId) private view returns (Inventory memory inv) {
        inv = _inventories[operatorId];
        if (Round.unwrap(inv.stamp) != 0) revert Holdings_Stamped(operatorId, inv.stamp);
    }

    /// @dev Whether a stamp ends what lives to the end of `last`.
    function _ends(Round stamp, Epoch last) private pure returns (bool) {
        return Round.unwrap(stamp) != 0 && stamp.epochOf() <= last;
    }

    /// @dev Whether an entry is live in a round that is not to come, and what its content is: blocked and live means blocked in that round.
    function _standing(Entry memory e, Round round) private view returns (bytes32 dataRoot, bool live, bool isBlocked) {
        Round stamp;
        (dataRoot, stamp, isBlocked) = CATALOG.sampled(e.contentId);
        live = e.liveFrom <= round && (Round.unwrap(e.deadFrom) == 0 || round < e.deadFrom);
        if (Round.unwrap(stamp) != 0 && stamp < round) live = false;
    }

    /// @dev Chunks live in `round`, the one under way or the next, with `ring` cleaned for the epoch under way.
    function _liveAt(uint32 operatorId, Inventory memory inv, Lanes.Ring memory ring, Round round) private view returns (uint256 live) {
        Epoch epoch = round.epochOf();
        Lanes.Ring memory rest = Lanes.Ring(ring.low, ring.high);
        rest.clean(epoch, inv.written);
        live = rest.sum() - _dead(operatorId, inv, epoch).sum();
        if (epoch < inv.pendingFrom) live -= inv.pendingChunks;
    }

    /// @dev The dead chunks of lines ending in `epoch` or later.
    function _dead(uint32 operatorId, Inventory memory inv, Epoch epoch) private view returns (Lanes.Ring memory ring) {
        if (Epoch.unwrap(inv.deadWritten) == 0) return ring;
        ring = _deadRings[operatorId];
        ring.clean(epoch, inv.deadWritten);
    }

    /// @dev Nothing is live from `round` to the end of its epoch, unless something is added.
    function _setIdle(uint32 operatorId, Round round) private {
        _tallies[operatorId][round.epochOf()].idle |= ALL_ROUNDS & ~uint32((1 << round.index()) - 1);
    }

    /// @dev Binary search: the entry that holds `chunk`. Entries of a line follow each other without gaps.
    function _find(Line storage line, uint256 chunk) private view returns (uint32) {
        (uint256 low, uint256 high) = (0, line.length);
        while (high - low > 1) {
            uint256 middle = (low + high) / 2;
            if (line.entries[middle].start <= chunk) low = middle;
            else high = middle;
        }
        return uint32(low);
    }
}
