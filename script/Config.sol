// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CommonBase} from "forge-std/Base.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Parameters} from "./Deployer.sol";

/// @title Config
/// @notice Reads script/config/<network>.json and refuses what the contracts, or good sense, would not take: before anything is sent, all
/// at once, each with its name, value and bound. The bounds of the code are those of docs/parameters.md; the rest is about chains other
/// than a local one, where a mistake stays.
abstract contract Config is CommonBase {
    uint256 internal constant LOCAL_CHAIN = 31337;

    /// @dev Seconds within which users can leave before a change of the governor's.
    uint256 internal constant LEAST_DELAY = 2 days;
    uint256 internal constant MOST_DELAY = 30 days;
    uint256 internal constant LEAST_PUBLIC_ROUND = 1 hours;
    uint256 internal constant MOST_LEAD = 90 days; // of the genesis
    /// @dev Gas of an answer to an audit, whole transaction (test_AnAnswerCostsNoMoreThanTheConfigurationSays).
    uint256 internal constant ANSWER_GAS = 260_000;
    /// @dev How far an amount may be from the default for its asset's decimals: what is further is another unit.
    uint256 internal constant FACTOR = 1e8;

    uint256 internal constant QUICKNET_GENESIS = 1_692_803_367;
    uint256 internal constant QUICKNET_PERIOD = 3;
    /// @dev keccak256 of drand quicknet's public key, as a point in EIP-2537's encoding.
    bytes32 internal constant QUICKNET_KEY = 0xc29cfe4a677e7fdce22825ba42da8cd4eaa12c45f7c9b64f80c7dad3ea6d2ee4;

    string private _json;
    string private _found;

    /// @param source The JSON itself, or the path of a file with it. @param creator Who deploys. @param isResumed Whether a part of the
    /// deployment is there: its genesis may then have passed.
    function _readConfig(string memory source, address creator, bool isResumed) internal returns (Parameters memory p) {
        (_json, _found) = (bytes(source)[0] == "{" ? source : vm.readFile(source), "");
        _checkKeys();
        _stopIfAny();
        bool isLocal = block.chainid == LOCAL_CHAIN;
        uint256 decimals = _uint("assetDecimals", 0, 36);
        p.name = vm.parseJsonString(_json, ".name");
        if (bytes(p.name).length == 0) _problem("name", "is no name");
        if (_uint("chainId", 1, type(uint64).max) != block.chainid) {
            _problem("chainId", string.concat("is another chain than this one, ", vm.toString(block.chainid)));
        }
        (p.asset, p.treasury, p.governor) = (_address("asset"), _address("treasury"), _address("governor"));
        (p.guardian, p.curator) = (_address("guardian"), _address("curator"));
        p.governorDelay = uint32(_uint("governorDelay", isLocal ? 0 : LEAST_DELAY, MOST_DELAY));

        p.genesis = uint64(_uint("genesis", isLocal ? 0 : 1, type(uint40).max));
        p.roundLength = uint64(_uint("roundLength", isLocal ? 60 : LEAST_PUBLIC_ROUND, 7 days));
        p.beaconDelay = _uint("beacon.delay", 1, p.roundLength / 2);
        p.beaconGenesis = _uint("beacon.genesis", 0, type(uint40).max);
        p.beaconPeriod = _uint("beacon.period", 1, type(uint24).max);
        p.beaconKey = vm.parseJsonBytes(_json, ".beacon.key");

        p.publishBond = uint128(_amount("publishBond", 1, 1e24, 1e16, decimals));
        p.stakePerChunk = uint64(_amount("stakePerChunk", 1, 1e19, 3e13, decimals));
        p.feePerChunkRound = uint64(_amount("feePerChunkRound", 1, 1e18, 333_333_333_333, decimals));
        p.auditFee = uint96(_amount("auditFee", 1, 1e24, 1e15, decimals));
        p.keeperBond = uint96(_amount("keeperBond", 1, 1e24, 1e18, decimals));
        p.slashBps = uint16(_uint("slashBps", 0, 10_000));
        p.oracleRules.toleranceBps = uint16(_uint("oracle.toleranceBps", 100, 2000));
        p.oracleRules.shareBps = uint16(_uint("oracle.shareBps", 5000, 10_000));
        p.oracleRules.forfeitBps = uint16(_uint("oracle.forfeitBps", 100, 10_000));
        p.oracleBps = uint16(_uint("shares.oracleBps", 0, 2000));
        p.treasuryBps = uint16(_uint("shares.treasuryBps", 0, 2000));
        p.takeBps = uint16(_uint("retrieval.takeBps", 0, 1000));
        p.referencePrice = uint96(_amount("retrieval.referencePrice", 1, 1e18, 1e12, decimals));

        _checkRelations(p);
        if (isLocal) _fillIn(p, creator);
        else _checkPublic(p, creator, decimals, isResumed);
        _stopIfAny();
    }

    // ---- What goes with what ----

    function _checkRelations(Parameters memory p) private {
        if (uint256(p.oracleBps) + p.treasuryBps > 2000) {
            _problem("shares", "oracleBps and treasuryBps are more than 2000 together");
        }
        if (p.beaconDelay + p.beaconPeriod > p.roundLength / 2) {
            _problem("beacon.delay", "with beacon.period it is more than half a round: a seed could come too late");
        }
        if (p.slashBps != 0 && p.stakePerChunk < 30 * uint256(p.feePerChunkRound)) {
            _problem("stakePerChunk", "is less than an epoch's fee, 30 x feePerChunkRound: to drop the data would pay");
        }
        uint256 answer = ANSWER_GAS * _uint("auditFeeBasis.gasPrice", 1, 1e15) * _uint("auditFeeBasis.assetPerEther", 1, 1e36) / 1 ether;
        if (p.auditFee < 2 * answer) {
            string memory least = vm.toString(2 * answer);
            _problem("auditFee", string.concat("is below ", least, ", twice the gas of an answer as auditFeeBasis counts it"));
        }
    }

    function _checkPublic(Parameters memory p, address creator, uint256 decimals, bool isResumed) private {
        if (!isResumed && p.genesis < block.timestamp) _problem("genesis", "has passed: name a time to come");
        if (p.genesis > block.timestamp + MOST_LEAD) _problem("genesis", "is more than 90 days ahead");
        if (keccak256(p.beaconKey) != QUICKNET_KEY || p.beaconGenesis != QUICKNET_GENESIS || p.beaconPeriod != QUICKNET_PERIOD) {
            _problem("beacon", "is not drand quicknet, whose key, genesis and period are in script/config/mainnet.json");
        }
        if (p.governor == creator) {
            _problem("governor", "is who deploys: name a contract of several signers");
        } else if (p.governor != address(0) && !_isContract(p.governor)) {
            _problem("governor", "has no code: name a contract of several signers");
        }
        if (p.guardian == p.governor || p.guardian == creator) {
            _problem("guardian", "is the governor or who deploys: it acts at once, alone");
        }
        if (p.curator == p.governor || p.curator == p.guardian || p.curator == creator) {
            _problem("curator", "is the governor, the guardian or who deploys: it acts at once, alone");
        }
        if (p.treasury == creator) _problem("treasury", "is who deploys");
        if (p.asset.code.length == 0) return _problem("asset", "has no code here");
        (bool ok, bytes memory said) = p.asset.staticcall(abi.encodeCall(IERC20Metadata.decimals, ()));
        if (!ok || said.length != 32) return _problem("asset", "does not say its decimals");
        if (uint256(bytes32(said)) != decimals) {
            _problem("assetDecimals", string.concat("is not what the asset says: ", vm.toString(uint256(bytes32(said)))));
        }
    }

    /// @dev An account that has delegated its code (EIP-7702) is still one key's.
    function _isContract(address account) private view returns (bool) {
        bytes memory code = account.code;
        return code.length != 0 && bytes3(code) != 0xef0100;
    }

    /// @dev What zero stands for on a local chain: the deployer, now. Its asset is created with the rest.
    function _fillIn(Parameters memory p, address creator) private view {
        if (p.genesis == 0) p.genesis = uint64(block.timestamp);
        if (p.governor == address(0)) p.governor = creator;
        if (p.guardian == address(0)) p.guardian = creator;
        if (p.curator == address(0)) p.curator = creator;
        if (p.treasury == address(0)) p.treasury = creator;
    }

    // ---- Reading ----

    /// @dev Every key is known, and none is missing.
    function _checkKeys() private {
        _checkKeysOf(
            "",
            "name,chainId,asset,assetDecimals,genesis,roundLength,beacon,publishBond,stakePerChunk,feePerChunkRound,slashBps,auditFee,"
            "auditFeeBasis,keeperBond,oracle,shares,retrieval,treasury,governor,governorDelay,guardian,curator"
        );
        _checkKeysOf("beacon", "delay,key,genesis,period");
        _checkKeysOf("auditFeeBasis", "gasPrice,assetPerEther");
        _checkKeysOf("oracle", "toleranceBps,shareBps,forfeitBps");
        _checkKeysOf("shares", "oracleBps,treasuryBps");
        _checkKeysOf("retrieval", "takeBps,referencePrice");
    }

    function _checkKeysOf(string memory object, string memory list) private {
        string memory prefix = bytes(object).length == 0 ? "" : string.concat(object, ".");
        string memory path = bytes(object).length == 0 ? "$" : string.concat(".", object);
        if (bytes(object).length != 0 && !vm.keyExistsJson(_json, path)) return; // said of the object itself
        string memory known = string.concat(",", list, ",");
        string[] memory present = vm.parseJsonKeys(_json, path);
        for (uint256 i; i < present.length; ++i) {
            if (!vm.contains(known, string.concat(",", present[i], ","))) _note(string.concat(prefix, present[i], ": no such parameter"));
        }
        string[] memory wanted = vm.split(list, ",");
        for (uint256 i; i < wanted.length; ++i) {
            if (!vm.keyExistsJson(_json, string.concat(".", prefix, wanted[i]))) _note(string.concat(prefix, wanted[i], ": is missing"));
        }
    }

    /// @dev A number within bounds, as such or as a string of digits; outside them a problem, and the least.
    function _uint(string memory name, uint256 least, uint256 most) private returns (uint256) {
        try vm.parseJsonUint(_json, string.concat(".", name)) returns (uint256 value) {
            if (value >= least && value <= most) return value;
            _problem(name, string.concat("is not within ", vm.toString(least), " to ", vm.toString(most)));
        } catch {
            _problem(name, "is no number");
        }
        return least;
    }

    /// @dev An amount of the asset in its smallest unit: within the code's bounds, and not of another number of decimals by mistake.
    function _amount(string memory name, uint256 least, uint256 most, uint256 preset18, uint256 decimals) private returns (uint256 value) {
        value = _uint(name, least, most);
        uint256 preset = preset18 * 10 ** decimals / 1e18;
        if (value / FACTOR > preset || value < preset / FACTOR) {
            string memory usual = string.concat(vm.toString(preset), " is usual for ", vm.toString(decimals), " decimals");
            _problem(name, string.concat("is off by more than 1e8: ", usual));
        }
    }

    function _address(string memory name) private returns (address) {
        try vm.parseJsonAddress(_json, string.concat(".", name)) returns (address value) {
            if (value != address(0) || block.chainid == LOCAL_CHAIN) return value;
            _problem(name, "is nobody: only a local chain fills it in");
        } catch {
            _problem(name, "is no address: fill in this placeholder");
        }
        return address(0);
    }

    // ---- Problems ----

    /// @dev Of one parameter, with what the file says. The first one of each is enough.
    function _problem(string memory name, string memory what) private {
        if (vm.contains(_found, string.concat("\n- ", name, ": "))) return;
        try vm.parseJsonString(_json, string.concat(".", name)) returns (string memory value) {
            _note(string.concat(name, ": ", value, " ", what));
        } catch {
            _note(string.concat(name, ": ", what)); // an object
        }
    }

    function _note(string memory line) private {
        _found = string.concat(_found, "\n- ", line);
    }

    function _stopIfAny() private view {
        require(bytes(_found).length == 0, string.concat("Config: nothing was sent.", _found));
    }
}
