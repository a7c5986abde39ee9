// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EconomyTest} from "./EconomyTest.sol";

/// @notice Mallory has lost a fifth of what it holds, and wishes that every round which asks for it were void. It knows a round's seed before
/// it is on chain, like everybody, and does not submit those that it cannot answer.
///
/// Bound: one submitter among all is enough: keepers, and operators who have proofs to give. With one, withholding does nothing. Without any
/// but Mallory, its record is perfect (and everybody's rounds are as void as its own): that somebody submits is what is trusted.
contract SeedWithholdingTest is EconomyTest {
    uint256 private mallory;
    uint256 private honest;
    uint32 private lost;
    bool private isAlone;

    /// @dev Alone, Mallory looks at what a seed would ask before it submits it.
    function _seeds() internal override returns (bool good) {
        if (!isAlone) return true;
        uint256 before = vm.snapshotState();
        _seed();
        good = !_isAsked(_id(mallory), lost);
        vm.revertToStateAndDelete(before);
    }

    function _works(uint32 op) internal view override returns (bool) {
        return op != _id(mallory) || !_isAsked(op, lost);
    }

    function test_OneSubmitterEndsWithholding() external {
        (mallory, honest) = (_party("Mallory, a fifth lost", 1, 200), _party("honest", 1, 200));
        uint40 kept = _openBy(uploader, _publish(ONE_CHUNK * 160), 2, uint8(EPOCHS));
        uint40 other = _openBy(uploader, lost = _publish(ONE_CHUNK * 40), 2, uint8(EPOCHS));
        _take(kept, 0, _id(mallory));
        _take(kept, 1, _id(honest));
        _take(other, 0, _id(mallory));
        _take(other, 1, _id(honest));
        _day();
        _day();
        uint256 snapshot = vm.snapshotState();
        _liveToTheEnd();
        _report("Seed withholding, one other submits");
        int256 beside = _profit(mallory);
        assertLt(_reputation(_id(mallory)), 0.1e18, "two thirds of its rounds are bad");
        assertLt(beside * 10, _profit(honest));

        vm.revertToState(snapshot);
        isAlone = true;
        _liveToTheEnd();
        _report("Seed withholding, nobody else submits");
        assertGt(_reputation(_id(mallory)), 0.5e18);
        assertGt(_profit(mallory), beside);
        assertApproxEqRel(_profit(mallory), _profit(honest), 1e12, "the same rounds are void for everybody");
    }
}
