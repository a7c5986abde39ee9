// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {ProtocolHandler} from "./ProtocolHandler.sol";
import {ProtocolKeepers} from "./ProtocolKeepers.sol";

/// @notice What is true whatever anybody did.
contract ProtocolInvariantTest is Test {
    ProtocolHandler internal handler;
    bytes4[] internal actions;

    function setUp() external {
        handler = new ProtocolHandler();
        handler.setUp();
        actions = new bytes4[](32);
        actions[0] = actions[1] = ProtocolHandler.open.selector;
        actions[2] = actions[3] = actions[4] = ProtocolHandler.accept.selector;
        actions[5] = actions[6] = actions[7] = ProtocolHandler.pass.selector;
        actions[8] = ProtocolHandler.leap.selector;
        actions[9] = actions[10] = ProtocolHandler.audit.selector;
        actions[11] = ProtocolHandler.rollOrClose.selector;
        actions[12] = ProtocolHandler.reportLoss.selector;
        actions[13] = ProtocolHandler.eject.selector;
        actions[14] = ProtocolHandler.unwind.selector;
        actions[15] = ProtocolHandler.release.selector;
        actions[16] = ProtocolHandler.cancelOpen.selector;
        actions[17] = ProtocolHandler.withdrawDeposit.selector;
        actions[18] = ProtocolHandler.settleAndFreeze.selector;
        actions[19] = ProtocolHandler.claim.selector;
        actions[20] = ProtocolHandler.drawCredit.selector;
        actions[21] = ProtocolHandler.topUp.selector;
        actions[22] = ProtocolHandler.govern.selector;
        actions[23] = ProtocolHandler.donate.selector;
        actions[24] = ProtocolHandler.exit.selector;
        actions[25] = actions[26] = ProtocolKeepers.member.selector;
        actions[27] = ProtocolHandler.pass.selector;
        actions[30] = actions[31] = ProtocolHandler.settleAndFreeze.selector;
        actions[28] = ProtocolKeepers.tallyAndForfeit.selector;
        actions[29] = ProtocolKeepers.payKeepers.selector;
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: actions}));
    }

    /// H-ESC-1, H-STAKE-1: every ledger, the keepers' bonds among them, is the sum of what it is made of, and the balance is that and what was donated.
    function invariant_HEsc1_LedgersAreSums() external {
        handler.checkLedgers();
    }

    /// H-PROOF-3, H-STAKE-1: what is live, dead and reserved is what the slots say, one by one.
    function invariant_HoldingsAreTheSlots() external view {
        handler.checkHoldings();
    }

    /// H-ESC-2, H-EPOCH-1: when every term has run out, every wei that was deposited is a fee paid, a refund or the treasury's.
    function afterInvariant() external {
        handler.runDown();
        handler.checkLedgers();
        assertEq(handler.owed(), 0);
    }

    /// The invariants say something only if everything happens: a long walk, in which every kind of action goes through.
    function test_EverythingHappens() external {
        vm.pauseGasMetering();
        for (uint256 i; i < 900; ++i) {
            uint256 r = uint256(keccak256(abi.encode(i)));
            (bool ok,) = address(handler).call(abi.encodePacked(actions[r % actions.length], r >> 8));
            assertTrue(ok);
            if (i % 50 == 0) {
                handler.checkLedgers();
                handler.checkHoldings();
            }
        }
        bytes32[29] memory kinds = [
            bytes32("open"),
            "accept",
            "activate",
            "prove",
            "audit",
            "answer",
            "roll",
            "close",
            "reportLoss",
            "eject",
            "unwind",
            "release",
            "cancelOpen",
            "settle",
            "freeze",
            "claim",
            "drawCredit",
            "exit",
            "join",
            "resign",
            "remove",
            "admit",
            "topUpBond",
            "withdrawBond",
            "commit",
            "reveal",
            "tally",
            "forfeit",
            "payKeeper"
        ];
        for (uint256 i; i < kinds.length; ++i) {
            emit log_named_uint(string(abi.encodePacked(kinds[i])), handler.done(kinds[i]));
        }
        for (uint256 i; i < kinds.length; ++i) {
            assertGt(handler.done(kinds[i]), 0, string(abi.encodePacked(kinds[i])));
        }
        handler.runDown();
        handler.checkLedgers();
        assertEq(handler.owed(), 0);
    }
}
