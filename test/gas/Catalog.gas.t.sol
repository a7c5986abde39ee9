// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICatalog} from "../../src/interfaces/ICatalog.sol";
import {BaseTest} from "../Base.t.sol";
import {Files} from "../utils/Files.sol";

/// @notice What it costs to disprove a content: a whole transaction, most of it EIP-7623's floor for a block of 16 KiB as calldata.
/// forge-config: default.isolate = true
contract CatalogGasTest is BaseTest {
    uint32 private constant FILES = 1000;
    uint40 private constant BLOCKS = 64 * GIB;
    uint64 private constant LENGTH_OF_FILE = 60 * 2 ** 30; // bytes

    /// A file of 60 GiB among a thousand, in a content of 64 GiB.
    function test_Disprove() external {
        ICatalog.Disproof memory p;
        p.data = new bytes(Files.BLOCK);
        for (uint256 i; i < p.data.length; ++i) {
            p.data[i] = 0x5a; // data holds next to no zero bytes, which would be cheaper
        }
        (p.rowIndex, p.blockIndex, p.wordsRoot) = (617, 3_000_001, keccak256("another block"));
        (p.rowPath, p.blockPath, p.dataPath) = (_siblings(10), _siblings(22), _siblings(22));
        p.row.piecesRoot = _climb(sha256(p.data), p.blockIndex, p.blockPath);
        (p.row.firstBlock, p.row.length) = (616, LENGTH_OF_FILE);
        p.commitment = ICatalog.Commitment({
            infohash: "infohash",
            filesRoot: _climb(sha256(abi.encode(p.row)), p.rowIndex, p.rowPath),
            dataRoot: _climb(p.wordsRoot, uint256(p.row.firstBlock) + p.blockIndex, p.dataPath),
            blocks: BLOCKS,
            fileCount: FILES
        });
        uint32 content = _publish(p.commitment);
        catalog.disprove(content, p);
        assertLe(vm.snapshotGasLastCall("Catalog", "disprove: a block of a content of 64 GiB"), 780_000);
    }

    function _siblings(uint256 depth) private pure returns (bytes32[] memory path) {
        path = new bytes32[](depth);
        for (uint256 i; i < depth; ++i) {
            path[i] = keccak256(abi.encode(depth, i));
        }
    }

    function _climb(bytes32 node, uint256 index, bytes32[] memory path) private pure returns (bytes32) {
        for (uint256 i; i < path.length; ++i) {
            node = sha256(index >> i & 1 == 0 ? abi.encodePacked(node, path[i]) : abi.encodePacked(path[i], node));
        }
        return node;
    }
}
