// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {HashToG1} from "../../lib/drand/HashToG1.sol";

/// @notice A drand network of one: real keys and signatures made by the EIP-2537 precompiles, so that tests seed any round they like
/// through the verification that a deployment uses.
library DrandSigner {
    bytes private constant G2 = hex"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        hex"0000000000000000000000000000000013e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        hex"000000000000000000000000000000000ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801"
        hex"000000000000000000000000000000000606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be";

    /// @notice The key as the Beacon takes it.
    function publicKey(uint256 secretKey) internal view returns (bytes memory) {
        return _multiply(address(0x0e), G2, secretKey);
    }

    /// @notice The signature of a drand round as the Beacon takes it.
    function sign(uint256 secretKey, uint64 drandRound) internal view returns (bytes memory signature) {
        bytes memory point = _multiply(address(0x0c), HashToG1.hashToG1(sha256(abi.encodePacked(drandRound))), secretKey);
        signature = new bytes(96);
        // The point's coordinates without the 16 zero bytes before each.
        assembly ("memory-safe") {
            mcopy(add(signature, 32), add(point, 48), 48)
            mcopy(add(signature, 80), add(point, 112), 48)
        }
    }

    function _multiply(address precompile, bytes memory point, uint256 scalar) private view returns (bytes memory product) {
        bool ok;
        (ok, product) = precompile.staticcall(bytes.concat(point, bytes32(scalar)));
        require(ok && product.length == point.length, "multiplication failed");
    }
}
