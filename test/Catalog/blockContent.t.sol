// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {ICatalog} from "../../src/interfaces/ICatalog.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {CatalogTest} from "./CatalogTest.sol";

contract BlockContentTest is CatalogTest {
    string private constant REASON = "court order 17/2026";
    uint32 private content;

    function setUp() public override {
        super.setUp();
        content = _publish(1);
    }

    function test_RevertWhen_TheCallerIsNotTheCurator() external {
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, address(this)));
        catalog.blockContent(content, REASON);
    }

    function test_RevertWhen_TheContentIsUnknown() external {
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_Unknown.selector, 9));
        _block(9, REASON);
    }

    function test_RevertWhen_ItIsStampedAlready() external {
        _block(content, REASON);
        Round stamp = catalog.content(content).stamp;
        vm.warp(block.timestamp + LENGTH);
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_Stamped.selector, content, stamp));
        _block(content, REASON);
    }

    function test_RevertWhen_TheReasonIsTooLong() external {
        uint256 most = catalog.MAX_TEXT();
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_TextTooLong.selector, most + 1, most));
        _block(content, string(new bytes(most + 1)));
    }

    function test_StampsIt() external {
        vm.expectEmit(address(catalog));
        emit ICatalog.Blocked(content, Round.wrap(30), REASON);
        _block(content, REASON);
        (bytes32 dataRoot, Round stamp, bool isBlocked) = catalog.sampled(content);
        assertEq(dataRoot, _commitment(1).dataRoot);
        assertEq(Round.unwrap(stamp), Round.unwrap(catalog.currentRound()));
        assertTrue(isBlocked);
        assertFalse(catalog.content(content).isDisproved);
    }

    function test_TakesNoMoreOrdersNorPublications() external {
        _block(content, REASON);
        bytes memory expected = abi.encodeWithSelector(ICatalog.Catalog_Stamped.selector, content, catalog.currentRound());
        vm.expectRevert(expected);
        catalog.orderable(content);
        vm.expectRevert(expected);
        vm.prank(market);
        catalog.noteOrder(content, Epoch.wrap(1));

        _toEpoch(4);
        catalog.withdrawBond(content);
        assertEq(token.balanceOf(publisher.addr), BOND);
        ICatalog.Manifest memory m = _manifest(publisher.addr, _commitment(1));
        bytes memory signature = _sign(publisher, m);
        vm.expectRevert(expected);
        vm.prank(relayer);
        catalog.publish(m, _commitment(1), signature);
    }

    function _block(uint32 contentId, string memory reason) private {
        vm.prank(admin);
        catalog.blockContent(contentId, reason);
    }
}
