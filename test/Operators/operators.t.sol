// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {IOperators} from "../../src/interfaces/IOperators.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

contract OperatorsTest is BaseTest {
    uint32 private op;
    address private owner;

    function setUp() public override {
        super.setUp();
        op = _register(100);
        owner = _owner(op);
    }

    function test_Register_RevertWhen_Paused() external {
        vm.prank(guardian);
        operators.pause();
        vm.expectRevert(Pausable.EnforcedPause.selector);
        operators.register(1, anyone, anyone, "");
        vm.prank(guardian);
        operators.unpause();
        _register(1);
    }

    function test_Register_RevertWhen_OutOfBounds() external {
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_CapacityOutOfBounds.selector, 0, 0, MOST_CAPACITY));
        operators.register(0, anyone, anyone, "");
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_CapacityOutOfBounds.selector, MOST_CAPACITY + 1, 0, MOST_CAPACITY));
        operators.register(MOST_CAPACITY + 1, anyone, anyone, "");
        vm.expectRevert(IOperators.Operators_ZeroAddress.selector);
        operators.register(1, address(0), anyone, "");
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_EndpointTooLong.selector, 257, 256));
        operators.register(1, anyone, anyone, string(new bytes(257)));
    }

    function testFuzz_Register(uint32 capacity) external {
        capacity = uint32(bound(capacity, 1, MOST_CAPACITY));
        uint256 before = operators.accounted();
        uint32 id = _register(capacity);
        IOperators.Operator memory o = operators.operator(id);
        assertEq(o.stake, uint256(capacity) * STAKE);
        (uint256 reputation, uint256 reliability) = operators.standing(id);
        assertEq(reputation, 0.5e18);
        assertEq(reliability, 1e18);
        assertEq(operators.accounted(), before + o.stake);
        _checkLedgers();
    }

    function test_AddStake() external {
        vm.prank(guardian);
        operators.pause();
        vm.prank(uploader);
        asset.approve(address(operators), 5);
        vm.prank(uploader);
        operators.addStake(op, 5);
        assertEq(operators.operator(op).stake, 100 * STAKE + 5);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_Unknown.selector, 9));
        operators.addStake(9, 1);
    }

    function test_RevertWhen_NotTheOwner() external {
        address prover = _prover(op);
        bytes memory err = abi.encodeWithSelector(IOperators.Operators_NotOwner.selector, op, prover);
        vm.startPrank(prover);
        vm.expectRevert(err);
        operators.setKeys(op, prover, prover, 1, prover);
        vm.expectRevert(err);
        operators.setCapacity(op, 1);
        vm.expectRevert(err);
        operators.setEndpoint(op, "");
        vm.expectRevert(err);
        operators.requestExit(op);
        vm.expectRevert(err);
        operators.withdraw(op, prover);
    }

    function test_SetCapacity_RevertWhen_BelowReservedOrAboveTheStake() external {
        _accept(_open(_publish(ONE_CHUNK * 3), 1, 1), 0, op);
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_CapacityOutOfBounds.selector, 2, 3, MOST_CAPACITY));
        operators.setCapacity(op, 2);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_StakeTooLow.selector, 100 * STAKE, 101 * STAKE));
        operators.setCapacity(op, 101);
        operators.addStake(op, STAKE);
        operators.setCapacity(op, 101);
        operators.setCapacity(op, 3);
        assertEq(operators.operator(op).capacityChunks, 3);
    }

    function test_SetEndpoint() external {
        vm.startPrank(owner);
        vm.expectEmit(address(operators));
        emit IOperators.EndpointSet(op, "203.0.113.9:6881");
        operators.setEndpoint(op, "203.0.113.9:6881");
        operators.setEndpoint(op, string(new bytes(256)));
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_EndpointTooLong.selector, 257, 256));
        operators.setEndpoint(op, string(new bytes(257)));
    }

    /// H-STAKE-1: by exit, after the thaw; a slash on the way would reach it.
    function test_HStake1_LeavesByExit() external {
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_NotExiting.selector, op));
        operators.withdraw(op, owner);
        operators.requestExit(op);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_Exiting.selector, op));
        operators.requestExit(op);
        _to(Round.wrap(30 + 180 - 1));
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_Thawing.selector, op, Round.wrap(210)));
        operators.withdraw(op, owner);
        _next();
        vm.expectRevert(IOperators.Operators_ZeroAddress.selector);
        operators.withdraw(op, address(0));
        vm.stopPrank();

        vm.prank(address(market));
        assertEq(operators.slash(op, 10), 10);
        vm.prank(owner);
        assertEq(operators.withdraw(op, anyone), 100 * STAKE - 10);
        assertEq(asset.balanceOf(anyone), 100 * STAKE - 10);
        assertEq(operators.accounted(), 0);
        // A slash takes what there is.
        vm.prank(address(market));
        assertEq(operators.slash(op, 10), 0);
    }

    function test_Withdraw_SoonerWhen_ReputationIsHigh() external {
        vm.prank(owner);
        operators.requestExit(op);
        vm.prank(address(settlement));
        operators.setStanding(op, 0.8e18 + 1e4, 1e18);
        _to(Round.wrap(60));
        uint256 before = asset.balanceOf(owner);
        vm.prank(owner);
        operators.withdraw(op, owner);
        assertEq(asset.balanceOf(owner) - before, 100 * uint256(STAKE));
        assertEq(operators.operator(op).stake, 0);
    }

    function test_RequestExit_RevertWhen_SlotsAreReserved() external {
        uint40 order = _open(_publish(ONE_CHUNK * 3), 1, 1);
        _accept(order, 0, op);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_HasSlots.selector, op, 3));
        vm.prank(owner);
        operators.requestExit(op);
        _to(Epoch.wrap(2), 0);
        vm.prank(owner);
        operators.requestExit(op);
        order = _open(_publish(ONE_BLOCK), 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_Exiting.selector, op));
        _accept(order, 0, op);
    }

    /// H-STAKE-2: nobody but the Market slashes, and nobody but the Settlement writes a standing.
    function test_HStake2_RevertWhen_TheCallerIsAnother() external {
        bytes memory err = abi.encodeWithSelector(IOperators.Operators_Unauthorized.selector, governor);
        vm.startPrank(governor);
        vm.expectRevert(err);
        operators.reserve(op, owner, 1, 1, Epoch.wrap(1));
        vm.expectRevert(err);
        operators.release(op, 1, 1, Epoch.wrap(1));
        vm.expectRevert(err);
        operators.slash(op, 1);
        vm.expectRevert(err);
        operators.setStanding(op, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_StakePerChunkOutOfBounds.selector, 0));
        operators.setStakePerChunk(0);
    }

    /// H-STAKE-3: with slashBps 0 a loss costs reputation and nothing else.
    function test_HStake3_NoSlashWhen_SlashBpsIsZero() external {
        vm.prank(governor);
        market.setTerms(FEE, 0);
        uint40 order = _hold(op, _publish(ONE_CHUNK * 3), 1);
        _audit(order, 0);
        _nextSeeded();
        _prove(op);
        _next();
        audits.close(order, 0);
        assertEq(operators.operator(op).stake, 100 * STAKE);
        _settle(op, Epoch.wrap(1));
        assertEq(_reputation(op), 0); // it was all it held
    }
}
