// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Draw} from "../../src/libraries/Draw.sol";
import {Lanes} from "../../src/libraries/Lanes.sol";
import {Epoch, MAX_EPOCHS} from "../../src/Types.sol";

/// @notice The ring of totals, and draws over it, against an array with a place for every epoch.
contract LanesTest is Test {
    using Lanes for Lanes.Ring;

    uint256[100] private plain;

    /// Writes in epoch after epoch, with gaps of any length; what is left is what has not ended.
    function testFuzz_MatchesThePlainArray(uint256 seed) external {
        Lanes.Ring memory ring;
        uint32 written = 1;
        uint32 now_ = 1;
        while (now_ < 60) {
            seed = uint256(keccak256(abi.encode(seed)));
            ring.clean(Epoch.wrap(now_), Epoch.wrap(written));
            uint32 last = now_ + uint32(seed % (MAX_EPOCHS + 1));
            uint256 chunks = (seed >> 32) % 2 ** 24;
            ring.add(Epoch.wrap(last), chunks);
            plain[last] += chunks;
            written = now_;
            _check(ring, now_, written);
            now_ += (seed >> 64) % 5 == 0 ? 17 : uint32((seed >> 72) % 3);
            _check(ring, now_, written);
        }
    }

    /// H-PROOF-2: every place of the lines laid end to end is one chunk of one line, in order.
    function testFuzz_HProof2_LocateIsTheWalk(uint32 now_, uint24[13] calldata held, uint256 x) external pure {
        now_ = uint32(bound(now_, 1, 2 ** 20));
        Lanes.Ring memory ring;
        uint256 sum;
        for (uint32 i; i < 13; ++i) {
            ring.add(Epoch.wrap(now_ + i), held[i]);
            sum += held[i];
        }
        assertEq(ring.sum(), sum);
        vm.assume(sum != 0);
        x = bound(x, 0, sum - 1);
        (Epoch last, uint256 chunk) = Draw.locate(ring, Epoch.wrap(now_), x);
        uint256 before;
        for (uint32 i; now_ + i < Epoch.unwrap(last); ++i) {
            before += held[i];
        }
        assertEq(before + chunk, x);
        assertLt(chunk, held[Epoch.unwrap(last) - now_]);
    }

    /// H-PROOF-2, H-TREE-1: a word of the chunk drawn, of a real block, and every one can be drawn.
    function testFuzz_HProof2_WordIsAWordOfTheChunk(bytes32 h, uint256 blocks, uint256 x) external pure {
        blocks = bound(blocks, 1, 2 ** 36);
        (uint256 chunks, uint256 tailBlocks, uint256 depth) = Draw.shape(blocks);
        assertEq((chunks - 1) * 512 + tailBlocks, blocks);
        assertLe(blocks * 512, 2 ** depth);
        if (blocks > 1) assertGt(blocks * 512, 2 ** (depth - 1));
        uint256 chunk = bound(x, 0, chunks - 1);
        uint256 leaf = Draw.word(h, chunk, chunks, tailBlocks);
        assertEq(leaf / 512 / 512, chunk);
        assertLt(leaf, blocks * 512);
    }

    /// H-PROOF-2: over a thousand draws each of two blocks has its half, and each of four quarters of a block its quarter of that.
    function test_HProof2_Uniform() external pure {
        uint256[8] memory hits;
        for (uint256 i; i < 8000; ++i) {
            ++hits[Draw.word(Draw.hash("seed", 1, i, 0), 0, 1, 2) / 128];
        }
        for (uint256 i; i < 8; ++i) {
            assertApproxEqAbs(hits[i], 1000, 120); // four standard deviations
        }
    }

    /// A lane is kept or dropped to its last bit, whatever stands beside it.
    function testFuzz_CleanKeepsWholeLanes(uint32 written, uint256 passed) external pure {
        written = uint32(bound(written, 1, 1000));
        Lanes.Ring memory ring = Lanes.Ring(type(uint256).max, type(uint256).max);
        uint32 from = written + uint32(bound(passed, 1, 20));
        ring.clean(Epoch.wrap(from), Epoch.wrap(written));
        for (uint32 e = from; e < from + 16; ++e) {
            assertEq(ring.get(Epoch.wrap(e)), e <= written + MAX_EPOCHS ? type(uint32).max : 0);
        }
    }

    function _check(Lanes.Ring memory ring, uint32 now_, uint32 written) private view {
        Lanes.Ring memory copy = Lanes.Ring(ring.low, ring.high);
        copy.clean(Epoch.wrap(now_), Epoch.wrap(written));
        uint256 sum;
        for (uint32 e = now_; e < now_ + 16 && e < 100; ++e) {
            assertEq(copy.get(Epoch.wrap(e)), e <= now_ + MAX_EPOCHS ? plain[e] : 0);
            sum += plain[e];
        }
        assertEq(copy.sum(), sum);
    }
}
