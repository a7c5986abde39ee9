// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {MerkleWords} from "../../lib/bep52/MerkleWords.sol";
import {Draw} from "../../src/libraries/Draw.sol";
import {DataTree} from "../utils/DataTree.sol";

/// @notice The trees of the tests against trees built word by word.
contract DataTreeTest is Test {
    using DataTree for DataTree.Tree;

    /// H-TREE-1: and the depth is the one that the contracts compute from the blocks.
    function test_HTree1_IsTheTreeOfItsWords() external pure {
        _check(1);
        _check(2);
        _check(3);
        _check(5);
    }

    /// H-TREE-1, H-PROOF-2: every path leads to the root at its own place, and nowhere else.
    function testFuzz_HTree1_PathsLeadToTheRoot(uint256 blocks, uint256 leaf) external view {
        blocks = bound(blocks, 1, 2 ** 22);
        leaf = bound(leaf, 0, blocks * 512 - 1);
        DataTree.Tree memory t = DataTree.build("salt", blocks);
        (,, uint256 depth) = Draw.shape(blocks);
        assertEq(t.depth, depth);
        (bytes32 root,) = this.rootOf(t.open(leaf), leaf, depth);
        assertEq(root, t.root());
        (root,) = this.rootOf(t.open(leaf), leaf ^ 1, depth);
        assertNotEq(root, t.root());
    }

    function rootOf(bytes calldata proof, uint256 leaf, uint256 depth) external view returns (bytes32, uint256) {
        return MerkleWords.rootOf(proof, 0, leaf, depth);
    }

    function _check(uint256 blocks) private pure {
        DataTree.Tree memory t = DataTree.build("salt", blocks);
        (,, uint256 depth) = Draw.shape(blocks);
        bytes32[] memory nodes = new bytes32[](2 ** depth);
        for (uint256 i; i < blocks * 512; ++i) {
            nodes[i] = keccak256(abi.encode(bytes32("salt"), i % DataTree.PERIOD));
        }
        for (uint256 width = 2 ** depth / 2; width != 0; width /= 2) {
            for (uint256 i; i < width; ++i) {
                nodes[i] = sha256(abi.encodePacked(nodes[2 * i], nodes[2 * i + 1]));
            }
        }
        assertEq(t.root(), nodes[0]);
    }
}
