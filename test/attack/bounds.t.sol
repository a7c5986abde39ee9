// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {Epoch, Round, WAD} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice What is accepted, and how far it goes: the numbers of docs/threat-model.md.
contract BoundsTest is BaseTest {
    uint32 private constant CAPACITY = 100;

    Epoch private constant E1 = Epoch.wrap(1);
    Epoch private constant E2 = Epoch.wrap(2);

    uint32 private mallory;

    function setUp() public override {
        super.setUp();
        mallory = _register(CAPACITY);
    }

    /// Mallory lost a slot that is audited. It stays away whenever the audit is due, has it rolled, and proves the round in between. It is
    /// never ejected and the audit never fails, but every second round is bad, for as long as the slot lasts.
    function test_AnAuditIsDodgedByMissingEverySecondRound() external {
        uint40 order = _hold(mallory, _publish(ONE_CHUNK), 2);
        _to(E2, 0);
        _audit(order, 0);
        while (_epoch() == E2) {
            _seed();
            Round due = audits.audit(order, 0).due;
            if (due < _now()) audits.roll(order, 0);
            if (due != _now()) _prove(mallory);
            _next();
        }
        audits.roll(order, 0); // the term is over: the fee goes back
        assertEq(audits.credit(auditor), AUDIT_FEE);
        _settle(mallory, E1);
        assertEq(_reputation(mallory), 0.5e18);
        _settle(mallory, E2);
        assertLt(_reputation(mallory), 0.13e18);
    }

    /// Who slashes itself, as an operator of its own order, gets half of the slash back as the uploader.
    function test_SlashingOneselfCostsHalfOfTheSlash() external {
        uint40 order = _hold(mallory, _publish(ONE_CHUNK), 1);
        _audit(order, 0);
        _next();
        uint256 before = market.order(order).balance;
        uint256 fee = FEE * (60 - uint256(Round.unwrap(_now())) - 1); // of the rounds not served any more
        _reportLoss(order, 0); // after an audit: the whole slash
        assertEq(market.order(order).balance - before, fee + STAKE / 2);
        assertEq(pool.treasuryBalance(), STAKE / 2);
    }

    /// A thief has the prover's key. It has the whole capacity promised to an order of its own, and the loss shown: the stake is gone, half
    /// of it to the thief. An owner that set `proverChunks` lower loses that much.
    function test_AStolenProversKeyLosesTheStakeOfProverChunks() external {
        address owner = _owner(mallory);
        (address prover, address payout) = (_prover(mallory), _payout(mallory));
        vm.prank(owner);
        operators.setKeys(mallory, owner, prover, 10, payout);
        uint40 tooMuch = _open(_publish(ONE_CHUNK * 11), 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_ProverLimit.selector, mallory, 11, 10));
        vm.prank(prover);
        market.accept(tooMuch, 0, mallory);

        uint256 stake = operators.operator(mallory).stake;
        uint40 order = _hold(mallory, _publish(ONE_CHUNK * 10), 1);
        _audit(order, 0);
        _next();
        _reportLoss(order, 0);
        assertEq(stake - operators.operator(mallory).stake, 10 * uint256(STAKE));
        // Again: only beside as much that lives, or that is accepted with it.
        uint40 again = _open(_publish(ONE_CHUNK * 9), 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_TooMuchLost.selector, mallory, 20, 9));
        vm.prank(prover);
        market.accept(again, 0, mallory);
    }

    /// The most that governance can do to slots that run: from the next epoch on, four fifths instead of what it was.
    function test_SharesReachRunningSlotsFromTheNextEpoch() external {
        _hold(mallory, _publish(ONE_CHUNK), 2);
        vm.prank(governor);
        pool.setShares(1000, 1000);
        _proveToEnd(mallory);
        _proveToEnd(mallory);
        settlement.settle(mallory, E1);
        _settle(mallory, E2);
        settlement.freeze(E1);
        _freeze(E2);
        assertEq(pool.epochFees(E1).sharesBps, 500);
        assertEq(settlement.claim(mallory, E2), pool.share(mallory, E2).fees * 8000 / 10_000);
    }

    /// A share that nobody claimed for more than six epochs is the treasury's as soon as the reputation falls, however good it was before.
    function test_AnOldShareIsForfeitedWhenTheReputationFalls() external {
        _hold(mallory, _publish(ONE_CHUNK), 1);
        _proveToEnd(mallory);
        _settle(mallory, E1);
        _freeze(E1);
        _to(Epoch.wrap(8), 0);
        vm.prank(address(settlement));
        operators.setStanding(mallory, 0.29e18, WAD);
        vm.prank(anyone);
        assertEq(settlement.claim(mallory, E1), 0);
        assertEq(pool.treasuryBalance(), pool.accounted());
    }

    /// A beacon that is silent for the rest of an epoch and the whole of the next ends a reservation, and bars the operator from the order.
    function test_TwoSilentEpochsEndAReservation() external {
        uint40 order = _open(_publish(ONE_CHUNK), 1, 12);
        _accept(order, 0, mallory);
        _to(E2, 29);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_NotLapsed.selector, order, 0));
        market.release(order, 0);
        _next();
        market.release(order, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_Barred.selector, order, mallory));
        _accept(order, 0, mallory);
    }
}
