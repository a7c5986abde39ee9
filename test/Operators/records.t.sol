// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {IOperators} from "../../src/interfaces/IOperators.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice What Operators says, keeps and counts, to the last number.
contract OperatorsRecordsTest is BaseTest {
    uint32 private op;
    address private owner;
    address private prover;

    function setUp() public override {
        super.setUp();
        op = _register(100);
        (owner, prover) = (_owner(op), _prover(op));
    }

    function test_SaysAndKeepsWhatARegistrationIs() external {
        vm.startPrank(owner);
        vm.expectEmit(address(operators));
        emit IOperators.KeysSet(2, owner, prover, 0, anyone);
        vm.expectEmit(address(operators));
        emit IOperators.Registered(2, owner, 7, "[2001:db8::1]:6881");
        vm.expectEmit(address(operators));
        emit IOperators.StakeAdded(2, 7 * STAKE, 7 * STAKE);
        assertEq(operators.register(7, anyone, prover, "[2001:db8::1]:6881"), 2);
        assertEq(operators.count(), 2);
        IOperators.Operator memory o = operators.operator(2);
        assertEq(o.owner, owner);
        assertEq(o.prover, prover);
        assertEq(o.payout, anyone);
        assertEq(o.proverChunks, 0, "a prover accepts nothing before it is allowed to");
        assertEq(o.capacityChunks, 7);
        assertEq(o.reserved + o.reservedChunks, 0);
        assertEq(operators.payoutOf(2), anyone);
        (uint256 reputation,) = operators.standing(2);
        assertEq(reputation, 0.5e18);
    }

    function test_SaysWhatItsOwnerChanges() external {
        vm.startPrank(owner);
        vm.expectEmit(address(operators));
        emit IOperators.StakeAdded(op, 9, 100 * STAKE + 9);
        operators.addStake(op, 9);
        vm.expectEmit(address(operators));
        emit IOperators.CapacitySet(op, 99);
        operators.setCapacity(op, 99);
        vm.expectEmit(address(operators));
        emit IOperators.EndpointSet(op, "203.0.113.5:1");
        operators.setEndpoint(op, "203.0.113.5:1");
        operators.setEndpoint(op, string(new bytes(256)));
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_EndpointTooLong.selector, 257, 256));
        operators.setEndpoint(op, string(new bytes(257)));
        vm.expectEmit(address(operators));
        emit IOperators.KeysSet(op, prover, anyone, 3, owner);
        operators.setKeys(op, prover, anyone, 3, owner);
        IOperators.Operator memory o = operators.operator(op);
        assertEq(o.owner, prover);
        assertEq(o.prover, anyone);
        assertEq(o.proverChunks, 3);
        assertEq(o.payout, owner);
    }

    function test_SetKeys_RevertWhen_AnAddressIsZero() external {
        vm.startPrank(owner);
        vm.expectRevert(IOperators.Operators_ZeroAddress.selector);
        operators.setKeys(op, address(0), prover, 1, owner);
        vm.expectRevert(IOperators.Operators_ZeroAddress.selector);
        operators.setKeys(op, owner, address(0), 1, owner);
        vm.expectRevert(IOperators.Operators_ZeroAddress.selector);
        operators.setKeys(op, owner, prover, 1, address(0));
    }

    function test_SetCapacity_UpToTheMostWithItsStake() external {
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_CapacityOutOfBounds.selector, MOST_CAPACITY + 1, 0, MOST_CAPACITY));
        operators.setCapacity(op, MOST_CAPACITY + 1);
        operators.addStake(op, uint96(MOST_CAPACITY - 100) * STAKE);
        operators.setCapacity(op, MOST_CAPACITY);
        vm.stopPrank();
        // A stake that a slash has cut, or a dearer chunk, does not stand in the way of the same capacity or a smaller one.
        vm.prank(address(market));
        operators.slash(op, STAKE);
        vm.startPrank(owner);
        operators.setCapacity(op, MOST_CAPACITY);
        operators.setCapacity(op, 0);
    }

    function test_StakePerChunkIsGovernedWithinBounds() external {
        vm.startPrank(governor);
        vm.expectEmit(address(operators));
        emit IOperators.StakePerChunkSet(1e19);
        operators.setStakePerChunk(1e19);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_StakePerChunkOutOfBounds.selector, 1e19 + 1));
        operators.setStakePerChunk(1e19 + 1);
        operators.setStakePerChunk(1);
        assertEq(operators.stakePerChunk(), 1);
        vm.stopPrank();
        _register(10);
        assertEq(operators.operator(2).stake, 10, "what a new registration pays");
        assertEq(operators.operator(op).stake, 100 * STAKE, "what was paid before stays");
    }

    function test_RevertWhen_NotGovernedNorGuarded() external {
        bytes memory err = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, owner);
        vm.startPrank(owner);
        vm.expectRevert(err);
        operators.setStakePerChunk(1);
        vm.expectRevert(err);
        operators.pause();
        vm.expectRevert(err);
        operators.unpause();
    }

    // ---- Exit ----

    function test_SaysWhoLeavesAndWithWhat() external {
        vm.startPrank(owner);
        vm.expectEmit(address(operators));
        emit IOperators.ExitRequested(op, Round.wrap(30));
        operators.requestExit(op);
        _to(Round.wrap(210));
        vm.expectEmit(address(operators));
        emit IOperators.Withdrawn(op, anyone, 100 * STAKE);
        operators.withdraw(op, anyone);
        assertEq(operators.withdraw(op, anyone), 0, "once");
    }

    function test_Withdraw_TheThawIsShortAboveTheBoundAndNotAtIt() external {
        vm.startPrank(address(settlement));
        operators.setStanding(op, 0.8e18 + 1e4, 1e18);
        vm.startPrank(owner);
        operators.requestExit(op);
        _to(Round.wrap(59));
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_Thawing.selector, op, Round.wrap(60)));
        operators.withdraw(op, owner);
        _next();
        // The thaw goes by the reputation when withdrawing.
        vm.startPrank(address(settlement));
        operators.setStanding(op, 0.8e18, 1e18);
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_Thawing.selector, op, Round.wrap(210)));
        operators.withdraw(op, owner);
    }

    function test_Exit_RevertWhen_AnEpochIsNotSettled() external {
        _hold(op, _publish(ONE_CHUNK), 1);
        _to(Epoch.wrap(2), 5);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_Unsettled.selector, op, Epoch.wrap(1)));
        vm.prank(owner);
        operators.requestExit(op);
        _settle(op, Epoch.wrap(1));
        vm.prank(owner);
        operators.requestExit(op);
    }

    function test_Withdraw_RevertWhen_TheEpochItLeftInIsNotSettled() external {
        uint40 order = _hold(op, _publish(ONE_CHUNK), 1);
        _reportLoss(order, 0);
        vm.prank(owner);
        operators.requestExit(op);
        _to(Epoch.wrap(8), 0);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_Unsettled.selector, op, Epoch.wrap(1)));
        vm.prank(owner);
        operators.withdraw(op, owner);
        _settle(op, Epoch.wrap(1));
        vm.prank(owner);
        operators.withdraw(op, owner);
    }

    // ---- What the Market, the Settlement and the agents' contracts ask ----

    function test_Reserve_RevertWhen_NeitherOwnerNorProver() external {
        vm.startPrank(address(market));
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_NotAgent.selector, op, anyone));
        operators.reserve(op, anyone, 1, 1, Epoch.wrap(1));
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_NotAgent.selector, op, anyone));
        operators.requireAgent(op, anyone);
        operators.requireAgent(op, owner);
        operators.requireAgent(op, prover);
    }

    function test_Reserve_RevertWhen_CapacityOrStakeWouldBeExceeded() external {
        vm.startPrank(address(market));
        operators.reserve(op, owner, 60, 60 * STAKE, Epoch.wrap(2));
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_CapacityExceeded.selector, op, 41, 40, 40 * STAKE));
        operators.reserve(op, owner, 41, 1, Epoch.wrap(2));
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_CapacityExceeded.selector, op, 1, 40, 40 * STAKE));
        operators.reserve(op, owner, 1, 40 * STAKE + 1, Epoch.wrap(2));
        operators.slash(op, 50 * STAKE);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_CapacityExceeded.selector, op, 1, 40, 0));
        operators.reserve(op, owner, 1, 1, Epoch.wrap(2));
        vm.stopPrank();
        vm.prank(owner);
        operators.addStake(op, 50 * STAKE);
        vm.prank(address(market));
        operators.reserve(op, owner, 40, 40 * STAKE, Epoch.wrap(2));
        _expectReserved(100, 100 * STAKE);
    }

    /// A stolen hot key promises no more than its owner allowed, whatever the capacity.
    function test_Reserve_TheProverKeepsToItsLimit() external {
        vm.prank(owner);
        operators.setKeys(op, owner, prover, 10, owner);
        vm.startPrank(address(market));
        operators.reserve(op, prover, 10, 1, Epoch.wrap(1));
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_ProverLimit.selector, op, 11, 10));
        operators.reserve(op, prover, 1, 1, Epoch.wrap(1));
        operators.reserve(op, owner, 1, 1, Epoch.wrap(1));
        vm.stopPrank();
        vm.prank(owner);
        operators.setKeys(op, owner, owner, 0, owner);
        vm.prank(address(market));
        operators.reserve(op, owner, 1, 1, Epoch.wrap(1)); // an owner that proves has no limit
        _expectReserved(12, 3);
    }

    /// H-ESC-3: what is reserved ends with its epoch, without a transaction, and may be released before but not after.
    function test_HEsc3_ReservationsEndByArithmetic() external {
        vm.startPrank(address(market));
        operators.reserve(op, owner, 1, 10, Epoch.wrap(1));
        operators.reserve(op, owner, 2, 20, Epoch.wrap(2));
        operators.reserve(op, owner, 4, 40, Epoch.wrap(4));
        operators.reserve(op, owner, 8, 80, Epoch.wrap(4));
        _expectReserved(15, 150);
        _to(Epoch.wrap(2), 0);
        _expectReserved(14, 140);
        operators.release(op, 1, 10, Epoch.wrap(1));
        _expectReserved(14, 140);
        operators.release(op, 4, 40, Epoch.wrap(4));
        _expectReserved(10, 100);
        _to(Epoch.wrap(3), 0);
        _expectReserved(8, 80);
        operators.reserve(op, owner, 16, 160, Epoch.wrap(3));
        _expectReserved(24, 240);
        _to(Epoch.wrap(4), 29);
        _expectReserved(8, 80);
        _next();
        _expectReserved(0, 0);
    }

    function test_Slash_TakesNoMoreThanThereIs() external {
        uint256 before = asset.balanceOf(address(market));
        vm.startPrank(address(market));
        vm.expectEmit(address(operators));
        emit IOperators.Slashed(op, 99 * STAKE, 99 * STAKE);
        assertEq(operators.slash(op, 99 * STAKE), 99 * STAKE);
        assertEq(operators.accounted(), STAKE);
        assertEq(operators.operator(op).stake, STAKE);
        vm.expectEmit(address(operators));
        emit IOperators.Slashed(op, STAKE + 1, STAKE);
        assertEq(operators.slash(op, STAKE + 1), STAKE);
        assertEq(operators.accounted(), 0);
        assertEq(asset.balanceOf(address(market)) - before, 100 * STAKE);
    }

    function test_StandingsAreKeptInSteps() external {
        vm.prank(address(settlement));
        (uint256 reputation, uint256 reliability) = operators.setStanding(op, 0.7e18 + 19_999, 0.9e18 + 9_999);
        assertEq(reputation, 0.7e18 + 10_000);
        assertEq(reliability, 0.9e18);
        (reputation, reliability) = operators.standing(op);
        assertEq(reputation, 0.7e18 + 10_000);
        assertEq(reliability, 0.9e18);
        assertEq(operators.payoutOf(op), _payout(op));
    }

    function test_SlashesASingleWei() external {
        uint256 before = asset.balanceOf(address(market));
        vm.prank(address(market));
        assertEq(operators.slash(op, 1), 1);
        assertEq(asset.balanceOf(address(market)), before + 1);
    }

    function _expectReserved(uint256 chunks, uint256 amount) private view {
        (uint256 chunks_, uint256 amount_) = operators.reservedNow(op);
        assertEq(chunks_, chunks);
        assertEq(amount_, amount);
    }
}
