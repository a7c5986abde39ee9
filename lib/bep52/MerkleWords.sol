// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title MerkleWords
/// @notice SHA-256 Merkle proofs over 32-byte words, as BitTorrent v2 builds its trees (BEP 52): a node is
/// `sha256(left ++ right)` and the leaf of a word is the word itself. A path runs from the leaf to the root; bit i of the index says
/// on which side of its sibling the node at height i stands (0 = left).
///
/// The depth is always the caller's, from what it knows of the tree, and never read off the proof: a proof of another length cannot
/// pass an inner node for a word (H-TREE-1).
library MerkleWords {
    /// @notice A packed proof ends before the path it must hold.
    error MerkleWords_ProofTooShort(uint256 length, uint256 needed);

    /// @notice A tree of this depth has no such leaf.
    error MerkleWords_NoSuchLeaf(uint256 index, uint256 depth);

    /// @notice Whether `word` is leaf `index` of the tree of `depth` levels under `root`.
    /// @param path The `depth` siblings, leaf first. Any other length is no proof.
    function verifyWord(bytes32 root, bytes32 word, uint256 index, uint256 depth, bytes32[] calldata path) internal view returns (bool) {
        if (path.length != depth || index >> depth != 0) return false;
        uint256 cursor;
        assembly ("memory-safe") {
            cursor := path.offset
        }
        return _climb(word, index, cursor, depth) == root;
    }

    /// @notice The root which a packed proof leads to: at `offset` of `proof` stands the word, and behind it its path of `depth` siblings.
    /// @param offset In bytes. The proof must hold `(depth + 1) * 32` bytes from there, what follows them is not looked at.
    /// @return root To be compared with the root that the caller knows.
    /// @return next Offset of the first byte behind this proof, where the next one of the same blob stands.
    function rootOf(bytes calldata proof, uint256 offset, uint256 index, uint256 depth) internal view returns (bytes32 root, uint256 next) {
        if (index >> depth != 0) revert MerkleWords_NoSuchLeaf(index, depth);
        next = offset + (depth + 1) * 32;
        if (next > proof.length) revert MerkleWords_ProofTooShort(proof.length, next);
        bytes32 word;
        uint256 cursor;
        // Within the proof: offset + 32 <= next <= proof.length.
        assembly ("memory-safe") {
            cursor := add(proof.offset, offset)
            word := calldataload(cursor)
            cursor := add(cursor, 32)
        }
        root = _climb(word, index, cursor, depth);
    }

    /// @dev Hashes `node` with the `depth` siblings standing at `cursor` in the calldata. The callers have checked that they are there.
    ///
    /// Memory-safe: only the scratch space (0x00 to 0x3f) is written. `side` is where the running node stands in the pair, 0x00 or 0x20,
    /// and each hash is written straight to the place it has in the next pair. The precompile at 2 fails only for want of gas; the
    /// failure is remembered and reverts, for a pair left as it was would otherwise be taken for its hash. Two levels a turn, after the odd
    /// one: the loop itself costs gas.
    function _climb(bytes32 node, uint256 index, uint256 cursor, uint256 depth) private view returns (bytes32 root) {
        assembly ("memory-safe") {
            let ok := 1
            let end := add(cursor, shl(5, depth))
            let side := shl(5, and(index, 1))
            mstore(side, node)
            if and(depth, 1) {
                mstore(xor(side, 32), calldataload(cursor))
                index := shr(1, index)
                side := shl(5, and(index, 1))
                ok := staticcall(gas(), 2, 0, 64, side, 32)
                cursor := add(cursor, 32)
            }
            for { } lt(cursor, end) { cursor := add(cursor, 64) } {
                mstore(xor(side, 32), calldataload(cursor))
                side := shl(4, and(index, 2))
                ok := and(ok, staticcall(gas(), 2, 0, 64, side, 32))
                mstore(xor(side, 32), calldataload(add(cursor, 32)))
                index := shr(2, index)
                side := shl(5, and(index, 1))
                ok := and(ok, staticcall(gas(), 2, 0, 64, side, 32))
            }
            if iszero(ok) { revert(0, 0) }
            root := mload(side)
        }
    }
}
