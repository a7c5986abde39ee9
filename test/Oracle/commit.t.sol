// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOracle} from "../../src/interfaces/IOracle.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {OracleTest} from "./OracleTest.sol";

contract CommitTest is OracleTest {
    bytes32 internal constant LINK = bytes32(uint256(1));

    function testFuzz_RevertWhen_NotRoundZero(uint32 n) external {
        _seat(3);
        Round wanted = _roundAfter(Epoch.wrap(5), 0);
        Round round = Round.wrap(uint32(bound(n, 30, 1000)));
        vm.assume(round != wanted);
        vm.warp(_start(round));
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_WrongRound.selector, round, wanted));
        vm.prank(keepers[0]);
        oracle.commit(Epoch.wrap(5), LINK, 1);
    }

    function test_RevertWhen_AStranger() external {
        _seat(3);
        _after(ONE, 0);
        _expectNotSeated(stranger, ONE);
        _admit(keepers[3]);
        _expectNotSeated(keepers[3], ONE);
    }

    function test_RevertWhen_AStrangerAndTheCommitteeIsFull() external {
        _seat(9);
        _after(ONE, 0);
        _expectNotSeated(stranger, ONE);
    }

    function test_RevertWhen_JoinedInTheEpoch() external {
        _seat(3);
        _toEpoch(2);
        _join(keepers[3]);
        _after(Epoch.wrap(2), 0);
        _expectNotSeated(keepers[3], Epoch.wrap(2));
    }

    function test_RevertWhen_TheSeatStoppedBefore() external {
        _seat(3);
        _toEpoch(2);
        _resign(keepers[1]);
        _after(Epoch.wrap(3), 0);
        _expectNotSeated(keepers[1], Epoch.wrap(3));
    }

    function test_HOrc3_RevertWhen_TheBondIsShort() external {
        _seat(3);
        _after(ONE, 0);
        _commit(keepers[0], ONE, _one(_uniform(1, 0, 0)));
        _after(ONE, 2);
        oracle.forfeit(ONE, keepers[0]);
        _after(Epoch.wrap(2), 0);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_BondShort.selector, keepers[0], BOND - BOND / 5, BOND));
        vm.prank(keepers[0]);
        oracle.commit(Epoch.wrap(2), LINK, 1);

        vm.startPrank(keepers[0]);
        oracle.topUp(keepers[0]);
        oracle.commit(Epoch.wrap(2), LINK, 1);
    }

    function test_RevertWhen_PagesOutOfBounds() external {
        _seat(3);
        _after(ONE, 0);
        uint256[4] memory pages = [uint256(0), 129, 256, 257]; // the last two: 0 and 1 in 8 bits
        for (uint256 i; i < pages.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_PagesOutOfBounds.selector, pages[i], 128));
            vm.prank(keepers[0]);
            oracle.commit(ONE, LINK, pages[i]);
        }
        vm.prank(keepers[0]);
        oracle.commit(ONE, LINK, 128);
    }

    function test_KeepsTheCommitmentAndItsReplacement() external {
        _seat(3);
        _after(ONE, 0);
        for (uint256 i = 1; i < 3; ++i) {
            vm.expectEmit(address(oracle));
            emit IOracle.Committed(ONE, keepers[0], bytes32(i), i);
            vm.prank(keepers[0]);
            oracle.commit(ONE, bytes32(i), i);
            IOracle.Commitment memory c = oracle.commitment(ONE, keepers[0]);
            assertEq(c.link, bytes32(i));
            assertEq(c.pages, i);
            assertEq(c.revealed, 0);
        }
    }

    function test_TakesItFromOneThatResigned() external {
        _seat(3);
        _toEpoch(2);
        _resign(keepers[0]);
        _after(Epoch.wrap(2), 0);
        vm.prank(admin);
        oracle.remove(keepers[1]);
        for (uint256 i; i < 2; ++i) {
            vm.prank(keepers[i]);
            oracle.commit(Epoch.wrap(2), LINK, 1);
        }
    }

    function _expectNotSeated(address keeper, Epoch epoch) private {
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NotSeated.selector, keeper, epoch));
        vm.prank(keeper);
        oracle.commit(epoch, LINK, 1);
    }
}
