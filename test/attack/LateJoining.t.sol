// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch} from "../../src/Types.sol";
import {EconomyTest} from "./EconomyTest.sol";

/// @notice Mallory joins every epoch as late as it can: it accepts when three rounds are left after the activation, proves those, and has
/// its share of the epoch's fees and a perfect record.
///
/// Bound: fees and weight are those of the rounds it was live, and reputation rises in proportion to them. It earns less for each round of
/// each chunk than who stays, and its stake is idle for the rest.
contract LateJoiningTest is EconomyTest {
    function test_JoiningLateEarnsLessForEveryRound() external {
        uint256 mallory = _party("Mallory, the last 3 rounds of each", 1, 200);
        uint256 honest = _party("honest, every epoch from its start", 1, 200);
        (uint32 a, uint32 b) = (_publish(MANY_CHUNKS), _publish(MANY_CHUNKS));
        for (uint32 e = 1; e <= EPOCHS; ++e) {
            (uint40 late, uint40 early) = (_openBy(uploader, a, 1, 1), _openBy(uploader, b, 1, 1));
            _take(early, 0, _id(honest));
            _liveUntil(Epoch.wrap(e).first().addRounds(25));
            _take(late, 0, _id(mallory));
            _liveUntil(Epoch.wrap(e + 1).first());
        }
        _liveToTheEnd();
        _report("Late joining");
        // Live from round 27, and from round 2: 3 rounds against 28.
        assertLt(_profit(mallory) * 28, _profit(honest) * 3, "less for every round");
        assertLt(_reputation(_id(mallory)), 0.6e18);
        assertGt(_reputation(_id(honest)), 0.89e18);
    }
}
