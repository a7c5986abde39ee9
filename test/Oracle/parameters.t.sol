// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {IOracle} from "../../src/interfaces/IOracle.sol";
import {Epoch} from "../../src/Types.sol";
import {OracleTest} from "./OracleTest.sol";

contract ParametersTest is OracleTest {
    function testFuzz_RevertWhen_TheCallerIsNotGovernance(address caller) external {
        vm.assume(caller != admin);
        bytes memory expected = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, caller);
        vm.startPrank(caller);
        vm.expectRevert(expected);
        oracle.setKeeperBond(1);
        vm.expectRevert(expected);
        oracle.setRules(_rules());
    }

    function test_SetKeeperBond_RevertWhen_OutOfBounds() external {
        uint96 most = oracle.MAX_KEEPER_BOND();
        for (uint256 i; i < 2; ++i) {
            uint96 bond = i == 0 ? 0 : most + 1;
            vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_KeeperBondOutOfBounds.selector, bond, most));
            vm.prank(admin);
            oracle.setKeeperBond(bond);
        }
    }

    function testFuzz_SetKeeperBond_AsksItOfThoseThatJoinLater(uint96 bond) external {
        bond = uint96(bound(bond, 1, oracle.MAX_KEEPER_BOND()));
        _seat(1);
        vm.expectEmit(address(oracle));
        emit IOracle.KeeperBondSet(bond);
        vm.prank(admin);
        oracle.setKeeperBond(bond);
        token.mint(keepers[1], bond);
        _join(keepers[1]);
        assertEq(oracle.keeper(keepers[0]).fullBond, BOND);
        assertEq(oracle.keeper(keepers[1]).fullBond, bond);
        _after(ONE, 0);
        _commit(keepers[0], ONE, _one(""));
    }

    function test_SetRules_RevertWhen_OutOfBounds() external {
        uint16[3][6] memory bad = [
            [uint16(99), 8000, 2000],
            [uint16(2001), 8000, 2000],
            [uint16(500), 4999, 2000],
            [uint16(500), 10_001, 2000],
            [uint16(500), 8000, 99],
            [uint16(500), 8000, 10_001]
        ];
        for (uint256 i; i < bad.length; ++i) {
            IOracle.Rules memory rules = IOracle.Rules(bad[i][0], bad[i][1], bad[i][2]);
            vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_RulesOutOfBounds.selector, rules));
            vm.prank(admin);
            oracle.setRules(rules);
        }
    }

    function testFuzz_SetRules_FromTheNextEpochOn(IOracle.Rules memory rules, uint32 epoch) external {
        epoch = uint32(bound(epoch, 1, 1000));
        rules.toleranceBps = uint16(bound(rules.toleranceBps, 100, 2000));
        rules.shareBps = uint16(bound(rules.shareBps, 5000, 10_000));
        rules.forfeitBps = uint16(bound(rules.forfeitBps, 100, 10_000));
        _toEpoch(epoch);
        IOracle.Rules memory overruled = IOracle.Rules(100, 5000, 100);
        vm.startPrank(admin);
        oracle.setRules(overruled);
        vm.expectEmit(address(oracle));
        emit IOracle.RulesSet(Epoch.wrap(epoch + 1), rules);
        oracle.setRules(rules);
        assertEq(abi.encode(oracle.rulesOf(Epoch.wrap(epoch))), abi.encode(_rules()));
        assertEq(abi.encode(oracle.rulesOf(Epoch.wrap(epoch + 1))), abi.encode(rules));
        assertEq(abi.encode(oracle.rulesOf(Epoch.wrap(epoch + 9))), abi.encode(rules));
    }
}
