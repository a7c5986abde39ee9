// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {IPool} from "../../src/interfaces/IPool.sol";
import {Epoch, Round, WAD} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

contract SharesTest is BaseTest {
    Epoch private constant E = Epoch.wrap(1);

    function test_RevertWhen_TheCallerIsAnother() external {
        bytes memory err = abi.encodeWithSelector(IPool.Pool_Unauthorized.selector, anyone);
        vm.startPrank(anyone);
        vm.expectRevert(err);
        pool.schedule(1, Round.wrap(31), E, 1, 1);
        vm.expectRevert(err);
        pool.cut(1, Round.wrap(31), Round.wrap(31), E, 1, 1);
        vm.expectRevert(err);
        pool.collect(E);
        vm.expectRevert(err);
        pool.closeOperator(1, E);
        vm.expectRevert(err);
        pool.weigh(1, E, 1, 1);
        vm.expectRevert(err);
        pool.freeze(E, 1, 0, 0);
        vm.expectRevert(err);
        pool.pay(1, E, anyone, false);
        vm.expectRevert(err);
        pool.payKeeper(E, 0, anyone);
        vm.expectRevert(err);
        pool.creditTreasury(1);
    }

    function test_RevertWhen_FrozenTwiceOrNotAtAll() external {
        vm.prank(address(operators));
        vm.expectRevert(abi.encodeWithSelector(IPool.Pool_NotFrozen.selector, E));
        pool.pay(1, E, anyone, false);
        vm.startPrank(address(settlement));
        pool.freeze(E, 0, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IPool.Pool_AlreadyFrozen.selector, E));
        pool.freeze(E, 0, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IPool.Pool_AlreadyFrozen.selector, E));
        pool.weigh(1, E, 1, 1);
    }

    function test_EverythingIsTheTreasurysWhen_NobodyHasWeight() external {
        _freezeWith(1000, 0, 0);
        assertEq(pool.treasuryBalance(), 1000);
        vm.prank(address(operators));
        vm.expectRevert(abi.encodeWithSelector(IPool.Pool_NothingToPay.selector, 1, E));
        pool.pay(1, E, anyone, false);
    }

    /// H-EPOCH-1, H-EPOCH-2, H-EPOCH-3: for any fees and merits, and any order of claims, parts telescope to net exactly, nobody gets more
    /// than its own fees less the shares, nobody is paid twice, and what is left is the treasury's.
    function testFuzz_HEpoch1_PartsTelescopeToNet(uint256 seed, uint8 operators_, bool allAreOwned) external {
        uint256 n = bound(operators_, 1, 12);
        uint256[] memory f = new uint256[](n);
        uint256[] memory merit = new uint256[](n);
        uint256 fees;
        uint256 weight;
        for (uint256 i; i < n; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            f[i] = seed % 1e24;
            merit[i] = (seed >> 128) % 4 == 0 ? 0 : (seed >> 130) % (WAD + 1);
            fees += f[i];
            merit[i] /= 1e9; // what is stored of it
            weight += f[i] * merit[i] / 1e9;
            vm.prank(address(settlement));
            pool.weigh(uint32(i + 1), E, f[i], merit[i] * 1e9);
        }
        // Slots of operators that did not settle in time pay as well.
        if (!allAreOwned) fees += seed % 1e24;
        _freezeWith(fees, 0, 0);
        uint256 net = fees * 9500 / 10_000;
        uint256 out;
        for (uint256 j; j < n; ++j) {
            uint256 i = (j + seed % n) % n;
            if (f[i] * merit[i] / 1e9 == 0) continue;
            vm.startPrank(address(operators));
            uint256 owed = pool.pay(uint32(i + 1), E, anyone, false);
            vm.expectRevert(abi.encodeWithSelector(IPool.Pool_NothingToPay.selector, i + 1, E));
            pool.pay(uint32(i + 1), E, anyone, false);
            vm.stopPrank();
            assertLe(owed, f[i] * 9500 / 10_000, "H-EPOCH-2");
            // The plain quotient, within one unit for the rounding of both ends.
            uint256 quotient = net * (f[i] * merit[i] / 1e9) / weight;
            uint256 cap = f[i] * 9500 / 10_000;
            assertApproxEqAbs(owed, quotient < cap ? quotient : cap, 1);
            out += owed;
        }
        assertLe(out, net, "H-EPOCH-1");
        assertEq(pool.accounted(), pool.treasuryBalance(), "the rest is the treasury's, to the last wei");
        assertEq(pool.treasuryBalance() + out, fees);
        assertEq(asset.balanceOf(anyone), out);
    }

    /// Weights of .95 x .98 x .50 and .40 x .50 x .05 split a pool 47 to 1.
    function test_WeightsSplitAPool47To1() external {
        vm.startPrank(address(settlement));
        pool.weigh(1, E, 50e18, uint256(0.95e18) * 0.98e18 / WAD);
        pool.weigh(2, E, 5e18, uint256(0.4e18) * 0.5e18 / WAD);
        vm.stopPrank();
        // So little that no cap binds.
        _freezeWith(10e18, 0, 0);
        vm.startPrank(address(operators));
        uint256 good = pool.pay(1, E, anyone, false);
        uint256 bad = pool.pay(2, E, anyone, false);
        vm.stopPrank();
        assertApproxEqAbs(good * 1e3 / bad, 46_550, 1);
        assertEq(good + bad, 9.5e18);
    }

    /// H-EPOCH-3: a share that waits is not lost to the next one, and each is paid once, in any order.
    function test_HEpoch3_SharesOfSeveralEpochsWait() external {
        for (uint32 e = 1; e <= 3; ++e) {
            vm.prank(address(settlement));
            pool.weigh(1, Epoch.wrap(e), 1000 * e, WAD);
            asset.mint(address(pool), 1000 * e);
            vm.prank(address(settlement));
            pool.freeze(Epoch.wrap(e), 1000 * e, 0, 0);
        }
        uint32[3] memory order = [2, 3, uint32(1)];
        vm.startPrank(address(operators));
        for (uint256 i; i < 3; ++i) {
            assertEq(pool.pay(1, Epoch.wrap(order[i]), anyone, false), 950 * order[i]);
            vm.expectRevert(abi.encodeWithSelector(IPool.Pool_NothingToPay.selector, 1, order[i]));
            pool.pay(1, Epoch.wrap(order[i]), anyone, false);
        }
        vm.stopPrank();
        assertEq(asset.balanceOf(anyone), 950 * 6);
        assertEq(pool.accounted(), 50 * 6);
    }

    function test_HEpoch3_ForfeitedIsTheTreasurys() external {
        vm.startPrank(address(settlement));
        pool.weigh(1, E, 1000, WAD);
        vm.stopPrank();
        _freezeWith(1000, 0, 0);
        vm.prank(address(operators));
        assertEq(pool.pay(1, E, anyone, true), 0);
        assertEq(pool.treasuryBalance(), 1000);
        assertEq(asset.balanceOf(anyone), 0);
    }

    function test_PaysAKeepersSeatOnce() external {
        _freezeWith(30_000, 3, 5); // seats 0 and 2 earned 2% / 3 each
        vm.startPrank(address(oracle));
        assertEq(pool.payKeeper(E, 2, anyone), 200);
        vm.expectRevert(abi.encodeWithSelector(IPool.Pool_KeeperNotOwed.selector, E, 2));
        pool.payKeeper(E, 2, anyone);
        vm.expectRevert(abi.encodeWithSelector(IPool.Pool_KeeperNotOwed.selector, E, 1));
        pool.payKeeper(E, 1, anyone);
        vm.expectRevert(abi.encodeWithSelector(IPool.Pool_KeeperNotOwed.selector, E, 256));
        pool.payKeeper(E, 256, anyone);
        pool.payKeeper(E, 0, anyone);
        vm.stopPrank();
        assertEq(pool.accounted(), pool.treasuryBalance());
    }

    /// H-ESC-1: a donation is not the treasury's.
    function test_HEsc1_WithdrawTreasurySendsItsLedger() external {
        _freezeWith(1000, 0, 0);
        asset.mint(address(pool), 77);
        vm.prank(anyone);
        assertEq(pool.withdrawTreasury(), 1000);
        assertEq(asset.balanceOf(treasury), 1000);
        assertEq(asset.balanceOf(address(pool)), 77);
        assertEq(pool.accounted(), 0);
    }

    function test_SetSharesReachesTheNextEpoch() external {
        vm.startPrank(governor);
        vm.expectRevert(abi.encodeWithSelector(IPool.Pool_SharesOutOfBounds.selector, 1000, 1001));
        pool.setShares(1000, 1001);
        pool.setShares(1000, 1000);
        vm.stopPrank();
        (uint16 a, uint16 b) = pool.sharesOf(Epoch.wrap(1));
        assertEq(a, ORACLE_BPS);
        assertEq(b, TREASURY_BPS);
        (a, b) = pool.sharesOf(Epoch.wrap(2));
        assertEq(a, 1000);
        assertEq(b, 1000);
    }

    function test_RevertWhen_NotTheGovernor() external {
        vm.startPrank(anyone);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, anyone));
        pool.setShares(0, 0);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, anyone));
        pool.setTreasury(anyone);
        vm.stopPrank();
        vm.startPrank(governor);
        vm.expectRevert(IPool.Pool_ZeroTreasury.selector);
        pool.setTreasury(address(0));
        pool.setTreasury(anyone);
        assertEq(pool.treasury(), anyone);
    }

    /// @dev With the fees as the Market sends them.
    function _freezeWith(uint256 fees, uint256 seats, uint256 earned) private {
        asset.mint(address(pool), fees);
        vm.prank(address(settlement));
        pool.freeze(E, fees, seats, earned);
    }
}
