// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Archive} from "../../examples/Archive.sol";
import {Epoch, ROUNDS} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice What examples/Archive.sol shows, on the whole protocol.
contract ArchiveTest is BaseTest {
    Archive private _archive;
    address private _payer = makeAddr("payer");
    uint32 private _contentId;

    function setUp() public override {
        super.setUp();
        _archive = new Archive(asset, market);
        _contentId = _publish(MANY_CHUNKS);
        asset.mint(_payer, 1e18);
        vm.prank(_payer);
        asset.approve(address(_archive), type(uint256).max);
    }

    /// @dev Two epochs, from the next one on.
    function _keep() private returns (uint40 orderId) {
        Epoch start = _epoch().addEpochs(1);
        vm.prank(_payer);
        return _archive.keep(_contentId, 3, start, 2, 1e18);
    }

    function test_AContractPaysForStorage() external {
        uint40 orderId = _keep();
        uint256 deposit = uint256(101) * 3 * FEE * 2 * ROUNDS;
        assertEq(asset.balanceOf(_payer), 1e18 - deposit, "the rest is back");
        assertEq(asset.balanceOf(address(_archive)), 0);
        assertEq(asset.allowance(address(_archive), address(market)), 0);
        assertEq(market.order(orderId).uploader, address(_archive));
        assertEq(_archive.payerOf(orderId), _payer);

        uint32 operatorId = _register(1000);
        _accept(orderId, 0, operatorId);
        _to(_epoch(), ROUNDS - 1); // reservations made before the term are activated from its eve on
        _seed();
        _activate(orderId, 0);
        assertEq(market.slot(orderId, 0).operatorId, operatorId);
    }

    function test_WhatNobodyHoldsGoesBackToThePayer() external {
        uint40 orderId = _keep();
        uint256 left = asset.balanceOf(_payer);
        vm.prank(_payer);
        _archive.giveUp(orderId, 5);
        uint256 expected = market.withdrawable(orderId);
        assertGt(expected, 0);
        vm.prank(anyone);
        assertEq(_archive.reclaim(orderId), expected);
        assertEq(asset.balanceOf(_payer), left + expected);
    }

    function test_RevertWhen_SomebodyElseGivesUp() external {
        uint40 orderId = _keep();
        vm.expectRevert(abi.encodeWithSelector(Archive.Archive_NotPayer.selector, orderId, _payer));
        vm.prank(anyone);
        _archive.giveUp(orderId, 1);
    }
}
