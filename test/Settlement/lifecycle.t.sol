// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice One slot from the order to the claim.
contract LifecycleTest is BaseTest {
    function test_FromOrderToClaim() external {
        uint32 op = _register(1000);
        uint32 content = _publish(MANY_CHUNKS);
        uint40 order = _hold(op, content, 1);
        _proveToEnd(op);
        _settle(op, Epoch.wrap(1));
        assertGt(_reputation(op), 0.5e18);
        _freeze(Epoch.wrap(1));
        uint256 owed = operators.claim(op, Epoch.wrap(1));
        assertEq(asset.balanceOf(_payout(op)), owed);
        // Live in rounds 2 to 29; the only holder gets all that the own-fee cap lets it have.
        uint256 fees = 28 * 101 * uint256(FEE);
        assertEq(owed, fees * 9500 / 10_000);
        vm.prank(uploader);
        assertEq(market.withdraw(order, uploader), 101 * uint256(FEE)); // round 1, without a holder; round 0 was not paid for
        _checkLedgers();
    }
}
