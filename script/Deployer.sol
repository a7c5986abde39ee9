// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {LibRLP} from "solady/utils/LibRLP.sol";
import {Audits} from "../src/Audits.sol";
import {Beacon} from "../src/Beacon.sol";
import {Catalog} from "../src/Catalog.sol";
import {Deployment} from "../src/Deployment.sol";
import {Holdings} from "../src/Holdings.sol";
import {IOracle} from "../src/interfaces/IOracle.sol";
import {Market} from "../src/Market.sol";
import {Operators} from "../src/Operators.sol";
import {Oracle} from "../src/Oracle.sol";
import {Pool} from "../src/Pool.sol";
import {Retrieval} from "../src/Retrieval.sol";
import {Settlement} from "../src/Settlement.sol";

/// @notice All that a deployment chooses. docs/parameters.md lists each with unit, default and bounds.
struct Parameters {
    address asset;
    uint64 genesis;
    uint64 roundLength;
    uint256 beaconDelay;
    bytes beaconKey;
    uint256 beaconGenesis;
    uint256 beaconPeriod;
    uint128 publishBond;
    uint64 stakePerChunk;
    uint64 feePerChunkRound;
    uint16 slashBps;
    uint96 auditFee;
    uint96 keeperBond;
    IOracle.Rules oracleRules;
    address treasury;
    uint16 oracleBps;
    uint16 treasuryBps;
    uint16 takeBps;
    uint96 referencePrice;
    address governor;
    uint32 governorDelay; // timelock, seconds
    address guardian;
}

/// @title Deployer
/// @notice Creates a deployment, for the script that broadcasts it and for the tests alike: the addresses first, from the creator's nonce,
/// then the contracts, each knowing all the others, then the roles.
abstract contract Deployer {
    uint64 internal constant GOVERNOR = 1;
    uint64 internal constant GUARDIAN = 2;

    /// @param creator Whose transactions create the contracts. @param nonce Its next one.
    function _deploy(Parameters memory p, address creator, uint256 nonce) internal returns (Deployment memory d) {
        d = _predict(p, creator, nonce);
        _placed(address(new AccessManager(creator)), d.authority);
        _placed(
            address(new Beacon(d.authority, d.genesis, d.roundLength, p.beaconDelay, p.beaconKey, p.beaconGenesis, p.beaconPeriod)),
            d.beacon
        );
        _placed(address(new Catalog(d, p.publishBond)), d.catalog);
        _placed(address(new Pool(d, p.treasury, p.oracleBps, p.treasuryBps)), d.pool);
        _placed(address(new Operators(d, p.stakePerChunk)), d.operators);
        _placed(address(new Oracle(d, p.keeperBond, p.oracleRules)), d.oracle);
        _placed(address(new Holdings(d)), d.holdings);
        _placed(address(new Market(d, p.feePerChunkRound, p.slashBps)), d.market);
        _placed(address(new Audits(d, p.auditFee)), d.audits);
        _placed(address(new Settlement(d)), d.settlement);
        _placed(address(new Retrieval(d, p.takeBps, p.referencePrice)), d.retrieval);
        _assignRoles(AccessManager(d.authority), d, p, creator);
    }

    function _placed(address created, address predicted) private pure {
        require(created == predicted, "Deployer: a contract is not where it was predicted");
    }

    function _predict(Parameters memory p, address creator, uint256 nonce) private pure returns (Deployment memory d) {
        (d.asset, d.genesis, d.roundLength) = (p.asset, p.genesis, p.roundLength);
        d.authority = LibRLP.computeAddress(creator, nonce);
        d.beacon = LibRLP.computeAddress(creator, nonce + 1);
        d.catalog = LibRLP.computeAddress(creator, nonce + 2);
        d.pool = LibRLP.computeAddress(creator, nonce + 3);
        d.operators = LibRLP.computeAddress(creator, nonce + 4);
        d.oracle = LibRLP.computeAddress(creator, nonce + 5);
        d.holdings = LibRLP.computeAddress(creator, nonce + 6);
        d.market = LibRLP.computeAddress(creator, nonce + 7);
        d.audits = LibRLP.computeAddress(creator, nonce + 8);
        d.settlement = LibRLP.computeAddress(creator, nonce + 9);
        d.retrieval = LibRLP.computeAddress(creator, nonce + 10);
    }

    /// @dev The governor sets parameters, through its timelock, and admits keepers; the guardian pauses intake at once. The creator keeps
    /// nothing.
    function _assignRoles(AccessManager authority, Deployment memory d, Parameters memory p, address creator) private {
        authority.labelRole(GOVERNOR, "GOVERNOR");
        authority.labelRole(GUARDIAN, "GUARDIAN");
        authority.setTargetFunctionRole(d.beacon, _one(Beacon.succeed.selector), GOVERNOR);
        authority.setTargetFunctionRole(d.catalog, _one(Catalog.setPublishBond.selector), GOVERNOR);
        authority.setTargetFunctionRole(d.pool, _two(Pool.setTreasury.selector, Pool.setShares.selector), GOVERNOR);
        authority.setTargetFunctionRole(d.operators, _one(Operators.setStakePerChunk.selector), GOVERNOR);
        authority.setTargetFunctionRole(d.oracle, _two(Oracle.admit.selector, Oracle.remove.selector), GOVERNOR);
        authority.setTargetFunctionRole(d.oracle, _two(Oracle.setKeeperBond.selector, Oracle.setRules.selector), GOVERNOR);
        authority.setTargetFunctionRole(d.market, _one(Market.setTerms.selector), GOVERNOR);
        authority.setTargetFunctionRole(d.audits, _one(Audits.setAuditFee.selector), GOVERNOR);
        authority.setTargetFunctionRole(d.retrieval, _one(Retrieval.setTerms.selector), GOVERNOR);
        authority.setTargetFunctionRole(d.operators, _two(Operators.pause.selector, Operators.unpause.selector), GUARDIAN);
        authority.setTargetFunctionRole(d.market, _two(Market.pause.selector, Market.unpause.selector), GUARDIAN);
        authority.setTargetFunctionRole(d.retrieval, _two(Retrieval.pause.selector, Retrieval.unpause.selector), GUARDIAN);
        authority.grantRole(GOVERNOR, p.governor, p.governorDelay);
        authority.grantRole(GUARDIAN, p.guardian, 0);
        authority.grantRole(authority.ADMIN_ROLE(), p.governor, p.governorDelay);
        if (p.governor != creator) authority.renounceRole(authority.ADMIN_ROLE(), creator);
    }

    function _one(bytes4 a) private pure returns (bytes4[] memory list) {
        list = new bytes4[](1);
        list[0] = a;
    }

    function _two(bytes4 a, bytes4 b) private pure returns (bytes4[] memory list) {
        list = new bytes4[](2);
        (list[0], list[1]) = (a, b);
    }
}
