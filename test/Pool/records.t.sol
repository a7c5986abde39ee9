// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPool} from "../../src/interfaces/IPool.sol";
import {Epoch, Round, WAD} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice What the Pool says, keeps and closes, to the last number.
contract PoolRecordsTest is BaseTest {
    Epoch private constant E = Epoch.wrap(1);

    function test_SaysAndKeepsWhatItFreezesAndPays() external {
        vm.startPrank(address(settlement));
        pool.weigh(1, E, 600, WAD / 2);
        pool.weigh(2, E, 400, WAD);
        _expectShare(1, 600, 0, 0.5e9);
        _expectShare(2, 400, 300, 1e9);
        asset.mint(address(pool), 100_000);
        // 2% of 100,000 for three seats, of which 0 and 2 earned theirs; 95% of it to be split 300 to 400.
        vm.expectEmit(address(pool));
        emit IPool.Frozen(E, 100_000, 95_000, 700, 666, 5);
        pool.freeze(E, 100_000, 3, 5);
        IPool.EpochFees memory e = pool.epochFees(E);
        assertEq(e.net, 95_000);
        assertEq(e.weight, 700);
        assertEq(e.sharesBps, 500);
        assertTrue(e.frozen);
        assertEq(e.keeperPay, 666);
        assertEq(e.unpaidKeepers, 5);
        assertEq(pool.accounted(), 100_000);
        assertEq(pool.treasuryBalance(), 5000 - 2 * 666);

        vm.startPrank(address(operators));
        // 95,000 * 300 / 700 = 40,714 in part; its own fees less the shares are 570.
        vm.expectEmit(address(pool));
        emit IPool.Paid(1, E, anyone, 570, 40_714 - 570);
        pool.pay(1, E, anyone, false);
        _expectShare(1, 600, 0, 0);
        vm.expectEmit(address(pool));
        emit IPool.Paid(2, E, anyone, 0, 95_000 - 40_714);
        pool.pay(2, E, anyone, true);
        vm.startPrank(address(oracle));
        vm.expectEmit(address(pool));
        emit IPool.KeeperPaid(auditor, E, 666);
        pool.payKeeper(E, 2, auditor);
        assertEq(pool.epochFees(E).unpaidKeepers, 1);
        assertEq(pool.accounted(), 100_000 - 570 - 666);
    }

    /// H-EPOCH-3: the least merit there is keeps its share, too, when the next epoch's comes.
    function test_HEpoch3_KeepsTheLeastMerit() external {
        vm.startPrank(address(settlement));
        pool.weigh(1, E, 5e9, 1e9);
        pool.weigh(1, Epoch.wrap(2), 7, WAD);
        _expectShare(1, 5e9, 0, 1);
        assertEq(pool.share(1, Epoch.wrap(2)).fees, 7);
    }

    function test_PaysASingleWei() external {
        asset.mint(address(pool), 2);
        vm.startPrank(address(settlement));
        pool.weigh(1, E, 2, WAD);
        pool.freeze(E, 2, 0, 0);
        vm.startPrank(address(operators));
        assertEq(pool.pay(1, E, anyone, false), 1);
        assertEq(asset.balanceOf(anyone), 1);
    }

    function test_KeepsNoSeatsWhere_NoneIsPaid() external {
        vm.startPrank(address(settlement));
        pool.freeze(E, 100, 3, 5); // 2 wei for three seats are none
        IPool.EpochFees memory e = pool.epochFees(E);
        assertEq(e.keeperPay, 0);
        assertEq(e.unpaidKeepers, 0);
        vm.startPrank(address(oracle));
        vm.expectRevert(abi.encodeWithSelector(IPool.Pool_KeeperNotOwed.selector, E, 0));
        pool.payKeeper(E, 0, anyone);
        assertEq(pool.treasuryBalance(), 100);
    }

    function test_PaysTheSixteenthSeatAndNoneBeyond() external {
        asset.mint(address(pool), 16_000);
        vm.startPrank(address(settlement));
        pool.freeze(E, 16_000, 16, 0xffff);
        assertEq(pool.treasuryBalance(), 16_000 - 16 * 20);
        vm.startPrank(address(oracle));
        assertEq(pool.payKeeper(E, 15, anyone), 20);
        vm.expectRevert(abi.encodeWithSelector(IPool.Pool_KeeperNotOwed.selector, E, 16));
        pool.payKeeper(E, 16, anyone);
    }

    function test_CreditsTheTreasuryFromWhoeverOwesIt() external {
        address[4] memory payers = [address(catalog), address(oracle), address(market), address(retrieval)];
        for (uint256 i; i < 4; ++i) {
            asset.mint(address(pool), 5);
            vm.expectEmit(address(pool));
            emit IPool.TreasuryCredited(5);
            vm.prank(payers[i]);
            pool.creditTreasury(5);
            assertEq(pool.treasuryBalance(), 5 * (i + 1));
            assertEq(pool.accounted(), 5 * (i + 1));
        }
        vm.expectEmit(address(pool));
        emit IPool.TreasuryWithdrawn(treasury, 20);
        assertEq(pool.withdrawTreasury(), 20);
        assertEq(pool.treasuryBalance(), 0);
        assertEq(pool.withdrawTreasury(), 0);
    }

    function test_SaysWhatGovernanceSets() external {
        vm.startPrank(governor);
        vm.expectEmit(address(pool));
        emit IPool.SharesSet(Epoch.wrap(2), 1500, 500);
        pool.setShares(1500, 500);
        vm.expectEmit(address(pool));
        emit IPool.TreasurySet(anyone);
        pool.setTreasury(anyone);
    }

    // ---- Schedules, as the Market uses them ----

    function test_ClosesAnEpochOnceForTheOperatorAndOnceForAll() external {
        vm.startPrank(address(market));
        pool.schedule(1, Round.wrap(40), Epoch.wrap(2), 7, 3);
        pool.schedule(2, Round.wrap(30), E, 5, 2);
        assertEq(pool.scheduled(), 50 * 7 + 30 * 5);
        assertTrue(pool.settledThrough(1, Epoch.wrap(0)));
        assertFalse(pool.settledThrough(1, E));
        _to(Epoch.wrap(3), 0);
        assertEq(pool.collect(E), 20 * 7 + 30 * 5);
        assertEq(pool.scheduled(), 30 * 7);
        vm.startPrank(address(settlement));
        (uint256 fees, uint256 chunks) = pool.closeOperator(1, E);
        assertEq(fees, 20 * 7);
        assertEq(chunks, 3);
        assertTrue(pool.settledThrough(1, E));
        assertFalse(pool.settledThrough(1, Epoch.wrap(2)));
        (fees, chunks) = pool.closeOperator(1, E);
        assertEq(fees + chunks, 0, "what is closed has nothing");
        (fees, chunks) = pool.closeOperator(1, Epoch.wrap(2));
        assertEq(fees, 30 * 7);
        assertEq(chunks, 3);
    }

    /// What an operator has settled stays paid, whatever ends later and from when on.
    function test_CutsNothingThatIsSettled() external {
        vm.startPrank(address(market));
        pool.schedule(1, Round.wrap(30), Epoch.wrap(3), 7, 3);
        _to(Epoch.wrap(2), 10);
        vm.startPrank(address(settlement));
        pool.closeOperator(1, E);
        vm.startPrank(address(market));
        assertEq(pool.cut(1, Round.wrap(30), Round.wrap(31), Epoch.wrap(3), 7, 3), 60);
        assertEq(pool.scheduled(), 30 * 7);
        assertEq(pool.collect(E), 30 * 7);
    }

    function test_CutsFromTheRoundGiven() external {
        vm.startPrank(address(market));
        pool.schedule(1, Round.wrap(30), E, 7, 3);
        assertEq(pool.cut(1, Round.wrap(30), Round.wrap(45), E, 7, 3), 15);
        assertEq(pool.scheduled(), 15 * 7);
        _to(Epoch.wrap(2), 0);
        vm.startPrank(address(settlement));
        (uint256 fees, uint256 chunks) = pool.closeOperator(1, E);
        assertEq(fees, 15 * 7);
        assertEq(chunks, 3);
    }

    function _expectShare(uint32 operatorId, uint256 fees, uint256 before, uint256 merit) private view {
        IPool.Share memory s = pool.share(operatorId, E);
        assertEq(s.fees, fees);
        assertEq(s.before, before);
        assertEq(s.merit, merit);
        assertEq(Epoch.unwrap(s.epoch), 1);
    }
}
