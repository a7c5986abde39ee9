// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch, Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice What a day, a slot and an epoch cost: whole transactions, as a block counts them.
///
/// With `isolate` every call of a test is a transaction of its own, from cold storage: the numbers hold the 21,000 of a transaction, its
/// calldata at the higher of execution and EIP-7623's floor of 10 gas a zero byte and 40 another, and refunds. `_floor` computes that floor
/// beside every proof, and the test asserts that the number is no less.
/// forge-config: default.isolate = true
contract ProtocolGasTest is BaseTest {
    uint40 private constant GIB_64 = 64 * GIB;

    /// @dev "Steady" is an operator that holds contents published around that time already, as most do.
    function test_AContentOfOneGib() external {
        uint32 op = _register(MOST_CAPACITY);
        uint256 first = _holdMeasured(op, _publish(GIB), "the very first");
        uint256 gas = _holdMeasured(op, _publish(GIB), "steady");
        gas = _holdMeasured(op, _publish(GIB), "steady");
        emit log_named_uint("open + accept + activate, the very first", first);
        emit log_named_uint("open + accept + activate", gas);
        assertLe(gas, 480_000, "open + accept + activate of a content of 1 GiB");

        uint32 single = _register(1000);
        _hold(single, _publish(GIB), 1);
        _seed();
        _prove(single);
        _next();
        assertLe(_proveMeasured(single, "prove: one content of 1 GiB"), 205_000, "prove for one content of 1 GiB");
    }

    function test_ProveForThirtyNineContentsOf64Gib() external {
        uint32 op = _register(MOST_CAPACITY);
        for (uint256 i; i < 39; ++i) {
            _addSlot(op, _publish(GIB_64));
        }
        _nextSeeded();
        _prove(op);
        _next();
        assertLe(_proveMeasured(op, "prove: 39 contents of 64 GiB"), 240_000, "prove for 39 contents of 64 GiB");
    }

    /// However many slots there are: the prover names the entries drawn.
    function test_ProveForTenAndForTenThousandSlots() external {
        uint32 few = _register(MOST_CAPACITY);
        uint32 many = _register(MOST_CAPACITY);
        uint32 content = _publish(ONE_CHUNK);
        for (uint256 i; i < 10_000; ++i) {
            if (i < 10) _addSlot(few, content);
            _addSlot(many, content);
        }
        _nextSeeded();
        _prove(few);
        _prove(many);
        _next();
        uint256 ten = _proveMeasured(few, "prove: 10 slots");
        _next();
        uint256 tenThousand = _proveMeasured(many, "prove: 10,000 slots");
        assertApproxEqRel(ten, tenThousand, 0.05e18, "prove costs the same for ten slots and ten thousand");
    }

    function test_SettleAndClaim() external {
        (uint32 a, uint32 b) = (_register(1000), _register(1000));
        uint32 content = _publish(MANY_CHUNKS);
        uint40 order = _open(content, 2, 3);
        _accept(order, 0, a);
        _accept(order, 1, b);
        _nextSeeded();
        _activate(order, 0);
        _activate(order, 1);
        for (uint32 e = 1; e <= 2; ++e) {
            for (uint32 n = 10; n < 13; ++n) {
                _to(Epoch.wrap(e), n);
                _seed();
                _prove(a);
                _prove(b);
            }
            _to(Epoch.wrap(e + 1), 2);
            settlement.settle(a, Epoch.wrap(e));
            settlement.settle(b, Epoch.wrap(e));
            uint256 settle = vm.snapshotGasLastCall("Settlement", "settle");
            _to(Epoch.wrap(e + 1), 5);
            settlement.freeze(Epoch.wrap(e));
            vm.snapshotGasLastCall("Settlement", "freeze");
            operators.claim(a, Epoch.wrap(e));
            operators.claim(b, Epoch.wrap(e));
            uint256 claim = vm.snapshotGasLastCall("Operators", "claim");
            // In the first epoch the payout address receives its first tokens.
            if (e == 2) assertLe(settle + claim, 150_000, "settle + claim");
        }
    }

    /// H-EPOCH-4: O(1), whatever was held.
    function test_HEpoch4_SettleForOneSlotAndForAHundred() external {
        uint256[2] memory gas;
        uint32 content = _publish(ONE_CHUNK);
        for (uint256 n; n < 2; ++n) {
            uint32 op = _register(1000);
            for (uint256 i; i < [1, 100][n]; ++i) {
                _addSlot(op, content);
                vm.prank(address(market));
                pool.schedule(op, Round.wrap(31), Epoch.wrap(2), FEE, 1);
            }
        }
        _nextSeeded();
        _to(Epoch.wrap(2), 2);
        for (uint32 op = 1; op <= 2; ++op) {
            settlement.settle(op, Epoch.wrap(1));
            gas[op - 1] = vm.lastCallGas().gasTotalUsed;
        }
        assertApproxEqRel(gas[0], gas[1], 0.2e18); // the first one also writes the epoch's first weight
    }

    /// @dev Open, accept and activate, with as many contents held before as there were.
    function _holdMeasured(uint32 op, uint32 content, string memory name) private returns (uint256 sum) {
        uint40 order = _open(content, 1, 1);
        sum = vm.snapshotGasLastCall("Market", string.concat("open: ", name));
        _accept(order, 0, op);
        sum += vm.snapshotGasLastCall("Market", string.concat("accept: ", name));
        _nextSeeded();
        bytes memory proof = _words(content, market.activationSeed(order, 0));
        vm.prank(_prover(op));
        market.activate(order, 0, proof);
        uint256 gas = vm.snapshotGasLastCall("Market", string.concat("activate: ", name));
        assertGe(gas, _floor(abi.encodeCall(market.activate, (order, 0, proof))), "the calldata floor is in it");
        _next();
        return sum + gas;
    }

    function _proveMeasured(uint32 op, string memory name) private returns (uint256 gas) {
        _seed();
        bytes memory proof = _proof(op);
        vm.prank(_prover(op));
        holdings.prove(op, proof);
        gas = vm.snapshotGasLastCall("Holdings", name);
        assertGe(gas, _floor(abi.encodeCall(holdings.prove, (op, proof))), "the calldata floor is in it");
    }

    /// @dev A slot without its order: what a proof costs depends on the inventory alone.
    function _addSlot(uint32 op, uint32 content) private {
        vm.startPrank(address(market));
        holdings.add(op, content, 1, 0, _now().addRounds(1), _epoch().addEpochs(1));
        vm.stopPrank();
    }

    /// @dev EIP-7623.
    function _floor(bytes memory data) private pure returns (uint256 gas) {
        gas = 21_000;
        for (uint256 i; i < data.length; ++i) {
            gas += data[i] == 0 ? 10 : 40;
        }
    }
}
