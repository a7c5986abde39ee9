// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {MerkleWords} from "../../lib/bep52/MerkleWords.sol";

/// @notice Whole transactions that verify five packed word proofs and write one word. They cost the calldata floor of EIP-7623: the
/// hashing is well below it.
/// forge-config: default.isolate = true
contract MerkleWordsGasTest is Test {
    bytes32 private _mixed;

    /// @dev Writes, for a view would be measured as a call within a transaction.
    function verify(bytes calldata proof, uint256 depth) external {
        bytes32 mixed;
        uint256 offset;
        for (uint256 k; k < 5; ++k) {
            bytes32 root;
            (root, offset) = MerkleWords.rootOf(proof, offset, 0, depth);
            mixed ^= root;
        }
        _mixed = mixed;
    }

    function test_FivePackedWords() external {
        _measure(20, "5 words, depth 20");
        _measure(25, "5 words, depth 25");
        _measure(30, "5 words, depth 30");
    }

    function _measure(uint256 depth, string memory name) private {
        bytes memory proof = new bytes(5 * (depth + 1) * 32);
        // Words and hashes hold next to no zero bytes, which would be cheaper.
        for (uint256 i; i < proof.length; ++i) {
            proof[i] = 0x5a;
        }
        this.verify(proof, depth);
        vm.snapshotGasLastCall("MerkleWords", name);
    }
}
