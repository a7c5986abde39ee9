// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {Vm} from "forge-std/Test.sol";

import {Catalog} from "../../src/Catalog.sol";
import {ICatalog} from "../../src/interfaces/ICatalog.sol";
import {Tokens} from "../../src/libraries/Tokens.sol";
import {Epoch} from "../../src/Types.sol";
import {FeeToken} from "../utils/Tokens.sol";
import {CatalogTest} from "./CatalogTest.sol";

/// @notice A contract that publishes what its owner signs.
contract Wallet is IERC1271 {
    address internal immutable OWNER;

    constructor(address owner) {
        OWNER = owner;
    }

    function isValidSignature(bytes32 hash, bytes memory signature) external view returns (bytes4) {
        (bytes32 r, bytes32 s, uint8 v) = abi.decode(signature, (bytes32, bytes32, uint8));
        return ecrecover(hash, v, r, s) == OWNER ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

contract PublishTest is CatalogTest {
    function test_RevertWhen_BlocksOutOfBounds() external {
        uint40 most = catalog.MAX_BLOCKS();
        ICatalog.Commitment memory c = _commitment(1);
        for (uint256 i; i < 2; ++i) {
            c.blocks = i == 0 ? 0 : most + 1;
            _expectRevert(c, abi.encodeWithSelector(ICatalog.Catalog_BlocksOutOfBounds.selector, c.blocks, most));
        }
    }

    function test_RevertWhen_FileCountOutOfBounds() external {
        ICatalog.Commitment memory c = _commitment(1);
        for (uint256 i; i < 2; ++i) {
            c.fileCount = i == 0 ? 0 : uint32(c.blocks) + 1;
            _expectRevert(c, abi.encodeWithSelector(ICatalog.Catalog_FileCountOutOfBounds.selector, c.fileCount, c.blocks));
        }
    }

    function test_RevertWhen_TheManifestIsAnotherContents() external {
        ICatalog.Commitment memory c = _commitment(1);
        ICatalog.Manifest memory m = _manifest(publisher.addr, c);
        m.infohash = _commitment(2).infohash;
        _expectRevert(m, c, abi.encodeWithSelector(ICatalog.Catalog_ManifestMismatch.selector, m.infohash, m.key));

        m = _manifest(publisher.addr, c);
        m.key = catalog.keyOf(_commitment(2));
        _expectRevert(m, c, abi.encodeWithSelector(ICatalog.Catalog_ManifestMismatch.selector, m.infohash, m.key));
    }

    function test_RevertWhen_TheSeriesIsNotThePublishers() external {
        ICatalog.Manifest memory m = _manifest(publisher.addr, _commitment(1));
        m.series = 1;
        bytes memory expected = abi.encodeWithSelector(ICatalog.Catalog_NotSeriesOwner.selector, 1, publisher.addr);
        _expectRevert(m, _commitment(1), expected); // nobody's
        vm.prank(rival.addr);
        catalog.createSeries();
        _expectRevert(m, _commitment(1), expected);
    }

    function test_RevertWhen_ATextIsTooLong() external {
        uint256 most = catalog.MAX_TEXT();
        string memory long = string(new bytes(most + 1));
        bytes memory expected = abi.encodeWithSelector(ICatalog.Catalog_TextTooLong.selector, most + 1, most);
        ICatalog.Manifest memory m = _manifest(publisher.addr, _commitment(1));
        m.name = long;
        _expectRevert(m, _commitment(1), expected);
        m = _manifest(publisher.addr, _commitment(1));
        m.licence = long;
        _expectRevert(m, _commitment(1), expected);
        m = _manifest(publisher.addr, _commitment(1));
        m.sources[1] = long;
        _expectRevert(m, _commitment(1), expected);
    }

    function test_RevertWhen_TooManySources() external {
        uint256 most = catalog.MAX_SOURCES();
        ICatalog.Manifest memory m = _manifest(publisher.addr, _commitment(1));
        m.sources = new string[](most + 1);
        _expectRevert(m, _commitment(1), abi.encodeWithSelector(ICatalog.Catalog_TooManySources.selector, most + 1, most));
    }

    function test_RevertWhen_AnotherSigned() external {
        ICatalog.Manifest memory m = _manifest(publisher.addr, _commitment(1));
        _expectBadSignature(catalog, m, _sign(rival, m));
        _expectBadSignature(catalog, m, "");
    }

    function test_RevertWhen_TheManifestWasAltered() external {
        bytes memory signature = _sign(publisher, _manifest(publisher.addr, _commitment(1)));
        for (uint256 i; i < 6; ++i) {
            ICatalog.Manifest memory m = _manifest(publisher.addr, _commitment(1));
            if (i == 0) m.publisher = rival.addr;
            if (i == 1) m.name = "linux.is";
            if (i == 2) m.version = 8;
            if (i == 3) m.licence = "";
            if (i == 4) (m.sources[0], m.sources[1]) = (m.sources[1], m.sources[0]);
            if (i == 5) m.sources = new string[](0);
            _expectBadSignature(catalog, m, signature);
        }
        // Infohash and key: signed for one content, relayed for another.
        _expectBadSignature(catalog, _manifest(publisher.addr, _commitment(2)), _commitment(2), signature);
    }

    function test_RevertWhen_SignedForAnotherContractOrChain() external {
        ICatalog.Manifest memory m = _manifest(publisher.addr, _commitment(1));
        bytes memory signature = _sign(publisher, m);
        _expectBadSignature(_deploy(address(token), BOND), m, signature);
        vm.chainId(block.chainid + 1);
        _expectBadSignature(catalog, m, signature);
    }

    function test_RevertWhen_ThePublisherIsNobody() external {
        ICatalog.Manifest memory m = _manifest(address(0), _commitment(1));
        _expectBadSignature(catalog, m, abi.encodePacked(bytes32(uint256(1)), bytes32(uint256(1)), uint8(29)));
    }

    function test_RevertWhen_ThePublishersContractSaysNo() external {
        ICatalog.Manifest memory m = _manifest(address(new Wallet(publisher.addr)), _commitment(1));
        _expectBadSignature(catalog, m, _encodedSignature(rival, m));
    }

    function test_RevertWhen_TheContentIsBonded() external {
        uint32 contentId = _publish(1);
        _toEpoch(9);
        for (uint256 i; i < 2; ++i) {
            Vm.Wallet memory by = i == 0 ? publisher : rival;
            ICatalog.Manifest memory m = _manifest(by.addr, _commitment(1));
            bytes memory signature = _sign(by, m);
            vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_AlreadyPublished.selector, contentId));
            catalog.publish(m, _commitment(1), signature);
        }
    }

    function test_RevertWhen_TheAssetTakesAFee() external {
        FeeToken fee = new FeeToken();
        catalog = _deploy(address(fee), BOND);
        fee.mint(relayer, 1e18);
        vm.prank(relayer);
        fee.approve(address(catalog), 1e18);
        ICatalog.Manifest memory m = _manifest(publisher.addr, _commitment(1));
        bytes memory signature = _sign(publisher, m);
        vm.expectRevert(abi.encodeWithSelector(Tokens.Tokens_NotExact.selector, BOND - 1, BOND));
        vm.prank(relayer);
        catalog.publish(m, _commitment(1), signature);
    }

    function test_NumbersContentsFromOneAndRemembersEach() external {
        _toEpoch(4);
        for (uint32 n = 1; n <= 3; ++n) {
            ICatalog.Commitment memory c = _commitment(n);
            assertEq(_publish(n), n);
            assertEq(catalog.count(), n);
            assertEq(catalog.contentOf(catalog.keyOf(c)), n);
            ICatalog.Content memory stored = catalog.content(n);
            assertEq(stored.publisher, publisher.addr);
            assertEq(stored.blocks, c.blocks);
            assertEq(stored.fileCount, c.fileCount);
            assertEq(stored.dataRoot, c.dataRoot);
            assertEq(stored.bond, BOND);
            assertEq(Epoch.unwrap(stored.lastEpoch), 4);
        }
    }

    function test_EmitsPublished() external {
        ICatalog.Commitment memory c = _commitment(1);
        ICatalog.Manifest memory m = _manifest(publisher.addr, c);
        bytes memory signature = _sign(publisher, m);
        vm.expectEmit(address(catalog));
        emit ICatalog.Published(1, c.infohash, publisher.addr, c, m, relayer, BOND);
        vm.prank(relayer);
        catalog.publish(m, c, signature);
    }

    function test_TakesTheBondFromTheCaller() external {
        // A publisher's allowance is not for relayers to spend.
        token.mint(publisher.addr, BOND);
        vm.prank(publisher.addr);
        token.approve(address(catalog), BOND);
        uint256 before = token.balanceOf(relayer);
        _publish(1);
        assertEq(token.balanceOf(relayer), before - BOND);
        assertEq(token.balanceOf(publisher.addr), BOND);
        assertEq(token.balanceOf(address(catalog)), BOND);
        assertEq(catalog.accounted(), BOND);
    }

    function test_TakesEverythingAtItsBound() external {
        ICatalog.Commitment memory c = _commitment(1);
        (c.blocks, c.fileCount) = (catalog.MAX_BLOCKS(), type(uint32).max);
        ICatalog.Manifest memory m = _manifest(publisher.addr, c);
        string memory longest = string(new bytes(catalog.MAX_TEXT()));
        (m.name, m.licence, m.sources) = (longest, longest, new string[](catalog.MAX_SOURCES()));
        for (uint256 i; i < m.sources.length; ++i) {
            m.sources[i] = longest;
        }
        bytes memory signature = _sign(publisher, m);
        vm.prank(relayer);
        assertEq(catalog.publish(m, c, signature), 1);

        (c.blocks, c.fileCount) = (1, 1);
        m = _manifest(publisher.addr, c);
        (m.name, m.licence, m.sources) = ("", "", new string[](0));
        signature = _sign(publisher, m);
        vm.prank(relayer);
        assertEq(catalog.publish(m, c, signature), 2);
    }

    function test_TakesAContractsSignature() external {
        address wallet = address(new Wallet(publisher.addr));
        ICatalog.Manifest memory m = _manifest(wallet, _commitment(1));
        bytes memory signature = _encodedSignature(publisher, m);
        vm.prank(relayer);
        catalog.publish(m, _commitment(1), signature);
        assertEq(catalog.content(1).publisher, wallet);
    }

    function test_PublishesAgainUnderTheSameNumber() external {
        _publish(1);
        uint32 contentId = _publish(2);
        _toEpoch(4);
        catalog.withdrawBond(contentId);
        vm.prank(admin);
        catalog.setPublishBond(3 * BOND);

        assertEq(_publish(rival, _commitment(2)), contentId);
        assertEq(catalog.count(), 2);
        ICatalog.Content memory c = catalog.content(contentId);
        assertEq(c.publisher, rival.addr);
        assertEq(c.bond, 3 * BOND);
        assertEq(Epoch.unwrap(c.lastEpoch), 4);
        assertEq(c.dataRoot, _commitment(2).dataRoot);
        assertEq(catalog.accounted(), 4 * BOND);
        _noteOrder(contentId, 6);
    }

    function test_TakesAnOldSignatureAgain() external {
        uint32 contentId = _publish(1);
        _toEpoch(4);
        catalog.withdrawBond(contentId);
        uint256 before = token.balanceOf(relayer);
        assertEq(_publish(1), contentId);
        assertEq(token.balanceOf(relayer), before - BOND);
    }

    function _encodedSignature(Vm.Wallet memory by, ICatalog.Manifest memory m) private returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(by, catalog.hashOf(m));
        return abi.encode(r, s, v);
    }

    function _expectRevert(ICatalog.Commitment memory c, bytes memory expected) private {
        _expectRevert(_manifest(publisher.addr, c), c, expected);
    }

    /// @dev Of a manifest that is signed as it should be.
    function _expectRevert(ICatalog.Manifest memory m, ICatalog.Commitment memory c, bytes memory expected) private {
        bytes memory signature = _sign(publisher, m);
        vm.expectRevert(expected);
        vm.prank(relayer);
        catalog.publish(m, c, signature);
    }

    function _expectBadSignature(Catalog at_, ICatalog.Manifest memory m, bytes memory signature) private {
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_BadSignature.selector, m.publisher));
        at_.publish(m, _commitment(1), signature);
    }

    function _expectBadSignature(Catalog at_, ICatalog.Manifest memory m, ICatalog.Commitment memory c, bytes memory signature) private {
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_BadSignature.selector, m.publisher));
        at_.publish(m, c, signature);
    }
}
