// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOracle} from "../../src/interfaces/IOracle.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {OracleTest} from "./OracleTest.sol";

contract ForfeitTest is OracleTest {
    function test_RevertWhen_RoundOneIsNotOver() external {
        _seat(3);
        _after(ONE, 0);
        _commit(keepers[0], ONE, _pages());
        Round from = _roundAfter(ONE, 2);
        vm.warp(_start(from) - 1);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_TooEarly.selector, from.subRounds(1), from));
        oracle.forfeit(ONE, keepers[0]);
    }

    function test_RevertWhen_NotCommitted() external {
        _seat(3);
        _after(ONE, 2);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NoCommitment.selector, ONE, keepers[0]));
        oracle.forfeit(ONE, keepers[0]);
    }

    function test_RevertWhen_EverythingIsRevealed() external {
        _seat(3);
        _show(ONE, 1, "");
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_AllRevealed.selector, ONE, keepers[0]));
        oracle.forfeit(ONE, keepers[0]);
    }

    function test_RevertWhen_Forfeited() external {
        _seat(3);
        _break(keepers[0], ONE, 0);
        oracle.forfeit(ONE, keepers[0]);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NoCommitment.selector, ONE, keepers[0]));
        oracle.forfeit(ONE, keepers[0]);
    }

    function testFuzz_HOrc3_MovesAPartToTheTreasury(uint96 bond, uint16 forfeitBps, uint256 revealed) external {
        bond = uint96(bound(bond, 1, 100e18));
        IOracle.Rules memory rules = _rules();
        rules.forfeitBps = uint16(bound(forfeitBps, 100, 10_000));
        vm.startPrank(admin);
        oracle.setKeeperBond(bond);
        oracle.setRules(rules);
        vm.stopPrank();
        _seat(3);
        _break(keepers[0], ONE, bound(revealed, 0, 2));

        uint256 amount = uint256(bond) * rules.forfeitBps / 10_000;
        if (amount * 10_000 < uint256(bond) * rules.forfeitBps) ++amount;
        vm.expectEmit(address(oracle));
        emit IOracle.BondForfeited(keepers[0], ONE, amount);
        vm.prank(stranger);
        oracle.forfeit(ONE, keepers[0]);
        assertEq(oracle.keeper(keepers[0]).bond, bond - amount);
        assertEq(oracle.accounted(), 3 * uint256(bond) - amount);
        assertEq(token.balanceOf(address(oracle)), oracle.accounted());
        assertEq(pool.treasuryBalance(), amount);
        assertEq(token.balanceOf(address(pool)), amount);
    }

    function test_TakesNoMoreThanIsLeft() external {
        IOracle.Rules memory rules = _rules();
        rules.forfeitBps = 6000;
        vm.prank(admin);
        oracle.setRules(rules);
        _seat(3);
        // Two commitments broken before anyone charged the first.
        _break(keepers[0], ONE, 0);
        _break(keepers[0], Epoch.wrap(2), 0);
        oracle.forfeit(ONE, keepers[0]);
        oracle.forfeit(Epoch.wrap(2), keepers[0]);
        assertEq(oracle.keeper(keepers[0]).bond, 0);
        assertEq(pool.treasuryBalance(), BOND);
        assertEq(oracle.accounted(), 2 * BOND);

        _resign(keepers[0]);
        _toEpoch(6);
        oracle.withdrawBond(keepers[0]);
        assertEq(oracle.keeper(keepers[0]).fullBond, 0);
    }

    function test_GoesByTheRulesOfThatEpoch() external {
        _seat(3);
        _toEpoch(1);
        IOracle.Rules memory rules = _rules();
        rules.forfeitBps = 10_000;
        vm.prank(admin);
        oracle.setRules(rules);
        _break(keepers[0], ONE, 0);
        _break(keepers[1], Epoch.wrap(2), 0);
        oracle.forfeit(ONE, keepers[0]);
        oracle.forfeit(Epoch.wrap(2), keepers[1]);
        assertEq(oracle.keeper(keepers[0]).bond, BOND - BOND / 5);
        assertEq(oracle.keeper(keepers[1]).bond, 0);
    }

    function test_TakesItFromOneThatResigned() external {
        _seat(3);
        _toEpoch(1);
        _resign(keepers[0]);
        _break(keepers[0], ONE, 0);
        // The bond is still here when the charge can come, and for a whole epoch after.
        _toEpoch(4);
        vm.warp(block.timestamp - 1);
        oracle.forfeit(ONE, keepers[0]);
        assertEq(oracle.keeper(keepers[0]).bond, BOND - BOND / 5);
    }

    function _pages() private pure returns (bytes[] memory pages) {
        pages = new bytes[](3);
        (pages[0], pages[1], pages[2]) = (_uniform(2, 1, 2), _uniform(2, 3, 4), _uniform(2, 5, 6));
    }

    /// @dev Commits to three pages and reveals `count`; then it is round 2.
    function _break(address keeper, Epoch epoch, uint256 count) private {
        _after(epoch, 0);
        _commit(keeper, epoch, _pages());
        _after(epoch, 1);
        _reveal(keeper, epoch, _pages(), count);
        _after(epoch, 2);
    }
}
