// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice A loop that catches up period by period, a list that is walked: what grows until it no longer fits a block. Here nothing does:
/// a step costs the same with forty times the slots, and with sixteen years behind it.
contract GrowthTest is BaseTest {
    Epoch private constant E = Epoch.wrap(1);
    uint256 private constant MANY = 40;

    uint32 private first; // goes first, so that nothing is a first time for the others
    uint32 private small;
    uint32 private large;

    function setUp() public override {
        super.setUp();
        (first, small, large) = (_register(1000), _register(1000), _register(1000));
        uint40[] memory orders = new uint40[](MANY + 2);
        for (uint256 i; i < orders.length; ++i) {
            orders[i] = _open(_publish(ONE_BLOCK), 1, 1);
            _accept(orders[i], 0, i == 0 ? first : i == 1 ? small : large);
        }
        _nextSeeded();
        for (uint256 i; i < orders.length; ++i) {
            _activate(orders[i], 0);
        }
        _nextSeeded();
    }

    /// H-EPOCH-4: settling and claiming cost what they cost, whatever was held.
    function test_HEpoch4_SettleAndClaimAreO1() external {
        for (uint256 i; i < 10; ++i) {
            for (uint32 op = first; op <= large; ++op) {
                _prove(op);
            }
            _nextSeeded();
        }
        _to(Epoch.wrap(2), 2);
        _settleGas(first);
        uint256 gas = _settleGas(small);
        assertLt(_settleGas(large), gas * 11 / 10, "settle");
        _freeze(E);
        _claimGas(first);
        gas = _claimGas(small);
        assertLt(_claimGas(large), gas * 11 / 10, "claim");
    }

    /// H-ESC-3: what is held and what ran out are in nobody's way.
    function test_HEsc3_ProvingAndAcceptingDoNotGrow() external {
        _proveGas(first);
        uint256 proving = _proveGas(small);
        assertLt(_proveGas(large), proving * 5 / 4, "prove, with many slots");
        _acceptGas(first);
        uint256 accepting = _acceptGas(small);
        assertLt(_acceptGas(large), accepting * 5 / 4, "accept, with many slots");

        // Nobody does anything for sixteen years. Then everything that ran out is settled by those it was.
        _to(Epoch.wrap(200), 6);
        assertEq(_liveChunks(large), 0);
        (uint256 chunks, uint256 stake) = operators.reservedNow(large);
        assertEq(chunks + stake, 0);
        uint256 gas = gasleft();
        settlement.freeze(E);
        assertLt(gas - gasleft(), 300_000, "freeze, of an epoch long ago");
        for (uint32 op = first; op <= large; ++op) {
            settlement.settle(op, E);
        }
        _acceptGas(first);
        assertLt(_acceptGas(large), accepting * 5 / 4, "accept, after sixteen years");
    }

    function _liveChunks(uint32 op) private view returns (uint256 live) {
        (live,) = holdings.chunksNow(op);
    }

    function _settleGas(uint32 op) private returns (uint256 gas) {
        gas = gasleft();
        settlement.settle(op, E);
        gas -= gasleft();
    }

    function _claimGas(uint32 op) private returns (uint256 gas) {
        gas = gasleft();
        operators.claim(op, E);
        gas -= gasleft();
    }

    function _proveGas(uint32 op) private returns (uint256 gas) {
        bytes memory proof = _proof(op);
        vm.prank(_prover(op));
        gas = gasleft();
        holdings.prove(op, proof);
        gas -= gasleft();
    }

    /// @dev Of a new order.
    function _acceptGas(uint32 op) private returns (uint256 gas) {
        uint40 order = _open(_publish(ONE_BLOCK), 1, 1);
        vm.prank(_prover(op));
        gas = gasleft();
        market.accept(order, 0, op);
        gas -= gasleft();
    }
}
