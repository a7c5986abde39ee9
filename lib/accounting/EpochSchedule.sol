// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title EpochSchedule
/// @notice Sums of many constant payment streams, epoch by epoch, at a cost that does not depend on how many streams there are.
///
/// A stream pays a fee each round and counts some units, from some round to the end of some epoch. For epoch e
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

    struct Stream {
        uint256 from; // its first round
        uint256 last; // epoch with whose end it ends
        uint256 fee; // asset wei a round
        uint256 units;
    }

    struct Cell {
        // slot 0
        int104 delta; // change of the rate, in asset wei a round
        int104 adj; // correction of this epoch's total, in asset wei
        int48 unitDelta; // change of the units
    }

    struct Head {
        // slot 0
        uint104 rate; // of the last epoch closed, in asset wei a round
        uint48 units; // of the last epoch closed
        uint32 next; // first epoch not closed yet
        uint32 horizon; // last epoch with a cell
    }

    struct Schedule {
        Head head;
        mapping(uint256 epoch => Cell) cells;
    }

    error EpochSchedule_Closed(uint256 epoch, uint256 next);
    error EpochSchedule_NotNext(uint256 epoch, uint256 next);
    error EpochSchedule_NoStream(uint256 from, uint256 last, uint256 units);

    /// @notice Adds a stream.
    /// @param current The epoch under way. Streams may start later, but none can be added any more that starts before it.
    /// @dev Requirements: it starts in an epoch not closed and not after its last; its units are not 0.
    function add(Schedule storage s, uint256 rounds, uint256 current, Stream memory stream) internal {
        (uint256 first, uint256 end) = (stream.from / rounds, stream.last + 1);
        if (first >= end || stream.units == 0) revert EpochSchedule_NoStream(stream.from, stream.last, stream.units);
        Head memory head = s.head;
        // Only up to the current epoch: passing those between it and `first` would leave no place for a stream that starts sooner.
        _pass(s, head, rounds, current);
        if (first < head.next) revert EpochSchedule_Closed(first, head.next);
        if (end > head.horizon) head.horizon = end.toUint32();
        s.head = head;
        (int256 fee, int256 units) = _signed(stream);
        unchecked {
            _shift(s.cells[first], fee, -fee * int256(stream.from % rounds), units);
            _shift(s.cells[end], -fee, 0, -units);
        }
    }

    /// @notice Ends at round `from` (its first round without pay) a stream added before. What belongs to epochs already closed stays. The
    /// units still count in the epoch of its last round; those of a stream that ends before it began, in the epoch in which it would have
    /// begun, without pay.
    /// @dev Requirements, the caller's to know: the stream was added like this and was not cut yet.
    /// @return unpaid The rounds taken back.
    function cut(Schedule storage s, uint256 rounds, Stream memory stream, uint256 from) internal returns (uint256 unpaid) {
        uint256 open = uint256(s.head.next) * rounds;
        if (from < stream.from) from = stream.from;
        if (from < open) from = open;
        uint256 end = stream.last + 1;
        if (from >= end * rounds) return 0;
        unpaid = end * rounds - from;
        (int256 fee, int256 units) = _signed(stream);
        (uint256 first, uint256 skipped) = (from / rounds, from % rounds);
        unchecked {
            _shift(s.cells[first], -fee, fee * int256(skipped), 0);
            // Where the stream had a round, or would have had its first, the units stay: they may go one epoch later than the rate.
            _shift(s.cells[skipped == 0 && from != stream.from ? first : first + 1], 0, 0, -units);
            _shift(s.cells[end], fee, 0, units);
        }
    }

    /// @notice Closes `epoch`, which is over: nothing can be added to it or cut from it any more.
    /// @dev Requirements: `epoch` is not closed yet, and no stream is live in those between the last one closed and it.
    /// @return total What the streams pay in it, in asset wei. @return units What was live in it at any time.
    function close(Schedule storage s, uint256 rounds, uint256 epoch) internal returns (uint256 total, uint256 units) {
        Head memory head = s.head;
        _pass(s, head, rounds, epoch);
        if (epoch != head.next) revert EpochSchedule_NotNext(epoch, head.next);
        (total, units) = _closeNext(s, head, rounds);
        s.head = head;
    }

    /// @notice Whether nothing up to and including `epoch` waits to be closed: no stream is live in what is not closed yet.
    function closedThrough(Schedule storage s, uint256 epoch) internal view returns (bool) {
        Head memory head = s.head;
        int256 units = int256(uint256(head.units));
        for (uint256 e = head.next; e <= epoch && e <= head.horizon; ++e) {
            units += s.cells[e].unitDelta;
            if (units != 0) return false;
        }
        return true;
    }

    /// @notice What the streams pay in all epochs not closed yet, in asset wei.
    function outstanding(Schedule storage s, uint256 rounds) internal view returns (uint256 sum) {
        Head memory head = s.head;
        int256 rate = int256(uint256(head.rate));
        for (uint256 e = head.next; e <= head.horizon; ++e) {
            Cell memory cell = s.cells[e];
            rate += cell.delta;
            sum += (int256(rounds) * rate + cell.adj).toUint256();
        }
    }

    /// @dev Passes over the epochs before `epoch` in which no stream is live (H-ESC-3: expiry costs nobody a transaction). The loop ends at
    /// the horizon, which is no further ahead of the epoch in which the last stream was added than the longest stream reaches: `add` has
    /// passed over what was idle before.
    function _pass(Schedule storage s, Head memory head, uint256 rounds, uint256 epoch) private {
        while (head.next < epoch) {
            if (head.next > head.horizon) head.next = epoch.toUint32();
            else if (int256(uint256(head.units)) + s.cells[head.next].unitDelta == 0) _closeNext(s, head, rounds);
            else return;
        }
    }

    function _closeNext(Schedule storage s, Head memory head, uint256 rounds) private returns (uint256 total, uint256 units) {
        Cell memory cell = s.cells[head.next];
        int256 rate = int256(uint256(head.rate)) + cell.delta;
        // No stream ends before it starts, so neither sum nor the total is ever negative: a cast that failed would be a bug above.
        total = (int256(rounds) * rate + cell.adj).toUint256();
        units = (int256(uint256(head.units)) + cell.unitDelta).toUint256();
        delete s.cells[head.next];
        (head.rate, head.units, head.next) = (rate.toUint256().toUint104(), units.toUint48(), head.next + 1);
    }

    function _shift(Cell storage cell, int256 delta, int256 adj, int256 units) private {
        unchecked {
            // Sums of numbers below 2^104 and of what `_signed` bounds, times the rounds of an epoch: far from 2^255. The casts do check.
            (int256 d, int256 a, int256 u) = (cell.delta, cell.adj, cell.unitDelta);
            (cell.delta, cell.adj, cell.unitDelta) = ((d + delta).toInt104(), (a + adj).toInt104(), (u + units).toInt48());
        }
    }

    /// @dev Bounded, so that sums of them can do without checks.
    function _signed(Stream memory stream) private pure returns (int256 fee, int256 units) {
        return (int256(uint256(stream.fee.toUint104())), int256(uint256(stream.units.toUint48())));
    }
}
