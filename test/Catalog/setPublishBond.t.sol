// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {ICatalog} from "../../src/interfaces/ICatalog.sol";
import {CatalogTest} from "./CatalogTest.sol";

contract SetPublishBondTest is CatalogTest {
    function testFuzz_RevertWhen_TheCallerIsNotGovernance(address caller) external {
        vm.assume(caller != admin);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, caller));
        vm.prank(caller);
        catalog.setPublishBond(1);
    }

    function test_RevertWhen_OutOfBounds() external {
        uint128 most = catalog.MAX_PUBLISH_BOND();
        for (uint256 i; i < 2; ++i) {
            uint128 bond = i == 0 ? 0 : most + 1;
            bytes memory expected = abi.encodeWithSelector(ICatalog.Catalog_PublishBondOutOfBounds.selector, bond, most);
            vm.expectRevert(expected);
            vm.prank(admin);
            catalog.setPublishBond(bond);
            vm.expectRevert(expected);
            this.deploy(bond);
        }
    }

    function deploy(uint128 bond) external {
        _deploy(address(token), bond);
    }

    function testFuzz_AsksItOfTheNextPublication(uint128 bond) external {
        bond = uint128(bound(bond, 1, catalog.MAX_PUBLISH_BOND()));
        token.mint(relayer, bond);
        _publish(1);
        vm.expectEmit(address(catalog));
        emit ICatalog.PublishBondSet(bond);
        vm.prank(admin);
        catalog.setPublishBond(bond);
        _publish(2);
        assertEq(catalog.publishBond(), bond);
        assertEq(catalog.content(1).bond, BOND);
        assertEq(catalog.content(2).bond, bond);
        assertEq(catalog.accounted(), uint256(BOND) + bond);
    }
}
