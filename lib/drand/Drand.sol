// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {HashToG1} from "./HashToG1.sol";

/// @title Drand
/// @notice Verifies beacons of drand's scheme `bls-unchained-g1-rfc9380` (its network quicknet) on the EIP-2537 precompiles: the signature
/// is a point of G1, the public key one of G2, and the message of round n is the SHA-256 of n as eight big-endian bytes.
///
/// A signature is taken as the uncompressed point, 96 bytes: x ++ y, 48 big-endian bytes each, no flag bits. Decompressing on chain would
/// cost a square root; compressing, which drand's randomness is the hash of, costs a comparison.
///
/// A message has exactly one signature and a point one encoding, so there is one valid `signature` per round and key: the pairing
/// precompile refuses coordinates not below the field's modulus, points off the curve and points outside the prime-order subgroup,
/// and the infinity is the signature of nothing under a key that `isPublicKey` accepts.
library Drand {
    /// @notice Length of a signature and of a public key in the forms taken here, in bytes.
    uint256 internal constant SIGNATURE_LENGTH = 96;
    uint256 internal constant KEY_LENGTH = 256;

    /// @dev EIP-2537's pairing check of two pairs costs 102,900 gas; one that fails burns all it is given, so it is given three times
    /// that: whoever submits a bad signature loses a bounded sum, and a fork may still reprice.
    uint256 private constant PAIRING_GAS = 300_000;

    /// @dev The negated generator of G2, as EIP-2537 encodes it: x.c0, x.c1, y.c0, y.c1.
    bytes private constant NEGATED_G2 = hex"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        hex"0000000000000000000000000000000013e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        hex"000000000000000000000000000000000d1b3cc2c7027888be51d9ef691d77bcb679afda66c73f17f9ee3837a55024f78c71363275a75d75d86bab79f74782aa"
        hex"0000000000000000000000000000000013fa4d4a0ad8b1ce186ed5061789213d993923066dddaf1040bc3ff59f825c78df74f2d75467e25e0f55f8a00fa030ed";

    /// @dev (p - 1) / 2 of the base field, its upper 16 and lower 32 bytes: the larger of y and -y is above it.
    uint256 private constant HALF_P_HIGH = 0x0d0088f51cbff34d258dd3db21a5d66b;
    uint256 private constant HALF_P_LOW = 0xb23ba5c279c2895fb39869507b587b120f55ffff58a9ffffdcff7fffffffd555;

    /// @notice Whether `signature` is the beacon of `round` under `key`. Any input is answered, none reverts.
    /// @param key A point that `isPublicKey` has accepted, in EIP-2537's encoding.
    function verify(bytes calldata signature, uint64 round, bytes memory key) internal view returns (bool) {
        if (signature.length != SIGNATURE_LENGTH || key.length != KEY_LENGTH) return false;
        bytes memory message = HashToG1.hashToG1(sha256(abi.encodePacked(round)));
        // e(signature, -G2) * e(H(message), key) == 1
        return _pairsToOne(bytes.concat(bytes16(0), signature[:48], bytes16(0), signature[48:], NEGATED_G2, message, key));
    }

    /// @notice drand's own `randomness` of a verified beacon: the SHA-256 of the compressed signature.
    /// @param signature Verified, hence canonical coordinates of a point that is not the infinity.
    function randomness(bytes calldata signature) internal pure returns (bytes32) {
        bytes16 xHigh = bytes16(signature[:16]);
        uint256 yHigh = uint128(bytes16(signature[48:64]));
        uint256 yLow = uint256(bytes32(signature[64:96]));
        bool larger = yHigh > HALF_P_HIGH || (yHigh == HALF_P_HIGH && yLow > HALF_P_LOW);
        // The flags of the compressed form: 0x80 compressed, 0x20 the larger y.
        xHigh |= larger ? bytes16(bytes1(0xa0)) : bytes16(bytes1(0x80));
        return sha256(abi.encodePacked(xHigh, signature[16:48]));
    }

    /// @notice Whether `key` is a canonical point of G2's prime-order subgroup and not the infinity.
    function isPublicKey(bytes memory key) internal view returns (bool) {
        if (key.length != KEY_LENGTH || keccak256(key) == keccak256(new bytes(KEY_LENGTH))) return false;
        // The infinity of G1 pairs to one with every point that the precompile accepts.
        return _pairsToOne(bytes.concat(new bytes(128), key));
    }

    /// @dev Whether the product of the pairings is one; false for a malformed point.
    function _pairsToOne(bytes memory pairs) private view returns (bool one) {
        assembly ("memory-safe") {
            mstore(0, 0)
            let ok := staticcall(PAIRING_GAS, 0x0f, add(pairs, 32), mload(pairs), 0, 32)
            one := and(ok, mload(0))
        }
    }
}
