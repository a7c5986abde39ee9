// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOracle} from "../../src/interfaces/IOracle.sol";
import {Epoch} from "../../src/Types.sol";
import {OracleTest} from "./OracleTest.sol";

contract MetricsTest is OracleTest {
    function setUp() public override {
        super.setUp();
        _seat(3);
    }

    function test_RevertWhen_NoSuchOperator() external {
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NoSuchOperator.selector, 0));
        oracle.metrics(0, ONE);
    }

    function test_NotReadyWhen_RevealsCanStillCome() external {
        _toEpoch(1);
        _assertNoMetrics(1, ONE, false);
        _assertNoMetrics(1, Epoch.wrap(7), false);
        _after(ONE, 2);
        vm.warp(block.timestamp - 1);
        _assertNoMetrics(1, ONE, false);
        vm.warp(block.timestamp + 1);
        _assertNoMetrics(1, ONE, true);
    }

    function test_NotReadyWhen_ThePageIsNotTallied() external {
        _show(ONE, 3, _uniform(3, 9000, 8000));
        _assertNoMetrics(1, ONE, false);
        // Of the page, though perhaps not of what was revealed.
        _assertNoMetrics(512, ONE, false);
        _assertNoMetrics(513, ONE, true);
        oracle.tally(ONE, 0);
        _assertMetrics(1, ONE, 9000, 8000);
        _assertNoMetrics(4, ONE, true);
        _assertNoMetrics(512, ONE, true);
        _assertNoMetrics(type(uint32).max, ONE, true);
    }

    function test_AnswersTheLastMedianOfOneThatHasNone() external {
        _show(ONE, 3, _uniform(3, 9000, 8000));
        oracle.tally(ONE, 0);
        // Nobody samples operator 3 in epoch 2.
        _show(Epoch.wrap(2), 3, _uniform(2, 7000, 6000));
        oracle.tally(Epoch.wrap(2), 0);
        _assertMetrics(2, Epoch.wrap(2), 7000, 6000);
        _assertMetrics(3, Epoch.wrap(2), 9000, 8000);
        _assertMetrics(3, ONE, 9000, 8000);
    }

    function testFuzz_CarriesForThreeEpochs(uint32 epochs) external {
        _show(ONE, 3, _uniform(3, 9000, 8000));
        oracle.tally(ONE, 0);
        epochs = uint32(bound(epochs, 1, 20));
        Epoch epoch = ONE.addEpochs(epochs);
        _after(epoch, 2);
        if (epochs <= 3) _assertMetrics(1, epoch, 9000, 8000);
        else _assertNoMetrics(1, epoch, true);
    }

    function test_AnswersTheLastOfSeveral() external {
        for (uint32 e = 1; e <= 2; ++e) {
            _show(Epoch.wrap(e), 3, _uniform(3, uint16(1000 * e), 0));
            oracle.tally(Epoch.wrap(e), 0);
        }
        _after(Epoch.wrap(4), 2);
        _assertMetrics(1, Epoch.wrap(4), 2000, 0);
    }

    function test_NotReadyWhen_AnEpochBeforeIsNotTallied() external {
        _show(ONE, 3, _uniform(3, 9000, 8000));
        _after(Epoch.wrap(3), 2);
        _assertNoMetrics(1, Epoch.wrap(3), false);
        oracle.tally(ONE, 0);
        _assertMetrics(1, Epoch.wrap(3), 9000, 8000);
    }

    /// Any history of epochs: counted or not, sampled or not, tallied at once or later. What was ready stays, and is the reference's.
    function testFuzz_WhatIsReadyNeverChanges(uint8[6] memory kinds, uint256 late) external {
        bool[8] memory known;
        uint16[8] memory values;
        uint16[8] memory medians; // 0: none
        for (uint32 e = 1; e <= 6; ++e) {
            uint256 kind = kinds[e - 1] % 4;
            if (kind == 0) _after(Epoch.wrap(e), 2);
            else _show(Epoch.wrap(e), kind == 1 ? 2 : 3, _uniform(kind == 2 ? 1 : 2, uint16(e), 0));
            if (kind == 3) medians[e] = uint16(e);
            if (kind > 1 && (late >> e) % 2 == 0) oracle.tally(Epoch.wrap(e), 0);
            _check(e, known, values);
        }
        for (uint32 e = 1; e <= 6; ++e) {
            if (kinds[e - 1] % 4 > 1 && (late >> e) % 2 == 1) oracle.tally(Epoch.wrap(e), 0);
            _check(6, known, values);
        }
        for (uint32 e = 1; e <= 6; ++e) {
            uint16 expected;
            for (uint32 back; back <= 3 && back < e && expected == 0; ++back) {
                expected = medians[e - back];
            }
            assertTrue(known[e]);
            assertEq(values[e], expected);
        }
    }

    /// @dev Of operator 2, up to `last`: records what has become ready, compares what was.
    function _check(uint32 last, bool[8] memory known, uint16[8] memory values) private view {
        for (uint32 e = 1; e <= last; ++e) {
            (bool ready, bool present, uint16 uptime,) = oracle.metrics(2, Epoch.wrap(e));
            assertEq(present, uptime != 0);
            if (known[e]) assertTrue(ready);
            if (known[e]) assertEq(uptime, values[e]);
            if (ready) (known[e], values[e]) = (true, uptime);
        }
    }
}
