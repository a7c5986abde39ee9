// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Lanes} from "../../src/libraries/Lanes.sol";
import {Epoch} from "../../src/Types.sol";

/// @notice Sixteen lanes in two words are sixteen numbers.
contract LanesProof {
    function prove_ATotalIsBelow32Bits(uint256 low, uint256 high, uint32 e) external pure {
        assert(Lanes.get(Lanes.Ring(low, high), Epoch.wrap(e)) < 1 << 32);
    }

    function prove_AddingIsToItsEpoch(uint256 low, uint256 high, uint32 e, uint256 chunks) external pure {
        Lanes.Ring memory ring = Lanes.Ring(low, high);
        uint256 before = Lanes.get(ring, Epoch.wrap(e));
        require(chunks < 1 << 32 && before + chunks < 1 << 32);
        Lanes.add(ring, Epoch.wrap(e), chunks);
        assert(Lanes.get(ring, Epoch.wrap(e)) == before + chunks);
    }

    function prove_SumOfTwo(uint32 a, uint32 b) external pure {
        assert(Lanes.sum(Lanes.Ring(uint256(a) | uint256(b) << 32, 0)) == uint256(a) + b);
    }
}
