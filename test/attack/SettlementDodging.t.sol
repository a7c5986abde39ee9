// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IPool} from "../../src/interfaces/IPool.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {EconomyTest} from "./EconomyTest.sol";

/// @notice Mallory has bad epochs and does not want them on its record: it settles the good ones in time, and the bad ones late or never.
///
/// Bound: anyone can settle for it, and keepers do. Where nobody does, an epoch settled late has no weight and moves the reputation all
/// the same, the next epoch cannot be settled before it, and without it there is no accepting and no exit: dodging costs the epoch's pay.
contract SettlementDodgingTest is EconomyTest {
    uint256 private mallory;
    uint256 private twin;

    /// @dev Both miss six rounds of every second epoch.
    function _works(uint32) internal view override returns (bool) {
        return !_isBad(_epoch()) || _now().index() % 5 != 0;
    }

    function _dodges(uint32 op, Epoch epoch) internal view override returns (bool) {
        return op == _id(mallory) && _isBad(epoch);
    }

    function _isBad(Epoch epoch) private pure returns (bool) {
        return Epoch.unwrap(epoch) % 2 == 0;
    }

    function test_DodgingBadEpochsCostsTheirPay() external {
        (mallory, twin) = (_party("Mallory, settling bad epochs late", 1, 200), _party("its twin, settled in time", 1, 200));
        uint40 order = _openBy(uploader, _publish(MANY_CHUNKS), 2, uint8(EPOCHS));
        _take(order, 0, _id(mallory));
        _take(order, 1, _id(twin));
        _day();
        _liveToTheEnd();
        _report("Settlement dodging");
        assertEq(_reputation(_id(mallory)), _reputation(_id(twin)), "the record is the same");
        assertLt(_profit(mallory) * 10, _profit(twin) * 7, "a good third of the pay is lost");
    }

    function test_DodgingSettlementGainsNothing() external {
        uint32 op = _register(10_000);
        _hold(op, _publish(MANY_CHUNKS), 1);
        _idleTo(Round.wrap(60));
        _to(Epoch.wrap(2), 5);
        uint40 order = _open(_publish(ONE_BLOCK), 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_Unsettled.selector, op, Epoch.wrap(1)));
        _accept(order, 0, op);
        address owner = _owner(op);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_Unsettled.selector, op, Epoch.wrap(1)));
        vm.prank(owner);
        operators.requestExit(op);
        vm.prank(anyone);
        settlement.settle(op, Epoch.wrap(1));
        assertLt(_reputation(op), 0.05e18);
        settlement.freeze(Epoch.wrap(1));
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_Withheld.selector, op, _reputation(op)));
        operators.claim(op, Epoch.wrap(1));
    }

    function test_SettlingLateWeighsNothing() external {
        uint32 op = _register(10_000);
        _hold(op, _publish(MANY_CHUNKS), 1);
        _proveToEnd(op);
        _to(Epoch.wrap(2), 5);
        settlement.settle(op, Epoch.wrap(1));
        assertGt(_reputation(op), 0.5e18);
        settlement.freeze(Epoch.wrap(1));
        vm.expectRevert(abi.encodeWithSelector(IPool.Pool_NothingToPay.selector, op, Epoch.wrap(1)));
        operators.claim(op, Epoch.wrap(1));
        assertEq(pool.treasuryBalance(), pool.accounted());
    }
}
