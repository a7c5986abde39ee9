// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {EpochSchedule} from "../../../lib/accounting/EpochSchedule.sol";

/// @notice The schedule against plain arrays with a place for every round.
contract EpochScheduleTest is Test {
    using EpochSchedule for EpochSchedule.Schedule;

    uint256 private constant ROUNDS = 30;
    uint256 private constant EPOCHS = 80;
    uint256 private constant LONGEST = 12;

    EpochSchedule.Schedule private schedule;
    EpochSchedule.Stream[] private streams;
    mapping(uint256 index => bool) private ended;
    uint256[EPOCHS * ROUNDS] private payOf; // by round
    uint256[EPOCHS] private unitsOf; // by epoch
    uint256 private current = 1;

    /// Adds, cuts, closes and lets time pass in any order; every epoch's sums must be those of the arrays, and in the end every wei that
    /// was scheduled is either closed or was taken back.
    function testFuzz_MatchesThePlainArrays(uint256 seed) external {
        uint256 scheduled;
        uint256 closed;
        uint256 taken;
        uint256 toClose = 1;
        for (uint256 step; step < 60; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 action = seed % 8;
            if (action < 3) scheduled += _add(seed >> 8);
            else if (action < 5) taken += _cut(seed >> 8, toClose);
            else if (action == 5 && toClose < current) closed += _closeOne(toClose++);
            // A stretch of epochs, now and then longer than any stream.
            else current += (seed >> 8) % 16 == 0 ? 20 : (seed >> 16) % 2;
            if (current + LONGEST + 2 >= EPOCHS) break;
            // Some lag behind, some keep up.
            while (seed >> 255 == 0 && toClose < current) closed += _closeOne(toClose++);
        }
        assertEq(schedule.outstanding(ROUNDS), scheduled - taken - closed, "outstanding");
        while (toClose < EPOCHS) closed += _closeOne(toClose++);
        assertEq(closed + taken, scheduled, "every wei is closed or taken back");
        assertTrue(schedule.closedThrough(type(uint32).max));
    }

    function _add(uint256 r) private returns (uint256 sum) {
        // As orders do: from some round of this epoch, or of the next.
        uint256 from = (current + r % 2) * ROUNDS + (r >> 8) % ROUNDS;
        uint256 last = from / ROUNDS + (r >> 16) % LONGEST;
        uint256 fee = (r >> 24) % 1e21;
        uint256 units = 1 + (r >> 128) % 1e6;
        EpochSchedule.Stream memory stream = EpochSchedule.Stream(from, last, fee, units);
        schedule.add(ROUNDS, current, stream);
        streams.push(stream);
        for (uint256 round = from; round < (last + 1) * ROUNDS; ++round) {
            payOf[round] += fee;
        }
        for (uint256 e = from / ROUNDS; e <= last; ++e) {
            unitsOf[e] += units;
        }
        return ((last + 1) * ROUNDS - from) * fee;
    }

    function _cut(uint256 r, uint256 toClose) private returns (uint256 sum) {
        if (streams.length == 0) return 0;
        EpochSchedule.Stream memory s = streams[r % streams.length];
        // From the round after some round of this epoch, which can be the next epoch's first, or from its start if that is later.
        uint256 from = current * ROUNDS + (r >> 8) % ROUNDS + 1;
        // Or late, for a round that may be closed by now.
        if ((r >> 16) % 4 == 0) from = (r >> 24) % from;
        if (ended[r % streams.length]) return 0;
        ended[r % streams.length] = true;

        uint256 unpaid = schedule.cut(ROUNDS, s, from);

        // What is closed stays; the schedule may have passed over more, but not where this stream is live.
        if (from < s.from) from = s.from;
        uint256 plainFrom = from < toClose * ROUNDS ? toClose * ROUNDS : from;
        uint256 end = (s.last + 1) * ROUNDS;
        assertEq(unpaid, plainFrom < end ? end - plainFrom : 0, "unpaid");
        for (uint256 round = plainFrom; round < end; ++round) {
            payOf[round] -= s.fee;
        }
        // What never lived counts where it would have begun.
        for (uint256 e = plainFrom > s.from ? (plainFrom + ROUNDS - 1) / ROUNDS : s.from / ROUNDS + 1; e <= s.last; ++e) {
            unitsOf[e] -= s.units;
        }
        return unpaid * s.fee;
    }

    function _closeOne(uint256 epoch) private returns (uint256 total) {
        uint256 plain;
        for (uint256 i; i < ROUNDS; ++i) {
            plain += payOf[epoch * ROUNDS + i];
        }
        bool waits = unitsOf[epoch] != 0;
        assertEq(schedule.closedThrough(epoch), !waits, "closed through, all before being closed");
        // Nothing live needs no closing; leave that out, and the ones behind must do without.
        if (!waits) {
            assertEq(plain, 0);
            return 0;
        }
        uint256 units;
        (total, units) = schedule.close(ROUNDS, epoch);
        assertEq(total, plain, "total");
        assertEq(units, unitsOf[epoch], "units");
    }

    // ---- The same, told one by one ----

    function add(uint256 current_, uint256 from, uint256 last, uint256 fee, uint256 units) external {
        schedule.add(ROUNDS, current_, EpochSchedule.Stream(from, last, fee, units));
    }

    function close(uint256 epoch) external returns (uint256 total, uint256 units) {
        return schedule.close(ROUNDS, epoch);
    }

    function test_PaysPartOfItsFirstEpochAndAllOfTheOthers() external {
        schedule.add(ROUNDS, 5, EpochSchedule.Stream(5 * ROUNDS + 10, 7, 3, 2));
        _expectClose(5, 20 * 3, 2);
        _expectClose(6, 30 * 3, 2);
        _expectClose(7, 30 * 3, 2);
        assertTrue(schedule.closedThrough(type(uint32).max));
    }

    function test_CutAtARoundPaysUpToIt() external {
        schedule.add(ROUNDS, 5, EpochSchedule.Stream(5 * ROUNDS, 7, 3, 2));
        assertEq(schedule.cut(ROUNDS, EpochSchedule.Stream(5 * ROUNDS, 7, 3, 2), 6 * ROUNDS + 4), 56);
        _expectClose(5, 30 * 3, 2);
        _expectClose(6, 4 * 3, 2);
        assertTrue(schedule.closedThrough(7));
    }

    function test_CutAtAnEpochsFirstRoundLeavesNothingInIt() external {
        schedule.add(ROUNDS, 5, EpochSchedule.Stream(5 * ROUNDS, 7, 3, 2));
        assertEq(schedule.cut(ROUNDS, EpochSchedule.Stream(5 * ROUNDS, 7, 3, 2), 6 * ROUNDS), 60);
        _expectClose(5, 30 * 3, 2);
        assertTrue(schedule.closedThrough(6));
    }

    /// What ends before it began is paid nothing and counts where it would have begun: that epoch waits to be closed.
    function test_CutBeforeItsFirstRoundLeavesTheUnitsInItsFirstEpoch() external {
        schedule.add(ROUNDS, 5, EpochSchedule.Stream(6 * ROUNDS, 7, 3, 2));
        assertEq(schedule.cut(ROUNDS, EpochSchedule.Stream(6 * ROUNDS, 7, 3, 2), 5 * ROUNDS + 29), 60);
        assertEq(schedule.outstanding(ROUNDS), 0);
        assertFalse(schedule.closedThrough(6));
        _expectClose(6, 0, 2);
        assertTrue(schedule.closedThrough(7));
    }

    function test_CutLeavesWhatIsClosed() external {
        schedule.add(ROUNDS, 5, EpochSchedule.Stream(5 * ROUNDS, 7, 3, 2));
        _expectClose(5, 30 * 3, 2);
        assertEq(schedule.cut(ROUNDS, EpochSchedule.Stream(5 * ROUNDS, 7, 3, 2), 5 * ROUNDS + 4), 60);
        assertTrue(schedule.closedThrough(7));
        assertEq(schedule.cut(ROUNDS, EpochSchedule.Stream(4 * ROUNDS, 4, 3, 2), 5 * ROUNDS + 4), 0);
    }

    /// A stream of the next epoch added first to an idle schedule must not shut this epoch to others.
    function test_AStreamOfTheNextEpochLeavesThisOneOpen() external {
        schedule.add(ROUNDS, 5, EpochSchedule.Stream(6 * ROUNDS, 7, 3, 2));
        schedule.add(ROUNDS, 5, EpochSchedule.Stream(5 * ROUNDS + 29, 5, 10, 1));
        _expectClose(5, 10, 1);
        _expectClose(6, 90, 2);
    }

    /// Ended early and then idle for long: what follows neither waits for the empty epochs nor pays for them one by one.
    function test_PassesOverIdleEpochs() external {
        schedule.add(ROUNDS, 5, EpochSchedule.Stream(5 * ROUNDS, 16, 3, 2));
        schedule.cut(ROUNDS, EpochSchedule.Stream(5 * ROUNDS, 16, 3, 2), 6 * ROUNDS);
        _expectClose(5, 90, 2);
        schedule.add(ROUNDS, 1_000_000, EpochSchedule.Stream(1_000_001 * ROUNDS, 1_000_001, 7, 1));
        assertTrue(schedule.closedThrough(1_000_000));
        uint256 before = gasleft();
        _expectClose(1_000_001, 210, 1);
        assertLt(before - gasleft(), 100_000);
    }

    function test_RevertWhen_AnEpochBeforeWaits() external {
        schedule.add(ROUNDS, 5, EpochSchedule.Stream(5 * ROUNDS, 5, 3, 2));
        schedule.add(ROUNDS, 5, EpochSchedule.Stream(7 * ROUNDS, 7, 3, 2));
        vm.expectRevert(abi.encodeWithSelector(EpochSchedule.EpochSchedule_NotNext.selector, 7, 5));
        this.close(7);
        assertFalse(schedule.closedThrough(5));
        _expectClose(5, 90, 2);
        assertTrue(schedule.closedThrough(6));
        assertFalse(schedule.closedThrough(7));
        _expectClose(7, 90, 2);
    }

    function test_RevertWhen_TheEpochIsClosed() external {
        schedule.add(ROUNDS, 5, EpochSchedule.Stream(5 * ROUNDS, 6, 3, 2));
        _expectClose(5, 90, 2);
        vm.expectRevert(abi.encodeWithSelector(EpochSchedule.EpochSchedule_NotNext.selector, 5, 6));
        this.close(5);
        vm.expectRevert(abi.encodeWithSelector(EpochSchedule.EpochSchedule_Closed.selector, 5, 6));
        this.add(5, 5 * ROUNDS + 29, 6, 3, 2);
    }

    function test_RevertWhen_TheStreamIsNone() external {
        vm.expectRevert(abi.encodeWithSelector(EpochSchedule.EpochSchedule_NoStream.selector, 6 * ROUNDS, 5, 1));
        this.add(5, 6 * ROUNDS, 5, 3, 1);
        vm.expectRevert(abi.encodeWithSelector(EpochSchedule.EpochSchedule_NoStream.selector, 5 * ROUNDS, 5, 0));
        this.add(5, 5 * ROUNDS, 5, 3, 0);
    }

    function test_RevertWhen_ASumDoesNotFit() external {
        uint256 most = uint256(uint104(type(int104).max));
        vm.expectRevert();
        this.add(5, 5 * ROUNDS, 5, most + 1, 1);
        this.add(5, 5 * ROUNDS, 5, most, 1);
        vm.expectRevert();
        this.add(5, 5 * ROUNDS, 5, 1, 1);
        vm.expectRevert();
        this.add(5, 5 * ROUNDS, 5, type(uint256).max, 1);
    }

    function _expectClose(uint256 epoch, uint256 total, uint256 units) private {
        (uint256 total_, uint256 units_) = schedule.close(ROUNDS, epoch);
        assertEq(total_, total);
        assertEq(units_, units);
    }
}
