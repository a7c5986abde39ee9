// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CommonBase} from "forge-std/Base.sol";
import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {CREATE3} from "solady/utils/CREATE3.sol";
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
import {Factory, saltOf} from "./Factory.sol";

/// @notice All that a deployment chooses. docs/parameters.md lists each with unit, default and bounds.
struct Parameters {
    string name; // of the deployment: its addresses follow from it and the creator
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
    address curator;
}

/// @title Deployer
/// @notice Creates a deployment, for the script that broadcasts it and for the tests alike: contracts that know each other by addresses
/// computed beforehand, then the roles of script/roles.json, in one transaction. What is there already is left as it is, so that a
/// deployment that stopped half way goes on.
abstract contract Deployer is CommonBase {
    /// @dev A contract of the deployment: where it goes and what it is created from.
    struct Part {
        string name;
        address place;
        bytes initCode;
    }

    /// @param creator Whose calls these are.
    /// @return d Where everything is. @return sent Transactions that were missing; 0 if all was there.
    function _deploy(Parameters memory p, address creator) internal returns (Deployment memory d, uint256 sent) {
        if (_createFactory()) ++sent;
        d = _predict(p, creator);
        Part[] memory parts = _parts(p, d, creator);
        for (uint256 i; i < parts.length; ++i) {
            if (_create(p.name, parts[i])) ++sent;
        }
        AccessManager authority = AccessManager(d.authority);
        if (!_isWired(authority, p.governor, creator)) {
            authority.multicall(_wiring(p, d, parts, creator));
            ++sent;
        }
    }

    /// @notice Where everything goes, whether it is there or not.
    function _predict(Parameters memory p, address creator) internal pure returns (Deployment memory d) {
        (d.asset, d.genesis, d.roundLength) = (p.asset, p.genesis, p.roundLength);
        d.authority = _addressOf(creator, p.name, "Authority");
        d.beacon = _addressOf(creator, p.name, "Beacon");
        d.catalog = _addressOf(creator, p.name, "Catalog");
        d.pool = _addressOf(creator, p.name, "Pool");
        d.operators = _addressOf(creator, p.name, "Operators");
        d.oracle = _addressOf(creator, p.name, "Oracle");
        d.holdings = _addressOf(creator, p.name, "Holdings");
        d.market = _addressOf(creator, p.name, "Market");
        d.audits = _addressOf(creator, p.name, "Audits");
        d.settlement = _addressOf(creator, p.name, "Settlement");
        d.retrieval = _addressOf(creator, p.name, "Retrieval");
    }

    /// @notice The contracts in the order in which they are created.
    function _parts(Parameters memory p, Deployment memory d, address creator) internal pure returns (Part[] memory parts) {
        parts = new Part[](11);
        parts[0] = Part("Authority", d.authority, bytes.concat(type(AccessManager).creationCode, abi.encode(creator)));
        bytes memory arguments =
            abi.encode(d.authority, d.genesis, d.roundLength, p.beaconDelay, p.beaconKey, p.beaconGenesis, p.beaconPeriod);
        parts[1] = Part("Beacon", d.beacon, bytes.concat(type(Beacon).creationCode, arguments));
        parts[2] = Part("Catalog", d.catalog, bytes.concat(type(Catalog).creationCode, abi.encode(d, p.publishBond)));
        arguments = abi.encode(d, p.treasury, p.oracleBps, p.treasuryBps);
        parts[3] = Part("Pool", d.pool, bytes.concat(type(Pool).creationCode, arguments));
        parts[4] = Part("Operators", d.operators, bytes.concat(type(Operators).creationCode, abi.encode(d, p.stakePerChunk)));
        parts[5] = Part("Oracle", d.oracle, bytes.concat(type(Oracle).creationCode, abi.encode(d, p.keeperBond, p.oracleRules)));
        parts[6] = Part("Holdings", d.holdings, bytes.concat(type(Holdings).creationCode, abi.encode(d)));
        parts[7] = Part("Market", d.market, bytes.concat(type(Market).creationCode, abi.encode(d, p.feePerChunkRound, p.slashBps)));
        parts[8] = Part("Audits", d.audits, bytes.concat(type(Audits).creationCode, abi.encode(d, p.auditFee)));
        parts[9] = Part("Settlement", d.settlement, bytes.concat(type(Settlement).creationCode, abi.encode(d)));
        parts[10] = Part("Retrieval", d.retrieval, bytes.concat(type(Retrieval).creationCode, abi.encode(d, p.takeBps, p.referencePrice)));
    }

    // ---- Creation ----

    /// @dev By the canonical CREATE2 deployer, without a salt: its address depends on its code alone, whoever creates it.
    function _createFactory() internal returns (bool created) {
        if (address(_factory()).code.length != 0) return false;
        require(CREATE2_FACTORY.code.length != 0, "Deployer: no CREATE2 deployer at 0x4e59b44847b379578588920cA78FbF26c0B4956C here");
        (bool ok,) = CREATE2_FACTORY.call(bytes.concat(bytes32(0), type(Factory).creationCode));
        require(ok && address(_factory()).code.length != 0, "Deployer: the factory was not created");
        return true;
    }

    function _factory() internal pure returns (Factory) {
        return Factory(vm.computeCreate2Address(0, keccak256(type(Factory).creationCode), CREATE2_FACTORY));
    }

    /// @dev Whether it was missing. What is there is what this would create, by the factory's record, or the deployment stops.
    function _create(string memory deployment, Part memory part) internal returns (bool created) {
        if (part.place.code.length != 0) {
            bytes32 found = _factory().creationOf(part.place).initCodeHash;
            require(
                found == keccak256(part.initCode),
                string.concat("Deployer: ", part.name, " was created with other code or parameters; restore them, or choose another name")
            );
            return false;
        }
        address place = _factory().create(_label(deployment, part.name), part.initCode);
        require(place == part.place, string.concat("Deployer: ", part.name, " is not where it was predicted"));
        return true;
    }

    function _addressOf(address creator, string memory deployment, string memory part) internal pure returns (address) {
        return CREATE3.predictDeterministicAddress(saltOf(creator, _label(deployment, part)), address(_factory()));
    }

    function _label(string memory deployment, string memory part) private pure returns (bytes32) {
        return keccak256(abi.encode(deployment, part));
    }

    // ---- Roles ----

    /// @dev All or nothing, in one transaction: the creator is no longer the administrator, or it is also the governor.
    function _isWired(AccessManager authority, address governor, address creator) private view returns (bool) {
        (bool isAdmin,) = authority.hasRole(authority.ADMIN_ROLE(), creator);
        if (governor != creator) return !isAdmin;
        (bool isMember,) = authority.hasRole(uint64(vm.parseJsonUint(_roles(), ".GOVERNOR.id")), governor);
        return isMember;
    }

    /// @dev The governor sets parameters, through its timelock, and names all roles; guardian and curator act at once. The creator keeps
    /// nothing.
    function _wiring(Parameters memory p, Deployment memory d, Part[] memory parts, address creator)
        private
        view
        returns (bytes[] memory calls)
    {
        string[] memory roles = vm.parseJsonKeys(_roles(), "$");
        calls = new bytes[](roles.length * (parts.length + 2) + 2);
        uint256 n;
        for (uint256 i; i < roles.length; ++i) {
            string memory path = string.concat(".", roles[i]);
            uint64 id = uint64(vm.parseJsonUint(_roles(), string.concat(path, ".id")));
            calls[n++] = abi.encodeCall(AccessManager.labelRole, (id, roles[i]));
            for (uint256 j; j < parts.length; ++j) {
                string memory functions = string.concat(path, ".functions.", parts[j].name);
                if (!vm.keyExistsJson(_roles(), functions)) continue;
                bytes4[] memory selectors = _selectors(vm.parseJsonStringArray(_roles(), functions));
                calls[n++] = abi.encodeCall(AccessManager.setTargetFunctionRole, (parts[j].place, selectors, id));
            }
            (address member, uint32 delay) = _memberOf(p, roles[i]);
            calls[n++] = abi.encodeCall(AccessManager.grantRole, (id, member, delay));
        }
        uint64 admin = AccessManager(d.authority).ADMIN_ROLE();
        calls[n++] = abi.encodeCall(AccessManager.grantRole, (admin, p.governor, p.governorDelay));
        if (p.governor != creator) calls[n++] = abi.encodeCall(AccessManager.renounceRole, (admin, creator));
        assembly ("memory-safe") {
            mstore(calls, n) // only ever shorter than what was allocated
        }
    }

    function _memberOf(Parameters memory p, string memory role) private pure returns (address member, uint32 delay) {
        bytes32 hash = keccak256(bytes(role));
        if (hash == keccak256("GOVERNOR")) return (p.governor, p.governorDelay);
        if (hash == keccak256("GUARDIAN")) return (p.guardian, 0);
        require(hash == keccak256("CURATOR"), string.concat("Deployer: nobody is named for the role ", role));
        return (p.curator, 0);
    }

    function _roles() private view returns (string memory) {
        return vm.readFile("script/roles.json");
    }

    function _selectors(string[] memory signatures) private pure returns (bytes4[] memory selectors) {
        selectors = new bytes4[](signatures.length);
        for (uint256 i; i < signatures.length; ++i) {
            selectors[i] = bytes4(keccak256(bytes(signatures[i])));
        }
    }
}
