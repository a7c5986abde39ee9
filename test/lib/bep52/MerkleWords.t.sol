// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test, stdError} from "forge-std/Test.sol";

import {MerkleWords} from "../../../lib/bep52/MerkleWords.sol";

contract MerkleWordsTest is Test {
    function verifyWord(bytes32 root, bytes32 word, uint256 index, uint256 depth, bytes32[] calldata path) external view returns (bool) {
        return MerkleWords.verifyWord(root, word, index, depth, path);
    }

    function rootOf(bytes calldata proof, uint256 offset, uint256 index, uint256 depth) external view returns (bytes32, uint256) {
        return MerkleWords.rootOf(proof, offset, index, depth);
    }

    function testFuzz_VerifiesEveryWordOfATree(bytes32 seed, uint256 depth) external view {
        depth = bound(depth, 0, 5);
        bytes32[] memory words = _words(seed, depth);
        bytes32 root = _plainRoot(words);
        for (uint256 i; i < words.length; ++i) {
            bytes32[] memory path = _path(words, i);
            assertTrue(this.verifyWord(root, words[i], i, depth, path));
            (bytes32 packedRoot, uint256 next) = this.rootOf(abi.encodePacked(words[i], path), 0, i, depth);
            assertEq(packedRoot, root);
            assertEq(next, (depth + 1) * 32);
        }
    }

    function testFuzz_RefusesAnythingElseOfATree(bytes32 seed, uint256 depth, uint256 index, uint256 place, uint256 change) external view {
        depth = bound(depth, 1, 5);
        bytes32[] memory words = _words(seed, depth);
        bytes32 root = _plainRoot(words);
        index = bound(index, 0, words.length - 1);
        change = bound(change, 1, type(uint256).max);
        bytes32[] memory path = _path(words, index);

        assertFalse(this.verifyWord(root, words[index] ^ bytes32(change), index, depth, path), "another word");
        assertFalse(this.verifyWord(root ^ bytes32(change), words[index], index, depth, path), "another root");
        assertFalse(this.verifyWord(root, words[index], index ^ bound(change, 1, words.length - 1), depth, path), "another place");
        path[bound(place, 0, depth - 1)] ^= bytes32(change);
        assertFalse(this.verifyWord(root, words[index], index, depth, path), "another path");
    }

    /// The assembly against the plain climb, to any depth a content can have and beyond.
    function testFuzz_MatchesThePlainClimb(bytes32 word, bytes32[] calldata siblings, uint256 index) external view {
        uint256 depth = siblings.length;
        index = bound(index, 0, (1 << (depth > 255 ? 255 : depth)) - 1);
        bytes32 root = _plainClimb(word, index, siblings);
        assertTrue(this.verifyWord(root, word, index, depth, siblings));
        (bytes32 packedRoot,) = this.rootOf(abi.encodePacked(word, siblings), 0, index, depth);
        assertEq(packedRoot, root);
    }

    /// A blob of several proofs, each of its own depth, read one after the other.
    function testFuzz_ReadsPackedProofsInARow(bytes32 seed, uint8[5] calldata depths, uint256 indices) external view {
        bytes memory blob;
        bytes32[] memory roots = new bytes32[](5);
        for (uint256 k; k < 5; ++k) {
            uint256 depth = depths[k] % 31;
            bytes32[] memory path = new bytes32[](depth);
            for (uint256 i; i < depth; ++i) {
                path[i] = keccak256(abi.encode(seed, k, i));
            }
            bytes32 word = keccak256(abi.encode(seed, k));
            blob = bytes.concat(blob, abi.encodePacked(word, path));
            roots[k] = _plainClimb(word, _index(indices, k, depth), path);
        }
        uint256 offset;
        for (uint256 k; k < 5; ++k) {
            bytes32 root;
            uint256 depth = depths[k] % 31;
            (root, offset) = this.rootOf(blob, offset, _index(indices, k, depth), depth);
            assertEq(root, roots[k]);
        }
        assertEq(offset, blob.length);
    }

    function test_HTree1_ANodeDoesNotPassForAWord() external view {
        bytes32[] memory words = _words("seed", 3);
        bytes32 root = _plainRoot(words);
        bytes32[] memory path = _path(words, 4);
        bytes32 parent = sha256(abi.encodePacked(words[4], path[0]));
        bytes32[] memory shorter = new bytes32[](2);
        (shorter[0], shorter[1]) = (path[1], path[2]);
        assertTrue(this.verifyWord(root, parent, 2, 2, shorter), "it is a node of the tree");
        assertFalse(this.verifyWord(root, parent, 2, 3, shorter), "but no word at the tree's depth");
        assertFalse(this.verifyWord(root, words[4], 4, 2, path), "nor is a word a node");
    }

    function test_HTree1_RefusesAPathOfAnotherLength() external view {
        bytes32[] memory words = _words("seed", 3);
        bytes32[] memory path = _path(words, 4);
        bytes32[] memory longer = new bytes32[](4);
        (longer[0], longer[1], longer[2]) = (path[0], path[1], path[2]);
        assertTrue(this.verifyWord(_plainRoot(words), words[4], 4, 3, path));
        assertFalse(this.verifyWord(_plainRoot(words), words[4], 4, 3, longer));
    }

    function test_RefusesAnIndexBeyondTheTree() external {
        bytes32[] memory words = _words("seed", 3);
        bytes32[] memory path = _path(words, 0);
        // Its low bits lead to word 0 all the same.
        assertFalse(this.verifyWord(_plainRoot(words), words[0], 8, 3, path));
        assertFalse(this.verifyWord(words[0], words[0], 1, 0, new bytes32[](0)));
        vm.expectRevert(abi.encodeWithSelector(MerkleWords.MerkleWords_NoSuchLeaf.selector, 8, 3));
        this.rootOf(abi.encodePacked(words[0], path), 0, 8, 3);
    }

    function test_RevertWhen_APackedProofIsTooShort() external {
        bytes memory blob = new bytes(127);
        vm.expectRevert(abi.encodeWithSelector(MerkleWords.MerkleWords_ProofTooShort.selector, 127, 128));
        this.rootOf(blob, 0, 0, 3);
        vm.expectRevert(abi.encodeWithSelector(MerkleWords.MerkleWords_ProofTooShort.selector, 127, 160));
        this.rootOf(blob, 128, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(MerkleWords.MerkleWords_ProofTooShort.selector, 0, 32));
        this.rootOf("", 0, 0, 0);
    }

    function test_RevertWhen_OffsetOrDepthOverflow() external {
        bytes memory blob = new bytes(128);
        vm.expectRevert(stdError.arithmeticError);
        this.rootOf(blob, type(uint256).max, 0, 0);
        vm.expectRevert(stdError.arithmeticError);
        this.rootOf(blob, 0, 0, type(uint256).max);
        vm.expectRevert(stdError.arithmeticError);
        this.rootOf(blob, 0, 0, type(uint256).max / 32);
    }

    /// Were the last hash to fail unnoticed, its pair would be left in place, and the root that a forged path ends in taken for the hash.
    function testFuzz_ForgesNothingByWantOfGas(uint256 gasGiven) external view {
        bytes32 root = "root";
        bytes32[] memory path = new bytes32[](20);
        path[19] = root;
        gasGiven = bound(gasGiven, 1_000, 12_000);
        try this.verifyWord{gas: gasGiven}(root, "word", 1 << 19, 20, path) returns (bool verified) {
            assertFalse(verified);
        } catch {}
    }

    /// The same where hashing fails with gas to spare, as it would on a chain that prices or offers the precompile otherwise.
    function test_RevertWhen_AHashFails() external {
        bytes32[] memory path = new bytes32[](1);
        path[0] = "root";
        vm.mockCallRevert(address(2), abi.encodePacked(path[0], bytes32("word")), "");
        vm.expectRevert();
        this.verifyWord("root", "word", 1, 1, path);
    }

    /// And so at every height, whichever of the two hashes of a turn it is.
    function test_RevertWhen_AHashFailsAtAnyHeight() external {
        for (uint256 depth = 1; depth <= 5; ++depth) {
            bytes32[] memory words = _words("seed", depth);
            bytes32[] memory path = _path(words, 0);
            bytes32 node = words[0];
            for (uint256 height; height < depth; ++height) {
                bytes memory pair = abi.encodePacked(node, path[height]);
                node = sha256(pair);
                vm.mockCallRevert(address(2), pair, "");
                vm.expectRevert(bytes(""));
                this.verifyWord("root", words[0], 0, depth, path);
                vm.clearMockedCalls();
            }
            assertTrue(this.verifyWord(node, words[0], 0, depth, path));
        }
    }

    function _index(uint256 indices, uint256 k, uint256 depth) private pure returns (uint256) {
        return (indices >> (40 * k)) & ((1 << depth) - 1);
    }

    function _words(bytes32 seed, uint256 depth) private pure returns (bytes32[] memory words) {
        words = new bytes32[](1 << depth);
        for (uint256 i; i < words.length; ++i) {
            words[i] = keccak256(abi.encode(seed, i));
        }
    }

    function _parents(bytes32[] memory nodes) private pure returns (bytes32[] memory parents) {
        parents = new bytes32[](nodes.length / 2);
        for (uint256 i; i < parents.length; ++i) {
            parents[i] = sha256(abi.encodePacked(nodes[2 * i], nodes[2 * i + 1]));
        }
    }

    function _plainRoot(bytes32[] memory nodes) private pure returns (bytes32) {
        while (nodes.length > 1) nodes = _parents(nodes);
        return nodes[0];
    }

    function _path(bytes32[] memory nodes, uint256 index) private pure returns (bytes32[] memory path) {
        uint256 depth;
        while (1 << depth < nodes.length) ++depth;
        path = new bytes32[](depth);
        for (uint256 i; i < depth; ++i) {
            path[i] = nodes[index ^ 1];
            (nodes, index) = (_parents(nodes), index / 2);
        }
    }

    function _plainClimb(bytes32 node, uint256 index, bytes32[] memory siblings) private pure returns (bytes32) {
        for (uint256 i; i < siblings.length; ++i) {
            node = (index >> i) & 1 == 0 ? sha256(abi.encodePacked(node, siblings[i])) : sha256(abi.encodePacked(siblings[i], node));
        }
        return node;
    }
}
