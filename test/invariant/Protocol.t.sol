// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {ProtocolContents} from "./ProtocolContents.sol";
import {ProtocolHandler} from "./ProtocolHandler.sol";
import {ProtocolKeepers} from "./ProtocolKeepers.sol";
import {ProtocolOrders} from "./ProtocolOrders.sol";
import {ProtocolPayers} from "./ProtocolPayers.sol";
import {ProtocolRulers} from "./ProtocolRulers.sol";

/// @notice What is true whatever anybody did.
contract ProtocolInvariantTest is Test {
    uint256 private constant WALKS = 10;
    uint256 private constant STEPS = 512;

    ProtocolHandler internal handler;
    bytes4[] internal actions;

    function setUp() external {
        handler = new ProtocolHandler();
        handler.setUp();
        _weigh(ProtocolOrders.open.selector, 2);
        _weigh(ProtocolOrders.accept.selector, 7);
        _weigh(ProtocolOrders.pass.selector, 5);
        _weigh(ProtocolOrders.leap.selector, 1);
        _weigh(ProtocolOrders.audit.selector, 3);
        _weigh(ProtocolOrders.rollOrClose.selector, 1);
        _weigh(ProtocolOrders.reportLoss.selector, 1);
        _weigh(ProtocolOrders.eject.selector, 1);
        _weigh(ProtocolOrders.unwind.selector, 2);
        _weigh(ProtocolOrders.release.selector, 1);
        _weigh(ProtocolOrders.cancelOpen.selector, 1);
        _weigh(ProtocolOrders.withdrawDeposit.selector, 1);
        _weigh(ProtocolHandler.settleAndFreeze.selector, 4);
        _weigh(ProtocolHandler.claim.selector, 2);
        _weigh(ProtocolOrders.drawCredit.selector, 1);
        _weigh(ProtocolHandler.topUp.selector, 2);
        _weigh(ProtocolHandler.exit.selector, 2);
        _weigh(ProtocolHandler.treasuryDraws.selector, 1);
        _weigh(ProtocolHandler.donate.selector, 1);
        _weigh(ProtocolKeepers.member.selector, 3);
        _weigh(ProtocolKeepers.keepersDues.selector, 2);
        _weigh(ProtocolPayers.deposit.selector, 4);
        _weigh(ProtocolPayers.redeem.selector, 2);
        _weigh(ProtocolPayers.collect.selector, 1);
        _weigh(ProtocolContents.publish.selector, 2);
        _weigh(ProtocolContents.withdrawPublishersBond.selector, 1);
        _weigh(ProtocolContents.moveSeries.selector, 2);
        _weigh(ProtocolContents.attest.selector, 2);
        _weigh(ProtocolContents.blockContent.selector, 1);
        _weigh(ProtocolContents.disprove.selector, 1);
        _weigh(ProtocolRulers.govern.selector, 2);
        _weigh(ProtocolRulers.pauseOrUnpause.selector, 1);
        _weigh(ProtocolRulers.unrulyAsset.selector, 2);
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: actions}));
    }

    /// @dev As many times in so many.
    function _weigh(bytes4 action, uint256 weight) private {
        for (; weight != 0; --weight) {
            actions.push(action);
        }
    }

    /// H-ESC-1, H-STAKE-1: every ledger, the keepers' bonds among them, is the sum of what it is made of. H-PROOF-1, H-PROOF-3, H-STAKE-1: what
    /// is live, dead and reserved is what the slots say, one by one, and a round samples what it did. Contents, series and verdicts are what
    /// was said. After every call every balance is what is accounted for and what was donated; what is called was compared with the model.
    /// forge-config: default.invariant.check_interval = 16
    /// forge-config: deep.invariant.check_interval = 16
    /// forge-config: deep.invariant.runs = 2048
    function invariant_TheBooksAreThePlainModels() external {
        _check();
    }

    /// H-ESC-2, H-EPOCH-1: when every term has run out, every wei that was deposited is a fee paid, a refund or the treasury's.
    function afterInvariant() public {
        handler.runDown();
        handler.checkLedgers();
        assertEq(handler.owed(), 0);
    }

    /// The invariants say something only if everything happens: in some long walks every kind of action goes through, and hardly one in vain.
    function test_EverythingHappens() external {
        vm.pauseGasMetering();
        bytes32[60] memory kinds = [
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
            "unwindBlocked",
            "unwindDisproved",
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
            "createSeries",
            "addVersion",
            "setHead",
            "attest",
            "block",
            "disprove",
            "passed",
            "govern",
            "pause",
            "unpause",
            "again",
            "reentered",
            "taxed"
        ];
        uint256[60] memory done;
        for (uint256 walk; walk < WALKS; ++walk) {
            uint256 start = vm.snapshotState();
            for (uint256 i; i < STEPS; ++i) {
                uint256 r = uint256(keccak256(abi.encode(walk, i)));
                (bool ok, bytes memory result) = address(handler).call(abi.encodePacked(actions[r % actions.length], r >> 8));
                assertTrue(ok, string(result));
                if (i % 50 == 0) _check();
            }
            for (uint256 i; i < kinds.length; ++i) {
                done[i] += handler.done(kinds[i]);
            }
            assertLt(handler.idle() * 10, handler.actions(), "of ten actions nine do something");
            afterInvariant();
            vm.revertToState(start);
        }
        for (uint256 i; i < kinds.length; ++i) {
            emit log_named_uint(string(abi.encodePacked(kinds[i])), done[i]);
        }
        for (uint256 i; i < kinds.length; ++i) {
            assertGt(done[i], 0, string(abi.encodePacked(kinds[i])));
        }
    }

    function _check() private {
        handler.checkLedgers();
        handler.checkHoldings();
        handler.checkContents();
    }
}
