// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BPS} from "../../src/Types.sol";

/// @dev Formulas of contracts, written out again: they are too much for a solver as they stand.
library Formulas {
    /// @dev `Pool.pay`: the part of a share that `before` comes before.
    function part(uint256 net, uint256 sum, uint256 before, uint256 weight) internal pure returns (uint256) {
        return upTo(net, sum, before + weight) - upTo(net, sum, before);
    }

    function upTo(uint256 net, uint256 sum, uint256 weight) internal pure returns (uint256) {
        return net * weight / sum;
    }

    /// @dev `Retrieval._credit`: rounded up.
    function take(uint256 amount, uint256 takeBps) internal pure returns (uint256) {
        return amount * takeBps == 0 ? 0 : (amount * takeBps - 1) / BPS + 1;
    }
}

/// @notice Lemmas: what the formulas of `Pool.pay`, `Pool.freeze` and `Retrieval._credit` come to.
contract SharesProof {
    /// @notice It never reverts, so `upTo` grows, and no part is above the net. Parts are differences of `upTo` at the ends of shares that
    /// adjoin: what stands between cancels, and what is left is `upTo` of all weight.
    function prove_APartIsAtMostNet(uint104 net, uint104 sum, uint104 before, uint104 weight) external pure {
        require(sum != 0 && uint256(before) + weight <= sum);
        assert(Formulas.part(net, sum, before, weight) <= net);
    }

    function prove_AllWeightIsPaidNet(uint104 net, uint104 sum) external pure {
        require(sum != 0);
        assert(Formulas.part(net, sum, 0, sum) == net);
    }

    /// @notice A part is within one wei of its proportion.
    function prove_APartIsProportional(uint104 net, uint104 sum, uint104 before, uint104 weight) external pure {
        require(sum != 0 && uint256(before) + weight <= sum);
        uint256 part = Formulas.part(net, sum, before, weight);
        uint256 proportion = uint256(net) * weight / sum;
        assert(part >= proportion && part <= proportion + 1);
    }

    /// @notice Net, and the pay of keepers that earned it, are at most the fees; the rest is the treasury's.
    function prove_FeesCoverNetAndKeepers(uint104 fees, uint16 oracleBps, uint16 treasuryBps, uint256 seats, uint256 paid) external pure {
        require(uint256(oracleBps) + treasuryBps <= 2000 && seats <= 9 && paid <= seats);
        uint256 net = fees * (BPS - oracleBps - treasuryBps) / BPS;
        uint256 keeperPay = seats == 0 ? 0 : fees * uint256(oracleBps) / BPS / seats;
        assert(net + keeperPay * paid <= fees);
    }

    /// @notice `Retrieval._credit`: the take, rounded up, is never more than the amount.
    function prove_TheTakeIsAtMostTheAmount(uint96 amount, uint16 takeBps) external pure {
        require(takeBps <= BPS);
        assert(Formulas.take(amount, takeBps) <= amount);
    }

    /// @notice H-RET-3: of two pieces the take is no less than of both together.
    function prove_TheTakeIsNoLessInPieces(uint96 one, uint96 two, uint16 takeBps) external pure {
        require(takeBps <= BPS);
        assert(Formulas.take(one, takeBps) + Formulas.take(two, takeBps) >= Formulas.take(uint256(one) + two, takeBps));
    }
}
