// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICatalog} from "../../src/interfaces/ICatalog.sol";

/// @notice The trees of a few small files, built the plain way: every leaf, level by level.
library Files {
    uint256 internal constant BLOCK = 16_384;

    /// @notice A tree's leaves, as many as the next power of two.
    function pad(bytes32[] memory leaves) internal pure returns (bytes32[] memory padded) {
        uint256 size = 1;
        while (size < leaves.length) size *= 2;
        padded = new bytes32[](size);
        for (uint256 i; i < leaves.length; ++i) {
            padded[i] = leaves[i];
        }
    }

    function up(bytes32[] memory level) internal pure returns (bytes32[] memory next) {
        next = new bytes32[](level.length / 2);
        for (uint256 i; i < next.length; ++i) {
            next[i] = sha256(abi.encodePacked(level[2 * i], level[2 * i + 1]));
        }
    }

    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        bytes32[] memory level = pad(leaves);
        while (level.length > 1) level = up(level);
        return level[0];
    }

    function path(bytes32[] memory leaves, uint256 index) internal pure returns (bytes32[] memory siblings) {
        bytes32[] memory level = pad(leaves);
        uint256 depth;
        while (1 << depth < level.length) ++depth;
        siblings = new bytes32[](depth);
        for (uint256 i; i < depth; ++i) {
            siblings[i] = level[index >> i ^ 1];
            level = up(level);
        }
    }

    function slice(bytes memory data, uint256 from, uint256 length) internal pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i; i < length; ++i) {
            part[i] = data[from + i];
        }
    }

    function blocksOf(bytes memory file) internal pure returns (uint256) {
        return (file.length + BLOCK - 1) / BLOCK;
    }

    function blockOf(bytes memory file, uint256 index) internal pure returns (bytes memory) {
        uint256 rest = file.length - index * BLOCK;
        return slice(file, index * BLOCK, rest < BLOCK ? rest : BLOCK);
    }

    /// @notice BEP 52's leaves of a file.
    function pieces(bytes memory file) internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](blocksOf(file));
        for (uint256 i; i < leaves.length; ++i) {
            leaves[i] = sha256(blockOf(file, i));
        }
    }

    /// @notice The root over a block's 512 words.
    function words(bytes memory data) internal pure returns (bytes32) {
        bytes32[] memory leaves = new bytes32[](512);
        bytes memory whole = abi.encodePacked(data, new bytes(BLOCK - data.length));
        for (uint256 i; i < 512; ++i) {
            assembly ("memory-safe") {
                mstore(add(leaves, mul(32, add(i, 1))), mload(add(whole, mul(32, add(i, 1)))))
            }
        }
        return root(leaves);
    }

    /// @notice What the possession tree has for each block of all files.
    function subtrees(bytes[] memory files) internal pure returns (bytes32[] memory roots) {
        uint256 n;
        for (uint256 f; f < files.length; ++f) {
            n += blocksOf(files[f]);
        }
        roots = new bytes32[](n);
        n = 0;
        for (uint256 f; f < files.length; ++f) {
            for (uint256 i; i < blocksOf(files[f]); ++i) {
                roots[n++] = words(blockOf(files[f], i));
            }
        }
    }

    function dataRoot(bytes32[] memory roots) internal pure returns (bytes32) {
        // Above the blocks stand the roots over zero words, not zero.
        return root(withPadding(roots));
    }

    function withPadding(bytes32[] memory roots) internal pure returns (bytes32[] memory padded) {
        padded = pad(roots);
        bytes32 zero = words("");
        for (uint256 i = roots.length; i < padded.length; ++i) {
            padded[i] = zero;
        }
    }

    function rows(bytes[] memory files) internal pure returns (ICatalog.FileRow[] memory table) {
        table = new ICatalog.FileRow[](files.length);
        uint256 first;
        for (uint256 f; f < files.length; ++f) {
            table[f] = ICatalog.FileRow({piecesRoot: root(pieces(files[f])), firstBlock: uint40(first), length: uint64(files[f].length)});
            first += blocksOf(files[f]);
        }
    }

    function rowLeaves(ICatalog.FileRow[] memory table) internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](table.length);
        for (uint256 f; f < table.length; ++f) {
            leaves[f] = sha256(abi.encodePacked(table[f].piecesRoot, uint256(table[f].firstBlock), uint256(table[f].length)));
        }
    }
}
