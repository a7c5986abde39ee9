// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice One copy of a content at a time, as the Market asks for it.
contract ClaimTest is BaseTest {
    uint256 private constant CONTENTS = 20;

    uint32 private op;

    function setUp() public override {
        super.setUp();
        op = _register(1000);
        for (uint256 i; i < CONTENTS; ++i) {
            _publish(ONE_BLOCK);
        }
    }

    function test_RevertWhen_TheCallerIsAnother() external {
        Epoch e = _epoch();
        bytes memory err = abi.encodeWithSelector(IHoldings.Holdings_Unauthorized.selector, anyone);
        vm.startPrank(anyone);
        vm.expectRevert(err);
        holdings.claimContent(op, 1, 1, e, e);
        vm.expectRevert(err);
        holdings.unclaimContent(op, 1, e, e);
        vm.expectRevert(err);
        holdings.add(op, 1, 1, 0, Round.wrap(31), e);
        vm.expectRevert(err);
        holdings.end(op, e, 0, e, 1);
        vm.expectRevert(err);
        holdings.unwind(op, e, 0);
        vm.expectRevert(err);
        holdings.noteAudit(op, e, 0, e, true);
        vm.expectRevert(err);
        holdings.eject(op);
    }

    /// What is held of one content says nothing of any other, and is over after its last epoch.
    function test_HoldsEachContentThroughItsOwnEpoch() external {
        vm.startPrank(address(market));
        for (uint32 id = 1; id <= CONTENTS; ++id) {
            holdings.claimContent(op, id, 1, Epoch.wrap(1), Epoch.wrap(id));
        }
        for (uint32 id = 1; id <= CONTENTS; ++id) {
            vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_ContentHeld.selector, op, id, id));
            holdings.claimContent(op, id, 1, Epoch.wrap(id), Epoch.wrap(id));
            holdings.claimContent(op + 1, id, 1, Epoch.wrap(id), Epoch.wrap(id));
            holdings.claimContent(op, id, 1, Epoch.wrap(id + 1), Epoch.wrap(id + 2));
        }
    }

    /// What is given back is held no longer than before it was taken, unless it has been taken for longer meanwhile.
    function test_GivesBackWhatWasTakenLast() external {
        vm.startPrank(address(market));
        holdings.claimContent(op, 9, 1, Epoch.wrap(1), Epoch.wrap(3));
        holdings.claimContent(op, 9, 1, Epoch.wrap(4), Epoch.wrap(6));
        holdings.unclaimContent(op, 9, Epoch.wrap(1), Epoch.wrap(3));
        _expectHeld(9, 6);
        holdings.unclaimContent(op, 9, Epoch.wrap(4), Epoch.wrap(6));
        _expectHeld(9, 3);
        holdings.unclaimContent(op, 9, Epoch.wrap(1), Epoch.wrap(3));
        holdings.claimContent(op, 9, 1, Epoch.wrap(1), Epoch.wrap(1));
    }

    /// As many chunks may be lost in an epoch as live, with those to come.
    function test_RevertWhen_MoreIsLostThanLives() external {
        uint40 lost = _hold(op, _publish(ONE_CHUNK * 5), 1);
        _hold(op, _publish(ONE_CHUNK * 3), 1);
        _reportLoss(lost, 0); // a half-chunk for each
        vm.startPrank(address(market));
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_TooMuchLost.selector, op, 5, 4));
        holdings.claimContent(op, 1, 1, Epoch.wrap(1), Epoch.wrap(1));
        holdings.claimContent(op, 1, 2, Epoch.wrap(1), Epoch.wrap(1));
        _to(Epoch.wrap(2), 0);
        holdings.claimContent(op, 2, 1, Epoch.wrap(2), Epoch.wrap(2));
    }

    function _expectHeld(uint32 contentId, uint32 through) private {
        vm.expectRevert(abi.encodeWithSelector(IHoldings.Holdings_ContentHeld.selector, op, contentId, through));
        holdings.claimContent(op, contentId, 1, Epoch.wrap(through), Epoch.wrap(through));
    }
}
