// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config} from "../../script/Config.sol";
import {Parameters} from "../../script/Deployer.sol";
import {BaseTest} from "../Base.t.sol";
import {DrandVectors} from "../utils/DrandVectors.sol";

/// @notice What script/config may say: bounds are those of the contracts, and a chain that is not local asks for more.
contract ConfigTest is BaseTest, DrandVectors, Config {
    uint256 private constant SEPOLIA = 11_155_111;
    address private constant WETH = 0xfFf9976782d46CC05630D1f6eBAb18b2324d6B14;

    string private _local;
    string private _public;
    address private _creator = makeAddr("creator");

    struct Bound {
        string name;
        uint256 least;
        uint256 most;
    }

    function setUp() public override {
        super.setUp();
        _local = vm.readFile("script/config/local.json");
        vm.etch(WETH, address(asset).code);
        vm.etch(governor, hex"00");
        // Sepolia's, filled in.
        string memory s = vm.readFile("script/config/sepolia.json");
        s = vm.replace(s, "<Unix seconds of the first round, at most 90 days ahead>", vm.toString(GENESIS + 7 days));
        s = vm.replace(s, "<where the treasury's share is paid out>", vm.toString(treasury));
        s = vm.replace(s, "<a contract of several signers>", vm.toString(governor));
        s = vm.replace(s, "<who pauses intake at once; not the governor>", vm.toString(guardian));
        _public = vm.replace(s, "<who marks contents Blocked at once>", vm.toString(curator));
    }

    // ---- A local chain ----

    function test_TheLocalOneIsTaken() external {
        Parameters memory p = this.read(_local, false);
        assertEq(p.name, "holdfast");
        assertEq(p.genesis, GENESIS, "now");
        assertEq(p.governor, _creator, "whoever deploys");
        assertEq(p.treasury, _creator);
        assertEq(p.keeperBond, 1e18, "a string of digits");
        assertEq(p.roundLength, 1 days, "a number");
        assertEq(p.oracleRules.shareBps, 8000);
    }

    /// Every number of docs/parameters.md: the file is refused where the contracts would refuse, and they take the bounds themselves.
    function test_BoundsAreThoseOfTheContracts() external {
        vm.pauseGasMetering(); // dozens of deployments
        Bound[14] memory bounds = [
            Bound("roundLength", 60, 7 days),
            Bound("publishBond", 1, 1e24),
            Bound("stakePerChunk", 1, 1e19),
            Bound("feePerChunkRound", 1, 1e18),
            Bound("slashBps", 0, 10_000),
            Bound("auditFee", 1, 1e24),
            Bound("keeperBond", 1, 1e24),
            Bound("oracle.toleranceBps", 100, 2000),
            Bound("oracle.shareBps", 5000, 10_000),
            Bound("oracle.forfeitBps", 100, 10_000),
            Bound("shares.oracleBps", 0, 1700), // with a treasury's share of 300
            Bound("shares.treasuryBps", 0, 1800),
            Bound("retrieval.takeBps", 0, 1000),
            Bound("retrieval.referencePrice", 1, 1e18)
        ];
        for (uint256 i; i < bounds.length; ++i) {
            _checkBound(bounds[i].name, bounds[i].least, true);
            _checkBound(bounds[i].name, bounds[i].most, true);
            if (bounds[i].least != 0) _checkBound(bounds[i].name, bounds[i].least - 1, false);
            _checkBound(bounds[i].name, bounds[i].most + 1, false);
        }
    }

    function _checkBound(string memory name, uint256 value, bool isWithin) private {
        uint256 before = vm.snapshotState();
        string memory what = string.concat(name, " = ", vm.toString(value));
        Parameters memory p = _parameters();
        p.name = "bounds";
        if (keccak256(bytes(name)) == keccak256("roundLength")) p.beaconDelay = 10;
        _set(p, name, value);
        (bool ok,) = address(this).call(abi.encodeCall(this.deploy, (p)));
        assertEq(ok, isWithin, string.concat("the contracts: ", what));
        if (!isWithin) _refuses(_with(_local, name, vm.toString(value)), _leaf(name));
        vm.revertToState(before);
    }

    function test_RevertWhen_AKeyIsUnknown() external {
        _refuses(vm.replace(_local, '"slashBps"', '"slashBbs": 1, "slashBps"'), "- slashBbs: no such parameter");
        _refuses(vm.replace(_local, '"takeBps"', '"fee": 1, "takeBps"'), "- retrieval.fee: no such parameter");
    }

    function test_RevertWhen_AKeyIsMissing() external {
        _refuses(vm.replace(_local, '"slashBps": 10000,', ""), "- slashBps: is missing");
        _refuses(vm.replace(_local, '"takeBps": 500,', ""), "- retrieval.takeBps: is missing");
    }

    function test_RevertWhen_AValueIsOfAnotherKind() external {
        _refuses(_with(_local, "slashBps", '"all of it"'), "- slashBps: all of it is no number");
        _refuses(_with(_local, "slashBps", '"-1"'), "- slashBps: -1 is no number");
        _refuses(_with(_local, "governor", '"the multisig"'), "- governor: the multisig is no address: fill in this placeholder");
    }

    /// All that is wrong at once.
    function test_NamesParameterValueAndBound() external {
        string memory json = _with(_with(_local, "slashBps", "10001"), "auditFee", "0");
        _refuses(json, "- slashBps: 10001 is not within 0 to 10000");
        _refuses(json, "- auditFee: 0 is not within 1 to 1000000000000000000000000");
    }

    function test_RevertWhen_OneDoesNotGoWithAnother() external {
        _refuses(_with(_local, "shares.oracleBps", "1701"), "- shares: oracleBps and treasuryBps are more than 2000 together");
        _refuses(_with(_local, "roundLength", "1205"), "- beacon.delay: 600 with beacon.period it is more than half a round");
        _refuses(
            _with(_local, "stakePerChunk", '"9999999999989"'),
            "- stakePerChunk: 9999999999989 is less than an epoch's fee, 30 x feePerChunkRound"
        );
        _refuses(_with(_local, "auditFee", '"987999999999999"'), "- auditFee: 987999999999999 is below 988000000000000, twice the gas");
    }

    /// An amount written for 18 decimals on an asset with 6, or the other way round.
    function test_RevertWhen_AnAmountIsInAnotherUnit() external {
        string memory six = _with(_local, "assetDecimals", "6");
        _refuses(six, "- keeperBond: 1000000000000000000 is off by more than 1e8: 1000000 is usual for 6 decimals");
        _refuses(_with(_local, "keeperBond", '"1000000"'), "- keeperBond: 1000000 is off by more than 1e8: 1000000000000000000 is usual");
    }

    /// The defaults divided by 1e12, as docs/parameters.md says, for an asset of which a unit is worth little.
    function test_AnAssetWithSixDecimalsIsTaken() external {
        string memory six = _with(_with(_local, "assetDecimals", "6"), "publishBond", '"10000"');
        six = _with(_with(six, "stakePerChunk", '"30"'), "feePerChunkRound", '"1"');
        six = _with(_with(six, "auditFee", '"1000"'), "keeperBond", '"1000000"');
        six = _with(_with(six, "retrieval.referencePrice", '"1"'), "auditFeeBasis.assetPerEther", '"1000000"');
        assertEq(this.read(six, false).stakePerChunk, 30);
    }

    /// What the audit fee is measured by: an answer for a content of 64 GiB, as the whole transaction.
    /// forge-config: default.isolate = true
    function test_AnAnswerCostsNoMoreThanTheConfigurationSays() external {
        uint32 op = _register(MOST_CAPACITY);
        uint40 orderId = _hold(op, _publish(64 * GIB), 1);
        _audit(orderId, 0);
        _nextSeeded();
        _answer(orderId, 0);
        uint256 gas = vm.lastCallGas().gasTotalUsed;
        emit log_named_uint("answer", gas);
        assertLe(gas, ANSWER_GAS);
        assertGe(gas, ANSWER_GAS * 9 / 10, "nor much less");
    }

    // ---- Other chains ----

    function test_APublicOneIsTakenOnceItIsFilledIn() external {
        vm.chainId(SEPOLIA);
        Parameters memory p = this.read(_public, false);
        assertEq(p.governor, governor);
        assertEq(p.governorDelay, 2 days);
        assertEq(p.beaconKey, drandKey("quicknet"));
        this.deploy(p);
    }

    /// The examples are refused for what is left to fill in, and for nothing else.
    function test_RevertWhen_APlaceholderIsLeft() external {
        string[2] memory networks = ["mainnet", "sepolia"];
        uint256[2] memory chains = [uint256(1), SEPOLIA];
        for (uint256 i; i < networks.length; ++i) {
            vm.chainId(chains[i]);
            string memory json = vm.readFile(string.concat("script/config/", networks[i], ".json"));
            vm.etch(vm.parseJsonAddress(json, ".asset"), address(asset).code);
            (bool ok, bytes memory result) = address(this).call(abi.encodeCall(this.read, (json, false)));
            assertFalse(ok);
            string[] memory lines = vm.split(_message(result), "\n- ");
            assertEq(lines.length, 1 + 5, _message(result));
            for (uint256 j = 1; j < lines.length; ++j) {
                assertTrue(vm.contains(lines[j], "<"), lines[j]);
            }
        }
    }

    function test_RevertWhen_ItIsForAnotherChain() external {
        _refuses(_public, "- chainId: 11155111 is another chain than this one, 31337");
        vm.chainId(SEPOLIA);
        _refuses(_local, "- chainId: 31337 is another chain than this one, 11155111");
    }

    function test_RevertWhen_APublicDeploymentIsUnsafe() external {
        vm.chainId(SEPOLIA);
        string memory me = string.concat('"', vm.toString(_creator), '"');
        string memory zero = '"0x0000000000000000000000000000000000000000"';
        _refuses(_with(_public, "governorDelay", "172799"), "- governorDelay: 172799 is not within 172800 to 2592000");
        _refuses(_with(_public, "governorDelay", "2592001"), "- governorDelay: 2592001 is not within");
        _refuses(_with(_public, "governor", me), "is who deploys: name a contract of several signers");
        _refuses(_with(_public, "governor", string.concat('"', vm.toString(anyone), '"')), "has no code");
        vm.etch(anyone, abi.encodePacked(hex"ef0100", WETH));
        _refuses(_with(_public, "governor", string.concat('"', vm.toString(anyone), '"')), "has no code: name a contract");
        vm.etch(anyone, "");
        _refuses(_with(_public, "governor", zero), "is nobody: only a local chain fills it in");
        _refuses(_with(_public, "guardian", me), "- guardian: ");
        _refuses(_with(_public, "guardian", string.concat('"', vm.toString(governor), '"')), "- guardian: ");
        _refuses(_with(_public, "curator", zero), "- curator: ");
        _refuses(_with(_public, "curator", me), "- curator: ");
        _refuses(_with(_public, "curator", string.concat('"', vm.toString(guardian), '"')), "- curator: ");
        _refuses(_with(_public, "treasury", me), "- treasury: ");
        _refuses(_with(_public, "roundLength", "3599"), "- roundLength: 3599 is not within 3600 to 604800");
        _refuses(_with(_public, "beacon.period", "30"), "- beacon: is not drand quicknet");
        _refuses(vm.replace(_public, "0x000000000000000000000000000000000d1f", "0x000000000000000000000000000000000d1e"), "- beacon: ");
        _refuses(_with(_public, "asset", string.concat('"', vm.toString(anyone), '"')), "has no code here");
        _refuses(_with(_public, "assetDecimals", "17"), "- assetDecimals: 17 is not what the asset says: 18");
        vm.etch(WETH, hex"00");
        _refuses(_public, "does not say its decimals");
    }

    function test_TheGenesisIsToCome() external {
        vm.chainId(SEPOLIA);
        string memory time = vm.toString(GENESIS + 7 days);
        vm.warp(GENESIS + 7 days + 1);
        _refuses(_public, string.concat("- genesis: ", time, " has passed"));
        this.read(_public, true); // it goes on with what it began
        vm.warp(GENESIS + 7 days);
        this.read(_public, false);
        vm.warp(GENESIS + 7 days - 90 days - 1);
        _refuses(_public, string.concat("- genesis: ", time, " is more than 90 days ahead"));
    }

    // ---- Helpers ----

    function read(string memory json, bool isResumed) external returns (Parameters memory) {
        return _readConfig(json, _creator, isResumed);
    }

    function deploy(Parameters memory p) external {
        _deploy(p, address(this));
    }

    function _refuses(string memory json, string memory part) private {
        (bool ok, bytes memory result) = address(this).call(abi.encodeCall(this.read, (json, false)));
        assertFalse(ok, string.concat("taken, instead of ", part));
        string memory message = _message(result);
        assertTrue(vm.contains(message, part), string.concat(message, "\n\ndoes not say ", part));
    }

    function _message(bytes memory result) private pure returns (string memory) {
        assertEq(bytes4(result), bytes4(keccak256("Error(string)")));
        bytes memory tail = new bytes(result.length - 4);
        for (uint256 i; i < tail.length; ++i) {
            tail[i] = result[i + 4];
        }
        return abi.decode(tail, (string));
    }

    /// @dev The file with another value of a parameter, numbers or strings.
    function _with(string memory json, string memory name, string memory value) private returns (string memory) {
        string memory leaf = _leaf(name);
        string memory key = string.concat('"', leaf, '": ');
        // "genesis" is in the beacon too; the tests change only the first.
        string memory old = vm.parseJsonString(json, string.concat(".", name));
        string memory quoted = string.concat(key, '"', old, '"');
        string memory changed = vm.replace(json, quoted, string.concat(key, value));
        if (keccak256(bytes(changed)) == keccak256(bytes(json))) {
            changed = vm.replace(json, string.concat(key, old), string.concat(key, value));
        }
        assertNotEq(keccak256(bytes(changed)), keccak256(bytes(json)), string.concat("not changed: ", name));
        return changed;
    }

    function _leaf(string memory name) private pure returns (string memory) {
        string[] memory path = vm.split(name, ".");
        return path[path.length - 1];
    }

    function _set(Parameters memory p, string memory name, uint256 value) private pure {
        bytes32 n = keccak256(bytes(name));
        if (n == keccak256("roundLength")) p.roundLength = uint64(value);
        else if (n == keccak256("publishBond")) p.publishBond = uint128(value);
        else if (n == keccak256("stakePerChunk")) p.stakePerChunk = uint64(value);
        else if (n == keccak256("feePerChunkRound")) p.feePerChunkRound = uint64(value);
        else if (n == keccak256("slashBps")) p.slashBps = uint16(value);
        else if (n == keccak256("auditFee")) p.auditFee = uint96(value);
        else if (n == keccak256("keeperBond")) p.keeperBond = uint96(value);
        else if (n == keccak256("oracle.toleranceBps")) p.oracleRules.toleranceBps = uint16(value);
        else if (n == keccak256("oracle.shareBps")) p.oracleRules.shareBps = uint16(value);
        else if (n == keccak256("oracle.forfeitBps")) p.oracleRules.forfeitBps = uint16(value);
        else if (n == keccak256("shares.oracleBps")) p.oracleBps = uint16(value);
        else if (n == keccak256("shares.treasuryBps")) p.treasuryBps = uint16(value);
        else if (n == keccak256("retrieval.takeBps")) p.takeBps = uint16(value);
        else if (n == keccak256("retrieval.referencePrice")) p.referencePrice = uint96(value);
        else revert(name);
    }
}
