// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {Epoch, K, Round, ROUNDS} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice H-PROOF-1, H-PROOF-2: what every round samples, against a list of everything that was ever added, walked from its beginning for each draw: no ring, no
/// copy, no stamp. The Market's part is played here, within what IHoldings requires of it, so that a sequence is as dense as can be.
contract DrawTest is BaseTest {
    uint256 private constant CONTENTS = 5;
    uint256 private constant TRIES = 128; // a draw and 127 redraws

    struct Held {
        uint32 contentId;
        uint32 addedIn;
        uint32 liveFrom;
        uint32 deadFrom; // 0: never
        uint32 last; // epoch
        uint32 index; // in its line
    }

    /// @dev What this round samples, laid end to end: lines in the order of their ends, each in the order things were added before this
    /// round, the dead and the pending among them.
    struct Plain {
        IHoldings.Challenge named;
        uint256 chunks;
        uint256 blocks;
    }

    uint32 private op;
    Held[] private helds;
    mapping(uint32 last => uint32) private lines; // entries in each
    mapping(uint32 round => bool) private cleanIn;
    uint32 private firstUnchecked = 1; // epoch
    uint256 private answered;
    uint256 private redrawn;
    uint256 private barren;
    uint256 private ejected;

    function setUp() public override {
        super.setUp();
        _register(1);
        op = _register(MOST_CAPACITY);
        _publish(ONE_BLOCK);
        _publish(700); // a chunk and a part
        _publish(ONE_CHUNK * 3);
        _publish(MANY_CHUNKS);
        _publish(GIB * 16);
    }

    /// forge-config: default.fuzz.runs = 16
    /// forge-config: deep.fuzz.runs = 512
    function testFuzz_HProof2_EveryRoundSamplesWhatThePlainListSays(uint256 seed) external {
        _walk(seed, 60);
    }

    /// The comparison says something only if everything is drawn: one long walk.
    function test_HProof2_RedrawsAndStampsHappen() external {
        _walk(3, 250);
        assertGt(answered, 100, "answered");
        assertGt(redrawn, 100, "redrawn");
        assertGt(barren, 10, "nothing live");
        assertGt(ejected, 1, "ejected");
    }

    function _walk(uint256 seed, uint256 steps) private {
        vm.pauseGasMetering();
        for (uint256 i; i < steps; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            _step(seed % 32, seed >> 8);
            // H-PROOF-1: whatever the step did, this round's sample is the one that the list gives for its beginning.
            _compare();
        }
    }

    function _step(uint256 kind, uint256 r) private {
        if (kind < 8) _add(r);
        else if (kind < 13) _end(r);
        else if (kind < 16) _pass(1);
        else if (kind < 17) _pass(r % 5 == 0 ? 17 * ROUNDS : r % (2 * ROUNDS));
        else if (kind < 18) _pass(ROUNDS - _now().index() - 1); // to the last round of the epoch
        else if (kind < 19) _ejectIfBad();
        else if (kind < 20) _unwind();
        else _passSeeded();
        if (kind > 19 && r % 3 != 0) _proveTheList();
    }

    // ---- What happens ----

    function _add(uint256 r) private {
        if (Round.unwrap(holdings.inventory(op).stamp) != 0) return;
        (uint32 round, uint32 epoch) = (Round.unwrap(_now()), Epoch.unwrap(_epoch()));
        // A renewal, of which there are never more chunks than of what they renew.
        (uint256 live,) = holdings.chunksNow(op);
        uint32 content = uint32((r >> 48) % CONTENTS + 1);
        bool renews = r % 4 == 0 && _pending() + _chunks(content) <= live;
        uint32 liveFrom = renews ? (epoch + 1) * ROUNDS : round + 1;
        uint32 last = epoch + uint32(r >> 8) % 13;
        if (last > epoch + 2 && r >> 40 & 1 == 0) last = epoch + 1; // most slots end soon
        if (last < liveFrom / ROUNDS) last = liveFrom / ROUNDS;
        uint40 order = uint40(helds.length + 1);
        vm.prank(address(market));
        assertEq(holdings.add(op, content, order, uint8(r >> 56), Round.wrap(liveFrom), Epoch.wrap(last)), lines[last]);
        helds.push(Held(content, round, liveFrom, 0, last, lines[last]++));
    }

    function _pending() private view returns (uint256 chunks) {
        for (uint256 i; i < helds.length; ++i) {
            if (helds[i].deadFrom == 0 && helds[i].liveFrom / ROUNDS > Epoch.unwrap(_epoch())) chunks += _chunks(helds[i].contentId);
        }
    }

    function _end(uint256 r) private {
        if (helds.length == 0 || Round.unwrap(holdings.inventory(op).stamp) != 0) return;
        // The big ones first, so that most of what is drawn is dead.
        for (uint256 i; i < 8; ++i) {
            Held storage h = helds[helds.length - 1 - (r >> i) % (helds.length < 8 ? helds.length : 8)];
            if (h.deadFrom != 0 || h.last < Epoch.unwrap(_epoch()) || (h.contentId < 4 && i < 6)) continue;
            h.deadFrom = Round.unwrap(_now()) + 1;
            (Epoch epoch, uint256 lostHalves) = (_epoch(), 2 * _chunks(h.contentId));
            vm.prank(address(market));
            holdings.end(op, Epoch.wrap(h.last), h.index, epoch, lostHalves);
            return;
        }
    }

    function _pass(uint256 rounds) private {
        if (rounds == 0) return;
        _to(_now().addRounds(uint32(rounds)));
        _checkIdle();
    }

    function _passSeeded() private {
        _nextSeeded();
        _checkIdle();
    }

    /// @dev Only what the list says is sent, and it is accepted.
    function _proveTheList() private {
        IHoldings.Challenge[] memory drawn = _plainDraws();
        if (drawn.length == 0) return;
        bytes memory proof;
        for (uint256 i; i < drawn.length; ++i) {
            proof = bytes.concat(proof, bytes4(drawn[i].entry));
            if (drawn[i].answer) proof = bytes.concat(proof, _wordOf(drawn[i].contentId, drawn[i].leaf));
        }
        bool whole = _answers(drawn) == K;
        vm.prank(_prover(op));
        if (!whole) vm.expectPartialRevert(IHoldings.Holdings_NothingLive.selector);
        holdings.prove(op, proof);
        if (whole) cleanIn[Round.unwrap(_now())] = true;
    }

    /// @dev Seven seeded rounds of silence first. Part of a day's changes may come before or after.
    function _ejectIfBad() private {
        if (Round.unwrap(holdings.inventory(op).stamp) != 0) return;
        for (uint256 i; i < 8; ++i) {
            _passSeeded();
        }
        _checkBadInARow();
        if (holdings.badInARow(op) < 7) return;
        audits.eject(op);
        ++ejected;
    }

    function _unwind() private {
        uint32 stamp = Round.unwrap(holdings.inventory(op).stamp);
        if (stamp == 0) return;
        for (uint256 i; i < helds.length; ++i) {
            Held storage h = helds[i];
            if (h.deadFrom != 0 || h.last < stamp / ROUNDS) continue;
            h.deadFrom = stamp + 1;
            vm.prank(address(market));
            holdings.unwind(op, Epoch.wrap(h.last), h.index);
        }
        assertEq(Round.unwrap(holdings.inventory(op).stamp), 0, "the last one lifts the stamp");
    }

    function _answers(IHoldings.Challenge[] memory drawn) private pure returns (uint256 n) {
        for (uint256 i; i < drawn.length; ++i) {
            if (drawn[i].answer) ++n;
        }
    }

    // ---- The plain list ----

    function _compare() private {
        if (beacon.seed(_now()) == 0) {
            assertEq(holdings.challenges(op).length, 0, "no seed, no draws");
            return;
        }
        (uint256 a, uint256 r, uint256 b) = this.compareDraws();
        (answered, redrawn, barren) = (answered + a, redrawn + r, barren + b);
    }

    /// @dev A call of its own, whose memory is given back.
    function compareDraws() external view returns (uint256 answered_, uint256 redrawn_, uint256 barren_) {
        IHoldings.Challenge[] memory drawn = holdings.challenges(op);
        IHoldings.Challenge[] memory plain = _plainDraws();
        assertEq(drawn.length, plain.length, "draws");
        uint256 tries;
        for (uint256 i; i < plain.length; ++i) {
            assertEq(keccak256(abi.encode(drawn[i])), keccak256(abi.encode(plain[i])), "what is drawn");
            ++tries;
            if (plain[i].answer) (answered_, redrawn_, tries) = (answered_ + 1, redrawn_ + tries - 1, 0);
            else if (tries == TRIES) (barren_, tries) = (barren_ + 1, 0);
        }
    }

    function _plainDraws() private view returns (IHoldings.Challenge[] memory drawn) {
        uint32 round = Round.unwrap(_now());
        uint32 stamp = Round.unwrap(holdings.inventory(op).stamp);
        if (stamp != 0 && stamp < round) return drawn;
        (Plain[] memory list, uint256 total) = _plainList(round);
        if (total == 0) return drawn;
        bytes32 seed = beacon.seed(_now());
        drawn = new IHoldings.Challenge[](K * TRIES);
        uint256 n;
        for (uint256 k; k < K; ++k) {
            for (uint256 attempt; attempt < TRIES; ++attempt) {
                bytes32 h = keccak256(abi.encode(seed, op, k, attempt));
                drawn[n] = _plainDraw(list, h, uint256(h) % total);
                if (drawn[n++].answer) break;
            }
        }
        assembly ("memory-safe") {
            mstore(drawn, n)
        }
    }

    function _plainList(uint32 round) private view returns (Plain[] memory list, uint256 total) {
        list = new Plain[](helds.length);
        uint256 n;
        for (uint32 last = round / ROUNDS; last < round / ROUNDS + 14; ++last) {
            for (uint256 i; i < helds.length; ++i) {
                Held memory e = helds[i];
                if (e.last != last || !_isSampled(e, round)) continue;
                Plain memory p = list[n++];
                (p.chunks, p.blocks) = (_chunks(e.contentId), catalog.content(e.contentId).blocks);
                total += p.chunks;
                p.named.replica = holdings.entry(op, Epoch.wrap(last), e.index).replica;
                (p.named.entry, p.named.last, p.named.contentId) = (e.index, Epoch.wrap(last), e.contentId);
                (p.named.orderId, p.named.answer) = (uint40(i + 1), _isLive(e, round));
            }
        }
    }

    function _plainDraw(Plain[] memory list, bytes32 h, uint256 x) private pure returns (IHoldings.Challenge memory c) {
        uint256 i;
        for (; x >= list[i].chunks; ++i) {
            x -= list[i].chunks;
        }
        IHoldings.Challenge memory named = list[i].named;
        (c.entry, c.last, c.contentId) = (named.entry, named.last, named.contentId);
        (c.orderId, c.replica, c.answer) = (named.orderId, named.replica, named.answer);
        if (!c.answer) return c;
        uint256 left = list[i].blocks - x * 512;
        uint256 words = (left < 512 ? left : 512) * 512; // of the chunk's real blocks
        c.leaf = uint64(x * 512 * 512 + uint256(keccak256(abi.encode(h))) % words);
    }

    function _isSampled(Held memory h, uint32 round) private pure returns (bool) {
        return h.addedIn < round && h.last >= round / ROUNDS;
    }

    function _isLive(Held memory h, uint32 round) private pure returns (bool) {
        return h.liveFrom <= round && h.last >= round / ROUNDS && (h.deadFrom == 0 || round < h.deadFrom);
    }

    function _isAnyLive(uint32 round) private view returns (bool) {
        uint32 stamp = Round.unwrap(holdings.inventory(op).stamp);
        if (stamp != 0 && stamp < round) return false;
        for (uint256 i; i < helds.length; ++i) {
            if (_isLive(helds[i], round)) return true;
        }
        return false;
    }

    /// @dev Whether not everything that was live in a round was lost in it.
    function _isAnyLeft(uint32 round) private view returns (bool) {
        for (uint256 i; i < helds.length; ++i) {
            if (_isLive(helds[i], round) && helds[i].deadFrom != round + 1) return true;
        }
        return false;
    }

    /// @dev H-PROOF-3: of every epoch that ended and had something live, which rounds had nothing, and which were proven.
    function _checkIdle() private {
        for (; firstUnchecked < Epoch.unwrap(_epoch()); ++firstUnchecked) {
            IHoldings.Tally memory t = holdings.tally(op, Epoch.wrap(firstUnchecked));
            uint256 idle;
            uint256 clean;
            for (uint32 i; i < ROUNDS; ++i) {
                uint32 round = firstUnchecked * ROUNDS + i;
                if (!_isAnyLive(round)) idle |= 1 << i;
                if (cleanIn[round]) clean |= 1 << i;
            }
            if (idle != 2 ** ROUNDS - 1) assertEq(t.idle, idle, "idle");
            assertEq(t.clean, clean, "clean");
        }
    }

    /// @dev Seeded rounds since the last clean one. A time with nothing live, or the loss of everything, may end the row or be passed over, a void round never ends it.
    function _checkBadInARow() private view {
        uint32 round = Round.unwrap(_now());
        uint256 bad = holdings.badInARow(op);
        uint256 strict;
        uint256 lax;
        if (cleanIn[round]) return assertEq(bad, 0, "proven in the round under way");
        bool gap = !_isAnyLive(round);
        for (uint32 r = round; r > (round / ROUNDS - 1) * ROUNDS;) {
            if (cleanIn[--r]) break;
            bool live = _isAnyLive(r);
            gap = gap || !_isAnyLeft(r);
            if (!live || beacon.seed(Round.wrap(r)) == 0) continue;
            ++lax;
            if (!gap) ++strict;
        }
        assertGe(bad, strict, "bad rounds in a row, at least");
        assertLe(bad, lax, "bad rounds in a row, at most");
    }
}
