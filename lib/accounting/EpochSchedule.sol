// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title EpochSchedule
/// @notice Sums of many constant payment streams, epoch by epoch, at a cost that does not depend on how many streams there are.
///
/// A stream pays `fee` a round and counts `units`, from some round to the end of some epoch. For epoch e
///     total(e) = rounds * rate(e) + adj(e)      rate(e)  = rate(e - 1)  + delta(e)
///     units(e) = units(e - 1) + unitDelta(e)    (units of every stream live at any time in e)
/// `adj` takes back the rounds of its first epoch in which a stream was not live yet, and gives those of its last epoch in which it
/// still was. Epochs are closed in order; those in which no stream is live need no closing and are passed over, beyond `horizon`, the
/// last epoch with anything written in it, all at once.
///
/// Rounds are absolute: round r belongs to epoch r / rounds. Every number is bounded by its type; a sum that does not fit reverts.
library EpochSchedule {
    using SafeCast for int256;
    using SafeCast for uint256;

    struct Cell {
        // slot 0
        int104 delta; // change of the rate, in asset wei a round
        int104 adj; // correction of this epoch's total, in asset wei
        int48 unitDelta; // change of the units
    }

    struct Schedule {
        // slot 0
        uint104 rate; // of the last epoch closed, in asset wei a round
        uint48 units; // of the last epoch closed
        uint32 next; // first epoch not closed yet
        uint32 horizon; // last epoch with a cell
        mapping(uint256 epoch => Cell) cells;
    }

    error EpochSchedule_Closed(uint256 epoch, uint256 next);
    error EpochSchedule_NotNext(uint256 epoch, uint256 next);
    error EpochSchedule_NoStream(uint256 from, uint256 last, uint256 units);

    /// @notice A stream of `fee` a round and `units`, from round `from` to the end of epoch `last`.
    /// @param current The epoch under way. Streams may start later, but none can be added any more that starts before it.
    /// @dev Requirements: `from` is in an epoch not closed and not after `last`; `units` is not 0.
    function add(Schedule storage s, uint256 rounds, uint256 current, uint256 from, uint256 last, uint256 fee, uint256 units) internal {
        uint256 first = from / rounds;
        if (first > last || units == 0) revert EpochSchedule_NoStream(from, last, units);
        // Only up to the current epoch: passing those between it and `first` would leave no place for a stream that starts sooner.
        _pass(s, rounds, current);
        if (first < s.next) revert EpochSchedule_Closed(first, s.next);
        (int256 f, int256 u) = (fee.toInt256(), units.toInt256());
        _shift(s.cells[first], f, -f * int256(from % rounds), u);
        _shift(s.cells[last + 1], -f, 0, -u);
        if (last + 1 > s.horizon) s.horizon = (last + 1).toUint32();
    }

    /// @notice Ends at round `from` (its first round without pay) a stream added before that would have run to the end of epoch `last`.
    /// What belongs to epochs already closed stays; its units still count in the epoch of round `from - 1`, and in that of `from` if this
    /// is not its first round.
    /// @dev Requirements, the caller's to know: the stream was added with this `last`, fee and units, starts at or before `from`, and was
    /// not cut yet.
    /// @return unpaid The rounds taken back.
    function cut(Schedule storage s, uint256 rounds, uint256 from, uint256 last, uint256 fee, uint256 units)
        internal
        returns (uint256 unpaid)
    {
        uint256 open = uint256(s.next) * rounds;
        if (from < open) from = open;
        uint256 end = (last + 1) * rounds;
        if (from >= end) return 0;
        unpaid = end - from;
        uint256 first = from / rounds;
        uint256 skipped = from % rounds;
        (int256 f, int256 u) = (fee.toInt256(), units.toInt256());
        _shift(s.cells[first], -f, f * int256(skipped), skipped == 0 ? -u : int256(0));
        // Live in part of its last epoch: the units go one epoch later than the rate.
        if (skipped != 0) _shift(s.cells[first + 1], 0, 0, -u);
        _shift(s.cells[last + 1], f, 0, u);
    }

    /// @notice Closes `epoch`, which is over: nothing can be added to it or cut from it any more.
    /// @dev Requirements: `epoch` is not closed yet, and no stream is live in those between the last one closed and it.
    /// @return total What the streams pay in it, in asset wei. @return units What was live in it at any time.
    function close(Schedule storage s, uint256 rounds, uint256 epoch) internal returns (uint256 total, uint256 units) {
        _pass(s, rounds, epoch);
        if (epoch != s.next) revert EpochSchedule_NotNext(epoch, s.next);
        return _closeNext(s, rounds);
    }

    /// @notice Whether nothing up to and including `epoch` waits to be closed: no stream is live in what is not closed yet.
    function closedThrough(Schedule storage s, uint256 epoch) internal view returns (bool) {
        int256 units = int256(uint256(s.units));
        uint256 horizon = s.horizon;
        for (uint256 e = s.next; e <= epoch && e <= horizon; ++e) {
            units += s.cells[e].unitDelta;
            if (units != 0) return false;
        }
        return true;
    }

    /// @dev Passes over the epochs before `epoch` in which no stream is live. The loop ends at the horizon, which is no further ahead of the
    /// epoch in which the last stream was added than the longest stream reaches: `add` has passed over what was idle before.
    function _pass(Schedule storage s, uint256 rounds, uint256 epoch) private {
        while (s.next < epoch) {
            if (s.next > s.horizon) s.next = epoch.toUint32();
            else if (int256(uint256(s.units)) + s.cells[s.next].unitDelta == 0) _closeNext(s, rounds);
            else return;
        }
    }

    function _closeNext(Schedule storage s, uint256 rounds) private returns (uint256 total, uint256 units) {
        uint256 epoch = s.next;
        Cell memory cell = s.cells[epoch];
        int256 rate = int256(uint256(s.rate)) + cell.delta;
        // No stream ends before it starts, so neither sum nor the total is ever negative: a cast that failed would be a bug above.
        total = (int256(rounds) * rate + cell.adj).toUint256();
        units = (int256(uint256(s.units)) + cell.unitDelta).toUint256();
        (s.rate, s.units, s.next) = (rate.toUint256().toUint104(), units.toUint48(), (epoch + 1).toUint32());
        delete s.cells[epoch];
    }

    function _shift(Cell storage cell, int256 delta, int256 adj, int256 units) private {
        Cell memory c = cell;
        (cell.delta, cell.adj, cell.unitDelta) = ((c.delta + delta).toInt104(), (c.adj + adj).toInt104(), (c.unitDelta + units).toInt48());
    }
}
