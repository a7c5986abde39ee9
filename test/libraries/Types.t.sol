// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Epoch, Round} from "../../src/Types.sol";

/// @notice Rounds and epochs are their numbers: thirty rounds an epoch, both compared and moved like integers.
contract TypesTest is Test {
    function testFuzz_AnEpochIsThirtyRounds(uint32 n) external pure {
        n = uint32(bound(n, 0, type(uint32).max / 30 - 1));
        Epoch epoch = Epoch.wrap(n);
        assertEq(Round.unwrap(epoch.first()), n * 30);
        assertEq(Round.unwrap(epoch.last()), n * 30 + 29);
        for (uint32 i; i < 30; ++i) {
            Round round = Round.wrap(n * 30 + i);
            assertEq(Epoch.unwrap(round.epochOf()), n);
            assertEq(round.index(), i);
        }
    }

    function testFuzz_MoveLikeNumbers(uint32 a, uint32 b) external pure {
        (a, b) = (a / 2, b / 2);
        assertEq(Epoch.unwrap(Epoch.wrap(a).addEpochs(b)), a + b);
        assertEq(Round.unwrap(Round.wrap(a).addRounds(b)), a + b);
        assertEq(Round.unwrap(Round.wrap(a + b).subRounds(b)), a);
    }

    function testFuzz_CompareLikeNumbers(uint32 a, uint32 b) external pure {
        _compare(a, b);
        _compare(b, a);
        _compare(a, a);
    }

    function _compare(uint32 a, uint32 b) private pure {
        (Round r, Round s) = (Round.wrap(a), Round.wrap(b));
        assertTrue((r == s) == (a == b) && (r != s) == (a != b));
        assertTrue((r < s) == (a < b) && (r <= s) == (a <= b));
        assertTrue((r > s) == (a > b) && (r >= s) == (a >= b));
        (Epoch e, Epoch f) = (Epoch.wrap(a), Epoch.wrap(b));
        assertTrue((e == f) == (a == b) && (e != f) == (a != b));
        assertTrue((e < f) == (a < b) && (e <= f) == (a <= b));
        assertTrue((e > f) == (a > b) && (e >= f) == (a >= b));
    }
}
