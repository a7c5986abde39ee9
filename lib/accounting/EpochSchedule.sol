// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title EpochSchedule
/// @notice Sums of many constant payment streams, epoch by epoch, at a cost that does not depend on how many streams there are.
///
/// A stream pays `fee` a round and counts `units`, from some round to the end of some epoch. For epoch e
///     total(e) = rounds * rate(e) + adj(e)      rate(e)  = rate(e - 1)  + delta(e)
///     units(e) = units(e - 1) + unitDelta(e)    (units of every stream live at any time in e)
/// `adj` takes back the rounds of its first epoch in which a stream was not live yet, and gives those of its last epoch in which it
/// still was. Epochs are closed in order; `horizon`, the last epoch with anything written in it, makes idle stretches O(1).
///
/// Rounds are absolute: round r belongs to epoch r / rounds. Every number is bounded by its type; a sum that does not fit reverts.
library EpochSchedule {
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
    error EpochSchedule_Overflow(int256 value);

    /// @notice A stream of `fee` a round and `units`, from round `from` to the end of epoch `last`.
    /// @dev Requirements: `from` is in an epoch not closed and not after `last`.
    function add(Schedule storage s, uint256 rounds, uint256 from, uint256 last, uint256 fee, uint256 units) internal {
        uint256 first = from / rounds;
        // Nothing is scheduled: the epochs before the first one need no closing.
        if (_idle(s) && first > s.next) s.next = uint32(first);
        if (first < s.next) revert EpochSchedule_Closed(first, s.next);
        _shift(s.cells[first], int256(fee), -int256(fee * (from % rounds)), int256(units));
        _shift(s.cells[last + 1], -int256(fee), 0, -int256(units));
        if (last + 1 > s.horizon) s.horizon = uint32(last + 1);
    }

    /// @notice Ends at round `from` (its first round without pay) a stream added before that would have run to the end of epoch `last`.
    /// What belongs to epochs already closed stays; its units still count in the epoch of round `from - 1`.
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
        _shift(s.cells[first], -int256(fee), int256(fee * skipped), skipped == 0 ? -int256(units) : int256(0));
        // Live in part of its last epoch: the units go one epoch later than the rate.
        if (skipped != 0) _shift(s.cells[first + 1], 0, 0, -int256(units));
        _shift(s.cells[last + 1], int256(fee), 0, int256(units));
    }

    /// @notice Closes `epoch`.
    /// @dev Requirements: `epoch` is the next one, or nothing is scheduled between.
    /// @return total What the streams pay in it, in asset wei. @return units What was live in it at any time.
    function close(Schedule storage s, uint256 rounds, uint256 epoch) internal returns (uint256 total, uint256 units) {
        if (epoch != s.next && !(epoch > s.next && _idle(s))) revert EpochSchedule_NotNext(epoch, s.next);
        Cell memory cell = s.cells[epoch];
        int256 rate = int256(uint256(s.rate)) + cell.delta;
        int256 count = int256(uint256(s.units)) + cell.unitDelta;
        // No stream ends before it starts, so both sums and the total are never negative: a cast that failed would be a bug above.
        total = _unsigned(int256(rounds) * rate + cell.adj);
        units = _unsigned(count);
        (s.rate, s.units, s.next) = (uint104(_unsigned(rate)), uint48(units), uint32(epoch + 1));
        delete s.cells[epoch];
    }

    /// @notice Whether nothing up to and including `epoch` waits to be closed.
    function closedThrough(Schedule storage s, uint256 epoch) internal view returns (bool) {
        return s.next > epoch || _idle(s);
    }

    function _idle(Schedule storage s) private view returns (bool) {
        return s.horizon < s.next || s.horizon == 0;
    }

    function _shift(Cell storage cell, int256 delta, int256 adj, int256 units) private {
        Cell memory c = cell;
        (c.delta, c.adj, c.unitDelta) = (_int104(c.delta + delta), _int104(c.adj + adj), _int48(c.unitDelta + units));
        (cell.delta, cell.adj, cell.unitDelta) = (c.delta, c.adj, c.unitDelta);
    }

    function _int104(int256 x) private pure returns (int104 y) {
        y = int104(x);
        if (y != x) revert EpochSchedule_Overflow(x);
    }

    function _int48(int256 x) private pure returns (int48 y) {
        y = int48(x);
        if (y != x) revert EpochSchedule_Overflow(x);
    }

    function _unsigned(int256 x) private pure returns (uint256) {
        if (x < 0) revert EpochSchedule_Overflow(x);
        return uint256(x);
    }
}
