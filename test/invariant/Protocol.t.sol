// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {ProtocolHandler} from "./ProtocolHandler.sol";
import {ProtocolKeepers} from "./ProtocolKeepers.sol";
import {ProtocolPayers} from "./ProtocolPayers.sol";
import {ProtocolRulers} from "./ProtocolRulers.sol";

/// @notice What is true whatever anybody did.
contract ProtocolInvariantTest is Test {
    ProtocolHandler internal handler;
    bytes4[] internal actions;

    function setUp() external {
        handler = new ProtocolHandler();
        handler.setUp();
        _weigh(ProtocolHandler.open.selector, 2);
        _weigh(ProtocolHandler.accept.selector, 7);
        _weigh(ProtocolHandler.pass.selector, 5);
        _weigh(ProtocolHandler.leap.selector, 1);
        _weigh(ProtocolHandler.audit.selector, 3);
        _weigh(ProtocolHandler.rollOrClose.selector, 1);
        _weigh(ProtocolHandler.reportLoss.selector, 1);
        _weigh(ProtocolHandler.eject.selector, 1);
        _weigh(ProtocolHandler.unwind.selector, 1);
        _weigh(ProtocolHandler.release.selector, 1);
        _weigh(ProtocolHandler.cancelOpen.selector, 1);
        _weigh(ProtocolHandler.withdrawDeposit.selector, 1);
        _weigh(ProtocolHandler.settleAndFreeze.selector, 4);
        _weigh(ProtocolHandler.claim.selector, 1);
        _weigh(ProtocolHandler.drawCredit.selector, 1);
        _weigh(ProtocolHandler.topUp.selector, 2);
        _weigh(ProtocolHandler.exit.selector, 1);
        _weigh(ProtocolHandler.treasuryDraws.selector, 1);
        _weigh(ProtocolHandler.donate.selector, 1);
        _weigh(ProtocolKeepers.member.selector, 2);
        _weigh(ProtocolKeepers.tallyAndForfeit.selector, 1);
        _weigh(ProtocolKeepers.payKeepers.selector, 1);
        _weigh(ProtocolPayers.deposit.selector, 4);
        _weigh(ProtocolPayers.redeem.selector, 2);
        _weigh(ProtocolPayers.collect.selector, 1);
        _weigh(ProtocolRulers.publish.selector, 1);
        _weigh(ProtocolRulers.withdrawPublishersBond.selector, 1);
        _weigh(ProtocolRulers.govern.selector, 2);
        _weigh(ProtocolRulers.pauseOrUnpause.selector, 1);
        _weigh(ProtocolRulers.unrulyAsset.selector, 1);
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: actions}));
    }

    /// @dev As many times in so many.
    function _weigh(bytes4 action, uint256 weight) private {
        for (; weight != 0; --weight) {
            actions.push(action);
        }
    }

    /// H-ESC-1, H-STAKE-1: every ledger, the keepers' bonds among them, is the sum of what it is made of, and the balance is that and what was donated.
    function invariant_HEsc1_LedgersAreSums() external {
        handler.checkLedgers();
    }

    /// H-PROOF-1, H-PROOF-3, H-STAKE-1: what is live, dead and reserved is what the slots say, one by one.
    function invariant_HoldingsAreTheSlots() external {
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
        for (uint256 i; i < 2000; ++i) {
            uint256 r = uint256(keccak256(abi.encode(i)));
            (bool ok, bytes memory result) = address(handler).call(abi.encodePacked(actions[r % actions.length], r >> 8));
            assertTrue(ok, string(result));
            if (i % 50 == 0) {
                handler.checkLedgers();
                handler.checkHoldings();
            }
        }
        bytes32[51] memory kinds = [
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
            "withdrawDeposit",
            "settle",
            "freeze",
            "claim",
            "drawCredit",
            "topUp",
            "setCapacity",
            "register",
            "exit",
            "leave",
            "treasuryDraws",
            "join",
            "resign",
            "remove",
            "admit",
            "withdrawBond",
            "commit",
            "reveal",
            "tally",
            "forfeit",
            "payKeeper",
            "deposit",
            "earmark",
            "payerWithdraw",
            "authorise",
            "revoke",
            "payDirect",
            "redeem",
            "sendTake",
            "collect",
            "publish",
            "withdrawPublishersBond",
            "govern",
            "pause",
            "unpause",
            "again",
            "reentered",
            "taxed"
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
