// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Test} from "forge-std/Test.sol";

import {Deployment} from "../../src/Deployment.sol";
import {IOracle} from "../../src/interfaces/IOracle.sol";
import {Oracle} from "../../src/Oracle.sol";
import {Pool} from "../../src/Pool.sol";
import {Epoch, Round, ROUNDS} from "../../src/Types.sol";
import {TestToken} from "../utils/Tokens.sol";

/// @notice An Oracle the day before the genesis, its Pool, and keepers with money.
abstract contract OracleTest is Test {
    uint64 internal constant GENESIS = 1_700_000_000;
    uint64 internal constant LENGTH = 1 days;
    uint96 internal constant BOND = 10e18;
    Epoch internal constant ONE = Epoch.wrap(1);

    address internal admin = makeAddr("admin");
    address internal stranger = makeAddr("stranger");
    TestToken internal token = new TestToken();
    Pool internal pool;
    Oracle internal oracle;
    address[] internal keepers;

    function setUp() public virtual {
        vm.warp(GENESIS - 1 days);
        (oracle, pool) = _deploy(address(token), BOND, _rules());
        for (uint256 i; i < 10; ++i) {
            keepers.push(makeAddr(string.concat("keeper", vm.toString(i))));
            token.mint(keepers[i], 1000e18);
            vm.prank(keepers[i]);
            token.approve(address(oracle), type(uint256).max);
        }
    }

    function _rules() internal pure returns (IOracle.Rules memory) {
        return IOracle.Rules({toleranceBps: 500, shareBps: 8000, forfeitBps: 2000});
    }

    function _deploy(address asset, uint96 bond, IOracle.Rules memory rules) internal returns (Oracle o, Pool p) {
        Deployment memory d;
        (d.authority, d.asset, d.genesis, d.roundLength) = (address(new AccessManager(admin)), asset, GENESIS, LENGTH);
        uint256 nonce = vm.getNonce(address(this));
        (d.pool, d.oracle) = (vm.computeCreateAddress(address(this), nonce), vm.computeCreateAddress(address(this), nonce + 1));
        p = new Pool(d, makeAddr("treasury"), 200, 300);
        o = new Oracle(d, bond, rules);
    }

    // ---- Time ----

    /// @dev Goes to the start of round `n` of the epoch after `epoch`, in which the values of `epoch` are dealt with.
    function _after(Epoch epoch, uint32 n) internal {
        vm.warp(_start(_roundAfter(epoch, n)));
    }

    function _roundAfter(Epoch epoch, uint32 n) internal pure returns (Round) {
        return epoch.addEpochs(1).first().addRounds(n);
    }

    function _start(Round round) internal pure returns (uint256) {
        return GENESIS + uint256(Round.unwrap(round) - ROUNDS) * LENGTH;
    }

    function _toEpoch(uint32 epoch) internal {
        vm.warp(_start(Epoch.wrap(epoch).first()));
    }

    // ---- The committee ----

    function _admit(address keeper) internal {
        vm.prank(admin);
        oracle.admit(keeper);
    }

    function _join(address keeper) internal {
        if (!oracle.keeper(keeper).admitted) _admit(keeper);
        vm.prank(keeper);
        oracle.join();
    }

    function _resign(address keeper) internal {
        vm.prank(keeper);
        oracle.resign();
    }

    /// @dev The first `n` keepers take seats.
    function _seat(uint256 n) internal {
        for (uint256 i; i < n; ++i) {
            _join(keepers[i]);
        }
    }

    // ---- Values ----

    /// @dev `count` operators with the same two values, in basis points.
    function _uniform(uint256 count, uint16 uptimeBps, uint16 availabilityBps) internal pure returns (bytes memory page) {
        page = new bytes(4 * count);
        bytes memory pair = abi.encodePacked(uptimeBps + 1, availabilityBps + 1);
        for (uint256 i; i < page.length; ++i) {
            page[i] = pair[i % 4];
        }
    }

    function _one(bytes memory page) internal pure returns (bytes[] memory pages) {
        pages = new bytes[](1);
        pages[0] = page;
    }

    function _salt(address keeper) internal pure returns (bytes32) {
        return keccak256(abi.encode("salt", keeper));
    }

    /// @dev The links of a keeper's chain: that of each page, then the salt.
    function _links(address keeper, Epoch epoch, bytes[] memory pages) internal view returns (bytes32[] memory links) {
        links = new bytes32[](pages.length + 1);
        links[pages.length] = _salt(keeper);
        for (uint256 p = pages.length; p > 0; --p) {
            links[p - 1] = oracle.linkOf(keeper, epoch, p - 1, pages[p - 1], links[p]);
        }
    }

    function _commit(address keeper, Epoch epoch, bytes[] memory pages) internal {
        bytes32 head = _links(keeper, epoch, pages)[0];
        vm.prank(keeper);
        oracle.commit(epoch, head, pages.length);
    }

    /// @dev Reveals the first `count` pages.
    function _reveal(address keeper, Epoch epoch, bytes[] memory pages, uint256 count) internal {
        bytes32[] memory links = _links(keeper, epoch, pages);
        for (uint256 p; p < count; ++p) {
            vm.prank(keeper);
            oracle.reveal(epoch, pages[p], links[p + 1]);
        }
    }

    /// @dev Each of the first keepers commits to and reveals its pages of `epoch`; then it is round 2.
    function _show(Epoch epoch, bytes[][] memory pages) internal {
        _after(epoch, 0);
        for (uint256 i; i < pages.length; ++i) {
            _commit(keepers[i], epoch, pages[i]);
        }
        _after(epoch, 1);
        for (uint256 i; i < pages.length; ++i) {
            _reveal(keepers[i], epoch, pages[i], pages[i].length);
        }
        _after(epoch, 2);
    }

    /// @dev The first `n` keepers say the same of `epoch`.
    function _show(Epoch epoch, uint256 n, bytes memory page) internal {
        bytes[][] memory pages = new bytes[][](n);
        for (uint256 i; i < n; ++i) {
            pages[i] = _one(page);
        }
        _show(epoch, pages);
    }

    function _assertMetrics(uint32 operatorId, Epoch epoch, uint256 uptimeBps, uint256 availabilityBps) internal view {
        (bool ready, bool present, uint16 up, uint16 right) = oracle.metrics(operatorId, epoch);
        assertTrue(ready && present, "metrics");
        assertEq(up, uptimeBps, "uptime");
        assertEq(right, availabilityBps, "availability");
    }

    function _assertNoMetrics(uint32 operatorId, Epoch epoch, bool expectedReady) internal view {
        (bool ready, bool present, uint16 up, uint16 right) = oracle.metrics(operatorId, epoch);
        assertEq(ready, expectedReady, "ready");
        assertFalse(present, "present");
        assertEq(uint256(up) + right, 0);
    }
}
