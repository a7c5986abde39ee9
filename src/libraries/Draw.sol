// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EfficientHashLib} from "solady/utils/EfficientHashLib.sol";
import {MerkleBlocks} from "../../lib/bep52/MerkleBlocks.sol";
import {CHUNK_BLOCKS, Epoch} from "../Types.sol";
import {Lanes} from "./Lanes.sol";

/// @title Draw
/// @notice What a seed picks: a chunk, uniformly; then a word, uniformly over those of the chunk's real blocks (H-PROOF-2). Every step
/// reduces 256 bits by a number below 2^40, so a bias is below 2^-216.
library Draw {
    using Lanes for Lanes.Ring;

    /// @notice Draws of one challenge: the first and at most 127 redraws. With a tenth of what is drawn from live, one challenge in
    /// 700,000 meets nothing live; with a twentieth, one in 700.
    uint256 internal constant ATTEMPTS = 128;

    uint256 private constant BLOCK_WORDS = 512; // 16 KiB of 32-byte words

    /// @notice The randomness of one draw. `subject` is the operator of a round's proof; 0 where the seed already names the slot.
    function hash(bytes32 seed, uint256 subject, uint256 challenge, uint256 attempt) internal pure returns (bytes32) {
        return EfficientHashLib.hash(seed, bytes32(subject), bytes32(challenge), bytes32(attempt));
    }

    /// @notice The line and the chunk in it that stand at place `x` when the lines of `epoch` and the following are laid end to end.
    /// @dev Requirements: x is below the ring's sum, and the ring is clean for `epoch`.
    function locate(Lanes.Ring memory ring, Epoch epoch, uint256 x) internal pure returns (Epoch last, uint256 chunk) {
        last = epoch;
        while (true) {
            uint256 held = ring.get(last);
            if (x < held) return (last, x);
            x -= held;
            last = last.addEpochs(1);
        }
    }

    /// @notice The word drawn in chunk `chunk` of a content: its place among the leaves of the possession tree.
    /// @param tailBlocks Real blocks in the last chunk; the padding above them is never drawn (H-TREE-1).
    function word(bytes32 h, uint256 chunk, uint256 chunks, uint256 tailBlocks) internal pure returns (uint256 leaf) {
        unchecked {
            // A content has at most 2^27 chunks, and at least one.
            uint256 blocks = chunk == chunks - 1 ? tailBlocks : CHUNK_BLOCKS;
            return chunk * CHUNK_BLOCKS * BLOCK_WORDS + uint256(EfficientHashLib.hash(h)) % (blocks * BLOCK_WORDS);
        }
    }

    /// @notice A content's chunks, the real blocks of its last one, and the depth of its possession tree, from its blocks.
    /// @dev Requirements: `blocks` is not 0.
    function shape(uint256 blocks) internal pure returns (uint256 chunks, uint256 tailBlocks, uint256 depth) {
        unchecked {
            chunks = (blocks + CHUNK_BLOCKS - 1) / CHUNK_BLOCKS; // of at most 2^36 blocks
            tailBlocks = blocks - (chunks - 1) * CHUNK_BLOCKS;
        }
        depth = 9 + MerkleBlocks.depthOf(blocks); // 9 levels of words below a block
    }
}
