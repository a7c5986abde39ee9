// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch} from "../../src/Types.sol";
import {RetrievalTest} from "./RetrievalTest.sol";

contract RewardsTest is RetrievalTest {
    /// H-RET-3: Mallory pays itself a fortune for bytes nobody downloaded. Beside an operator that did the same work its standing and its
    /// share of the epoch are the same to the wei, and what it paid has become less by the take.
    function test_HRet3_PayingOneselfBuysNothingAndCostsTheTake() external {
        (uint32 mallory, uint32 honest) = (_register(1000), _register(1000));
        uint40 order = _open(_publish(MANY_CHUNKS), 2, 1);
        _accept(order, 0, mallory);
        _accept(order, 1, honest);
        _nextSeeded();
        _activate(order, 0);
        _activate(order, 1);
        address self = _owner(mallory);
        _fund(self);
        uint256 before = asset.balanceOf(self);
        vm.prank(self);
        retrieval.payDirect(self, content, 1e24, type(uint64).max);
        assertEq(retrieval.collect(self), 0.95e24);
        assertEq(before - asset.balanceOf(self), 0.05e24);
        _next();
        while (_epoch() == Epoch.wrap(1)) {
            _seed();
            _prove(mallory);
            _prove(honest);
            _next();
        }
        _settle(mallory, Epoch.wrap(1));
        _settle(honest, Epoch.wrap(1));
        (uint256 r1, uint256 q1) = operators.standing(mallory);
        (uint256 r2, uint256 q2) = operators.standing(honest);
        assertEq(r1, r2);
        assertEq(q1, q2);
        _freeze(Epoch.wrap(1));
        uint256 paid = operators.claim(mallory, Epoch.wrap(1));
        assertGt(paid, 0);
        assertApproxEqAbs(paid, operators.claim(honest, Epoch.wrap(1)), 1); // shares telescope: one may have the wei
    }
}
