// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {IRetrieval} from "../../src/interfaces/IRetrieval.sol";
import {Tokens} from "../../src/libraries/Tokens.sol";
import {Retrieval} from "../../src/Retrieval.sol";
import {FeeToken, PermitToken} from "../utils/Tokens.sol";
import {RetrievalTest} from "./RetrievalTest.sol";

contract DepositsTest is RetrievalTest {
    // ---- deposit ----

    function test_RevertWhen_DepositsArePaused() external {
        vm.prank(guardian);
        retrieval.pause();
        vm.startPrank(payer.addr);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        retrieval.deposit(payer.addr, 1);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        retrieval.depositWithPermit(payer.addr, 1, 0, 0, 0, 0);
        vm.stopPrank();
        vm.prank(guardian);
        retrieval.unpause();
        _deposit(payer.addr, 1);
    }

    function test_RevertWhen_TheReceiverIsZero() external {
        vm.prank(payer.addr);
        vm.expectRevert(IRetrieval.Retrieval_ZeroAddress.selector);
        retrieval.deposit(address(0), 1);
    }

    function test_RevertWhen_LessThanTheAmountArrives() external {
        FeeToken token = new FeeToken();
        deployment.asset = address(token);
        Retrieval r = new Retrieval(deployment, TAKE_BPS, REFERENCE_PRICE);
        token.mint(payer.addr, 100);
        vm.startPrank(payer.addr);
        token.approve(address(r), 100);
        vm.expectRevert(abi.encodeWithSelector(Tokens.Tokens_NotExact.selector, 99, 100));
        r.deposit(payer.addr, 100);
    }

    function test_DepositAddsToTheReceivers() external {
        vm.expectEmit(address(retrieval));
        emit IRetrieval.Deposited(rival.addr, payer.addr, 100);
        vm.prank(payer.addr);
        retrieval.deposit(rival.addr, 100);
        _deposit(rival.addr, 11);
        assertEq(retrieval.account(rival.addr).balance, 111);
        assertEq(retrieval.account(payer.addr).balance, 0);
        _checkLedgers();
    }

    // ---- depositWithPermit ----

    function test_PermitInsteadOfAnApproval() external {
        _noAllowance();
        (uint8 v, bytes32 r, bytes32 s) = _permit(100);
        vm.prank(payer.addr);
        retrieval.depositWithPermit(payer.addr, 100, block.timestamp, v, r, s);
        assertEq(retrieval.account(payer.addr).balance, 100);
        _checkLedgers();
    }

    /// Mallory sees the permit on its way and uses it first: the allowance is there all the same.
    function test_AFrontRunPermitDoesNoHarm() external {
        _noAllowance();
        (uint8 v, bytes32 r, bytes32 s) = _permit(100);
        PermitToken(address(asset)).permit(payer.addr, address(retrieval), 100, block.timestamp, v, r, s);
        vm.prank(payer.addr);
        retrieval.depositWithPermit(payer.addr, 100, block.timestamp, v, r, s);
        assertEq(retrieval.account(payer.addr).balance, 100);
    }

    function test_RevertWhen_ThePermitIsBadAndNothingIsAllowed() external {
        _noAllowance();
        (uint8 v, bytes32 r, bytes32 s) = _permit(99);
        vm.prank(payer.addr);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(retrieval), 0, 100));
        retrieval.depositWithPermit(payer.addr, 100, block.timestamp, v, r, s);
    }

    /// Somebody else's permit gives nothing: the caller's money is what is pulled.
    function test_RevertWhen_ThePermitIsAnothers() external {
        _noAllowance();
        (uint8 v, bytes32 r, bytes32 s) = _permit(100);
        vm.prank(anyone);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(retrieval), 0, 100));
        retrieval.depositWithPermit(anyone, 100, block.timestamp, v, r, s);
    }

    // ---- requestWithdrawal, withdraw ----

    function test_RevertWhen_MoreIsRequestedThanThereIs() external {
        _deposit(payer.addr, 100);
        vm.startPrank(payer.addr);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_BalanceTooLow.selector, 100, 101));
        retrieval.requestWithdrawal(101);
    }

    function test_RevertWhen_NothingWasRequested() external {
        _deposit(payer.addr, 100);
        vm.startPrank(payer.addr);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_NothingThawing.selector, payer.addr, address(0)));
        retrieval.withdraw(payer.addr);
    }

    function test_WithdrawalThawsForTwoRounds() external {
        _deposit(payer.addr, 100);
        uint256 start = block.timestamp + 12_345; // in the middle of a round
        vm.warp(start);
        vm.expectEmit(address(retrieval));
        emit IRetrieval.WithdrawalRequested(payer.addr, 60, start + THAW);
        vm.startPrank(payer.addr);
        retrieval.requestWithdrawal(60);
        assertEq(retrieval.thawOf(payer.addr, address(0)).amount, 60);

        vm.warp(start + THAW - 1);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_Thawing.selector, start + THAW));
        retrieval.withdraw(anyone);
        vm.warp(start + THAW);
        vm.expectRevert(IRetrieval.Retrieval_ZeroAddress.selector);
        retrieval.withdraw(address(0));
        vm.expectEmit(address(retrieval));
        emit IRetrieval.Withdrawn(payer.addr, anyone, 60);
        assertEq(retrieval.withdraw(anyone), 60);
        assertEq(asset.balanceOf(anyone), 60);
        assertEq(retrieval.account(payer.addr).balance, 40);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_NothingThawing.selector, payer.addr, address(0)));
        retrieval.withdraw(anyone);
        _checkLedgers();
    }

    function test_ARequestReplacesTheOneBefore_And0CancelsIt() external {
        _deposit(payer.addr, 100);
        vm.startPrank(payer.addr);
        retrieval.requestWithdrawal(60);
        vm.warp(block.timestamp + THAW - 1);
        retrieval.requestWithdrawal(100);
        vm.warp(block.timestamp + 1);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_Thawing.selector, block.timestamp + THAW - 1));
        retrieval.withdraw(payer.addr);
        retrieval.requestWithdrawal(0);
        vm.warp(block.timestamp + THAW);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_NothingThawing.selector, payer.addr, address(0)));
        retrieval.withdraw(payer.addr);
    }

    /// What thaws is redeemable until it is withdrawn, even after the thaw.
    function test_RedemptionsReachWhatThaws() external {
        _deposit(payer.addr, 100);
        vm.prank(payer.addr);
        retrieval.requestWithdrawal(100);
        vm.warp(block.timestamp + THAW - 1);
        _expect(_plain(30, 0), IRetrieval.Outcome.Paid, 30);
        vm.warp(block.timestamp + 1);
        _expect(_plain(50, 0), IRetrieval.Outcome.Paid, 20);
        vm.prank(payer.addr);
        assertEq(retrieval.withdraw(payer.addr), 50);
        _expect(_plain(51, 0), IRetrieval.Outcome.Short, 0);
        _checkLedgers();
    }

    function test_WithdrawalsAndRedemptionsHaveNoSwitch() external {
        _deposit(payer.addr, 100);
        _earmark(payer.addr, op, 40);
        vm.startPrank(payer.addr);
        retrieval.requestWithdrawal(60);
        retrieval.requestRelease(op, 20);
        vm.stopPrank();
        vm.prank(guardian);
        retrieval.pause();
        _expect(_plain(10, 0), IRetrieval.Outcome.Paid, 10);
        retrieval.collect(op);
        retrieval.sendTake();
        vm.warp(block.timestamp + THAW);
        vm.startPrank(payer.addr);
        assertEq(retrieval.release(op), 20);
        assertEq(retrieval.withdraw(payer.addr), 60);
    }

    // ---- earmark, requestRelease, release ----

    function test_RevertWhen_MoreIsEarmarkedThanThereIs() external {
        _deposit(payer.addr, 100);
        vm.startPrank(payer.addr);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_BalanceTooLow.selector, 100, 101));
        retrieval.earmark(op, 101);
    }

    function test_RevertWhen_TheOperatorIsZero() external {
        _deposit(payer.addr, 100);
        vm.startPrank(payer.addr);
        vm.expectRevert(IRetrieval.Retrieval_ZeroAddress.selector);
        retrieval.earmark(address(0), 1);
        vm.expectRevert(IRetrieval.Retrieval_ZeroAddress.selector);
        retrieval.requestRelease(address(0), 1);
        // Nor is a withdrawal released, which would make its thaw another's.
        retrieval.requestWithdrawal(1);
        vm.warp(block.timestamp + THAW);
        vm.expectRevert(IRetrieval.Retrieval_ZeroAddress.selector);
        retrieval.release(address(0));
    }

    /// A payer's promises to many are bounded for the one it earmarked for: only that operator draws on it, and draws on it first.
    function test_AnEarmarkIsOneOperatorsAlone() external {
        _deposit(payer.addr, 100);
        vm.expectEmit(address(retrieval));
        emit IRetrieval.Earmarked(payer.addr, op, 60);
        _earmark(payer.addr, op, 60);
        assertEq(retrieval.earmarkOf(payer.addr, op), 60);
        assertEq(retrieval.account(payer.addr).balance, 40);
        assertEq(retrieval.account(payer.addr).earmarked, 60);

        _expectFor(other, _signed(payer, _voucher(payer.addr, other, content, 70, 0)), IRetrieval.Outcome.Short, 40);
        _expect(_plain(50, 0), IRetrieval.Outcome.Paid, 50);
        assertEq(retrieval.earmarkOf(payer.addr, op), 10);
        _deposit(payer.addr, 5);
        _expect(_plain(65, 0), IRetrieval.Outcome.Paid, 15);
        assertEq(retrieval.account(payer.addr).balance, 0);
        assertEq(retrieval.account(payer.addr).earmarked, 0);
        _checkLedgers();
    }

    function test_RevertWhen_MoreIsReleasedThanThereIs() external {
        _deposit(payer.addr, 100);
        _earmark(payer.addr, op, 60);
        vm.startPrank(payer.addr);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_BalanceTooLow.selector, 60, 61));
        retrieval.requestRelease(op, 61);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_NothingThawing.selector, payer.addr, op));
        retrieval.release(op);
    }

    function test_AReleaseThawsLikeAWithdrawal() external {
        _deposit(payer.addr, 100);
        _earmark(payer.addr, op, 60);
        vm.expectEmit(address(retrieval));
        emit IRetrieval.ReleaseRequested(payer.addr, op, 50, block.timestamp + THAW);
        vm.prank(payer.addr);
        retrieval.requestRelease(op, 50);
        vm.warp(block.timestamp + THAW - 1);
        vm.prank(payer.addr);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_Thawing.selector, block.timestamp + 1));
        retrieval.release(op);
        _expect(_plain(20, 0), IRetrieval.Outcome.Paid, 20);
        vm.warp(block.timestamp + 1);
        vm.expectEmit(address(retrieval));
        emit IRetrieval.Released(payer.addr, op, 40);
        vm.prank(payer.addr);
        assertEq(retrieval.release(op), 40, "what redemptions left");
        assertEq(retrieval.account(payer.addr).balance, 80);
        assertEq(retrieval.account(payer.addr).earmarked, 0);
        _checkLedgers();
    }

    // ---- Internals ----

    function _noAllowance() private {
        vm.prank(payer.addr);
        asset.approve(address(retrieval), 0);
    }

    function _permit(uint256 amount) private returns (uint8, bytes32, bytes32) {
        bytes32 typehash = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 structHash = keccak256(abi.encode(typehash, payer.addr, address(retrieval), amount, 0, block.timestamp));
        bytes32 domain = PermitToken(address(asset)).DOMAIN_SEPARATOR();
        return vm.sign(payer, keccak256(abi.encodePacked(hex"1901", domain, structHash)));
    }
}
