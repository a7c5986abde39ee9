// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

import {Beacon} from "../../src/Beacon.sol";
import {Round, ROUNDS} from "../../src/Types.sol";
import {DrandSigner} from "../utils/DrandSigner.sol";
import {DrandVectors} from "../utils/DrandVectors.sol";

/// @notice A Beacon of one-day rounds on a drand network whose key the tests hold.
abstract contract BeaconTest is DrandVectors {
    uint64 internal constant GENESIS = 1_700_000_000;
    uint64 internal constant LENGTH = 1 days;
    uint256 internal constant DELAY = 10 minutes;
    uint256 internal constant PERIOD = 3;
    // Not in step with the rounds: the first beacon after start + DELAY is one second later.
    uint256 internal constant DRAND_GENESIS = GENESIS - 3_000_002;
    uint256 internal constant SECRET = 0xb4e55ed;

    address internal admin = makeAddr("admin");
    AccessManager internal manager;
    Beacon internal beacon;
    bytes internal key;

    function setUp() public virtual {
        vm.warp(GENESIS);
        manager = new AccessManager(admin);
        key = DrandSigner.publicKey(SECRET);
        beacon = _deploy(DELAY, key, DRAND_GENESIS, PERIOD);
    }

    function _deploy(uint256 delay, bytes memory drandKey, uint256 genesis, uint256 period) internal returns (Beacon) {
        return new Beacon(address(manager), GENESIS, LENGTH, delay, drandKey, genesis, period);
    }

    /// @dev The nth round, from 0: number ROUNDS + n.
    function _round(uint32 n) internal pure returns (Round) {
        return Round.wrap(ROUNDS + n);
    }

    function _start(Round round) internal pure returns (uint256) {
        return GENESIS + uint256(Round.unwrap(round) - ROUNDS) * LENGTH;
    }

    /// @dev Goes to when the round's seed is accepted.
    function _open(Round round) internal {
        (uint256 opens,) = beacon.window(round);
        vm.warp(opens);
    }

    function _sign(Round round) internal view returns (bytes memory) {
        return DrandSigner.sign(SECRET, beacon.drandRoundFor(round));
    }

    function _seed(Round round) internal {
        _open(round);
        beacon.submit(round, _sign(round));
    }
}
