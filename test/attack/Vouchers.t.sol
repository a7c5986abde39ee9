// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {stdError} from "forge-std/Test.sol";

import {IRetrieval} from "../../src/interfaces/IRetrieval.sol";
import {HostileWallet} from "../doubles/Wallets.sol";
import {RetrievalTest} from "../Retrieval/RetrievalTest.sol";

/// @notice Mallory pays with the same money twice, takes back what it signed for, or buys itself a name as a great uploader.
///
/// Bound: what thaws stays redeemable, and thaws once; sums stop at their edges; a ratio is bought at the take, 5% of all that goes round
/// (H-RET-3), and no byte is bought twice.
contract VouchersTest is RetrievalTest {
    /// The same money asked back as an earmark and as a deposit thaws twice; a request that is ripe lets out no more than it named.
    function test_NoMoneyThawsTwiceAtOnce() external {
        _deposit(payer.addr, 100);
        _earmark(payer.addr, op, 100);
        vm.startPrank(payer.addr);
        retrieval.requestRelease(op, 100);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_BalanceTooLow.selector, 0, 1));
        retrieval.requestWithdrawal(1);
        vm.warp(block.timestamp + THAW);
        assertEq(retrieval.release(op), 100);
        retrieval.requestWithdrawal(40);
        vm.warp(block.timestamp + THAW);
        retrieval.earmark(op, 80);
        assertEq(retrieval.withdraw(payer.addr), 20, "what the earmark left");
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_NothingThawing.selector, payer.addr, op));
        retrieval.release(op);
        vm.stopPrank();
        _expect(_plain(100, 0), IRetrieval.Outcome.Short, 80);
        _checkLedgers();
    }

    /// All the money there can be, promised and paid: sums stop at their edges, and nothing is paid beyond them.
    function test_SumsAtTheirEdges() external {
        uint96 all = type(uint96).max;
        asset.mint(payer.addr, all);
        _deposit(payer.addr, all - 1);
        _earmark(payer.addr, op, all / 2);
        vm.prank(payer.addr);
        vm.expectRevert(stdError.arithmeticError);
        retrieval.deposit(payer.addr, all);
        _authorise(payer.addr, key.addr, 1 days, all);
        _expect(_byKey(type(uint128).max), IRetrieval.Outcome.Short, all - 1);
        _deposit(payer.addr, 100);
        _expect(_byKey(type(uint128).max), IRetrieval.Outcome.Paid, 1);
        _expect(_plain(type(uint128).max, 0), IRetrieval.Outcome.NothingNew, 0);
        assertEq(retrieval.account(payer.addr).balance, 99);
        assertEq(retrieval.earnings(op).credit + retrieval.takeOwed(), all);
        _checkLedgers();
    }

    /// Bytes that were not paid for in full are bought at the price of the day, and never more of them than were claimed.
    function test_APriceThatFallsBuysNoByteTwice() external {
        _deposit(payer.addr, 100e12);
        uint64 claimed = uint64(10 * CHUNK_BYTES);
        _expect(_plain(5e12, claimed), IRetrieval.Outcome.Paid, 5e12);
        assertEq(retrieval.served(content), 5 * CHUNK_BYTES);
        vm.prank(governor);
        retrieval.setTerms(TAKE_BPS, 1);
        _to(_epoch().addEpochs(1), 0);
        _expect(_plain(5e12 + 1, claimed), IRetrieval.Outcome.Paid, 1);
        assertEq(retrieval.served(content), 6 * CHUNK_BYTES);
        _expect(_plain(50e12, claimed), IRetrieval.Outcome.Paid, 45e12 - 1);
        assertEq(retrieval.served(content), claimed);
    }

    /// H-RET-3: going round in a circle lifts both sides of a ratio alike, and a twentieth is gone each time.
    function test_HRet3_ARatioIsBoughtAtTheTake() external {
        address self = payer.addr;
        uint256 money = 1e18;
        for (uint256 i; i < 5; ++i) {
            vm.prank(self);
            retrieval.payDirect(self, content, uint96(money), type(uint64).max);
            money = retrieval.collect(self);
        }
        (uint256 up, uint256 down) = retrieval.ratio(self);
        assertEq(up, down);
        uint256 lost = 1e18 - money;
        assertEq(retrieval.takeOwed(), lost);
        assertLe(up * REFERENCE_PRICE / CHUNK_BYTES * TAKE_BPS / 10_000, lost);
    }

    /// An account with code (EIP-7702) still signs with its key; its code is not asked.
    function test_AKeyCountsMoreThanTheCodeOfItsAccount() external {
        _deposit(payer.addr, 1000);
        HostileWallet wallet = new HostileWallet(retrieval);
        vm.etch(payer.addr, abi.encodePacked(hex"ef0100", address(wallet)));
        wallet.set(HostileWallet.Way.BurnsGas);
        _expect(_plain(10, 0), IRetrieval.Outcome.Paid, 10);
    }
}
