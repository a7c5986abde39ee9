// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

import {Parameters} from "../../script/Deployer.sol";
import {IOracle} from "../../src/interfaces/IOracle.sol";
import {BPS, Epoch, Round, ROUNDS} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";
import {DrandSigner} from "../utils/DrandSigner.sol";

/// @notice An authority that lets everybody do everything at once: the worst that the governor can put in the AccessManager's place.
contract Anarchy {
    function canCall(address, address, bytes4) external pure returns (bool immediate, uint32 delay) {
        return (true, 0);
    }
}

/// @notice No role can move users' money: every governed function at the ends of what the code allows, against what everybody has.
contract GovernanceTest is BaseTest {
    struct Action {
        string name; // of the contract
        address target;
        bytes data;
    }

    uint32 private constant DELAY = 2 days;
    uint96 private constant DEPOSIT = 10e18;
    uint96 private constant EARMARK = 3e18;
    uint96 private constant PAYMENT = 1e18;

    address private _payer = makeAddr("payer");
    address private _keeper = makeAddr("keeper");
    address private _earning = makeAddr("operator of retrieval");
    address private _thief = makeAddr("thief");

    uint32 private _operator;
    uint40 private _held;
    uint40 private _unheld;
    uint256 private _fee; // of the held slot, a round

    Action[] private _actions;

    /// Everybody has something everywhere: a slot held for an epoch that is settled and frozen and not claimed, an order with nobody yet, an
    /// audit fee earned, deposits, bonds.
    function setUp() public override {
        super.setUp();
        AccessManager authority = AccessManager(deployment.authority);
        bytes memory admit = abi.encodeCall(oracle.admit, (_keeper));
        vm.prank(governor);
        authority.schedule(address(oracle), admit, 0);
        vm.warp(block.timestamp + DELAY);
        vm.prank(governor);
        authority.execute(address(oracle), admit);
        _fund(_keeper);
        vm.prank(_keeper);
        oracle.join();

        _operator = _register(1000);
        _held = _hold(_operator, _publish(MANY_CHUNKS), 3);
        _fee = uint256(catalog.chunks(1)) * FEE;
        _audit(_held, 0);
        _seed();
        _prove(_operator);
        _nextSeeded();
        _answer(_held, 0);
        _prove(_operator);
        _next();
        _proveToEnd(_operator);

        _fund(_payer);
        vm.startPrank(_payer);
        retrieval.deposit(_payer, DEPOSIT);
        retrieval.earmark(_earning, EARMARK);
        retrieval.payDirect(_earning, 1, PAYMENT, 0);
        vm.stopPrank();
        _unheld = _open(_publish(ONE_CHUNK), 2, 6);
        _proveRounds(2);
        settlement.settle(_operator, Epoch.wrap(1));
        _proveRounds(3);
        settlement.freeze(Epoch.wrap(1));
        _everything();
    }

    function _parameters() internal view override returns (Parameters memory p) {
        p = super._parameters();
        p.governorDelay = DELAY;
    }

    // ---- What a role may do ----

    /// @dev Each function at the ends of its bounds.
    function _everything() private {
        bytes memory key = DrandSigner.publicKey(SECRET + 1);
        _may("Beacon", address(beacon), abi.encodeCall(beacon.succeed, (Epoch.wrap(3), key, 1, 1)));
        _may("Catalog", address(catalog), abi.encodeCall(catalog.setPublishBond, (1)));
        _may("Catalog", address(catalog), abi.encodeCall(catalog.setPublishBond, (catalog.MAX_PUBLISH_BOND())));
        _may("Catalog", address(catalog), abi.encodeCall(catalog.blockContent, (1, "held")));
        _may("Catalog", address(catalog), abi.encodeCall(catalog.blockContent, (2, "ordered")));
        _may("Pool", address(pool), abi.encodeCall(pool.setTreasury, (_thief)));
        _may("Pool", address(pool), abi.encodeCall(pool.setShares, (0, 0)));
        _may("Pool", address(pool), abi.encodeCall(pool.setShares, (pool.MAX_SHARES_BPS(), 0)));
        _may("Pool", address(pool), abi.encodeCall(pool.setShares, (0, pool.MAX_SHARES_BPS())));
        _may("Operators", address(operators), abi.encodeCall(operators.setStakePerChunk, (1)));
        _may("Operators", address(operators), abi.encodeCall(operators.setStakePerChunk, (operators.MAX_STAKE_PER_CHUNK())));
        _may("Operators", address(operators), abi.encodeCall(operators.pause, ()));
        _may("Oracle", address(oracle), abi.encodeCall(oracle.admit, (_thief)));
        _may("Oracle", address(oracle), abi.encodeCall(oracle.remove, (_keeper)));
        _may("Oracle", address(oracle), abi.encodeCall(oracle.setKeeperBond, (1)));
        _may("Oracle", address(oracle), abi.encodeCall(oracle.setKeeperBond, (oracle.MAX_KEEPER_BOND())));
        _may("Oracle", address(oracle), abi.encodeCall(oracle.setRules, (IOracle.Rules(100, 5000, 100))));
        _may("Oracle", address(oracle), abi.encodeCall(oracle.setRules, (IOracle.Rules(2000, 10_000, 10_000))));
        _may("Market", address(market), abi.encodeCall(market.setTerms, (1, 0)));
        _may("Market", address(market), abi.encodeCall(market.setTerms, (market.MAX_FEE(), 10_000)));
        _may("Market", address(market), abi.encodeCall(market.pause, ()));
        _may("Audits", address(audits), abi.encodeCall(audits.setAuditFee, (1)));
        _may("Audits", address(audits), abi.encodeCall(audits.setAuditFee, (audits.MAX_AUDIT_FEE())));
        _may("Retrieval", address(retrieval), abi.encodeCall(retrieval.setTerms, (0, 1)));
        _may(
            "Retrieval", address(retrieval), abi.encodeCall(retrieval.setTerms, (retrieval.MAX_TAKE_BPS(), retrieval.MAX_REFERENCE_PRICE()))
        );
        _may("Retrieval", address(retrieval), abi.encodeCall(retrieval.pause, ()));
    }

    function _may(string memory name, address target, bytes memory data) private {
        _actions.push(Action(name, target, data));
    }

    /// Every function of script/roles.json is among them; what takes a pause back is its opposite.
    function test_EveryGovernedFunctionIsTried() external view {
        string memory json = vm.readFile("script/roles.json");
        string[] memory roles = vm.parseJsonKeys(json, "$");
        for (uint256 i; i < roles.length; ++i) {
            string memory functions = string.concat(".", roles[i], ".functions");
            string[] memory contracts = vm.parseJsonKeys(json, functions);
            for (uint256 j; j < contracts.length; ++j) {
                string[] memory signatures = vm.parseJsonStringArray(json, string.concat(functions, ".", contracts[j]));
                for (uint256 k; k < signatures.length; ++k) {
                    bytes4 selector = bytes4(keccak256(bytes(signatures[k])));
                    if (selector == market.unpause.selector) continue;
                    assertTrue(_isTried(contracts[j], selector), string.concat(contracts[j], ".", signatures[k]));
                }
            }
        }
    }

    function _isTried(string memory name, bytes4 selector) private view returns (bool) {
        for (uint256 i; i < _actions.length; ++i) {
            if (keccak256(bytes(_actions[i].name)) == keccak256(bytes(name)) && bytes4(_actions[i].data) == selector) return true;
        }
        return false;
    }

    // ---- What everybody has ----

    /// @dev What each could take, and where the tokens are.
    function _wealth() private returns (uint256[24] memory w) {
        w[0] = market.withdrawable(_unheld);
        w[1] = market.order(_unheld).balance;
        w[2] = market.order(_held).balance;
        w[3] = market.accounted();
        w[4] = operators.operator(_operator).stake;
        w[5] = _claimable(Epoch.wrap(1));
        w[6] = audits.credit(_payout(_operator));
        w[7] = retrieval.account(_payer).balance;
        w[8] = retrieval.earmarkOf(_payer, _earning);
        w[9] = _collectable();
        w[10] = oracle.keeper(_keeper).bond;
        w[11] = catalog.content(1).bond;
        w[12] = pool.accounted();
        address[10] memory holders = [
            uploader,
            _owner(_operator),
            _payer,
            _keeper,
            publisher.addr,
            address(market),
            address(pool),
            address(operators),
            address(retrieval),
            address(oracle)
        ];
        for (uint256 i; i < holders.length; ++i) {
            w[13 + i] = asset.balanceOf(holders[i]);
        }
        w[23] = asset.balanceOf(_thief);
    }

    function _claimable(Epoch epoch) private returns (uint256 owed) {
        uint256 before = vm.snapshotState();
        owed = operators.claim(_operator, epoch);
        vm.revertToState(before);
    }

    function _collectable() private returns (uint256 amount) {
        uint256 before = vm.snapshotState();
        amount = retrieval.collect(_earning);
        vm.revertToState(before);
    }

    function _same(uint256[24] memory expected, string memory what) private {
        uint256[24] memory found = _wealth();
        for (uint256 i; i < found.length; ++i) {
            assertEq(found[i], expected[i], string.concat(what, ": wealth ", vm.toString(i)));
        }
    }

    // ---- The tests ----

    /// One by one, through the timelock where it is the governor's: what everybody has is what it would be had nothing been done.
    function test_NoRoleMovesUsersMoney() external {
        AccessManager authority = AccessManager(deployment.authority);
        uint256 before = vm.snapshotState();
        vm.warp(block.timestamp + DELAY);
        uint256[24] memory expected = _wealth();
        assertGt(expected[0] * expected[5] * expected[6], 0, "there is something to take");
        assertEq(expected[23], 0);
        for (uint256 i; i < _actions.length; ++i) {
            vm.revertToState(before);
            Action memory a = _actions[i];
            uint64 role = authority.getTargetFunctionRole(a.target, bytes4(a.data));
            address actor = role == 1 ? governor : role == 2 ? guardian : curator;
            if (role == 1) {
                vm.prank(governor);
                authority.schedule(a.target, a.data, 0);
            }
            vm.warp(block.timestamp + DELAY);
            vm.prank(actor);
            if (role == 1) {
                authority.execute(a.target, a.data);
            } else {
                (bool ok,) = a.target.call(a.data);
                assertTrue(ok);
            }
            _same(expected, string.concat(a.name, " ", vm.toString(bytes4(a.data))));
        }
    }

    /// The administrator's own powers: to close a contract to its roles, and to name another authority, under which anybody does anything.
    function test_TheAdministratorMovesNoUsersMoney() external {
        uint256 before = vm.snapshotState();
        vm.warp(block.timestamp + DELAY);
        uint256[24] memory expected = _wealth();
        vm.revertToState(before);
        _overthrow();
        _same(expected, "anarchy");
        for (uint256 i; i < _actions.length; ++i) {
            vm.prank(_thief);
            (bool ok,) = _actions[i].target.call(_actions[i].data);
            assertTrue(ok, "anybody may");
            // Shares of the next epoch are set three times; the last counts.
            _same(expected, string.concat("anarchy: ", _actions[i].name, " ", vm.toString(bytes4(_actions[i].data))));
        }
    }

    /// After the worst of everything at once, pauses for ever included, all go home with what is theirs; an operator's fees of coming epochs
    /// less the shares that the code allows.
    function test_EverybodyLeavesWhateverTheRolesDid() external {
        _overthrow();
        for (uint256 i; i < _actions.length; ++i) {
            // But for what ends the slot held, or its seeds: it is to be proven to its end.
            if (_actions[i].target == address(beacon) || _isBlocking(_actions[i], 1)) continue;
            vm.prank(_thief);
            (bool ok,) = _actions[i].target.call(_actions[i].data);
            assertTrue(ok);
        }
        uint256 shares = pool.MAX_SHARES_BPS();

        // The uploader, for replicas that nobody holds, and for rounds before one was held.
        uint256 had = asset.balanceOf(uploader);
        uint256 deposit = market.order(_unheld).balance + market.order(_held).balance;
        vm.startPrank(uploader);
        market.cancelOpen(_unheld, 3);
        market.withdraw(_unheld, uploader);
        market.withdraw(_held, uploader);
        vm.stopPrank();
        assertEq(asset.balanceOf(uploader) - had, deposit, "the uploader's deposits");

        // The payer, and who was paid.
        had = asset.balanceOf(_payer);
        vm.startPrank(_payer);
        retrieval.requestWithdrawal(DEPOSIT - EARMARK);
        retrieval.requestRelease(_earning, EARMARK);
        vm.stopPrank();
        _proveRounds(2);
        vm.startPrank(_payer);
        retrieval.withdraw(_payer);
        retrieval.release(_earning);
        retrieval.requestWithdrawal(EARMARK);
        vm.stopPrank();
        _proveRounds(2);
        vm.prank(_payer);
        retrieval.withdraw(_payer);
        assertEq(asset.balanceOf(_payer) - had, DEPOSIT, "the payer's deposit, earmarks included");
        retrieval.collect(_earning);
        assertEq(asset.balanceOf(_earning), PAYMENT * (BPS - TAKE_BPS) / BPS, "what was paid");

        // The operator: an answered audit, the epoch that was over, the two that were not, the stake.
        address payout = _payout(_operator);
        vm.prank(payout);
        audits.withdraw();
        assertEq(asset.balanceOf(payout), AUDIT_FEE);
        uint256 rounds = Round.unwrap(Epoch.wrap(2).first()) - Round.unwrap(market.slot(_held, 0).liveFrom);
        assertEq(operators.claim(_operator, Epoch.wrap(1)), _fee * rounds * (BPS - ORACLE_BPS - TREASURY_BPS) / BPS, "epoch 1");
        for (uint32 e = 2; e <= 3; ++e) {
            _proveToEnd(_operator);
            _settle(_operator, Epoch.wrap(e));
            if (e == 2) _proveRounds(3); // until the freeze
            _freeze(Epoch.wrap(e));
            uint256 kept = e == 2 ? BPS - ORACLE_BPS - TREASURY_BPS : BPS - shares;
            assertEq(operators.claim(_operator, Epoch.wrap(e)), _fee * ROUNDS * kept / BPS, "a coming epoch");
        }
        uint256 stake = operators.operator(_operator).stake;
        assertEq(stake, uint256(STAKE) * 1000);
        had = asset.balanceOf(_owner(_operator));
        vm.prank(_owner(_operator));
        operators.requestExit(_operator);
        _to(Epoch.wrap(11), 0);
        vm.prank(_owner(_operator));
        operators.withdraw(_operator, _owner(_operator));
        assertEq(asset.balanceOf(_owner(_operator)) - had, stake, "the stake");

        // Keeper and publisher.
        had = asset.balanceOf(_keeper);
        oracle.withdrawBond(_keeper);
        assertEq(asset.balanceOf(_keeper) - had, KEEPER_BOND, "the keeper's bond");
        had = asset.balanceOf(publisher.addr);
        catalog.withdrawBond(1);
        assertEq(asset.balanceOf(publisher.addr) - had, PUBLISH_BOND, "the publisher's bond");
        assertEq(market.accounted() + operators.accounted() + audits.accounted() + oracle.accounted(), 0, "nothing is left behind");
        _checkLedgers();
    }

    /// The curator ends what is held: the fees not due yet go back to who paid them, and nothing else moves.
    function test_ABlockedContentsFeesGoHome() external {
        uint256 stake = operators.operator(_operator).stake;
        uint256 claimable = _claimable(Epoch.wrap(1));
        uint256 had = market.order(_held).balance;
        uint256 escrowed = market.accounted();
        vm.prank(curator);
        catalog.blockContent(1, "");
        market.unwind(_held, 0);
        uint256 left = Round.unwrap(Epoch.wrap(3).last()) - Round.unwrap(_now()); // rounds after this one
        assertEq(market.order(_held).balance - had, _fee * left, "to the uploader");
        assertEq(market.accounted(), escrowed);
        assertEq(operators.operator(_operator).stake, stake);
        assertEq(_claimable(Epoch.wrap(1)), claimable);
        vm.startPrank(uploader);
        market.cancelOpen(_held, 1);
        market.withdraw(_held, uploader);
        assertEq(market.order(_held).balance, 0);
    }

    function _isBlocking(Action memory a, uint32 contentId) private view returns (bool) {
        return a.target == address(catalog) && keccak256(a.data) == keccak256(abi.encodeCall(catalog.blockContent, (contentId, "held")));
    }

    /// @dev Seeds and proves this round and those after it.
    function _proveRounds(uint256 count) private {
        for (uint256 i; i < count; ++i) {
            _seed();
            _prove(_operator);
            _next();
        }
    }

    /// @dev The governor, after its delay, puts Anarchy in the AccessManager's place, and closes every contract to it.
    function _overthrow() private {
        AccessManager authority = AccessManager(deployment.authority);
        address anarchy = address(new Anarchy());
        address[8] memory targets = [
            address(beacon),
            address(catalog),
            address(pool),
            address(operators),
            address(oracle),
            address(market),
            address(audits),
            address(retrieval)
        ];
        for (uint256 i; i < targets.length; ++i) {
            vm.prank(governor);
            authority.schedule(address(authority), abi.encodeCall(authority.updateAuthority, (targets[i], anarchy)), 0);
        }
        vm.warp(block.timestamp + DELAY);
        for (uint256 i; i < targets.length; ++i) {
            vm.prank(governor);
            authority.updateAuthority(targets[i], anarchy);
        }
    }
}
