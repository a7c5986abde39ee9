// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IRetrieval} from "../../src/interfaces/IRetrieval.sol";
import {RetrievalTest} from "../Retrieval/RetrievalTest.sol";

/// @notice A hot key is stolen: a prover's, from the machine that proves every day, or a payer's session key, from a downloader.
///
/// Bound: a prover's key cannot move stake, payout or exit; it loses the stake of `proverChunks` by promising it to an order of the thief's own,
/// who gets half. A session key draws its ceiling of the free deposit, and earmarks for those they are for, until it expires or two rounds
/// after it is revoked.
contract StolenKeysTest is RetrievalTest {
    uint32 private mallory;

    function setUp() public override {
        super.setUp();
        mallory = _register(100);
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

    /// Whoever steals a session key gets the ceiling of the free deposit, and earmarks for those they are for.
    function test_AStolenKeyReachesItsCeilingAndEarmarks() external {
        _deposit(payer.addr, 1000);
        _earmark(payer.addr, op, 300);
        _authorise(payer.addr, key.addr, 30 days, 50);
        address thief = makeAddr("thief");
        _expectFor(thief, _signed(key, _voucher(payer.addr, thief, content, 1000, 0)), IRetrieval.Outcome.Short, 50);
        _expect(_byKey(1000), IRetrieval.Outcome.Short, 300);
        assertEq(retrieval.account(payer.addr).balance, 650);
        assertEq(retrieval.account(payer.addr).earmarked, 0);
    }

    /// A payer earmarks for two operators, promises each the whole ceiling with one session key, and is served twice. When vouchers on
    /// earmarks counted against the ceiling, the second to redeem got nothing, and the payer its earmark back.
    function test_ASessionKeysPromiseOnAnEarmarkIsFirm() external {
        _deposit(payer.addr, 200);
        _earmark(payer.addr, op, 100);
        _earmark(payer.addr, other, 100);
        _authorise(payer.addr, key.addr, 30 days, 100);
        _expectFor(other, _signed(key, _voucher(payer.addr, other, content, 100, 0)), IRetrieval.Outcome.Paid, 100);
        _expect(_byKey(100), IRetrieval.Outcome.Paid, 100);
        _checkLedgers();
    }

    /// A key that begins anew makes what it signed before good again, within its new ceiling: a debt does not end with a key.
    function test_AnExpiredKeysVouchersAreGoodAgainWhenItBeginsAnew() external {
        _deposit(payer.addr, 1000);
        _authorise(payer.addr, key.addr, 1 days, 100);
        IRetrieval.SignedVoucher memory v = _byKey(70);
        vm.warp(block.timestamp + 1 days);
        _expect(v, IRetrieval.Outcome.KeyExpired, 0);
        _authorise(payer.addr, key.addr, 1 days, 30);
        _expect(v, IRetrieval.Outcome.Short, 30);
    }

    /// Revoked and authorised again before the thaw ends, a key goes on: nothing that it spent is forgotten.
    function test_ARevokedKeyThatIsAuthorisedAgainKeepsWhatItSpent() external {
        _deposit(payer.addr, 1000);
        _authorise(payer.addr, key.addr, 365 days, 100);
        _expect(_byKey(70), IRetrieval.Outcome.Paid, 70);
        vm.prank(payer.addr);
        retrieval.revoke(key.addr);
        _authorise(payer.addr, key.addr, 365 days, 100);
        vm.warp(block.timestamp + THAW);
        _expect(_byKey(200), IRetrieval.Outcome.Short, 30);
    }

    /// A payer that makes itself a session key binds and frees itself from nothing.
    function test_APayerIsNotBoundByAKeyOfItsOwn() external {
        _deposit(payer.addr, 1000);
        _authorise(payer.addr, payer.addr, 1 days, 10);
        _expect(_plain(600, 0), IRetrieval.Outcome.Paid, 600);
        vm.warp(block.timestamp + 1 days);
        _expect(_plain(1000, 0), IRetrieval.Outcome.Paid, 400);
    }
}
