// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title HashToG1
/// @notice RFC 9380's hash_to_curve for suite BLS12381G1_XMD:SHA-256_SSWU_RO_, on the EIP-2537 and MODEXP precompiles.
library HashToG1 {
    /// @dev The domain separation tag of drand's quicknet and of BLS signatures on G1 in general, and its length (RFC 9380's DST_prime).
    bytes private constant DST_PRIME = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_\x2b";

    /// @dev The modulus of the base field, left-padded to 64 bytes.
    bytes private constant P =
        hex"000000000000000000000000000000001a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";

    /// @notice A precompile is missing on this chain, or the call ran out of gas.
    error HashToG1_PrecompileFailed(address precompile);

    /// @notice The point of G1 which a 32-byte message hashes to, in EIP-2537's encoding (128 bytes).
    function hashToG1(bytes32 message) internal view returns (bytes memory point) {
        (bytes memory u0, bytes memory u1) = _hashToField(message);
        // The map clears the cofactor of each point, which is the same as clearing that of their sum.
        return _call(address(0x0b), bytes.concat(_call(address(0x10), u0, 128), _call(address(0x10), u1, 128)), 128);
    }

    /// @dev hash_to_field with count = 2 and L = 64: two field elements of 64 bytes.
    function _hashToField(bytes32 message) private view returns (bytes memory u0, bytes memory u1) {
        // expand_message_xmd to 128 bytes, in four blocks.
        bytes memory dst = DST_PRIME;
        bytes32 b0 = sha256(abi.encodePacked(bytes32(0), bytes32(0), message, uint16(128), uint8(0), dst));
        bytes32 b1 = sha256(abi.encodePacked(b0, uint8(1), dst));
        bytes32 b2 = sha256(abi.encodePacked(b0 ^ b1, uint8(2), dst));
        bytes32 b3 = sha256(abi.encodePacked(b0 ^ b2, uint8(3), dst));
        bytes32 b4 = sha256(abi.encodePacked(b0 ^ b3, uint8(4), dst));
        return (_modP(b1, b2), _modP(b3, b4));
    }

    /// @dev (high * 2^256 + low) mod p, as MODEXP with exponent one.
    function _modP(bytes32 high, bytes32 low) private view returns (bytes memory) {
        return _call(address(0x05), abi.encodePacked(uint256(64), uint256(1), uint256(64), high, low, uint8(1), P), 64);
    }

    /// @dev The inputs given here are well formed, so a call fails only for want of gas or of the precompile. Memory-safe: the output is
    /// `size` bytes, a multiple of 32, written to memory allocated for them.
    function _call(address precompile, bytes memory input, uint256 size) private view returns (bytes memory output) {
        bool ok;
        assembly ("memory-safe") {
            output := mload(0x40)
            mstore(output, size)
            mstore(0x40, add(output, add(size, 32)))
            ok := staticcall(gas(), precompile, add(input, 32), mload(input), add(output, 32), size)
            ok := and(ok, eq(returndatasize(), size))
        }
        if (!ok) revert HashToG1_PrecompileFailed(precompile);
    }
}
