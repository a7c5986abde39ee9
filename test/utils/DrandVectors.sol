// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

/// @notice test/vectors/drand.json: rounds of quicknet and of the TypeScript local beacon, and points that messages hash to.
abstract contract DrandVectors is Test {
    struct DrandVector {
        uint64 round;
        bytes signature;
        bytes32 randomness;
    }

    string private _json = vm.readFile("test/vectors/drand.json");

    function drandKey(string memory network) internal view returns (bytes memory) {
        return vm.parseJsonBytes(_json, string.concat(".", network, ".key"));
    }

    function localSecretKey() internal view returns (uint256) {
        return uint256(vm.parseJsonBytes32(_json, ".local.secretKey"));
    }

    function drandVectors(string memory network) internal view returns (DrandVector[] memory all) {
        string memory list = string.concat(".", network, ".beacons");
        all = new DrandVector[](_count(list));
        for (uint256 i; i < all.length; ++i) {
            string memory item = _item(list, i);
            all[i].round = uint64(vm.parseJsonUint(_json, string.concat(item, ".round")));
            all[i].signature = vm.parseJsonBytes(_json, string.concat(item, ".signature"));
            all[i].randomness = vm.parseJsonBytes32(_json, string.concat(item, ".randomness"));
        }
    }

    function hashVectors() internal view returns (bytes32[] memory messages, bytes[] memory points) {
        uint256 count = _count(".hashToG1.points");
        (messages, points) = (new bytes32[](count), new bytes[](count));
        for (uint256 i; i < count; ++i) {
            string memory item = _item(".hashToG1.points", i);
            messages[i] = vm.parseJsonBytes32(_json, string.concat(item, ".message"));
            points[i] = vm.parseJsonBytes(_json, string.concat(item, ".point"));
        }
    }

    function _count(string memory list) private view returns (uint256 n) {
        while (vm.keyExistsJson(_json, _item(list, n))) ++n;
    }

    function _item(string memory list, uint256 i) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]");
    }
}
