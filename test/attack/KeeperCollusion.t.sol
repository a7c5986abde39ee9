// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {console} from "forge-std/console.sol";

import {Epoch} from "../../src/Types.sol";
import {EconomyTest} from "./EconomyTest.sol";

/// @notice Mallory bribes keepers to say that a rival was never there; or is a keeper that samples nothing, and copies.
///
/// Bound: a minority moves no median out of what the honest said (H-ORC-1): the rival's pay is the same to the wei. A majority takes 60% of
/// reliability and so, epoch by epoch, of the standing: reputation does not fall below 0.4 by words alone, and stake and orders are out of
/// reach (H-ORC-2). A copied commitment cannot be revealed (`test_HOrc3_RevertWhen_TheCommitmentIsCopied`). Who repeats the last medians is
/// paid as long as nothing changes, and not for an epoch in which it does.
contract KeeperCollusionTest is EconomyTest {
    uint256 private constant KEEPERS = 9;

    uint256 private victim;
    uint256 private rival;
    uint256 private bribed; // so many keepers
    bool private isCopied; // the last keeper repeats the last medians
    bool private isSlow; // the victim, in fact
    address[KEEPERS] private keepers;
    bytes[KEEPERS] private said; // of the epoch under report

    function _start() private {
        (victim, rival) = (_party("the victim", 1, 200), _party("a rival", 1, 200));
        for (uint256 i; i < KEEPERS; ++i) {
            keepers[i] = makeAddr(string.concat("keeper ", vm.toString(i)));
            _fund(keepers[i]);
            vm.prank(governor);
            oracle.admit(keepers[i]);
            vm.prank(keepers[i]);
            oracle.join();
        }
        _to(Epoch.wrap(2), 0); // they sit from the next epoch on
        uint40 order = _openBy(uploader, _publish(MANY_CHUNKS), 2, uint8(EPOCHS - 1));
        _take(order, 0, _id(victim));
        _take(order, 1, _id(rival));
    }

    /// @dev The committee's rounds of the next epoch: commit, reveal, tally.
    function _morning() internal override {
        Epoch ended = Epoch.wrap(Epoch.unwrap(_epoch()) - 1);
        if (ended < Epoch.wrap(2)) return;
        if (_now().index() == 0) {
            for (uint256 i; i < KEEPERS; ++i) {
                said[i] = _values(i, ended);
                bytes32 link = this.linkOf(keepers[i], ended, said[i]);
                vm.prank(keepers[i]);
                oracle.commit(ended, link, 1);
            }
        } else if (_now().index() == 1) {
            for (uint256 i; i < KEEPERS; ++i) {
                vm.prank(keepers[i]);
                oracle.reveal(ended, said[i], "salt");
            }
        } else if (_now().index() == 2) {
            oracle.tally(ended, 0);
        }
    }

    function linkOf(address keeper, Epoch epoch, bytes calldata values) external view returns (bytes32) {
        return oracle.linkOf(keeper, epoch, 0, values, "salt");
    }

    /// @dev Both operators are perfect, or the victim is slow; a value is stored + 1.
    function _values(uint256 keeper, Epoch epoch) private view returns (bytes memory) {
        if (isCopied && keeper == KEEPERS - 1) {
            Epoch before = Epoch.wrap(Epoch.unwrap(epoch) - 1);
            (, bool present, uint16 up, uint16 right) = oracle.metrics(_id(victim), before);
            if (present) return abi.encodePacked(up + 1, right + 1, uint16(10_001), uint16(10_001));
        }
        uint16 seen = keeper < bribed ? 1 : isSlow ? 7001 : 10_001;
        return abi.encodePacked(seen, seen, uint16(10_001), uint16(10_001));
    }

    function test_AMinorityChangesNothingAMajorityCutsThePay() external {
        _start();
        _day();
        uint256 snapshot = vm.snapshotState();
        int256[3] memory profits;
        uint256[3] memory bribes = [uint256(0), 4, 5];
        for (uint256 i; i < 3; ++i) {
            bribed = bribes[i];
            _liveToTheEnd();
            _report(string.concat(vm.toString(bribed), " of 9 keepers bribed"));
            profits[i] = _profit(victim);
            assertEq(operators.operator(_id(victim)).stake, 200 * uint256(STAKE), "no stake");
            if (i != 2) vm.revertToState(snapshot);
        }
        assertEq(profits[1], profits[0], "four of nine change nothing");
        // With merits m = R q of at least 0.4 x 0.4 against at most 1 and equal fees, the victim's share is m / (m + 1) of both's fees.
        assertGt(profits[2] * 116, profits[0] * 32, "five of nine leave it more than 27% of its pay");
        assertLt(profits[2] * 10, profits[0] * 6);
        assertGt(_reputation(_id(victim)), 0.4e18);
    }

    /// Copying the last medians instead of sampling: right while nothing changes, wrong when it does.
    function test_RepeatingTheLastMediansIsPaidOnlyWhileNothingChanges() external {
        _start();
        isCopied = true;
        uint256 lazy = KEEPERS - 1;
        console.log("pay of a keeper that samples / that repeats, in wei");
        for (uint32 e = 2; e <= 7; ++e) {
            isSlow = e == 4 || e == 5; // as it was reported of epoch e
            _liveUntil(Epoch.wrap(e + 1).first().addRounds(6));
            uint256 honest = oracle.payKeeper(Epoch.wrap(e), 0);
            bool changed = e == 4 || e == 6;
            if (changed) vm.expectRevert();
            uint256 copied = oracle.payKeeper(Epoch.wrap(e), lazy);
            console.log("  epoch %d: %d / %d", e, honest, copied);
            if (!changed) assertEq(copied, honest);
        }
    }
}
