// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Script} from "forge-std/Script.sol";
import {ERC20Permit, ERC20} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {Deployment} from "../src/Deployment.sol";
import {Deployer, Parameters} from "./Deployer.sol";

/// @notice The asset of a local chain, minted to whoever deploys it. Never deployed elsewhere.
contract LocalAsset is ERC20Permit {
    constructor(uint256 supply) ERC20("Local Ether", "LETH") ERC20Permit("Local Ether") {
        _mint(msg.sender, supply);
    }
}

/// @notice Deploys the protocol and writes <chainId>.json: every address, the chain's genesis block and the parameters.
///
///     HOLDFAST_PARAMETERS=script/config/local.json forge script script/Deploy.s.sol --rpc-url … --private-key … --broadcast
///
/// HOLDFAST_PARAMETERS is the JSON itself or the path of a file under script/config; HOLDFAST_DEPLOYMENTS the folder it writes to
/// ("deployments" if unset). Zero stands for what a chain decides: asset (a token of its own, local chains only), genesis (now),
/// governor, guardian and treasury (the deployer).
contract Deploy is Script, Deployer {
    uint256 private constant LOCAL_CHAIN = 31337;

    function run() external returns (Deployment memory d) {
        Parameters memory p = _read(vm.envString("HOLDFAST_PARAMETERS"));
        vm.startBroadcast();
        (, address creator,) = vm.readCallers();
        if (p.asset == address(0)) {
            require(block.chainid == LOCAL_CHAIN, "Deploy: name the asset; only a local chain gets one of its own");
            p.asset = address(new LocalAsset(1e9 ether));
        }
        if (p.genesis == 0) p.genesis = uint64(block.timestamp);
        if (p.governor == address(0)) p.governor = creator;
        if (p.guardian == address(0)) p.guardian = creator;
        if (p.treasury == address(0)) p.treasury = creator;
        uint256 fromBlock = block.number;
        d = _deploy(p, creator, vm.getNonce(creator));
        vm.stopBroadcast();
        _write(d, fromBlock);
    }

    function _read(string memory source) private view returns (Parameters memory p) {
        string memory json = bytes(source)[0] == "{" ? source : vm.readFile(source);
        p.asset = vm.parseJsonAddress(json, ".asset");
        p.genesis = uint64(vm.parseJsonUint(json, ".genesis"));
        p.roundLength = uint64(vm.parseJsonUint(json, ".roundLength"));
        p.beaconDelay = vm.parseJsonUint(json, ".beacon.delay");
        p.beaconKey = vm.parseJsonBytes(json, ".beacon.key");
        p.beaconGenesis = vm.parseJsonUint(json, ".beacon.genesis");
        p.beaconPeriod = vm.parseJsonUint(json, ".beacon.period");
        p.publishBond = uint128(vm.parseJsonUint(json, ".publishBond"));
        p.stakePerChunk = uint64(vm.parseJsonUint(json, ".stakePerChunk"));
        p.feePerChunkRound = uint64(vm.parseJsonUint(json, ".feePerChunkRound"));
        p.slashBps = uint16(vm.parseJsonUint(json, ".slashBps"));
        p.auditFee = uint96(vm.parseJsonUint(json, ".auditFee"));
        p.keeperBond = uint96(vm.parseJsonUint(json, ".keeperBond"));
        p.oracleRules.toleranceBps = uint16(vm.parseJsonUint(json, ".oracle.toleranceBps"));
        p.oracleRules.shareBps = uint16(vm.parseJsonUint(json, ".oracle.shareBps"));
        p.oracleRules.forfeitBps = uint16(vm.parseJsonUint(json, ".oracle.forfeitBps"));
        p.treasury = vm.parseJsonAddress(json, ".treasury");
        p.oracleBps = uint16(vm.parseJsonUint(json, ".shares.oracleBps"));
        p.treasuryBps = uint16(vm.parseJsonUint(json, ".shares.treasuryBps"));
        p.takeBps = uint16(vm.parseJsonUint(json, ".retrieval.takeBps"));
        p.referencePrice = uint96(vm.parseJsonUint(json, ".retrieval.referencePrice"));
        p.governor = vm.parseJsonAddress(json, ".governor");
        p.governorDelay = uint32(vm.parseJsonUint(json, ".governorDelay"));
        p.guardian = vm.parseJsonAddress(json, ".guardian");
    }

    function _write(Deployment memory d, uint256 fromBlock) private {
        string memory c = "contracts";
        vm.serializeAddress(c, "Authority", d.authority);
        vm.serializeAddress(c, "Asset", d.asset);
        vm.serializeAddress(c, "Beacon", d.beacon);
        vm.serializeAddress(c, "Catalog", d.catalog);
        vm.serializeAddress(c, "Pool", d.pool);
        vm.serializeAddress(c, "Operators", d.operators);
        vm.serializeAddress(c, "Oracle", d.oracle);
        vm.serializeAddress(c, "Holdings", d.holdings);
        vm.serializeAddress(c, "Market", d.market);
        vm.serializeAddress(c, "Audits", d.audits);
        vm.serializeAddress(c, "Settlement", d.settlement);
        c = vm.serializeAddress(c, "Retrieval", d.retrieval);
        string memory root = "deployment";
        vm.serializeUint(root, "chainId", block.chainid);
        vm.serializeUint(root, "fromBlock", fromBlock);
        vm.serializeUint(root, "genesis", d.genesis);
        vm.serializeUint(root, "roundLength", d.roundLength);
        root = vm.serializeString(root, "contracts", c);
        string memory folder = vm.envOr("HOLDFAST_DEPLOYMENTS", string("deployments"));
        vm.createDir(folder, true);
        vm.writeJson(root, string.concat(folder, "/", vm.toString(block.chainid), ".json"));
    }
}
