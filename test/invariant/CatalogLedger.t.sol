// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch} from "../../src/Types.sol";
import {CatalogTest} from "../Catalog/CatalogTest.sol";

/// @notice Publishers, orders and time in any order. Every action is one that must succeed.
contract CatalogHandler is CatalogTest {
    uint256 public donated;
    uint256 public paidIn;
    uint256 public paidOut;

    function publish(uint256 n, bool byRival) external {
        n = bound(n, 1, 6);
        uint32 known = catalog.contentOf(catalog.keyOf(_commitment(n)));
        if (known != 0 && catalog.content(known).bond != 0) return;
        paidIn += catalog.publishBond();
        _publish(byRival ? rival : publisher, _commitment(n));
    }

    function noteOrder(uint32 contentId, uint32 epochs) external {
        contentId = uint32(bound(contentId, 1, 6));
        if (catalog.content(contentId).bond == 0) return;
        _noteOrder(contentId, epoch() + uint32(bound(epochs, 0, 12)));
    }

    function withdrawBond(uint32 contentId) external {
        contentId = uint32(bound(contentId, 1, 6));
        uint256 bond = catalog.content(contentId).bond;
        if (bond == 0 || epoch() <= _last(contentId) + 2) return;
        paidOut += bond;
        catalog.withdrawBond(contentId);
    }

    function setPublishBond(uint128 bond) external {
        vm.prank(admin);
        catalog.setPublishBond(uint128(bound(bond, 1, 1e18)));
    }

    function donate(uint256 amount) external {
        amount = bound(amount, 1, 1e18);
        donated += amount;
        token.mint(address(catalog), amount);
    }

    function pass(uint256 rounds) external {
        vm.warp(block.timestamp + bound(rounds, 1, 60) * LENGTH);
    }

    function bonds() external view returns (uint256 sum) {
        for (uint32 id = 1; id <= catalog.count(); ++id) {
            sum += catalog.content(id).bond;
        }
    }

    function accounted() external view returns (uint256) {
        return catalog.accounted();
    }

    function balance() external view returns (uint256) {
        return token.balanceOf(address(catalog));
    }

    function epoch() public view returns (uint32) {
        return uint32((block.timestamp - GENESIS) / LENGTH / 30) + 1;
    }

    function _last(uint32 contentId) private view returns (uint32) {
        return Epoch.unwrap(catalog.content(contentId).lastEpoch);
    }
}

contract CatalogLedgerTest is CatalogTest {
    CatalogHandler internal handler;

    function setUp() public override {
        vm.warp(GENESIS);
        handler = new CatalogHandler();
        handler.setUp();
        bytes4[] memory selectors = new bytes4[](6);
        selectors[0] = CatalogHandler.publish.selector;
        selectors[1] = CatalogHandler.noteOrder.selector;
        selectors[2] = CatalogHandler.withdrawBond.selector;
        selectors[3] = CatalogHandler.setPublishBond.selector;
        selectors[4] = CatalogHandler.donate.selector;
        selectors[5] = CatalogHandler.pass.selector;
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: selectors}));
    }

    /// H-ESC-1 of the bonds: what is accounted for is what is held for publishers, and a donation is nobody's.
    function invariant_AccountedIsTheSumOfBonds() external view {
        assertEq(handler.accounted(), handler.bonds());
        assertEq(handler.accounted(), handler.paidIn() - handler.paidOut());
        assertEq(handler.balance(), handler.accounted() + handler.donated());
    }
}
