// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {Epoch, K, Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

contract HoldingsViewsTest is BaseTest {
    uint32 private op;

    function setUp() public override {
        super.setUp();
        op = _register(1000);
    }

    function test_ChunksNow() external {
        _expectChunks(0, 0);
        _hold(op, _publish(ONE_CHUNK), 2); // until round 89
        uint40 lost = _hold(op, _publish(ONE_CHUNK * 3), 1); // until round 59
        _expectChunks(4, 0);
        _reportLoss(lost, 0);
        _expectChunks(1, 3);
        _to(Round.wrap(60));
        _expectChunks(1, 0);
        _to(Round.wrap(90));
        _expectChunks(0, 0);
    }

    function test_HRand2_BadInARow() external {
        _expectBad(0);
        _hold(op, _publish(ONE_CHUNK), 3); // live from round 32
        _expectBad(0);
        _seed();
        _expectBad(0); // the round under way can still be proven
        _next();
        _expectBad(1);
        _to(Round.wrap(36)); // 33 to 35 void
        _expectBad(1);
        _seed();
        _prove(op);
        _expectBad(0); // it is back
        _next();
        _expectBad(0);
        _to(Round.wrap(57));
        _idleTo(Round.wrap(62)); // over the end of an epoch
        _expectBad(5);
        _to(Round.wrap(89));
        _expectBad(5);
        _to(Round.wrap(120)); // the order is over
        _expectBad(0);
    }

    /// Sixty rounds are looked at, the first of the epoch before among them.
    function test_BadInARow_FromTheFirstRoundOfTheEpochBefore() external {
        _hold(op, _publish(ONE_CHUNK), 3);
        _to(Round.wrap(60));
        _idleTo(Round.wrap(92));
        _expectBad(32);
    }

    /// A time with nothing held is the start of another row.
    function test_BadInARow_BeginsAnewWithTheFirstSlot() external {
        uint40 order = _hold(op, _publish(ONE_CHUNK * 2), 3);
        _idleTo(Round.wrap(36));
        _expectBad(4);
        _reportLoss(order, 0);
        _next();
        _expectBad(0);
        _to(Epoch.wrap(4), 0); // the dead ones are no longer in the way of accepting
        settlement.settle(op, Epoch.wrap(1));
        _hold(op, _publish(ONE_CHUNK), 1);
        _expectBad(0);
        _seed();
        _next();
        _expectBad(1);
    }

    function test_IsCleanAndTally() external {
        _hold(op, _publish(ONE_CHUNK), 1);
        _seed();
        assertFalse(holdings.isClean(op, Round.wrap(32)));
        _prove(op);
        assertTrue(holdings.isClean(op, Round.wrap(32)));
        assertFalse(holdings.isClean(op, Round.wrap(33)));
        assertFalse(holdings.isClean(op + 1, Round.wrap(32)));
    }

    /// What settling an epoch waits for: the stamp of an ejection in that epoch and in no other.
    function test_Settling() external {
        uint40 order = _hold(op, _publish(ONE_CHUNK), 2);
        _idleTo(Round.wrap(39));
        audits.eject(op);
        (IHoldings.Tally memory t, Round stamp) = holdings.settling(op, Epoch.wrap(1));
        assertTrue(t.ejected);
        assertEq(Round.unwrap(stamp), 39);
        (t, stamp) = holdings.settling(op, Epoch.wrap(2));
        assertFalse(t.ejected);
        assertEq(Round.unwrap(stamp), 0);
        market.unwind(order, 0);
        (t, stamp) = holdings.settling(op, Epoch.wrap(1));
        assertTrue(t.ejected);
        assertEq(Round.unwrap(stamp), 0);
    }

    /// H-TREE-1, H-PROOF-2: K words of real blocks, by the seed alone, and the paths to them are what `requireWords` takes.
    function testFuzz_HProof2_WordsOfAContent(bytes32 seed, uint256 blocks) external {
        uint40 n = uint40(bound(blocks, 1, MOST_BLOCKS));
        uint32 content = _publish(n);
        uint64[] memory leaves = holdings.wordsOf(content, seed);
        assertEq(leaves.length, K);
        for (uint256 k; k < K; ++k) {
            bytes32 h = keccak256(abi.encode(seed, 0, k, 0));
            uint256 chunk = uint256(h) % _chunks(content);
            uint256 left = n - chunk * 512;
            uint256 words = (left < 512 ? left : 512) * 512;
            assertEq(leaves[k], chunk * 512 * 512 + uint256(keccak256(abi.encode(h))) % words);
        }
        bytes memory proof = _words(content, seed);
        holdings.requireWords(content, seed, proof);
        bytes32 other = keccak256(abi.encode(seed));
        vm.expectRevert();
        holdings.requireWords(content, other, proof);
    }

    function test_ChallengesAreNoneWhen_ThereIsNoSeedOrNothingHeld() external {
        _hold(op, _publish(ONE_CHUNK), 1);
        assertEq(holdings.challenges(op).length, 0);
        _seed();
        assertEq(holdings.challenges(op).length, K);
        assertEq(holdings.challenges(op + 1).length, 0);
    }

    function _expectChunks(uint256 live, uint256 dead) private view {
        (uint256 live_, uint256 dead_) = holdings.chunksNow(op);
        assertEq(live_, live, "live");
        assertEq(dead_, dead, "dead");
    }

    function _expectBad(uint256 bad) private view {
        assertEq(holdings.badInARow(op), bad);
    }
}
