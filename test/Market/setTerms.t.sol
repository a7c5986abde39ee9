// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarket} from "../../src/interfaces/IMarket.sol";
import {BaseTest} from "../Base.t.sol";

contract SetTermsTest is BaseTest {
    function test_RevertWhen_OutOfBounds() external {
        _expect(0, 0);
        _expect(1e18 + 1, 0);
        _expect(1, 10_001);
        vm.startPrank(governor);
        market.setTerms(1, 10_000);
        market.setTerms(1e18, 0);
    }

    /// No change reaches an open order; `open.t.sol` shows what the old one keeps.
    function test_ReachesTheNextOrder() external {
        uint32 content = _publish(ONE_CHUNK);
        uint40 before = _open(content, 1, 1);
        vm.expectEmit(address(market));
        emit IMarket.TermsSet(7, 4321);
        vm.prank(governor);
        market.setTerms(7, 4321);
        IMarket.Order memory o = market.order(_open(content, 1, 1));
        assertEq(o.feePerChunkRound, 7);
        assertEq(o.slashBps, 4321);
        assertEq(o.balance, 7 * 29);
        assertEq(market.order(before).balance, uint256(FEE) * 29);
    }

    function _expect(uint64 fee, uint16 slashBps) private {
        vm.expectRevert(abi.encodeWithSelector(IMarket.Market_TermsOutOfBounds.selector, fee, slashBps));
        vm.prank(governor);
        market.setTerms(fee, slashBps);
    }
}
