// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Script, console} from "forge-std/Script.sol";
import {VmSafe} from "forge-std/Vm.sol";
import {ERC20Permit, ERC20} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {Deployment} from "../src/Deployment.sol";
import {Clock} from "../src/libraries/Clock.sol";
import {Config} from "./Config.sol";
import {Deployer, Parameters} from "./Deployer.sol";

/// @notice The asset of a local chain, all of it its deployer's. Never deployed elsewhere.
contract LocalAsset is ERC20Permit {
    constructor(address holder, uint256 supply) ERC20("Local Ether", "LETH") ERC20Permit("Local Ether") {
        _mint(holder, supply);
    }
}

/// @notice Deploys the protocol and writes <chainId>.json: every address, the block they begin at and the parameters. Run again it goes on
/// where it stopped, or says that all is there.
///
///     HOLDFAST_PARAMETERS=script/config/local.json forge script script/Deploy.s.sol:Deploy --rpc-url … --private-key … --broadcast --slow
///
/// HOLDFAST_PARAMETERS is the JSON itself or the path of a file under script/config; HOLDFAST_DEPLOYMENTS the folder it writes to
/// ("deployments" if unset). docs/deploying.md says the rest.
contract Deploy is Script, Config, Deployer {
    function run() external returns (Deployment memory d) {
        vm.startBroadcast();
        (, address creator,) = vm.readCallers();
        vm.stopBroadcast();

        string memory source = vm.envString("HOLDFAST_PARAMETERS");
        string memory json = bytes(source)[0] == "{" ? source : vm.readFile(source);
        string memory name = vm.parseJsonString(json, ".name");
        address beacon = _addressOf(creator, name, "Beacon");
        bool isResumed = beacon.code.length != 0;
        Parameters memory p = _readConfig(json, creator, isResumed);
        if (isResumed && vm.parseJsonUint(json, ".genesis") == 0) p.genesis = Clock(beacon).GENESIS();

        vm.startBroadcast();
        uint256 sent;
        if (p.asset == address(0)) (p.asset, sent) = _createAsset(p.name, creator);
        uint256 missing;
        (d, missing) = _deploy(p, creator);
        vm.stopBroadcast();

        sent += missing;
        console.log(sent == 0 ? "already deployed: nothing to send" : string.concat("transactions to send: ", vm.toString(sent)));
        if (!vm.isContext(VmSafe.ForgeContext.ScriptDryRun)) _write(p, d, creator, json);
    }

    function _createAsset(string memory name, address creator) private returns (address asset, uint256 sent) {
        require(block.chainid == LOCAL_CHAIN);
        if (_createFactory()) ++sent;
        asset = _addressOf(creator, name, "Asset");
        bytes memory initCode = bytes.concat(type(LocalAsset).creationCode, abi.encode(creator, 1e9 ether));
        if (_create(name, Part("Asset", asset, initCode))) ++sent;
    }

    function _write(Parameters memory p, Deployment memory d, address creator, string memory json) private {
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
        // As the file says, with what a local chain fills in.
        string memory parameters = "parameters";
        vm.serializeJson(parameters, json);
        vm.serializeAddress(parameters, "asset", p.asset);
        vm.serializeUint(parameters, "genesis", p.genesis);
        vm.serializeAddress(parameters, "treasury", p.treasury);
        vm.serializeAddress(parameters, "governor", p.governor);
        vm.serializeAddress(parameters, "guardian", p.guardian);
        parameters = vm.serializeAddress(parameters, "curator", p.curator);
        string memory root = "deployment";
        vm.serializeUint(root, "chainId", block.chainid);
        vm.serializeUint(root, "fromBlock", _factory().creationOf(d.authority).blockNumber);
        vm.serializeUint(root, "genesis", d.genesis);
        vm.serializeUint(root, "roundLength", d.roundLength);
        vm.serializeAddress(root, "creator", creator);
        vm.serializeAddress(root, "factory", address(_factory()));
        vm.serializeString(root, "parameters", parameters);
        root = vm.serializeString(root, "contracts", c);
        string memory folder = vm.envOr("HOLDFAST_DEPLOYMENTS", string("deployments"));
        vm.createDir(folder, true);
        vm.writeJson(root, string.concat(folder, "/", vm.toString(block.chainid), ".json"));
    }
}
