// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICatalog} from "../../src/interfaces/ICatalog.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice Mallory takes what others need and does nothing with it: replicas that it never activates, a publisher's bond that it ties.
///
/// Bound: a reservation lasts three seeded rounds, once per operator and order; only a slot that begins ties a bond; who leaves a live slot alone
/// for seven rounds loses it, and half of the stake pays for another holder.
contract ReservationGriefingTest is BaseTest {
    uint32 private honest;
    uint32 private mallory;

    function setUp() public override {
        super.setUp();
        (honest, mallory) = (_register(10_000), _register(10_000));
    }

    /// Mallory reserves every replica and activates none. It blocks an order for three seeded rounds, once.
    function test_ReservationGriefingWorksOnce() external {
        uint40 order = _open(_publish(ONE_CHUNK), 1, 1);
        _accept(order, 0, mallory);
        _next();
        _idleTo(Round.wrap(34));
        _accept(order, 0, honest); // releases it on the way
        _seed();
        _next();
        _seed();
        _activate(order, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_NotOpen.selector, order, 0));
        _accept(order, 0, mallory);
        assertTrue(market.order(order).unheld == 0);
    }

    /// A beacon that is silent for the rest of an epoch and the whole of the next ends a reservation, and bars the operator from the order.
    function test_TwoSilentEpochsEndAReservation() external {
        uint40 order = _open(_publish(ONE_CHUNK), 1, 12);
        _accept(order, 0, mallory);
        _to(Epoch.wrap(2), 29);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_NotLapsed.selector, order, 0));
        market.release(order, 0);
        _next();
        market.release(order, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_Barred.selector, order, mallory));
        _accept(order, 0, mallory);
    }

    /// A stranger opens and cancels, again and again, to keep a publisher from its bond.
    function test_ABondGoesHome() external {
        uint32 content = _publish(ONE_BLOCK);
        uint256 before = asset.balanceOf(auditor);
        for (uint32 e = 1; e <= 30; e += 14) {
            _to(Epoch.wrap(e), 0);
            vm.startPrank(auditor); // a stranger
            uint40 id = market.open(_request(content, 1, 12), type(uint256).max);
            market.cancelOpen(id, 1);
            market.withdraw(id, auditor);
            vm.stopPrank();
        }
        assertEq(asset.balanceOf(auditor), before, "cost the stranger nothing");
        _to(Epoch.wrap(40), 0); // nobody ever held or ordered it for more than a transaction
        catalog.withdrawBond(content);
    }

    function test_ALapsedReservationTiesNoBond() external {
        uint32 content = _publish(ONE_BLOCK);
        (uint256 before, uint256 stake) = (asset.balanceOf(auditor), operators.operator(mallory).stake);
        IMarket.Request memory r = _request(content, 1, 12);
        vm.prank(auditor); // a stranger, with Mallory
        uint40 id = market.open(r, type(uint256).max);
        _accept(id, 0, mallory);
        for (uint256 i; i < 4; ++i) {
            _nextSeeded();
        }
        market.release(id, 0);
        vm.startPrank(auditor);
        market.cancelOpen(id, 1);
        market.withdraw(id, auditor);
        vm.stopPrank();
        assertEq(asset.balanceOf(auditor), before, "cost the stranger nothing");
        assertEq(operators.operator(mallory).stake, stake);
        assertEq(Epoch.unwrap(catalog.content(content).lastEpoch), 1);
        _to(Epoch.wrap(4), 0);
        catalog.withdrawBond(content);
    }

    /// Nothing of a content that nobody stands for begins, though it was reserved while somebody did.
    function test_ABondThatGoesHomeEndsTheReservation() external {
        uint32 content = _publish(ONE_BLOCK);
        _to(Epoch.wrap(3), 29);
        uint40 order = _open(content, 1, 3);
        _accept(order, 0, mallory);
        _nextSeeded();
        catalog.withdrawBond(content);
        bytes memory proof = _words(content, market.activationSeed(order, 0));
        address prover = _prover(mallory);
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_Unbonded.selector, content));
        vm.prank(prover);
        market.activate(order, 0, proof);
    }

    /// Seven days away cost the slots; the uploader gets back what was not served, and the half of the stake.
    function test_SevenDaysAwayCostTheSlots() external {
        uint40 order = _hold(mallory, _publish(ONE_CHUNK), 1);
        _idleTo(Round.wrap(39));
        audits.eject(mallory);
        market.unwind(order, 0);
        assertEq(market.order(order).balance, uint256(FEE) * (60 - 40 + 1) + uint256(STAKE) / 2);
        assertEq(operators.operator(mallory).stake, 9_999 * uint256(STAKE));
    }

    /// A renewal without a gap does not begin the count anew.
    function test_TwelveBadRoundsInARowEject() external {
        uint32 content = _publish(ONE_CHUNK);
        uint40 a = _hold(mallory, content, 1);
        while (_now().index() != 24) {
            _seed();
            _prove(mallory);
            _next();
        }
        IMarket.Request memory q = _request(content, 1, 1);
        (q.startEpoch, q.incumbentOrder) = (Epoch.wrap(2), a);
        uint40 b = _open(q);
        _idleTo(Epoch.wrap(1).first().addRounds(29));
        _accept(b, 0, mallory); // live all along
        _idleTo(Epoch.wrap(2).first().addRounds(6));
        assertEq(holdings.badInARow(mallory), 12);
    }
}
