// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {CREATE3} from "solady/utils/CREATE3.sol";

import {Parameters} from "../../script/Deployer.sol";
import {Factory} from "../../script/Factory.sol";
import {Deployment} from "../../src/Deployment.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice Where a deployment goes, who decides it, and that it can be taken up again.
contract AddressesTest is BaseTest {
    /// @dev Changes with script/Factory.sol, solady's CREATE3 and the compiler's settings: then every future address does.
    address private constant FACTORY = 0x0B70EdA00972c9E8a93e267fde06B8e7a91b2939;
    uint256 private constant PARTS = 11;
    /// @dev Hash of the code that creates solady's CREATE3 proxy.
    bytes32 private constant CREATE3_PROXY = 0x21c35dbe1b344a2488cf3321d6ce542f8e9f305544ff09e4993a62319a497c1f;

    function test_TheFactoryIsWhereItsCodeSays() external view {
        assertEq(address(_factory()), FACTORY);
        assertNotEq(FACTORY.code.length, 0);
    }

    /// Not from parameters, chain, nonces or time.
    function test_AddressesFollowFromCreatorAndName() external {
        Parameters memory p = _named("a community's");
        bytes32 expected = keccak256(abi.encode(_places(_predict(p, address(this)))));
        uint256 before = vm.snapshotState();
        (Deployment memory here,) = _deploy(p, address(this));
        assertEq(keccak256(abi.encode(_places(here))), expected, "predicted");
        vm.revertToState(before);

        vm.chainId(10);
        vm.warp(GENESIS + 1000 days);
        vm.setNonce(address(this), vm.getNonce(address(this)) + 1000);
        (p.asset, p.genesis, p.governor, p.auditFee) = (address(_newAsset()), GENESIS + 1, anyone, 12_345);
        (Deployment memory there,) = _deploy(p, address(this));
        assertEq(keccak256(abi.encode(_places(there))), expected, "elsewhere");
    }

    function testFuzz_EveryCreatorAndNameHasItsOwn(address creator, address other, string memory name, string memory otherName)
        external
        pure
    {
        vm.assume(creator != other && keccak256(bytes(name)) != keccak256(bytes(otherName)));
        address place = _addressOf(creator, name, "Market");
        assertNotEq(place, _addressOf(other, name, "Market"));
        assertNotEq(place, _addressOf(creator, otherName, "Market"));
        assertNotEq(place, _addressOf(creator, name, "Pool"));
    }

    /// Whoever sees a deployment coming, and creates the same under the same name first, does so elsewhere.
    /// forge-config: default.fuzz.runs = 16
    function testFuzz_NobodyElseTakesAnAddress(address thief) external {
        vm.assume(thief != address(this));
        Parameters memory p = _named("front-run");
        Part[] memory parts = _parts(p, _predict(p, address(this)), address(this));
        for (uint256 i; i < parts.length; ++i) {
            vm.prank(thief);
            address taken = _factory().create(keccak256(abi.encode(p.name, parts[i].name)), parts[i].initCode);
            assertNotEq(taken, parts[i].place, parts[i].name);
            assertEq(parts[i].place.code.length, 0, parts[i].name);
        }
        (, uint256 sent) = _deploy(p, address(this));
        assertEq(sent, PARTS + 1);
    }

    /// The factory has the same code whoever brings it, so that to bring it first harms nobody.
    function test_AnybodyMayBringTheFactory() external {
        vm.etch(FACTORY, "");
        vm.resetNonce(FACTORY);
        vm.prank(anyone);
        assertTrue(_createFactory());
        (, uint256 sent) = _deploy(_named("after"), address(this));
        assertEq(sent, PARTS + 1);
    }

    /// A contract's CREATE3 proxy stays, and obeys anybody: what it creates later is elsewhere.
    function test_TheProxyCreatesNothingThereAgain() external {
        bytes32 name = "spare";
        address place = _factory().create(name, hex"602a5f5260205ff3");
        bytes32 salt = keccak256(abi.encode(address(this), name));
        address proxy = vm.computeCreate2Address(salt, CREATE3_PROXY, FACTORY);
        bytes32 code = place.codehash;
        (bool ok,) = proxy.call(hex"602b5f5260205ff3");
        assertTrue(ok);
        assertEq(place.codehash, code);
    }

    function test_ASecondRunSendsNothing() external {
        (Deployment memory d, uint256 sent) = _deploy(_parameters(), address(this));
        assertEq(sent, 0);
        assertEq(keccak256(abi.encode(d)), keccak256(abi.encode(deployment)));
    }

    /// After any number of its contracts, the roles last.
    function test_GoesOnWhereItStopped() external {
        vm.pauseGasMetering();
        for (uint256 done; done <= PARTS; ++done) {
            Parameters memory p = _named(string.concat("after ", vm.toString(done)));
            Part[] memory parts = _parts(p, _predict(p, address(this)), address(this));
            for (uint256 i; i < done; ++i) {
                assertTrue(_create(p.name, parts[i]));
            }
            (Deployment memory d, uint256 sent) = _deploy(p, address(this));
            assertEq(sent, PARTS - done + 1, "what was missing");
            (bool isAdmin,) = AccessManager(d.authority).hasRole(0, address(this));
            assertFalse(isAdmin, "wired");
            (, sent) = _deploy(p, address(this));
            assertEq(sent, 0, "done");
        }
    }

    function test_RevertWhen_WhatIsThereHasOtherParameters() external {
        Parameters memory p = _named("changed");
        Part[] memory parts = _parts(p, _predict(p, address(this)), address(this));
        _create(p.name, parts[0]);
        _create(p.name, parts[1]);
        _create(p.name, parts[2]);
        p.publishBond += 1;
        vm.expectRevert(bytes("Deployer: Catalog was created with other code or parameters; restore them, or choose another name"));
        this.deploy(p);
    }

    function test_RevertWhen_ThereIsNoCreate2Deployer() external {
        Parameters memory p = _named("nowhere");
        vm.etch(FACTORY, "");
        vm.etch(CREATE2_FACTORY, "");
        vm.expectRevert(bytes("Deployer: no CREATE2 deployer at 0x4e59b44847b379578588920cA78FbF26c0B4956C here"));
        this.deploy(p);
    }

    function test_FactoryRecordsWhatItCreates() external {
        bytes memory initCode = hex"602a5f5260205ff3"; // returns a word: 42
        address place = _factory().addressOf(address(this), "word");
        assertEq(_factory().creationOf(place).blockNumber, 0);
        vm.roll(77);
        vm.expectEmit(FACTORY);
        emit Factory.Created(address(this), "word", place, keccak256(initCode));
        assertEq(_factory().create("word", initCode), place);
        assertEq(place.code, abi.encode(42));
        assertEq(_factory().creationOf(place).initCodeHash, keccak256(initCode));
        assertEq(_factory().creationOf(place).blockNumber, 77);
    }

    function test_Factory_RevertWhen_ItIsThere() external {
        Factory factory = _factory();
        factory.create("word", hex"602a5f5260205ff3");
        vm.expectRevert(CREATE3.DeploymentFailed.selector);
        factory.create{gas: 1e6}("word", hex"602a5f5260205ff3"); // a collision burns what it is given
    }

    function test_Factory_RevertWhen_TheConstructorReverts() external {
        Factory factory = _factory();
        vm.expectRevert(CREATE3.DeploymentFailed.selector);
        factory.create("word", hex"5f5ffd");
    }

    function deploy(Parameters memory p) external {
        _deploy(p, address(this));
    }

    function _named(string memory name) private view returns (Parameters memory p) {
        p = _parameters();
        p.name = name;
    }

    function _places(Deployment memory d) private pure returns (address[11] memory) {
        return [d.authority, d.beacon, d.catalog, d.pool, d.operators, d.oracle, d.holdings, d.market, d.audits, d.settlement, d.retrieval];
    }
}
