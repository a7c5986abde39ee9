// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EconomyTest} from "./EconomyTest.sol";

/// @notice Mallory pays itself: it opens orders for junk that it generates, holds them without a fault, and hopes for the fees of others,
/// whose weight is lost when they are bad.
///
/// Bound: the shares of oracle and treasury, 5% of its own fees, whatever the others do. A claim is at most the own fees less the shares
/// (H-EPOCH-2), and what the others lose goes to the treasury. What it gets for its money is reputation.
contract SelfDealingTest is EconomyTest {
    uint256 private mallory;
    uint256 private honest;
    uint256 private lazy;

    /// @dev Misses every third round.
    function _works(uint32 op) internal view override returns (bool) {
        return op != _id(lazy) || _now().index() % 3 != 0;
    }

    function test_HEpoch2_SelfDealingLoses() external {
        (mallory, honest, lazy) = (_party("Mallory, paying itself", 1, 200), _party("honest", 1, 200), _party("lazy", 1, 200));
        uint32 junk = _publish(MANY_CHUNKS);
        uint32 data = _publish(MANY_CHUNKS);
        uint40 own = _openBy(_purse(mallory), junk, 1, uint8(EPOCHS));
        uint40 order = _openBy(uploader, data, 2, uint8(EPOCHS));
        _take(own, 0, _id(mallory));
        _take(order, 0, _id(honest));
        _take(order, 1, _id(lazy));
        _day();
        _liveToTheEnd();
        _report("Self-dealing");

        // All of the twelve epochs but the first two rounds.
        uint256 fees = _chunks(junk) * FEE * (EPOCHS * 30 - 2);
        int256 cost = int256(fees * (ORACLE_BPS + TREASURY_BPS) / 10_000);
        assertLe(_profit(mallory), -cost, "the shares are lost");
        assertApproxEqAbs(_profit(mallory), -cost, EPOCHS, "and nothing else is");
        assertApproxEqAbs(_profit(honest), int256(fees) - cost, EPOCHS, "an honest one earns what Mallory pays itself");
        assertLt(_reputation(_id(lazy)), 0.1e18);
        assertGt(_reputation(_id(mallory)), 0.91e18, "what it paid for");
    }
}
