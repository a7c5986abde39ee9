// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICatalog} from "../../src/interfaces/ICatalog.sol";
import {Epoch} from "../../src/Types.sol";
import {CatalogTest} from "./CatalogTest.sol";

contract WithdrawBondTest is CatalogTest {
    function test_RevertWhen_TheContentIsUnknown() external {
        _publish(1);
        for (uint32 id; id < 3; id += 2) {
            vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_Unknown.selector, id));
            catalog.withdrawBond(id);
        }
    }

    function test_RevertWhen_TheBondWasWithdrawn() external {
        uint32 contentId = _publish(1);
        _publish(2);
        _toEpoch(4);
        catalog.withdrawBond(contentId);
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_Unbonded.selector, contentId));
        catalog.withdrawBond(contentId);
    }

    function testFuzz_RevertWhen_AnOrderTiesIt(uint32 end) external {
        end = uint32(bound(end, 2, 1000));
        uint32 contentId = _publish(1);
        _noteOrder(contentId, end);
        _toEpoch(end + 3);
        vm.warp(block.timestamp - 1);
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_BondTied.selector, contentId, end + 3));
        catalog.withdrawBond(contentId);
        vm.warp(block.timestamp + 1);
        catalog.withdrawBond(contentId);
    }

    function test_RevertWhen_ThePublicationTiesIt() external {
        _toEpoch(5);
        uint32 contentId = _publish(1);
        _toEpoch(8);
        vm.warp(block.timestamp - 1);
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_BondTied.selector, contentId, Epoch.wrap(8)));
        catalog.withdrawBond(contentId);
        vm.warp(block.timestamp + 1);
        catalog.withdrawBond(contentId);
    }

    function testFuzz_PaysThePublisherWhatWasAsked(address caller, uint128 bond, uint128 later) external {
        vm.assume(caller != address(0));
        bond = uint128(bound(bond, 1, 100e18));
        vm.prank(admin);
        catalog.setPublishBond(bond);
        uint32 contentId = _publish(1);
        vm.prank(admin);
        catalog.setPublishBond(uint128(bound(later, 1, 100e18)));

        _toEpoch(4);
        vm.expectEmit(address(catalog));
        emit ICatalog.BondWithdrawn(contentId, publisher.addr, bond);
        vm.prank(caller);
        catalog.withdrawBond(contentId);
        assertEq(token.balanceOf(publisher.addr), bond);
        assertEq(catalog.accounted(), 0);
    }

    function test_LeavesADonation() external {
        uint32 contentId = _publish(1);
        token.mint(address(catalog), 5);
        assertEq(catalog.accounted(), BOND);
        _toEpoch(4);
        catalog.withdrawBond(contentId);
        assertEq(token.balanceOf(address(catalog)), 5);
    }
}
