// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Lanes} from "../../src/libraries/Lanes.sol";
import {Epoch, MAX_EPOCHS} from "../../src/Types.sol";

/// @notice The ring of totals, against an array with a place for every epoch.
contract LanesTest is Test {
    using Lanes for Lanes.Ring;

    uint256[100] private plain;

    /// Writes in epoch after epoch, with gaps of any length; what is left is what has not ended.
    function testFuzz_MatchesThePlainArray(uint256 seed) external {
        Lanes.Ring memory ring;
        uint32 written = 1;
        uint32 now_ = 1;
        while (now_ < 60) {
            seed = uint256(keccak256(abi.encode(seed)));
            ring.clean(Epoch.wrap(now_), Epoch.wrap(written));
            uint32 last = now_ + uint32(seed % (MAX_EPOCHS + 1));
            uint256 chunks = (seed >> 32) % 2 ** 24;
            ring.add(Epoch.wrap(last), chunks);
            plain[last] += chunks;
            written = now_;
            _check(ring, now_, written);
            now_ += (seed >> 64) % 5 == 0 ? 17 : uint32((seed >> 72) % 3);
            _check(ring, now_, written);
        }
    }

    /// A lane is kept or dropped to its last bit, whatever stands beside it.
    function testFuzz_CleanKeepsWholeLanes(uint32 written, uint256 passed) external pure {
        written = uint32(bound(written, 1, 1000));
        Lanes.Ring memory ring = Lanes.Ring(type(uint256).max, type(uint256).max);
        uint32 from = written + uint32(bound(passed, 1, 20));
        ring.clean(Epoch.wrap(from), Epoch.wrap(written));
        for (uint32 e = from; e < from + 16; ++e) {
            assertEq(ring.get(Epoch.wrap(e)), e <= written + MAX_EPOCHS ? type(uint32).max : 0);
        }
    }

    function _check(Lanes.Ring memory ring, uint32 now_, uint32 written) private view {
        Lanes.Ring memory copy = Lanes.Ring(ring.low, ring.high);
        copy.clean(Epoch.wrap(now_), Epoch.wrap(written));
        uint256 sum;
        for (uint32 e = now_; e < now_ + 16 && e < 100; ++e) {
            assertEq(copy.get(Epoch.wrap(e)), e <= now_ + MAX_EPOCHS ? plain[e] : 0);
            sum += plain[e];
        }
        assertEq(copy.sum(), sum);
    }
}
