// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICatalog} from "../../src/interfaces/ICatalog.sol";
import {Epoch} from "../../src/Types.sol";
import {CatalogTest} from "./CatalogTest.sol";

contract NoteOrderTest is CatalogTest {
    function testFuzz_RevertWhen_TheCallerIsNotTheMarket(address caller) external {
        vm.assume(caller != market);
        uint32 contentId = _publish(1);
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_Unauthorized.selector, caller));
        vm.prank(caller);
        catalog.noteOrder(contentId, Epoch.wrap(9));
    }

    function test_RevertWhen_TheContentIsUnknown() external {
        _publish(1);
        for (uint32 id; id < 3; id += 2) {
            vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_Unknown.selector, id));
            vm.prank(market);
            catalog.noteOrder(id, Epoch.wrap(9));
        }
    }

    function test_RevertWhen_TheBondWasWithdrawn() external {
        uint32 contentId = _publish(1);
        _toEpoch(4);
        catalog.withdrawBond(contentId);
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_Unbonded.selector, contentId));
        vm.prank(market);
        catalog.noteOrder(contentId, Epoch.wrap(9));
    }

    function testFuzz_KeepsTheLatestEnd(uint32[6] memory ends) external {
        uint32 contentId = _publish(1);
        uint32 latest = 1;
        for (uint256 i; i < ends.length; ++i) {
            vm.recordLogs();
            if (ends[i] > latest) {
                vm.expectEmit(address(catalog));
                emit ICatalog.BondTied(contentId, Epoch.wrap(ends[i]));
            }
            _noteOrder(contentId, ends[i]);
            if (ends[i] <= latest) assertEq(vm.getRecordedLogs().length, 0);
            else latest = ends[i];
            assertEq(Epoch.unwrap(catalog.content(contentId).lastEpoch), latest);
        }
    }
}
