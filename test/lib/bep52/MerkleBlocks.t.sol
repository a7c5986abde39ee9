// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {MerkleBlocks} from "../../../lib/bep52/MerkleBlocks.sol";
import {Files} from "../../utils/Files.sol";

/// forge-config: default.fuzz.runs = 32
contract MerkleBlocksTest is Test {
    function wordsRoot(bytes calldata data) external view returns (bytes32) {
        return MerkleBlocks.wordsRoot(data);
    }

    function leafOf(bytes calldata data) external pure returns (bytes32) {
        return MerkleBlocks.leafOf(data);
    }

    /// H-TREE-2: a last block's missing bytes are zero in the possession tree, and absent in BEP 52's leaf.
    function testFuzz_HTree2_RootOver512Words(uint256 length, uint256 salt) external view {
        length = bound(length, 0, 16_384);
        bytes memory data = new bytes(length);
        for (uint256 i; i < length; i += 7) {
            data[i] = bytes1(uint8(uint256(keccak256(abi.encode(salt, i)))));
        }
        assertEq(this.wordsRoot(data), Files.words(data));
        assertEq(this.leafOf(data), sha256(data));
    }

    /// H-TREE-2: to its last byte.
    function test_HTree2_RootOfAWholeBlock() external view {
        bytes32[] memory words = _words();
        assertEq(this.wordsRoot(abi.encodePacked(words)), Files.root(words));
    }

    /// Were a hash to fail unnoticed, the pair it was to replace would be taken for it: whichever of a level, at whatever height.
    function test_RevertWhen_AHashFails() external {
        bytes32[] memory words = _words();
        _checkFailing(words, words[0], words[1]);
        _checkFailing(words, words[510], words[511]);
        (bytes32[] memory left, bytes32[] memory right) = (new bytes32[](256), new bytes32[](256));
        for (uint256 i; i < 256; ++i) {
            (left[i], right[i]) = (words[i], words[256 + i]);
        }
        _checkFailing(words, Files.root(left), Files.root(right));
    }

    function _checkFailing(bytes32[] memory words, bytes32 left, bytes32 right) private {
        vm.mockCallRevert(address(2), abi.encodePacked(left, right), "");
        vm.expectRevert(bytes(""));
        this.wordsRoot(abi.encodePacked(words));
        vm.clearMockedCalls();
    }

    function _words() private pure returns (bytes32[] memory words) {
        words = new bytes32[](512);
        for (uint256 i; i < words.length; ++i) {
            words[i] = keccak256(abi.encode(i));
        }
    }

    function test_RevertWhen_LongerThanABlock() external {
        vm.expectRevert(abi.encodeWithSelector(MerkleBlocks.MerkleBlocks_TooLong.selector, 16_385));
        this.wordsRoot(new bytes(16_385));
    }

    function testFuzz_DepthIsTheSmallestThatHoldsTheLeaves(uint256 leaves) external pure {
        leaves = bound(leaves, 1, 2 ** 40);
        uint256 depth = MerkleBlocks.depthOf(leaves);
        assertGe(2 ** depth, leaves);
        if (depth != 0) assertLt(2 ** (depth - 1), leaves);
    }
}
