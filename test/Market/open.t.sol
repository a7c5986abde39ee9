// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Epoch} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

contract OpenTest is BaseTest {
    uint32 private content;

    function setUp() public override {
        super.setUp();
        content = _publish(ONE_CHUNK * 3);
    }

    function test_Open_RevertWhen_Paused() external {
        vm.prank(guardian);
        market.pause();
        IMarket.Request memory r = _request(content, 1, 1);
        _expect(abi.encodeWithSelector(Pausable.EnforcedPause.selector), r);
        vm.prank(guardian);
        market.unpause();
        _open(r);
    }

    function test_Open_RevertWhen_OutOfBounds() external {
        _expect(abi.encodeWithSelector(IMarket.Market_BadRequest.selector, 0, 1, 0, 0, 0), _request(content, 0, 1));
        _expect(abi.encodeWithSelector(IMarket.Market_BadRequest.selector, 17, 1, 0, 0, 0), _request(content, 17, 1));
        _expect(abi.encodeWithSelector(IMarket.Market_BadRequest.selector, 1, 0, 0, 0, 0), _request(content, 1, 0));
        _expect(abi.encodeWithSelector(IMarket.Market_BadRequest.selector, 1, 13, 0, 0, 0), _request(content, 1, 13));
        IMarket.Request memory r = _request(content, 1, 1);
        r.startEpoch = Epoch.wrap(3);
        _expect(abi.encodeWithSelector(IMarket.Market_BadStart.selector, 3, 1), r);
        uint40 other = _open(_publish(ONE_BLOCK), 1, 1);
        (r.startEpoch, r.incumbentOrder) = (Epoch.wrap(2), other);
        _expect(abi.encodeWithSelector(IMarket.Market_BadIncumbent.selector, other), r);
    }

    /// H-ESC-2: to the bounds and not beyond, for exactly what it costs.
    function test_HEsc2_Open_AtTheBounds() external {
        IMarket.Request memory r = _request(content, 16, 12);
        (r.minReputation, r.minReliability, r.designated) = (100, 100, new uint32[](32));
        r.designated[31] = 7;
        uint256 deposit = 3 * 16 * (12 * 30 - 1) * uint256(FEE);
        vm.expectEmit(address(market));
        emit IMarket.OrderOpened(1, content, uploader, 3, deposit, FEE, STAKE, 10_000, r);
        vm.prank(uploader);
        assertEq(market.open(r, deposit), 1);
        assertEq(market.order(1).balance, deposit);
        assertEq(market.accounted(), deposit);
        assertTrue(market.isDesignated(1, 7));

        r.designated = new uint32[](33);
        _expect(abi.encodeWithSelector(IMarket.Market_BadRequest.selector, 16, 12, 100, 100, 33), r);
        r.designated = new uint32[](0);
        r.minReputation = 101;
        _expect(abi.encodeWithSelector(IMarket.Market_BadRequest.selector, 16, 12, 101, 100, 0), r);
        (r.minReputation, r.minReliability) = (100, 101);
        _expect(abi.encodeWithSelector(IMarket.Market_BadRequest.selector, 16, 12, 100, 101, 0), r);
    }

    function test_Open_RevertWhen_TheIncumbentDoesNotEndBefore() external {
        uint40 order = _open(content, 1, 1);
        IMarket.Request memory r = _request(content, 1, 1);
        r.incumbentOrder = order;
        _expect(abi.encodeWithSelector(IMarket.Market_BadIncumbent.selector, order), r);
        r.startEpoch = Epoch.wrap(2);
        uint40 renewal = _open(r);
        assertEq(market.order(renewal).incumbentOrder, order);
        assertFalse(market.order(renewal).isDesignated);
        r.incumbentOrder = 99;
        _expect(abi.encodeWithSelector(IMarket.Market_BadIncumbent.selector, 99), r);
    }

    function test_Open_RevertWhen_NoRoundIsLeft() external {
        _to(Epoch.wrap(1), 29);
        _expect(abi.encodeWithSelector(IMarket.Market_TooLate.selector, 59, 59), _request(content, 1, 1));
    }

    function test_Open_RevertWhen_TheDepositIsAbove() external {
        IMarket.Request memory r = _request(content, 2, 1);
        uint256 deposit = 3 * 2 * 29 * uint256(FEE);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_DepositAbove.selector, deposit, deposit - 1));
        vm.prank(uploader);
        market.open(r, deposit - 1);
    }

    function test_Withdraw_RevertWhen_ToIsZero() external {
        uint40 order = _open(content, 2, 1);
        vm.prank(uploader);
        vm.expectRevert(IMarket.Market_ZeroAddress.selector);
        market.withdraw(order, address(0));
    }

    /// H-ESC-2: terms are the order's from then on, and everything without a holder goes back.
    function test_HEsc2_DepositAndRefund() external {
        uint256 had = asset.balanceOf(uploader);
        uint40 order = _open(content, 2, 1);
        uint256 round = 3 * uint256(FEE);
        assertEq(market.accounted(), 2 * 29 * round);
        vm.prank(governor);
        market.setTerms(7 * FEE, 1);
        assertEq(market.order(order).feePerChunkRound, FEE);
        assertEq(market.order(order).slashBps, 10_000);
        _next();
        assertEq(market.withdrawable(order), 2 * round);

        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_NotUploader.selector, order, anyone));
        vm.prank(anyone);
        market.cancelOpen(order, 1);
        vm.startPrank(uploader);
        vm.expectEmit(address(market));
        emit IMarket.ReplicaCancelled(order, 0);
        market.cancelOpen(order, 1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_NotOpen.selector, order, 0));
        market.cancelOpen(order, 1);
        vm.expectEmit(address(market));
        emit IMarket.OrderWithdrawn(order, uploader, (29 + 1) * round);
        assertEq(market.withdraw(order, uploader), (29 + 1) * round);
        market.cancelOpen(order, 2);
        market.withdraw(order, uploader);
        vm.stopPrank();
        assertEq(asset.balanceOf(uploader), had);
        assertEq(market.accounted(), 0);
    }

    function test_CancelOpen_OfSeveralReplicas() external {
        uint40 order = _open(content, 16, 1);
        vm.prank(uploader);
        market.cancelOpen(order, 1 << 15 | 5);
        assertEq(market.order(order).unheld, 13);
        for (uint8 i; i < 16; ++i) {
            assertEq(market.slot(order, i).cancelled, i == 0 || i == 2 || i == 15);
        }
    }

    /// H-ESC-2: the fees of an epoch leave the deposits when it is frozen, once, and the ledger says so.
    function test_HEsc2_Collect() external {
        uint32 op = _register(100);
        _hold(op, content, 2);
        uint256 held = market.accounted();
        vm.expectEmit(address(market));
        emit IMarket.Collected(Epoch.wrap(1), 28 * 3 * uint256(FEE));
        _freeze(Epoch.wrap(1));
        assertEq(market.accounted(), held - 28 * 3 * uint256(FEE));
        _checkLedgers();
    }

    function test_Collect_ASingleWei() external {
        vm.prank(governor);
        market.setTerms(1, 0);
        uint32 op = _register(100);
        uint40 order = _open(_publish(ONE_BLOCK), 1, 1);
        _to(Epoch.wrap(1), 26);
        _accept(order, 0, op);
        _to(Epoch.wrap(1), 28);
        _seed();
        _activate(order, 0); // live in the last round
        _freeze(Epoch.wrap(1));
        assertEq(pool.accounted(), 1);
        _checkLedgers();
    }

    function test_RevertWhen_TheCallerIsAnother() external {
        bytes memory err = abi.encodeWithSelector(IMarket.Market_Unauthorized.selector, anyone);
        vm.startPrank(anyone);
        vm.expectRevert(err);
        market.endSlot(1, 0, Epoch.wrap(1), IMarket.Ending.AuditFailed);
        vm.expectRevert(err);
        market.collect(Epoch.wrap(1));
    }

    function _expect(bytes memory err, IMarket.Request memory r) private {
        vm.expectRevert(err);
        vm.prank(uploader);
        market.open(r, type(uint256).max);
    }
}
