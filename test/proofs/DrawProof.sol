// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Draw} from "../../src/libraries/Draw.sol";
import {CHUNK_BLOCKS} from "../../src/Types.sol";

/// @notice H-PROOF-2: what is drawn is a real word of the chunk it is drawn in.
contract DrawProof {
    uint256 private constant MAX_BLOCKS = 1 << 36; // Catalog.MAX_BLOCKS
    uint256 private constant BLOCK_WORDS = 512;

    /// @custom:targets assert
    /// The depth is by assembly (CLZ), which a prover takes for any number.
    function prove_ChunksAndTailAreTheBlocks(uint256 blocks) external pure {
        require(blocks != 0 && blocks <= MAX_BLOCKS);
        (uint256 chunks, uint256 tail,) = Draw.shape(blocks);
        assert((chunks - 1) * CHUNK_BLOCKS + tail == blocks);
        assert(tail != 0 && tail <= CHUNK_BLOCKS);
        assert(chunks <= 1 << 27);
    }

    function prove_AWordIsOfItsChunk(bytes32 h, uint256 chunk, uint256 chunks, uint256 tail) external pure {
        require(chunks <= 1 << 27 && chunk < chunks && tail != 0 && tail <= CHUNK_BLOCKS);
        uint256 leaf = Draw.word(h, chunk, chunks, tail);
        assert(leaf / (CHUNK_BLOCKS * BLOCK_WORDS) == chunk);
    }

    /// @custom:targets assert
    function prove_AWordIsARealOne(bytes32 h, uint256 blocks, uint256 chunk) external pure {
        require(blocks != 0 && blocks <= MAX_BLOCKS);
        (uint256 chunks, uint256 tail,) = Draw.shape(blocks);
        require(chunk < chunks);
        assert(Draw.word(h, chunk, chunks, tail) < blocks * BLOCK_WORDS);
    }
}
