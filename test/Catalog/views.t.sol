// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICatalog} from "../../src/interfaces/ICatalog.sol";
import {Round} from "../../src/Types.sol";
import {CatalogTest} from "./CatalogTest.sol";

contract ViewsTest is CatalogTest {
    struct Domain {
        string name;
        string version;
        uint256 chainId;
        address verifyingContract;
    }

    function testFuzz_KeyOfDiffersWithEveryPart(ICatalog.Commitment memory c, uint256 part, uint256 change) external view {
        bytes32 key = catalog.keyOf(c);
        assertEq(key, keccak256(abi.encode(c)));
        part %= 5;
        change = bound(change, 1, type(uint32).max);
        unchecked {
            if (part == 0) c.infohash = bytes32(uint256(c.infohash) + change);
            if (part == 1) c.filesRoot = bytes32(uint256(c.filesRoot) + change);
            if (part == 2) c.dataRoot = bytes32(uint256(c.dataRoot) + change);
            if (part == 3) c.blocks += uint40(change);
            if (part == 4) c.fileCount += uint32(change);
        }
        assertNotEq(catalog.keyOf(c), key);
    }

    /// Against Foundry's own implementation of EIP-712.
    function testFuzz_HashOfIsTheDigestOfEip712(ICatalog.Manifest memory m) external view {
        bytes32 domain = vm.eip712HashStruct(
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)",
            abi.encode(Domain("Holdfast Catalog", "1", block.chainid, address(catalog)))
        );
        bytes32 manifest = vm.eip712HashStruct(
            "Manifest(address publisher,string name,bytes32 infohash,bytes32 key,uint64 series,uint32 version,string licence,string[] sources)",
            abi.encode(m)
        );
        assertEq(catalog.hashOf(m), keccak256(abi.encodePacked(hex"1901", domain, manifest)));
    }

    function testFuzz_ChunksAreBlocksRoundedUp(uint40 blocks) external {
        ICatalog.Commitment memory c = _commitment(1);
        c.blocks = uint40(bound(blocks, c.fileCount, catalog.MAX_BLOCKS()));
        uint32 contentId = _publish(publisher, c);
        uint256 chunks = catalog.chunks(contentId);
        assertGe(chunks * 512, c.blocks);
        assertLt((chunks - 1) * 512, c.blocks);
        assertEq(catalog.content(contentId).blocks, c.blocks);
        (bytes32 dataRoot, Round stamp,) = catalog.sampled(contentId);
        assertEq(dataRoot, c.dataRoot);
        assertEq(Round.unwrap(stamp), 0);
        (uint40 blocks_, bytes32 root) = catalog.tree(contentId);
        assertEq(blocks_, c.blocks);
        assertEq(root, c.dataRoot);
    }

    function test_DataIdIsTheFirstContentWithTheSameData() external {
        uint32 first = _publish(1);
        uint32 other = _publish(2);
        ICatalog.Commitment memory again = _commitment(3);
        again.dataRoot = _commitment(1).dataRoot;
        uint32 same = _publish(publisher, again);
        assertEq(catalog.dataId(first), first);
        assertEq(catalog.dataId(other), other);
        assertEq(catalog.dataId(same), first);
        assertEq(catalog.dataId(same + 1), 0);
    }

    function test_UnknownIsZero() external {
        _publish(1);
        for (uint32 id; id < 3; id += 2) {
            (bytes32 dataRoot,,) = catalog.sampled(id);
            assertEq(dataRoot, 0);
            assertEq(catalog.chunks(id), 0);
            assertEq(catalog.content(id).blocks, 0);
            assertEq(catalog.content(id).publisher, address(0));
        }
        assertEq(catalog.contentOf(catalog.keyOf(_commitment(2))), 0);
    }
}
