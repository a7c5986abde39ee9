// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {MerkleWords} from "../../../lib/bep52/MerkleWords.sol";
import {Draw} from "../../../src/libraries/Draw.sol";

/// @notice The trees of the TypeScript side (test/vectors/trees.json) under the Solidity verifier: words, rows of the file table, blocks.
contract TreeVectorsTest is Test {
    string private json;
    uint256 private contents;

    function setUp() external {
        json = vm.readFile("test/vectors/trees.json");
        while (vm.keyExistsJson(json, string.concat(_content(contents), ".name"))) {
            ++contents;
        }
    }

    function verifyWord(bytes32 root, bytes32 word, uint256 index, uint256 depth, bytes32[] calldata path) external view returns (bool) {
        return MerkleWords.verifyWord(root, word, index, depth, path);
    }

    function rootOf(bytes calldata proof, uint256 index, uint256 depth) external view returns (bytes32 root, uint256 next) {
        return MerkleWords.rootOf(proof, 0, index, depth);
    }

    function test_HTree1_WordsOfEveryShape() external {
        assertEq(contents, 5);
        uint256 words;
        for (uint256 i; i < contents; ++i) {
            string memory c = _content(i);
            (,, uint256 depth) = Draw.shape(_uint(c, ".blocks"));
            assertEq(_uint(c, ".depth"), depth, "both sides compute one depth from the blocks");
            bytes32 root = _bytes32(c, ".dataRoot");
            string memory w = string.concat(c, ".words[0]");
            for (uint256 j; vm.keyExistsJson(json, w); w = string.concat(c, ".words[", vm.toString(++j), "]")) {
                _check(root, _bytes32(w, ".word"), _uint(w, ".leaf"), depth, vm.parseJsonBytes32Array(json, string.concat(w, ".path")));
                ++words;
            }
        }
        assertEq(words, 21);
    }

    function test_HTree1_RowsOfTheFileTable() external {
        for (uint256 i; i < contents; ++i) {
            string memory c = _content(i);
            uint256 count = _uint(c, ".fileCount");
            uint256 depth;
            while (1 << depth < count) ++depth;
            for (uint256 j; j < count; ++j) {
                string memory f = string.concat(c, ".files[", vm.toString(j), "]");
                bytes32 row = sha256(abi.encode(_bytes32(f, ".piecesRoot"), _uint(f, ".firstBlock"), _uint(f, ".length")));
                _check(_bytes32(c, ".filesRoot"), row, j, depth, vm.parseJsonBytes32Array(json, string.concat(f, ".path")));
            }
        }
    }

    /// A content's last block: its true length under its file's pieces root, its 512 words, zero-padded, under the dataRoot.
    function test_HTree1_TheLastBlockInBothTrees() external {
        for (uint256 i; i < contents; ++i) {
            string memory c = _content(i);
            string memory b = string.concat(c, ".lastBlock");
            bytes memory data = vm.parseJsonBytes(json, string.concat(b, ".data"));
            assertEq(sha256(data), _bytes32(b, ".hash"));
            string memory f = string.concat(c, ".files[", vm.toString(_uint(c, ".fileCount") - 1), "]");
            bytes32[] memory path = vm.parseJsonBytes32Array(json, string.concat(b, ".piecesPath"));
            _check(_bytes32(f, ".piecesRoot"), sha256(data), _uint(b, ".indexInFile"), path.length, path);

            bytes32[] memory nodes = new bytes32[](512);
            for (uint256 w; w * 32 < data.length; ++w) {
                nodes[w] = _word(data, w);
            }
            for (uint256 width = 256; width != 0; width /= 2) {
                for (uint256 n; n < width; ++n) {
                    nodes[n] = sha256(abi.encodePacked(nodes[2 * n], nodes[2 * n + 1]));
                }
            }
            assertEq(nodes[0], _bytes32(b, ".root"));
            path = vm.parseJsonBytes32Array(json, string.concat(b, ".dataPath"));
            assertEq(path.length, _uint(c, ".depth") - 9);
            _check(_bytes32(c, ".dataRoot"), nodes[0], _uint(b, ".block"), path.length, path);
        }
    }

    /// @dev Right as it is, and wrong with any bit of it changed: one of the root, of the leaf, of the place, of each sibling.
    function _check(bytes32 root, bytes32 leaf, uint256 index, uint256 depth, bytes32[] memory path) private {
        assertEq(path.length, depth);
        assertTrue(this.verifyWord(root, leaf, index, depth, path));
        (bytes32 packedRoot, uint256 next) = this.rootOf(abi.encodePacked(leaf, path), index, depth);
        assertEq(packedRoot, root);
        assertEq(next, 32 * (depth + 1));

        bytes32 bit = bytes32(1 << vm.randomUint(0, 255));
        assertFalse(this.verifyWord(root ^ bit, leaf, index, depth, path), "another root");
        assertFalse(this.verifyWord(root, leaf ^ bit, index, depth, path), "another leaf");
        for (uint256 height; height < depth; ++height) {
            bytes32 sibling = path[height];
            bytes32 node = _nodeAt(leaf, index, height, path);
            // Twins, as of padding, are the same tree either way round.
            if (sibling != node) assertFalse(this.verifyWord(root, leaf, index ^ 1 << height, depth, path), "another place");
            path[height] = sibling ^ bit;
            assertFalse(this.verifyWord(root, leaf, index, depth, path), "another sibling");
            (packedRoot,) = this.rootOf(abi.encodePacked(leaf, path), index, depth);
            assertNotEq(packedRoot, root);
            path[height] = sibling;
        }
        assertFalse(this.verifyWord(root, leaf, index, depth + 1, path), "a path too short");
        assertFalse(this.verifyWord(root, leaf, index | 1 << depth, depth, path), "a place beyond the tree");
        vm.expectRevert(abi.encodeWithSelector(MerkleWords.MerkleWords_ProofTooShort.selector, 32 * (depth + 1) - 1, 32 * (depth + 1)));
        this.rootOf(_cut(abi.encodePacked(leaf, path)), index, depth);
    }

    function _nodeAt(bytes32 node, uint256 index, uint256 height, bytes32[] memory path) private pure returns (bytes32) {
        for (uint256 i; i < height; ++i) {
            node = sha256(index >> i & 1 == 0 ? abi.encodePacked(node, path[i]) : abi.encodePacked(path[i], node));
        }
        return node;
    }

    /// @dev One byte shorter.
    function _cut(bytes memory proof) private pure returns (bytes memory) {
        assembly ("memory-safe") {
            mstore(proof, sub(mload(proof), 1))
        }
        return proof;
    }

    /// @dev Word `n`, zero-padded.
    function _word(bytes memory data, uint256 n) private pure returns (bytes32 word) {
        for (uint256 i = 32 * n; i < data.length && i < 32 * (n + 1); ++i) {
            word |= bytes32(data[i]) >> 8 * (i % 32);
        }
    }

    function _content(uint256 i) private pure returns (string memory) {
        return string.concat("$[", vm.toString(i), "]");
    }

    function _uint(string memory where, string memory key) private view returns (uint256) {
        return vm.parseJsonUint(json, string.concat(where, key));
    }

    function _bytes32(string memory where, string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat(where, key));
    }
}
