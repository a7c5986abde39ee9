// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EconomyTest} from "./EconomyTest.sol";

/// @notice Mallory appears as several operators: each takes a replica of the same order, and one disk serves them all.
///
/// Bound: nothing is gained by the number of names. Each stakes for what it accepts, shares go by fees, and a rise of reputation counts in
/// full from 100 chunks only: who splits further earns less. (That one disk can serve many is not prevented, docs/threat-model.md.)
contract SybilSplittingTest is EconomyTest {
    function test_SplittingAStakeEarnsNoMore() external {
        uint256 one = _party("one identity of 200 chunks", 1, 200);
        uint256 two = _party("Mallory, two of 100", 2, 100);
        uint256 four = _party("Mallory, four of 50", 4, 50);
        uint256[3] memory parties = [one, two, four];
        for (uint256 i; i < 3; ++i) {
            uint32[] memory ids = _ids(parties[i]);
            uint32 content = _publish(ONE_CHUNK * 200 / uint40(ids.length));
            uint40 order = _openBy(uploader, content, uint8(ids.length), uint8(EPOCHS));
            for (uint8 k; k < ids.length; ++k) {
                _take(order, k, ids[k]);
            }
        }
        _day();
        _liveToTheEnd();
        _report("Sybil splitting");
        assertApproxEqAbs(_profit(two), _profit(one), 1e9, "two names earn what one earns");
        assertLt(_profit(four), _profit(one), "names below 100 chunks earn less");
    }
}
