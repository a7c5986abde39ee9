// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title MerkleBlocks
/// @notice What a block of 16 KiB is in each of the two trees: one leaf of its file's tree (BEP 52), and 512 words of the possession tree.
library MerkleBlocks {
    /// @notice Bytes of a block: BEP 52's leaf.
    uint256 internal constant BLOCK = 16_384;

    error MerkleBlocks_TooLong(uint256 length);

    /// @notice The leaf of a block in its file's tree: the hash of its bytes, a file's last block at its true length (BEP 52).
    function leafOf(bytes calldata data) internal pure returns (bytes32) {
        return sha256(data);
    }

    /// @notice The root over a block's 512 words, what is missing to 16 KiB being zero.
    function wordsRoot(bytes calldata data) internal view returns (bytes32 root) {
        if (data.length > BLOCK) revert MerkleBlocks_TooLong(data.length);
        bytes memory words = new bytes(BLOCK);
        // Memory-safe: within `words`. Each level is written over the one below it, which it never overtakes. The precompile at 2 fails only
        // for want of gas, and then reverts, for a pair left as it was would be taken for its hash.
        assembly ("memory-safe") {
            let base := add(words, 32)
            calldatacopy(base, data.offset, data.length)
            let ok := 1
            for { let size := 16384 } gt(size, 32) { size := shr(1, size) } {
                let to := base
                for { let from := base } lt(from, add(base, size)) { from := add(from, 64) } {
                    ok := and(ok, staticcall(gas(), 2, from, 64, to, 32))
                    to := add(to, 32)
                }
            }
            if iszero(ok) { revert(0, 0) }
            root := mload(base)
        }
    }

    /// @notice Levels of the smallest tree of hashes that holds `leaves` of them.
    /// @dev Requirements: `leaves` is not 0.
    function depthOf(uint256 leaves) internal pure returns (uint256) {
        uint256 zeros;
        assembly {
            zeros := clz(sub(leaves, 1))
        }
        return 256 - zeros;
    }
}
