// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";

import {Parameters} from "../../script/Deployer.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Epoch} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice Who may call what, as the script deploys it: every function that changes anything, by everybody, against docs/roles.md.
///
/// The functions are those of snapshots/abi, so that none is left out. Whoever is refused gets an error that names him; whoever is not
/// gets past the check of the caller, whatever comes after it.
contract RolesTest is BaseTest {
    uint32 private constant DELAY = 2 days;
    /// @dev The functions of OpenZeppelin's AccessManager that change anything, but for `consumeScheduledOp`: that is how a contract takes what
    /// was scheduled, and it asks its caller whether it is doing so.
    bytes4[15] private _ofAuthority = [
        AccessManager.labelRole.selector,
        AccessManager.grantRole.selector,
        AccessManager.revokeRole.selector,
        AccessManager.renounceRole.selector,
        AccessManager.setRoleAdmin.selector,
        AccessManager.setRoleGuardian.selector,
        AccessManager.setGrantDelay.selector,
        AccessManager.setTargetFunctionRole.selector,
        AccessManager.setTargetAdminDelay.selector,
        AccessManager.setTargetClosed.selector,
        AccessManager.schedule.selector,
        AccessManager.execute.selector,
        AccessManager.cancel.selector,
        AccessManager.updateAuthority.selector,
        bytes4(keccak256("multicall(bytes[])"))
    ];
    string[15] private _namesOfAuthority = [
        "labelRole",
        "grantRole",
        "revokeRole",
        "renounceRole",
        "setRoleAdmin",
        "setRoleGuardian",
        "setGrantDelay",
        "setTargetFunctionRole",
        "setTargetAdminDelay",
        "setTargetClosed",
        "schedule",
        "execute",
        "cancel",
        "updateAuthority",
        "multicall"
    ];

    address private _keeper = makeAddr("keeper");
    address private _candidate = makeAddr("admitted keeper");
    address private _payer = makeAddr("payer");
    /// @dev Nobody who calls: whom calls are about.
    address private _third = makeAddr("third party");
    uint32 private _operator;

    address[] private _actors;
    mapping(address actor => string) private _nameOf;
    /// @dev Calls that meet somebody's own: by target and selector. The rest is called with zeros.
    mapping(address target => mapping(bytes4 selector => bytes)) private _calls;
    string private _docs;
    string private _missing;
    uint256 private _rows;

    /// The world a call needs so that it is refused for its caller and nothing else: an operator with a slot live, one reserved, one to
    /// accept and an audit to answer; a keeper that may commit.
    function setUp() public override {
        super.setUp();
        _everybody();
        vm.prank(governor);
        _scheduled(address(oracle), abi.encodeCall(oracle.admit, (_keeper)));
        vm.prank(_keeper);
        oracle.join();
        vm.prank(governor);
        _scheduled(address(oracle), abi.encodeCall(oracle.admit, (_candidate)));

        _to(Epoch.wrap(2), 20);
        _operator = _register(1000);
        _name(_owner(_operator), "owner");
        _name(_prover(_operator), "prover");
        uint40 lost = _hold(_operator, _publish(ONE_CHUNK), 3);
        uint40 held = _hold(_operator, _publish(ONE_CHUNK), 3);
        uint40 reserved = _open(_publish(ONE_CHUNK), 1, 3);
        uint40 open_ = _open(_publish(ONE_CHUNK), 1, 3);
        _audit(lost, 0);
        _reportLoss(lost, 0); // the auditor has its fee to withdraw
        _to(Epoch.wrap(3), 0);
        _accept(reserved, 0, _operator);
        _audit(held, 0);
        vm.prank(_keeper);
        oracle.commit(Epoch.wrap(2), bytes32(0), 1);

        address op = address(operators);
        _calls[op][operators.setKeys.selector] = abi.encodeCall(operators.setKeys, (_operator, _third, _third, 0, _third));
        _calls[op][operators.setCapacity.selector] = abi.encodeCall(operators.setCapacity, (_operator, 1000));
        _calls[op][operators.setEndpoint.selector] = abi.encodeCall(operators.setEndpoint, (_operator, ""));
        _calls[op][operators.requestExit.selector] = abi.encodeCall(operators.requestExit, (_operator));
        _calls[op][operators.withdraw.selector] = abi.encodeCall(operators.withdraw, (_operator, _third));
        _calls[op][operators.addStake.selector] = abi.encodeCall(operators.addStake, (_operator, 1));
        _calls[op][operators.register.selector] = abi.encodeCall(operators.register, (1, _third, _third, ""));
        IMarket.Request memory request = _request(2, 1, 1);
        address m = address(market);
        _calls[m][market.open.selector] = abi.encodeCall(market.open, (request, type(uint256).max));
        _calls[m][market.accept.selector] = abi.encodeCall(market.accept, (open_, 0, _operator));
        _calls[m][market.activate.selector] = abi.encodeCall(market.activate, (reserved, 0, ""));
        _calls[m][market.cancelOpen.selector] = abi.encodeCall(market.cancelOpen, (open_, 1));
        _calls[m][market.withdraw.selector] = abi.encodeCall(market.withdraw, (open_, _third));
        _calls[m][market.release.selector] = abi.encodeCall(market.release, (reserved, 0));
        _calls[m][market.unwind.selector] = abi.encodeCall(market.unwind, (held, 0));
        address a = address(audits);
        _calls[a][audits.open.selector] = abi.encodeCall(audits.open, (held, 0, AUDIT_FEE));
        _calls[a][audits.answer.selector] = abi.encodeCall(audits.answer, (held, 0, ""));
        _calls[a][audits.roll.selector] = abi.encodeCall(audits.roll, (held, 0));
        _calls[a][audits.close.selector] = abi.encodeCall(audits.close, (held, 0));
        _calls[a][audits.reportLoss.selector] = abi.encodeCall(audits.reportLoss, (held, 0));
        _calls[a][audits.eject.selector] = abi.encodeCall(audits.eject, (_operator));
        _calls[address(holdings)][holdings.prove.selector] = abi.encodeCall(holdings.prove, (_operator, ""));
        address o = address(oracle);
        _calls[o][oracle.commit.selector] = abi.encodeCall(oracle.commit, (Epoch.wrap(2), bytes32(0), 1));
        _calls[o][oracle.reveal.selector] = abi.encodeCall(oracle.reveal, (Epoch.wrap(2), "", bytes32(0)));
        _calls[o][oracle.topUp.selector] = abi.encodeCall(oracle.topUp, (_third));
        _calls[o][oracle.withdrawBond.selector] = abi.encodeCall(oracle.withdrawBond, (_third));
        _calls[o][oracle.forfeit.selector] = abi.encodeCall(oracle.forfeit, (Epoch.wrap(2), _third));
        vm.prank(publisher.addr);
        uint64 series = catalog.createSeries();
        bytes32 key = catalog.keyOf(_commitmentOf(1, ONE_CHUNK));
        _calls[address(catalog)][catalog.addVersion.selector] = abi.encodeCall(catalog.addVersion, (series, 8, key));
        _calls[address(catalog)][catalog.setHead.selector] = abi.encodeCall(catalog.setHead, (series, 7));
        address r = address(retrieval);
        _calls[r][retrieval.deposit.selector] = abi.encodeCall(retrieval.deposit, (_third, 1));
        _calls[r][retrieval.requestWithdrawal.selector] = abi.encodeCall(retrieval.requestWithdrawal, (1));
        _calls[r][retrieval.withdraw.selector] = abi.encodeCall(retrieval.withdraw, (_third));
        _calls[r][retrieval.earmark.selector] = abi.encodeCall(retrieval.earmark, (_third, 1));
        _calls[r][retrieval.requestRelease.selector] = abi.encodeCall(retrieval.requestRelease, (_third, 1));
        _calls[r][retrieval.release.selector] = abi.encodeCall(retrieval.release, (_third));
        _calls[r][retrieval.authorise.selector] = abi.encodeCall(retrieval.authorise, (_third, uint64(block.timestamp + 1), 0));
        _calls[r][retrieval.revoke.selector] = abi.encodeCall(retrieval.revoke, (_third));
        _calls[r][retrieval.payDirect.selector] = abi.encodeCall(retrieval.payDirect, (_third, 1, 1, 0));
        address u = deployment.authority;
        bytes memory scheduled = abi.encodeCall(market.setTerms, (1, 0));
        vm.prank(governor);
        AccessManager(u).schedule(m, scheduled, 0);
        _calls[u][AccessManager.schedule.selector] = abi.encodeCall(AccessManager.schedule, (m, abi.encodeCall(market.setTerms, (2, 0)), 0));
        _calls[u][AccessManager.execute.selector] = abi.encodeCall(AccessManager.execute, (m, abi.encodeCall(market.setTerms, (2, 0))));
        _calls[u][AccessManager.cancel.selector] = abi.encodeCall(AccessManager.cancel, (governor, m, scheduled));
    }

    function _parameters() internal view override returns (Parameters memory p) {
        p = super._parameters();
        p.governorDelay = DELAY;
    }

    /// Reads docs/roles.md row by row; what it lacks, or says otherwise, is listed as it should be.
    function test_WhoMayCallWhat() external {
        vm.pauseGasMetering();
        _docs = vm.readFile("docs/roles.md");
        for (uint256 i; i < _ofAuthority.length; ++i) {
            _check("Authority", deployment.authority, _namesOfAuthority[i], _ofAuthority[i]);
        }
        _checkAll("Beacon", deployment.beacon);
        _checkAll("Catalog", deployment.catalog);
        _checkAll("Pool", deployment.pool);
        _checkAll("Operators", deployment.operators);
        _checkAll("Oracle", deployment.oracle);
        _checkAll("Holdings", deployment.holdings);
        _checkAll("Market", deployment.market);
        _checkAll("Audits", deployment.audits);
        _checkAll("Settlement", deployment.settlement);
        _checkAll("Retrieval", deployment.retrieval);
        assertEq(_missing, "", "docs/roles.md lacks these rows");
        assertEq(vm.split(_docs, "` | ").length - 1, _rows, "docs/roles.md has rows of no function");
    }

    function test_TheCreatorKeepsNothing() external view {
        AccessManager authority = AccessManager(deployment.authority);
        for (uint64 role; role < 10; ++role) {
            (bool isMember,) = authority.hasRole(role, address(this));
            assertFalse(isMember);
        }
        (bool isAdmin, uint32 delay) = authority.hasRole(authority.ADMIN_ROLE(), governor);
        assertTrue(isAdmin);
        assertEq(delay, DELAY);
    }

    /// Scheduled, waited for, then done: and not a second before.
    function test_TheGovernorWaits() external {
        AccessManager authority = AccessManager(deployment.authority);
        bytes memory call = abi.encodeCall(market.setTerms, (777, 5000));
        vm.startPrank(governor);
        (bytes32 id,) = authority.schedule(address(market), call, 0);
        vm.warp(block.timestamp + DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerNotReady.selector, id));
        authority.execute(address(market), call);
        vm.warp(block.timestamp + 1);
        authority.execute(address(market), call);
        assertEq(market.feePerChunkRound(), 777);
    }

    /// To shorten the delay, or to name somebody without one, takes the delay too.
    function test_TheDelayGuardsItself() external {
        AccessManager authority = AccessManager(deployment.authority);
        bytes memory call = abi.encodeCall(authority.grantRole, (1, governor, 0));
        bytes32 id = authority.hashOperation(governor, address(authority), call);
        vm.prank(governor);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerNotScheduled.selector, id));
        authority.grantRole(1, governor, 0);
        vm.prank(governor);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerUnauthorizedCall.selector, governor, authority, bytes4(call)));
        authority.schedule(address(authority), call, uint48(block.timestamp + DELAY - 1));
    }

    // ---- The walk ----

    function _checkAll(string memory name, address target) private {
        string[] memory lines = vm.split(vm.readFile(string.concat("snapshots/abi/", name, ".txt")), "\n");
        for (uint256 i; i < lines.length; ++i) {
            if (vm.indexOf(lines[i], "function 0x") != 0) continue;
            if (vm.contains(lines[i], ") view") || vm.contains(lines[i], ") pure")) continue;
            string[] memory words = vm.split(lines[i], " ");
            _check(name, target, vm.split(words[2], "(")[0], bytes4(vm.parseBytes(words[1])));
        }
    }

    function _check(string memory name, address target, string memory functionName, bytes4 selector) private {
        string memory row = string.concat("| ", name, " | `", functionName, "` | ", _callers(target, selector), " |\n");
        ++_rows;
        if (!vm.contains(_docs, row)) _missing = string.concat(_missing, row);
    }

    function _callers(address target, bytes4 selector) private returns (string memory list) {
        bytes memory data = _calls[target][selector];
        if (data.length == 0) data = abi.encodePacked(selector, new bytes(16 * 32));
        uint256 allowed;
        for (uint256 i; i < _actors.length; ++i) {
            (bool may, bool later) = _may(_actors[i], target, data);
            if (!may) continue;
            ++allowed;
            string memory actor = string.concat(_nameOf[_actors[i]], later ? " after the delay" : "");
            list = bytes(list).length == 0 ? actor : string.concat(list, ", ", actor);
        }
        if (allowed == _actors.length) return "anyone";
        return allowed == 0 ? "nobody" : list;
    }

    /// @dev Whether `actor` gets past the check of the caller, at once or by scheduling.
    function _may(address actor, address target, bytes memory data) private returns (bool may, bool later) {
        uint256 before = vm.snapshotState();
        if (bytes4(data) == oracle.reveal.selector && target == address(oracle)) _next();
        vm.prank(actor);
        (bool ok, bytes memory result) = target.call(data);
        vm.revertToState(before);
        if (ok) return (true, false);
        if (result.length >= 4 && bytes4(result) == IAccessManager.AccessManagerNotScheduled.selector) return (true, true);
        // Refused for who he is: the error says so.
        for (uint256 i = 36; i <= result.length; i += 32) {
            bytes32 word;
            assembly ("memory-safe") {
                word := mload(add(result, i))
            }
            if (word == bytes32(uint256(uint160(actor)))) return (false, false);
        }
        return (true, false);
    }

    // ---- Everybody ----

    function _everybody() private {
        _name(anyone, "somebody");
        _name(uploader, "uploader");
        _name(auditor, "auditor");
        _name(publisher.addr, "publisher");
        _name(_payer, "payer");
        _name(_keeper, "keeper");
        _name(_candidate, "admitted keeper");
        _name(guardian, "guardian");
        _name(curator, "curator");
        _name(governor, "governor");
        _name(treasury, "treasury");
        _name(address(this), "creator");
        _name(deployment.authority, "Authority");
        _name(deployment.beacon, "Beacon");
        _name(deployment.catalog, "Catalog");
        _name(deployment.pool, "Pool");
        _name(deployment.operators, "Operators");
        _name(deployment.oracle, "Oracle");
        _name(deployment.holdings, "Holdings");
        _name(deployment.market, "Market");
        _name(deployment.audits, "Audits");
        _name(deployment.settlement, "Settlement");
        _name(deployment.retrieval, "Retrieval");
    }

    /// @dev With money, and something of one's own in Retrieval.
    function _name(address actor, string memory name) private {
        _actors.push(actor);
        _nameOf[actor] = name;
        _fund(actor);
        vm.prank(auditor);
        retrieval.deposit(actor, 4);
        vm.startPrank(actor);
        retrieval.requestWithdrawal(1);
        retrieval.earmark(_third, 2);
        retrieval.requestRelease(_third, 1);
        retrieval.authorise(_third, type(uint64).max, 1);
        vm.stopPrank();
    }

    /// @dev The governor's call, delay and all, at its time.
    function _scheduled(address target, bytes memory data) private {
        AccessManager authority = AccessManager(deployment.authority);
        authority.schedule(target, data, 0);
        vm.warp(block.timestamp + DELAY);
        vm.prank(governor);
        authority.execute(target, data);
    }
}
