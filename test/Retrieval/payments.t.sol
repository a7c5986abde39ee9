// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {IRetrieval} from "../../src/interfaces/IRetrieval.sol";
import {Epoch} from "../../src/Types.sol";
import {RetrievalTest} from "./RetrievalTest.sol";

contract PaymentsTest is RetrievalTest {
    // ---- payDirect ----

    function test_RevertWhen_TheOperatorIsZero() external {
        vm.prank(payer.addr);
        vm.expectRevert(IRetrieval.Retrieval_ZeroAddress.selector);
        retrieval.payDirect(address(0), content, 1, 0);
    }

    function test_RevertWhen_TheContentIsUnknown() external {
        vm.startPrank(payer.addr);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_UnknownContent.selector, 0));
        retrieval.payDirect(op, 0, 1, 0);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_UnknownContent.selector, 99));
        retrieval.payDirect(op, 99, 1, 0);
    }

    function test_PayDirectPaysAtOnce() external {
        uint256 before = asset.balanceOf(payer.addr);
        vm.expectEmit(address(retrieval));
        emit IRetrieval.PaidDirect(payer.addr, op, content, 3e12 + 7, 3 * CHUNK_BYTES);
        vm.expectEmit(address(retrieval));
        emit IRetrieval.Credited(op, 3e12 + 7, 0.15e12 + 1);
        vm.prank(payer.addr);
        retrieval.payDirect(op, content, 3e12 + 7, uint64(3 * CHUNK_BYTES));
        assertEq(before - asset.balanceOf(payer.addr), 3e12 + 7);
        assertEq(retrieval.earnings(op).credit, 2.85e12 + 6);
        (uint256 up,) = retrieval.ratio(op);
        (, uint256 down) = retrieval.ratio(payer.addr);
        assertEq(up, 3 * CHUNK_BYTES);
        assertEq(down, up);
        assertEq(retrieval.served(content), up);

        vm.prank(payer.addr);
        retrieval.payDirect(op, content, 1e12, type(uint64).max);
        assertEq(retrieval.served(content), 4 * CHUNK_BYTES, "no more than what is paid for");
        assertEq(retrieval.channel(payer.addr, op, content).paid, 0);
        _checkLedgers();
    }

    // ---- collect, sendTake ----

    function test_RevertWhen_NothingIsOwed() external {
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_NothingOwed.selector, op));
        retrieval.collect(op);
    }

    function test_CollectAndSendTake() external {
        _deposit(payer.addr, 1000);
        _expect(_plain(1000, 0), IRetrieval.Outcome.Paid, 1000);
        vm.startPrank(anyone);
        vm.expectEmit(address(retrieval));
        emit IRetrieval.Collected(op, 950);
        assertEq(retrieval.collect(op), 950);
        assertEq(asset.balanceOf(op), 950);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_NothingOwed.selector, op));
        retrieval.collect(op);

        vm.expectEmit(address(retrieval));
        emit IRetrieval.TakeSent(50);
        assertEq(retrieval.sendTake(), 50);
        assertEq(pool.treasuryBalance(), 50);
        assertEq(retrieval.sendTake(), 0);
        assertEq(retrieval.accounted(), 0);
        pool.withdrawTreasury();
        assertEq(asset.balanceOf(treasury), 50);
        _checkLedgers();
    }

    // ---- setTerms, pause ----

    function test_RevertWhen_TheCallerHasNoRole() external {
        bytes memory err = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, anyone);
        vm.startPrank(anyone);
        vm.expectRevert(err);
        retrieval.setTerms(1, 1);
        vm.expectRevert(err);
        retrieval.pause();
        vm.expectRevert(err);
        retrieval.unpause();
        vm.startPrank(guardian);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, guardian));
        retrieval.setTerms(1, 1);
    }

    function test_RevertWhen_TermsAreOutOfBounds() external {
        uint16[3] memory takes = [uint16(1001), 500, 500];
        uint96[3] memory prices = [uint96(1e12), 0, 1e18 + 1];
        vm.startPrank(governor);
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_TermsOutOfBounds.selector, takes[i], prices[i]));
            retrieval.setTerms(takes[i], prices[i]);
        }
        retrieval.setTerms(0, 1);
        retrieval.setTerms(1000, 1e18);
    }

    function test_TermsReachTheNextEpoch() external {
        vm.prank(governor);
        vm.expectEmit(address(retrieval));
        emit IRetrieval.TermsSet(Epoch.wrap(2), 0, 2e12);
        retrieval.setTerms(0, 2e12);
        (uint16 takeBps, uint96 price) = retrieval.termsOf(Epoch.wrap(1));
        assertEq(takeBps, TAKE_BPS);
        assertEq(price, REFERENCE_PRICE);
        (takeBps, price) = retrieval.termsOf(Epoch.wrap(2));
        assertEq(takeBps, 0);
        assertEq(price, 2e12);
        vm.startPrank(payer.addr);
        retrieval.payDirect(op, content, 2e12, type(uint64).max);
        assertEq(retrieval.served(content), 2 * CHUNK_BYTES);
        assertEq(retrieval.takeOwed(), 0.1e12);
        _to(Epoch.wrap(2), 0);
        retrieval.payDirect(op, content, 2e12, type(uint64).max);
        assertEq(retrieval.served(content), 3 * CHUNK_BYTES);
        assertEq(retrieval.takeOwed(), 0.1e12);
    }
}
