// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch, Round, ROUNDS} from "../../src/Types.sol";

/// @notice Rounds and epochs divide time without gap or overlap.
contract RoundsProof {
    function prove_ARoundIsWithinItsEpoch(Round r) external pure {
        require(Round.unwrap(r) < type(uint32).max - ROUNDS);
        assert(r.epochOf().first() <= r && r <= r.epochOf().last());
        assert(r.index() < ROUNDS);
        assert(r.epochOf().first().addRounds(uint32(r.index())) == r);
    }

    function prove_AnEpochIsThatOfItsRounds(Epoch e) external pure {
        require(Epoch.unwrap(e) < type(uint32).max / ROUNDS - 1);
        assert(e.first().epochOf() == e);
        assert(e.last().epochOf() == e);
    }

    function prove_EpochsAdjoin(Epoch e) external pure {
        require(Epoch.unwrap(e) < type(uint32).max / ROUNDS - 1);
        assert(e.last().addRounds(1) == e.addEpochs(1).first());
    }
}
