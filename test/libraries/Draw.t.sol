// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Draw} from "../../src/libraries/Draw.sol";
import {Lanes} from "../../src/libraries/Lanes.sol";
import {Epoch} from "../../src/Types.sol";

/// @notice What a seed picks, against plain hashes, walks and divisions.
contract DrawsTest is Test {
    using Lanes for Lanes.Ring;

    function testFuzz_HProof2_HashIsOfAllItsParts(bytes32 seed, uint256 subject, uint256 challenge, uint256 attempt) external pure {
        assertEq(Draw.hash(seed, subject, challenge, attempt), keccak256(abi.encode(seed, subject, challenge, attempt)));
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

    /// H-PROOF-2: the word is what the hash of the draw leaves over, divided by the words of the chunk's real blocks.
    function testFuzz_HProof2_WordIsARemainder(bytes32 h, uint256 chunks, uint256 x, uint256 tailBlocks) external pure {
        chunks = bound(chunks, 1, 2 ** 27);
        tailBlocks = bound(tailBlocks, 1, 512);
        _checkWord(h, bound(x, 0, chunks - 1), chunks, tailBlocks);
        _checkWord(h, chunks - 1, chunks, tailBlocks);
    }

    function test_ShapesOfAFewContents() external pure {
        _checkShape(1, 1, 1, 9);
        _checkShape(2, 1, 2, 10);
        _checkShape(511, 1, 511, 18);
        _checkShape(512, 1, 512, 18);
        _checkShape(513, 2, 1, 19);
        _checkShape(1024, 2, 512, 19);
        _checkShape(2 ** 36, 2 ** 27, 512, 45);
    }

    function _checkWord(bytes32 h, uint256 chunk, uint256 chunks, uint256 tailBlocks) private pure {
        uint256 words = (chunk + 1 == chunks ? tailBlocks : 512) * 512;
        uint256 expected = chunk * 512 * 512 + uint256(keccak256(abi.encode(h))) % words;
        assertEq(Draw.word(h, chunk, chunks, tailBlocks), expected);
    }

    function _checkShape(uint256 blocks, uint256 chunks, uint256 tailBlocks, uint256 depth) private pure {
        (uint256 chunks_, uint256 tailBlocks_, uint256 depth_) = Draw.shape(blocks);
        assertEq(chunks_, chunks);
        assertEq(tailBlocks_, tailBlocks);
        assertEq(depth_, depth);
    }
}
