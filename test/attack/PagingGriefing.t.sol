// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Epoch} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice What does not fit a transaction is done slot by slot, by anyone: Mallory does the slots of an ejection in an order of its own, some
/// twice, and leaves the rest, to shift a slash, to keep a stamp on an operator or an epoch from being settled.
///
/// Bound: each slot is unwound once, whoever calls and in any order, to the same stakes and balances; what is left anybody does, in a
/// transaction of a fixed cost, and several in one.
contract PagingGriefingTest is BaseTest {
    uint256 private constant SLOTS = 20;

    uint32 private op;
    uint40[] private slots;

    function setUp() public override {
        super.setUp();
        op = _register(1000);
        for (uint256 i; i < SLOTS; ++i) {
            slots.push(_open(_publish(ONE_BLOCK), 1, uint8(i % 3 + 1)));
            _accept(slots[i], 0, op);
        }
        _nextSeeded();
        for (uint256 i; i < SLOTS; ++i) {
            _activate(slots[i], 0);
        }
        _next();
        _idleTo(_now().addRounds(7));
        audits.eject(op);
    }

    function test_AnEjectionIsUnwoundInAnyOrderToTheSameEnd() external {
        uint256 snapshot = vm.snapshotState();
        for (uint256 i; i < SLOTS; ++i) {
            market.unwind(slots[i], 0);
        }
        bytes32 end = _end();
        vm.revertToState(snapshot);
        vm.startPrank(makeAddr("mallory"));
        for (uint256 i; i < SLOTS; ++i) {
            uint40 slot = slots[i * 7 % SLOTS];
            uint256 gas = gasleft();
            market.unwind(slot, 0);
            gas -= gasleft();
            assertLt(gas, 250_000, "sixty fit a transaction");
            vm.expectRevert(abi.encodeWithSelector(IMarket.Market_NotLive.selector, slot, 0));
            market.unwind(slot, 0);
        }
        vm.stopPrank();
        assertEq(_end(), end, "the same stakes, deposits, treasury, stamp");
        _checkLedgers();
    }

    /// Mallory leaves the last slot. Until anybody does it the epoch is not settled; nothing else waits for it.
    function test_WhatIsLeftAnybodyDoes() external {
        for (uint256 i = 1; i < SLOTS; ++i) {
            market.unwind(slots[i], 0);
        }
        _to(Epoch.wrap(2), 4);
        vm.expectPartialRevert(bytes4(keccak256("Settlement_NotUnwound(uint32,uint32)")));
        settlement.settle(op, Epoch.wrap(1));
        vm.startPrank(anyone);
        market.unwind(slots[0], 0);
        settlement.settle(op, Epoch.wrap(1));
        vm.stopPrank();
        assertEq(_reputation(op), 0, "everything was lost");
        _freeze(Epoch.wrap(1));
    }

    function _end() private view returns (bytes32) {
        uint256[] memory balances = new uint256[](SLOTS);
        for (uint256 i; i < SLOTS; ++i) {
            balances[i] = market.order(slots[i]).balance;
        }
        return
            keccak256(abi.encode(operators.operator(op), balances, pool.treasuryBalance(), pool.scheduled(), holdings.inventory(op).stamp));
    }
}
