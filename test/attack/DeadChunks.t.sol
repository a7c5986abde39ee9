// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {Epoch} from "../../src/Types.sol";
import {BaseTest, Vm} from "../Base.t.sol";

/// @notice A draw that falls on a slot which ended early is repeated. Mallory fills its inventory with what is dead, so that no draw meets
/// what it is paid for; or it counts its losses where they weigh nothing.
///
/// Bound: none is waived: no round is clean without K words. The other side: who lost much and said so is not kept from proving the rest, and
/// can accept again.
contract DeadChunksTest is BaseTest {
    uint32 private honest;
    uint32 private mallory;

    function setUp() public override {
        super.setUp();
        (honest, mallory) = (_register(1_000_000), _register(1_000_000));
    }

    /// Reservations of a real slot and of self-generated junk are both activated in an epoch's last round, the junk is reported lost in the
    /// same transaction. It is dead before it lived, and much more than what lives.
    function _flood() private {
        uint32 realContent = _publish(MANY_CHUNKS); // 101 chunks
        uint32 junkContent = _publish(ONE_CHUNK * 100_000);
        _to(Epoch.wrap(1), 28);
        IMarket.Request memory q = _request(realContent, 1, 12);
        q.startEpoch = Epoch.wrap(2);
        uint40 real = _open(q);
        q.contentId = junkContent;
        uint40 junk = _open(q);
        _accept(real, 0, mallory);
        _accept(junk, 0, mallory);
        _nextSeeded(); // round 29 of epoch 1
        _activate(real, 0);
        _activate(junk, 0);
        _reportLoss(junk, 0);
        vm.startPrank(uploader);
        market.cancelOpen(junk, 1);
        market.withdraw(junk, uploader);
        vm.stopPrank();
        _next();
    }

    /// H-PROOF-1, H-STAKE-3: dead chunks, however many, do not make a round clean.
    function test_NoRoundIsCleanWithoutAWordOfData() external {
        vm.prank(governor);
        market.setTerms(FEE, 0);
        _flood();
        for (uint256 i; i < 5; ++i) {
            _seed();
            IHoldings.Challenge[] memory drawn = holdings.challenges(mallory);
            uint256 n = 1; // draws up to the first that meets something live
            while (n < drawn.length && !drawn[n - 1].answer) ++n;
            bytes memory hints = _proof(mallory);
            assembly ("memory-safe") {
                mstore(hints, mul(n, 4)) // what is there before the first word
            }
            vm.prank(_prover(mallory));
            vm.expectRevert();
            holdings.prove(mallory, hints);
            _next();
        }
        assertEq(holdings.tally(mallory, Epoch.wrap(2)).clean, 0);
    }

    function test_ALossReportedBeforeTheSlotIsLiveCounts() external {
        uint32 a = _publish(MANY_CHUNKS);
        uint32 b = _publish(ONE_CHUNK * 101);
        _to(Epoch.wrap(1), 28);
        IMarket.Request memory q = _request(a, 1, 1);
        q.startEpoch = Epoch.wrap(2);
        uint40 kept = _open(q);
        q.contentId = b;
        uint40 lost = _open(q);
        _accept(kept, 0, mallory);
        _accept(lost, 0, mallory);
        _nextSeeded();
        _activate(kept, 0);
        _activate(lost, 0);
        _reportLoss(lost, 0); // half of what it holds
        _next();
        _proveToEnd(mallory);
        _settle(mallory, Epoch.wrap(2));
        assertLt(_reputation(mallory), 0.5e18, "a loss of half of everything lowers the reputation");
    }

    /// One chunk of a long order reported lost; the other slots run out: nothing can be accepted for a year.
    function test_AnHonestReportDoesNotShutAnOperatorOut() external {
        uint40 long_ = _open(_publish(ONE_CHUNK), 1, 12);
        uint40 short_ = _open(_publish(MANY_CHUNKS), 1, 1);
        _accept(long_, 0, honest);
        _accept(short_, 0, honest);
        _nextSeeded();
        _activate(long_, 0);
        _activate(short_, 0);
        _next();
        _reportLoss(long_, 0); // 1 of 102 chunks
        _proveToEnd(honest);
        _settle(honest, Epoch.wrap(1));
        assertGt(_reputation(honest), 0.5e18);
        _to(Epoch.wrap(12), 20); // what died long ago shuts nobody out
        _accept(_open(_publish(MANY_CHUNKS), 1, 2), 0, honest);
    }

    /// Nine tenths reported lost, and the term of all of it goes on: the last tenth is still drawn, and proven every round. A round costs more gas
    /// for it, by what was reported.
    function test_WhatIsLeftAfterMassReportsIsProven() external {
        uint40 small = _open(_publish(ONE_CHUNK * 10), 1, 3);
        uint40 large = _open(_publish(ONE_CHUNK * 90), 1, 3);
        _accept(small, 0, honest);
        _accept(large, 0, honest);
        _nextSeeded();
        _activate(small, 0);
        _activate(large, 0);
        _nextSeeded();
        uint256 before = _proveGas();
        _reportLoss(large, 0);
        uint256 most;
        for (uint256 i; i < 30; ++i) {
            _nextSeeded();
            uint256 gas = _proveGas();
            if (gas > most) most = gas;
        }
        assertEq(holdings.badInARow(honest), 0);
        emit log_named_uint("gas to prove 10 chunks of 100", before);
        emit log_named_uint("and beside 90 dead ones, at most", most);
        assertLt(most, 2_000_000, "an eighth of a transaction");
    }

    function _proveGas() private returns (uint256 gas) {
        bytes memory proof = _proof(honest);
        vm.prank(_prover(honest));
        gas = gasleft();
        holdings.prove(honest, proof);
        gas -= gasleft();
    }

    /// Activated and reported lost in an epoch's last round, a slot never lives: its loss counts in the epoch it would have begun in, as half
    /// of half of everything and no more, as in the middle of an epoch.
    function test_ALossBeforeItsFirstEpochWeighsAsMuchAsOneInIt() external {
        Epoch two = Epoch.wrap(2);
        (uint40 kept, uint40 lost) = (_openFor(_publish(MANY_CHUNKS), two), _openFor(_publish(ONE_CHUNK * 101), two));
        _to(Epoch.wrap(1), 28);
        _accept(kept, 0, mallory);
        _accept(lost, 0, mallory);
        _nextSeeded(); // round 29
        _activate(kept, 0);
        _activate(lost, 0);
        _reportLoss(lost, 0);
        _next();
        _proveToEnd(mallory);
        ISettlement.Outcome memory o = _outcome(mallory, two);
        assertEq(o.chunks, 2 * 101);
        assertEq(o.retention, 0.75e18);
        assertEq(o.fees, 101 * 30 * uint256(FEE), "of what was held, not of what never was");
        _checkLedgers();
    }

    /// The same with nothing else: the epoch in which it would have begun waits to be settled, and shows the loss.
    function test_ALossOfAllBeforeItsFirstEpochIsSettled() external {
        Epoch two = Epoch.wrap(2);
        uint40 lost = _openFor(_publish(MANY_CHUNKS), two);
        _to(Epoch.wrap(1), 28);
        _accept(lost, 0, mallory);
        _nextSeeded();
        _activate(lost, 0);
        _reportLoss(lost, 0);
        _to(Epoch.wrap(3), 5);
        assertFalse(pool.settledThrough(mallory, two), "no exit and no acceptance before");
        ISettlement.Outcome memory o = _outcome(mallory, two);
        assertEq(o.retention, 0.5e18);
        assertLt(o.reputation, 0.001e18);
        settlement.freeze(two);
        _checkLedgers();
    }

    /// H-RAND-2: an epoch that was void says what reliability stays, not 0.
    function test_AnEpochWithNothingDueSaysWhatStays() external {
        _hold(mallory, _publish(MANY_CHUNKS), 2);
        _settle(mallory, Epoch.wrap(1));
        (uint256 reputation, uint256 reliability) = operators.standing(mallory);
        ISettlement.Outcome memory o = _outcome(mallory, Epoch.wrap(2));
        assertEq(o.due, 0);
        assertEq(o.reputation, reputation);
        assertEq(o.reliability, reliability);
        assertGt(o.reliability, 0);
    }

    function _openFor(uint32 content, Epoch start) private returns (uint40) {
        IMarket.Request memory q = _request(content, 1, 1);
        q.startEpoch = start;
        return _open(q);
    }

    function _outcome(uint32 op, Epoch epoch) private returns (ISettlement.Outcome memory) {
        vm.recordLogs();
        _settle(op, epoch);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        return abi.decode(logs[logs.length - 1].data, (ISettlement.Outcome));
    }
}
