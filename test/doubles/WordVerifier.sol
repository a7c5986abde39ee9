// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MerkleWords} from "../../lib/bep52/MerkleWords.sol";

/// @notice The Solidity verifier on a chain, for the proofs of the TypeScript trees.
contract WordVerifier {
    function verifyWord(bytes32 root, bytes32 word, uint256 index, uint256 depth, bytes32[] calldata path) external view returns (bool) {
        return MerkleWords.verifyWord(root, word, index, depth, path);
    }
}
