// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

import {IOracle} from "../src/interfaces/IOracle.sol";
import {Epoch, Round} from "../src/Types.sol";
import {BaseTest} from "./Base.t.sol";

/// @notice Who may call what, as the script deploys it: every function that a role or another contract is named for, by everybody.
contract DeployerTest is BaseTest {
    struct Call {
        address target;
        bytes data;
        address allowed;
    }

    Call[] private calls;

    function setUp() public override {
        super.setUp();
        Epoch e = Epoch.wrap(1);
        IOracle.Rules memory rules = IOracle.Rules({toleranceBps: 500, shareBps: 8000, forfeitBps: 2500});
        _add(address(beacon), abi.encodeCall(beacon.succeed, (Epoch.wrap(2), "", 1, 1)), governor);
        _add(address(catalog), abi.encodeCall(catalog.setPublishBond, (1)), governor);
        _add(address(catalog), abi.encodeCall(catalog.noteOrder, (1, e)), address(market));
        _add(address(pool), abi.encodeCall(pool.setTreasury, (anyone)), governor);
        _add(address(pool), abi.encodeCall(pool.setShares, (1, 1)), governor);
        _add(address(pool), abi.encodeCall(pool.schedule, (1, Round.wrap(31), e, 1, 1)), address(market));
        _add(address(pool), abi.encodeCall(pool.cut, (1, Round.wrap(31), Round.wrap(31), e, 1, 1)), address(market));
        _add(address(pool), abi.encodeCall(pool.collect, (e)), address(market));
        _add(address(pool), abi.encodeCall(pool.closeOperator, (1, e)), address(settlement));
        _add(address(pool), abi.encodeCall(pool.weigh, (1, e, 1, 1)), address(settlement));
        _add(address(pool), abi.encodeCall(pool.freeze, (e, 0, 0, 0)), address(settlement));
        _add(address(pool), abi.encodeCall(pool.pay, (1, e, anyone, false)), address(settlement));
        _add(address(pool), abi.encodeCall(pool.payKeeper, (e, 0, anyone)), address(settlement));
        _add(address(operators), abi.encodeCall(operators.setStakePerChunk, (1)), governor);
        _add(address(operators), abi.encodeCall(operators.pause, ()), guardian);
        _add(address(operators), abi.encodeCall(operators.unpause, ()), guardian);
        _add(address(operators), abi.encodeCall(operators.reserve, (1, anyone, 1, 1, e)), address(market));
        _add(address(operators), abi.encodeCall(operators.release, (1, 1, 1, e)), address(market));
        _add(address(operators), abi.encodeCall(operators.slash, (1, 0)), address(market));
        _add(address(operators), abi.encodeCall(operators.setStanding, (1, 1, 1)), address(settlement));
        _add(address(oracle), abi.encodeCall(oracle.admit, (anyone)), governor);
        _add(address(oracle), abi.encodeCall(oracle.remove, (anyone)), governor);
        _add(address(oracle), abi.encodeCall(oracle.setKeeperBond, (1)), governor);
        _add(address(oracle), abi.encodeCall(oracle.setRules, (rules)), governor);
        _add(address(holdings), abi.encodeCall(holdings.claimContent, (1, 1, 1, e, e)), address(market));
        _add(address(holdings), abi.encodeCall(holdings.unclaimContent, (1, 1, e, e)), address(market));
        _add(address(holdings), abi.encodeCall(holdings.add, (1, 1, 1, 0, Round.wrap(31), e)), address(market));
        _add(address(holdings), abi.encodeCall(holdings.end, (1, e, 0, e, 1)), address(market));
        _add(address(holdings), abi.encodeCall(holdings.unwind, (1, e, 0)), address(market));
        _add(address(holdings), abi.encodeCall(holdings.noteAudit, (1, e, 0, e, true)), address(audits));
        _add(address(holdings), abi.encodeCall(holdings.eject, (1)), address(audits));
        _add(address(market), abi.encodeCall(market.setTerms, (1, 0)), governor);
        _add(address(market), abi.encodeCall(market.pause, ()), guardian);
        _add(address(market), abi.encodeCall(market.unpause, ()), guardian);
        _add(address(market), abi.encodeCall(market.collect, (e)), address(settlement));
        _add(address(catalog), abi.encodeCall(catalog.blockContent, (1, "law")), curator);
        _add(address(audits), abi.encodeCall(audits.setAuditFee, (1)), governor);
        _add(address(retrieval), abi.encodeCall(retrieval.setTerms, (1, 1)), governor);
        _add(address(retrieval), abi.encodeCall(retrieval.pause, ()), guardian);
        _add(address(retrieval), abi.encodeCall(retrieval.unpause, ()), guardian);
    }

    /// Whoever is not the one is refused by the check of the caller, before anything else; the one gets past it.
    function test_WhoMayCallWhat() external {
        address[16] memory callers = [
            governor,
            guardian,
            curator,
            anyone,
            treasury,
            address(this), // who deployed it
            address(beacon),
            address(catalog),
            address(pool),
            address(operators),
            address(oracle),
            address(holdings),
            address(market),
            address(audits),
            address(settlement),
            address(retrieval)
        ];
        for (uint256 i; i < calls.length; ++i) {
            for (uint256 j; j < callers.length; ++j) {
                _check(calls[i], callers[j], callers[j] == calls[i].allowed);
            }
        }
        // The one function of several callers.
        Call memory credit = Call(address(pool), abi.encodeCall(pool.creditTreasury, (0)), address(0));
        for (uint256 j; j < callers.length; ++j) {
            bool brings = callers[j] == address(catalog) || callers[j] == address(oracle) || callers[j] == address(market)
                || callers[j] == address(retrieval);
            _check(credit, callers[j], brings);
        }
    }

    function test_TheCreatorKeepsNothing() external view {
        AccessManager authority = AccessManager(deployment.authority);
        (bool isAdmin,) = authority.hasRole(authority.ADMIN_ROLE(), address(this));
        assertFalse(isAdmin);
        (isAdmin,) = authority.hasRole(authority.ADMIN_ROLE(), governor);
        assertTrue(isAdmin);
    }

    function _add(address target, bytes memory data, address allowed) private {
        calls.push(Call(target, data, allowed));
    }

    function _check(Call memory c, address caller, bool isAllowed) private {
        uint256 snapshot = vm.snapshotState();
        vm.prank(caller);
        (bool ok, bytes memory result) = c.target.call(c.data);
        // Each contract's own error names the caller, as does the AccessManager's.
        bool refused = !ok && result.length == 36 && abi.decode(_tail(result), (address)) == caller;
        assertEq(refused, !isAllowed, string.concat(vm.getLabel(caller), " ", vm.toString(c.data)));
        vm.revertToState(snapshot);
    }

    function _tail(bytes memory result) private pure returns (bytes memory tail) {
        tail = new bytes(32);
        for (uint256 i; i < 32; ++i) {
            tail[i] = result[i + 4];
        }
    }
}
