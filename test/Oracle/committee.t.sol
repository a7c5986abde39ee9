// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {IOracle} from "../../src/interfaces/IOracle.sol";
import {Tokens} from "../../src/libraries/Tokens.sol";
import {Epoch} from "../../src/Types.sol";
import {FeeToken} from "../utils/Tokens.sol";
import {OracleTest} from "./OracleTest.sol";

contract CommitteeTest is OracleTest {
    // ---- admit ----

    function testFuzz_Admit_RevertWhen_TheCallerIsNotGovernance(address caller) external {
        vm.assume(caller != admin);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, caller));
        vm.prank(caller);
        oracle.admit(keepers[0]);
    }

    function test_Admit_RevertWhen_Admitted() external {
        _admit(keepers[0]);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_AlreadyAdmitted.selector, keepers[0]));
        vm.prank(admin);
        oracle.admit(keepers[0]);
    }

    function test_Admit_NumbersKeepers() external {
        for (uint24 i; i < 3; ++i) {
            vm.expectEmit(address(oracle));
            emit IOracle.KeeperAdmitted(keepers[i], i + 1);
            _admit(keepers[i]);
            assertEq(oracle.keeper(keepers[i]).number, i + 1);
        }
        vm.prank(admin);
        oracle.remove(keepers[1]);
        _admit(keepers[1]);
        assertEq(oracle.keeper(keepers[1]).number, 2);
        _admit(keepers[3]);
        assertEq(oracle.keeper(keepers[3]).number, 4);
    }

    // ---- remove ----

    function testFuzz_Remove_RevertWhen_TheCallerIsNotGovernance(address caller) external {
        vm.assume(caller != admin);
        _admit(keepers[0]);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, caller));
        vm.prank(caller);
        oracle.remove(keepers[0]);
    }

    function test_Remove_RevertWhen_NotAdmitted() external {
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NotAdmitted.selector, keepers[0]));
        vm.prank(admin);
        oracle.remove(keepers[0]);
    }

    function test_Remove_StopsTheSeatFromTheNextEpoch() external {
        _seat(3);
        _toEpoch(4);
        vm.expectEmit(address(oracle));
        emit IOracle.KeeperRemoved(keepers[1]);
        vm.expectEmit(address(oracle));
        emit IOracle.KeeperResigned(keepers[1], Epoch.wrap(5));
        vm.prank(admin);
        oracle.remove(keepers[1]);

        assertFalse(oracle.keeper(keepers[1]).admitted);
        assertEq(oracle.committee(Epoch.wrap(4)).length, 3);
        _assertCommittee(5, keepers[0], keepers[2]);
    }

    function test_Remove_OfOneWithoutASeat() external {
        _seat(2);
        _admit(keepers[2]);
        vm.prank(admin);
        oracle.remove(keepers[2]);
        assertEq(oracle.committee(ONE).length, 2);
        assertEq(Epoch.unwrap(oracle.keeper(keepers[2]).until), 0);
    }

    function test_Remove_OfOneThatIsLeaving() external {
        _seat(2);
        _toEpoch(3);
        _resign(keepers[0]);
        _toEpoch(4);
        vm.prank(admin);
        oracle.remove(keepers[0]);
        assertEq(Epoch.unwrap(oracle.keeper(keepers[0]).until), 4);
        _toEpoch(6);
        oracle.withdrawBond(keepers[0]);
    }

    // ---- join ----

    function test_Join_RevertWhen_NotAdmitted() external {
        _admit(keepers[0]);
        vm.prank(admin);
        oracle.remove(keepers[0]);
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NotAdmitted.selector, keepers[i]));
            vm.prank(keepers[i]);
            oracle.join();
        }
    }

    function test_Join_RevertWhen_ABondIsHere() external {
        _seat(1);
        bytes memory expected = abi.encodeWithSelector(IOracle.Oracle_AlreadyJoined.selector, keepers[0]);
        vm.expectRevert(expected);
        vm.prank(keepers[0]);
        oracle.join();

        _toEpoch(2);
        _resign(keepers[0]);
        _toEpoch(9);
        vm.expectRevert(expected);
        vm.prank(keepers[0]);
        oracle.join();
        oracle.withdrawBond(keepers[0]);
        _join(keepers[0]);
    }

    function test_Join_RevertWhen_TheCommitteeIsFull() external {
        _seat(9);
        _admit(keepers[9]);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_CommitteeFull.selector, 9));
        vm.prank(keepers[9]);
        oracle.join();
    }

    function test_Join_RevertWhen_TheAssetTakesAFee() external {
        FeeToken fee = new FeeToken();
        (oracle,) = _deploy(address(fee), BOND, _rules());
        fee.mint(keepers[0], BOND);
        _admit(keepers[0]);
        vm.startPrank(keepers[0]);
        fee.approve(address(oracle), BOND);
        vm.expectRevert(abi.encodeWithSelector(Tokens.Tokens_NotExact.selector, BOND - 1, BOND));
        oracle.join();
    }

    function test_Join_TakesTheBondAndTheSeat() external {
        _toEpoch(3);
        _admit(keepers[0]);
        uint256 before = token.balanceOf(keepers[0]);
        vm.expectEmit(address(oracle));
        emit IOracle.KeeperJoined(keepers[0], Epoch.wrap(4), BOND);
        vm.prank(keepers[0]);
        oracle.join();
        assertEq(token.balanceOf(keepers[0]), before - BOND);
        assertEq(token.balanceOf(address(oracle)), BOND);
        assertEq(oracle.accounted(), BOND);
        assertEq(oracle.keeper(keepers[0]).bond, BOND);
        assertEq(oracle.keeper(keepers[0]).fullBond, BOND);
        assertEq(oracle.committee(Epoch.wrap(3)).length, 0);
        assertEq(oracle.keeperAt(Epoch.wrap(4), 0), keepers[0]);
    }

    function test_Join_BeforeTheGenesisTakesEpochOne() external {
        _admit(keepers[0]);
        vm.expectEmit(address(oracle));
        emit IOracle.KeeperJoined(keepers[0], ONE, BOND);
        _join(keepers[0]);
        assertEq(oracle.keeperAt(ONE, 0), keepers[0]);
    }

    function test_Join_TakesTheSeatOfOneThatResigned() external {
        _seat(9);
        _toEpoch(3);
        _resign(keepers[4]);
        _join(keepers[9]);
        assertEq(oracle.keeperAt(Epoch.wrap(3), 4), keepers[4]);
        assertEq(oracle.keeperAt(Epoch.wrap(4), 4), keepers[5]);
        assertEq(oracle.keeperAt(Epoch.wrap(4), 8), keepers[9]);
    }

    // ---- resign ----

    function test_Resign_RevertWhen_NotJoined() external {
        _admit(keepers[0]);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NotJoined.selector, keepers[0]));
        _resign(keepers[0]);
    }

    function test_Resign_RevertWhen_Leaving() external {
        _seat(1);
        _toEpoch(2);
        _resign(keepers[0]);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_Leaving.selector, keepers[0], Epoch.wrap(3)));
        _resign(keepers[0]);
    }

    function test_Resign_StopsTheSeatFromTheNextEpoch() external {
        _seat(3);
        _toEpoch(7);
        vm.expectEmit(address(oracle));
        emit IOracle.KeeperResigned(keepers[0], Epoch.wrap(8));
        _resign(keepers[0]);
        assertEq(oracle.keeperAt(Epoch.wrap(7), 0), keepers[0]);
        _assertCommittee(8, keepers[1], keepers[2]);
    }

    function test_Resign_BeforeTheSeatStarts() external {
        _seat(2);
        _toEpoch(3);
        _join(keepers[2]);
        _resign(keepers[2]);
        _assertCommittee(4, keepers[0], keepers[1]);
        // Its bond stays as long as anyone's.
        _toEpoch(6);
        oracle.withdrawBond(keepers[2]);
    }

    // ---- topUp ----

    function test_TopUp_RevertWhen_NotJoined() external {
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NotJoined.selector, keepers[0]));
        oracle.topUp(keepers[0]);
    }

    function test_TopUp_RevertWhen_TheBondIsFull() external {
        _seat(1);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_BondFull.selector, keepers[0]));
        oracle.topUp(keepers[0]);
    }

    function test_TopUp_TakesWhatIsMissingFromTheCaller() external {
        _seat(2);
        _breakCommitment(keepers[0]);
        uint256 missing = BOND / 5;
        uint256 before = token.balanceOf(keepers[1]);
        vm.expectEmit(address(oracle));
        emit IOracle.BondToppedUp(keepers[0], keepers[1], missing);
        vm.prank(keepers[1]);
        oracle.topUp(keepers[0]);
        assertEq(oracle.keeper(keepers[0]).bond, BOND);
        assertEq(token.balanceOf(keepers[1]), before - missing);
        assertEq(oracle.accounted(), 2 * BOND);
    }

    // ---- withdrawBond ----

    function test_WithdrawBond_RevertWhen_NotLeaving() external {
        _seat(1);
        _toEpoch(9);
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NotLeaving.selector, keepers[i]));
            oracle.withdrawBond(keepers[i]);
        }
    }

    function testFuzz_WithdrawBond_RevertWhen_Thawing(uint32 epoch) external {
        epoch = uint32(bound(epoch, 1, 1000));
        _seat(1);
        _toEpoch(epoch);
        _resign(keepers[0]);
        // Seatless from the end of `epoch`; two whole epochs go by.
        _toEpoch(epoch + 3);
        vm.warp(block.timestamp - 1);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_BondThawing.selector, keepers[0], epoch + 3));
        oracle.withdrawBond(keepers[0]);
        vm.warp(block.timestamp + 1);
        oracle.withdrawBond(keepers[0]);
    }

    function test_WithdrawBond_PaysWhatIsLeft() external {
        _seat(2);
        _breakCommitment(keepers[0]);
        _resign(keepers[0]);
        _toEpoch(5);
        uint256 before = token.balanceOf(keepers[0]);
        uint256 left = BOND - BOND / 5;
        vm.expectEmit(address(oracle));
        emit IOracle.BondWithdrawn(keepers[0], left);
        vm.prank(stranger);
        oracle.withdrawBond(keepers[0]);
        assertEq(token.balanceOf(keepers[0]), before + left);
        assertEq(oracle.accounted(), BOND);

        _join(keepers[0]);
        assertEq(oracle.keeper(keepers[0]).bond, BOND);
        _assertCommittee(6, keepers[1], keepers[0]);
    }

    function test_WithdrawBond_OnceAndThenTheKeeperMayComeAndGoAnew() external {
        _seat(1);
        _resign(keepers[0]);
        _toEpoch(9);
        oracle.withdrawBond(keepers[0]);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NotLeaving.selector, keepers[0]));
        oracle.withdrawBond(keepers[0]);
        _join(keepers[0]);
        _resign(keepers[0]);
    }

    // ---- views ----

    function test_KeeperAt_RevertWhen_NoSuchSeat() external {
        _seat(2);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NoSuchSeat.selector, ONE, 2));
        oracle.keeperAt(ONE, 2);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NoSuchSeat.selector, ONE, type(uint256).max));
        oracle.keeperAt(ONE, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NoSuchSeat.selector, Epoch.wrap(0), 0));
        oracle.keeperAt(Epoch.wrap(0), 0);
    }

    /// Whoever comes and goes in an epoch, the committees of that one and of those before stay as they were.
    function testFuzz_NoChangeAltersAnEpochUnderWay(uint256[8] memory choices) external {
        _seat(5);
        bytes32[] memory seen = new bytes32[](9);
        for (uint32 epoch = 1; epoch <= 8; ++epoch) {
            _toEpoch(epoch);
            seen[epoch] = keccak256(abi.encode(oracle.committee(Epoch.wrap(epoch))));
            uint256 choice = choices[epoch - 1];
            for (uint256 step; step < 4; ++step) {
                _change(keepers[(choice >> 16 * step) % 10], (choice >> 16 * step + 8) % 3);
            }
            for (uint32 past = 1; past <= epoch; ++past) {
                assertEq(keccak256(abi.encode(oracle.committee(Epoch.wrap(past)))), seen[past]);
            }
        }
    }

    function _change(address keeper, uint256 how) private {
        IOracle.Keeper memory k = oracle.keeper(keeper);
        bool seated = k.fullBond != 0 && Epoch.unwrap(k.until) == 0;
        if (how == 0 && seated) _resign(keeper);
        if (how == 1 && k.admitted) {
            vm.prank(admin);
            oracle.remove(keeper);
        }
        if (how == 2 && k.fullBond == 0 && oracle.committee(oracle.currentEpoch().addEpochs(1)).length < 9) _join(keeper);
    }

    /// @dev In epoch 1's committee: commits, reveals nothing, forfeits; then it is round 2 of epoch 2.
    function _breakCommitment(address keeper) private {
        _after(ONE, 0);
        _commit(keeper, ONE, _one(_uniform(3, 1, 1)));
        _after(ONE, 2);
        oracle.forfeit(ONE, keeper);
    }

    function _assertCommittee(uint32 epoch, address a, address b) private view {
        address[] memory c = oracle.committee(Epoch.wrap(epoch));
        assertEq(c.length, 2);
        assertEq(c[0], a);
        assertEq(c[1], b);
    }
}
