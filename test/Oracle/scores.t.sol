// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOracle} from "../../src/interfaces/IOracle.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {OracleTest} from "./OracleTest.sol";

contract ScoresTest is OracleTest {
    function test_RevertWhen_RoundFourIsNotOver() external {
        Round from = _roundAfter(ONE, 5);
        vm.warp(_start(from) - 1);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_TooEarly.selector, from.subRounds(1), from));
        oracle.scores(ONE);
        vm.warp(_start(from));
        oracle.scores(ONE);
    }

    function test_NobodyEarnsWhen_NothingWasTalliedInTime() external {
        _seat(4);
        _show(ONE, 4, _uniform(3, 9000, 9000));
        _after(ONE, 5);
        oracle.tally(ONE, 0);
        _assertScores(4, 0);
    }

    function testFuzz_NamesThoseThatAgreedOnTheShare(uint256 operators, uint256 wrong, uint16 shareBps) external {
        operators = bound(operators, 1, 60);
        wrong = bound(wrong, 0, operators);
        IOracle.Rules memory rules = _rules();
        rules.shareBps = uint16(bound(shareBps, 5000, 10_000));
        vm.prank(admin);
        oracle.setRules(rules);
        _seat(4);
        bytes[][] memory pages = new bytes[][](4);
        for (uint256 i; i < 4; ++i) {
            pages[i] = _one(_uniform(operators, 9000, 9000));
        }
        pages[1] = _one(abi.encodePacked(_uniform(wrong, 5000, 9000), _uniform(operators - wrong, 9000, 9000)));
        _show(ONE, pages);
        oracle.tally(ONE, 0);
        _after(ONE, 5);
        bool earned = (operators - wrong) * 10_000 >= rules.shareBps * operators;
        _assertScores(4, earned ? 15 : 13);
    }

    /// Unseen counts as wrong: a keeper is paid for sampling every operator.
    function test_NamesNoneThatSampledTooFew() external {
        _seat(4);
        bytes[][] memory pages = new bytes[][](4);
        for (uint256 i; i < 4; ++i) {
            pages[i] = _one(_uniform(i == 2 ? 7 : 10, 9000, 9000));
        }
        _show(ONE, pages);
        oracle.tally(ONE, 0);
        _after(ONE, 5);
        _assertScores(4, 11);
    }

    function test_NamesNoneThatDidNotRevealEverything() external {
        _seat(4);
        _after(ONE, 0);
        bytes[] memory pages = _one(_uniform(3, 9000, 9000));
        for (uint256 i; i < 4; ++i) {
            _commit(keepers[i], ONE, pages);
        }
        _after(ONE, 1);
        for (uint256 i; i < 3; ++i) {
            _reveal(keepers[i], ONE, pages, 1);
        }
        _after(ONE, 2);
        oracle.tally(ONE, 0);
        _after(ONE, 5);
        _assertScores(4, 7);
    }

    function test_TakesBothValuesWithinTheTolerance() external {
        _seat(9);
        bytes[][] memory pages = new bytes[][](9);
        for (uint256 i; i < 9; ++i) {
            pages[i] = _one(_uniform(1, 9000, 300));
        }
        pages[0] = _one(_uniform(1, 9500, 300));
        pages[1] = _one(_uniform(1, 9501, 300));
        pages[2] = _one(_uniform(1, 8500, 800));
        pages[3] = _one(_uniform(1, 8499, 0));
        _show(ONE, pages);
        oracle.tally(ONE, 0);
        _after(ONE, 5);
        _assertScores(9, 511 - 2 - 8);
    }

    function test_GoesByTheRulesOfThatEpoch() external {
        _seat(4);
        _toEpoch(1);
        vm.prank(admin);
        oracle.setRules(IOracle.Rules({toleranceBps: 100, shareBps: 10_000, forfeitBps: 2000}));
        bytes[][] memory pages = new bytes[][](4);
        for (uint256 i; i < 4; ++i) {
            pages[i] = _one(_uniform(1, i == 3 ? 9400 : 9000, 9000));
        }
        for (uint32 e = 1; e <= 2; ++e) {
            _show(Epoch.wrap(e), pages);
            oracle.tally(Epoch.wrap(e), 0);
        }
        _after(Epoch.wrap(2), 5);
        _assertScores(4, 15);
        (, uint256 earned) = oracle.scores(Epoch.wrap(2));
        assertEq(earned, 7);
    }

    function _assertScores(uint256 expectedSeats, uint256 expectedEarned) private view {
        (uint256 seats, uint256 earned) = oracle.scores(ONE);
        assertEq(seats, expectedSeats);
        assertEq(earned, expectedEarned);
    }
}
