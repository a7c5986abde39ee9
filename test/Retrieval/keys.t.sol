// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRetrieval} from "../../src/interfaces/IRetrieval.sol";
import {OwnedWallet} from "../doubles/Wallets.sol";
import {RetrievalTest} from "./RetrievalTest.sol";

contract KeysTest is RetrievalTest {
    function setUp() public override {
        super.setUp();
        _deposit(payer.addr, 1000);
    }

    // ---- authorise ----

    function test_RevertWhen_TheKeyIsZero() external {
        vm.expectRevert(IRetrieval.Retrieval_ZeroAddress.selector);
        retrieval.authorise(address(0), type(uint64).max, 1);
    }

    function test_RevertWhen_TheExpiryIsNotToCome() external {
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_KeyExpiryPast.selector, block.timestamp));
        retrieval.authorise(key.addr, uint64(block.timestamp), 1);
    }

    function test_RevertWhen_ALiveKeyIsNarrowed() external {
        _authorise(payer.addr, key.addr, 1 days, 100);
        uint64 expiry = uint64(block.timestamp + 1 days);
        vm.startPrank(payer.addr);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_KeyNarrowed.selector, key.addr, expiry, 100));
        retrieval.authorise(key.addr, expiry - 1, 100);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_KeyNarrowed.selector, key.addr, expiry, 100));
        retrieval.authorise(key.addr, expiry, 99);
    }

    function test_WideningKeepsWhatWasSpent() external {
        _authorise(payer.addr, key.addr, 1 days, 100);
        _expect(_byKey(70), IRetrieval.Outcome.Paid, 70);
        _authorise(payer.addr, key.addr, 2 days, 110);
        IRetrieval.SessionKey memory k = retrieval.sessionKey(payer.addr, key.addr);
        assertEq(k.spent, 70);
        _expect(_byKey(200), IRetrieval.Outcome.Short, 40);
    }

    function test_AfterItsExpiryAKeyStartsAnew() external {
        _authorise(payer.addr, key.addr, 1 days, 100);
        _expect(_byKey(70), IRetrieval.Outcome.Paid, 70);
        vm.warp(block.timestamp + 1 days);
        _authorise(payer.addr, key.addr, 1 days, 50);
        assertEq(retrieval.sessionKey(payer.addr, key.addr).spent, 0);
        _expect(_byKey(120), IRetrieval.Outcome.Paid, 50);
    }

    /// A voucher to one payer's account is not one to another's, though both authorised the same key.
    function test_AKeySignsForItsPayerAlone() external {
        _deposit(rival.addr, 1000);
        _expect(_byKey(10), IRetrieval.Outcome.BadSignature, 0);
        vm.expectEmit(address(retrieval));
        emit IRetrieval.KeySet(payer.addr, key.addr, block.timestamp + 1 days, 100);
        _authorise(payer.addr, key.addr, 1 days, 100);
        IRetrieval.SignedVoucher memory v = _byKey(10);
        v.payer = rival.addr;
        _expect(v, IRetrieval.Outcome.BadSignature, 0);
        _authorise(rival.addr, key.addr, 1 days, 100);
        _expect(v, IRetrieval.Outcome.BadSignature, 0);
        v.payer = payer.addr;
        _expect(v, IRetrieval.Outcome.Paid, 10);
    }

    // ---- revoke ----

    function test_RevertWhen_TheKeyIsUnknownOrExpired() external {
        vm.startPrank(payer.addr);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_KeyNotLive.selector, payer.addr, key.addr));
        retrieval.revoke(key.addr);
        retrieval.authorise(key.addr, uint64(block.timestamp + 1), 1);
        vm.warp(block.timestamp + 1);
        vm.expectRevert(abi.encodeWithSelector(IRetrieval.Retrieval_KeyNotLive.selector, payer.addr, key.addr));
        retrieval.revoke(key.addr);
    }

    /// Nobody who accepted a voucher is left with nothing at once: there are two rounds to redeem it.
    function test_RevokingTakesEffectAfterTheThaw() external {
        _authorise(payer.addr, key.addr, 365 days, 1000);
        uint256 end = block.timestamp + THAW;
        vm.expectEmit(address(retrieval));
        emit IRetrieval.KeySet(payer.addr, key.addr, end, 1000);
        vm.prank(payer.addr);
        retrieval.revoke(key.addr);
        vm.warp(end - 1);
        _expect(_byKey(10), IRetrieval.Outcome.Paid, 10);
        // Revoking once more neither hastens nor delays it.
        vm.prank(payer.addr);
        retrieval.revoke(key.addr);
        vm.warp(end);
        _expect(_byKey(20), IRetrieval.Outcome.KeyExpired, 0);
    }

    /// What a contract says of a signature holds, though its signer was once a session key of it.
    function test_AskTheWalletWhen_ItsOwnersKeyHasExpired() external {
        address wallet = address(new OwnedWallet(key.addr));
        vm.prank(payer.addr);
        retrieval.deposit(wallet, 1000);
        _authorise(wallet, key.addr, THAW, 0);
        vm.warp(block.timestamp + THAW);
        IRetrieval.Voucher memory v = _voucher(wallet, op, content, 500, 0);
        _expect(_signed(key, v), IRetrieval.Outcome.Paid, 500);
    }

    function test_RevokingDelaysNoExpiry() external {
        _authorise(payer.addr, key.addr, THAW - 1, 1000);
        vm.prank(payer.addr);
        retrieval.revoke(key.addr);
        assertEq(retrieval.sessionKey(payer.addr, key.addr).expiry, block.timestamp + THAW - 1);
    }

    // ---- redeem ----

    function test_SkipsWhen_TheKeyHasExpired() external {
        _authorise(payer.addr, key.addr, 1 days, 100);
        IRetrieval.SignedVoucher memory v = _byKey(10);
        vm.warp(block.timestamp + 1 days);
        _expect(v, IRetrieval.Outcome.KeyExpired, 0);
    }

    /// The ceiling is of all that the key signs, whatever the channel. What it cut off is paid by the same voucher when it is raised.
    function test_TheCeilingHoldsOverAllChannels() external {
        _authorise(payer.addr, key.addr, 10 days, 100);
        IRetrieval.SignedVoucher memory a = _byKey(60);
        IRetrieval.SignedVoucher memory b = _signed(key, _voucher(payer.addr, op, content2, 30, 0));
        IRetrieval.SignedVoucher memory c = _signed(key, _voucher(payer.addr, other, content, 30, 0));
        _expect(a, IRetrieval.Outcome.Paid, 60);
        _expect(b, IRetrieval.Outcome.Paid, 30);
        _expectFor(other, c, IRetrieval.Outcome.Short, 10);
        _expectFor(other, c, IRetrieval.Outcome.KeyExhausted, 0);
        // The payer itself has no ceiling.
        _expect(_plain(100, 0), IRetrieval.Outcome.Paid, 40);
        _authorise(payer.addr, key.addr, 10 days, 110);
        _expectFor(other, c, IRetrieval.Outcome.Short, 10);
        _authorise(payer.addr, key.addr, 10 days, 200);
        _expectFor(other, c, IRetrieval.Outcome.Paid, 10);
        assertEq(retrieval.sessionKey(payer.addr, key.addr).spent, 120);
        _checkLedgers();
    }

    /// A key of ceiling 0 has earmarks to spend and nothing else.
    function test_TheCeilingIsOfTheFreeDeposit() external {
        _authorise(payer.addr, key.addr, 10 days, 0);
        _expect(_byKey(10), IRetrieval.Outcome.KeyExhausted, 0);
        _earmark(payer.addr, op, 100);
        _expect(_byKey(60), IRetrieval.Outcome.Paid, 60);
        _expect(_byKey(120), IRetrieval.Outcome.Short, 40);
        _expect(_byKey(120), IRetrieval.Outcome.KeyExhausted, 0);
        assertEq(retrieval.sessionKey(payer.addr, key.addr).spent, 0);
        // With a ceiling and an earmark, in one voucher: first the earmark, then as far as the ceiling reaches.
        _authorise(payer.addr, key.addr, 10 days, 30);
        _earmark(payer.addr, op, 5);
        _expect(_byKey(145), IRetrieval.Outcome.Short, 5 + 30);
        assertEq(retrieval.sessionKey(payer.addr, key.addr).spent, 30);
    }

    /// What the balance does not pay is not counted against the ceiling.
    function test_OnlyWhatIsPaidCountsAgainstTheCeiling() external {
        _authorise(payer.addr, key.addr, 10 days, 5000);
        _expect(_byKey(3000), IRetrieval.Outcome.Short, 1000);
        assertEq(retrieval.sessionKey(payer.addr, key.addr).spent, 1000);
        _deposit(payer.addr, 2000);
        _expect(_byKey(3000), IRetrieval.Outcome.Paid, 2000);
    }
}
