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
