// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {stdError} from "forge-std/Test.sol";

import {IRetrieval} from "../../src/interfaces/IRetrieval.sol";
import {Tokens} from "../../src/libraries/Tokens.sol";
import {Retrieval} from "../../src/Retrieval.sol";
import {HostileWallet} from "../doubles/Wallets.sol";
import {RetrievalTest} from "../Retrieval/RetrievalTest.sol";
import {TestToken} from "../utils/Tokens.sol";

/// @notice An asset that calls its sender before it moves anything, as ERC-777 does.
contract CallingToken is TestToken {
    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (from.code.length != 0) Reentrant(from).tokensToSend();
        return super.transferFrom(from, to, amount);
    }
}

/// @notice Pays itself while its deposit is on the way.
contract Reentrant {
    Retrieval private immutable RETRIEVAL;
    uint64 private immutable CONTENT;

    constructor(Retrieval retrieval, uint64 content) {
        (RETRIEVAL, CONTENT) = (retrieval, content);
        retrieval.ASSET().approve(address(retrieval), type(uint256).max);
    }

    function deposit(uint96 amount) external {
        RETRIEVAL.deposit(address(this), amount);
    }

    function tokensToSend() external {
        IRetrieval.SignedVoucher[] memory batch = new IRetrieval.SignedVoucher[](1);
        batch[0] = IRetrieval.SignedVoucher(address(this), CONTENT, 1000, 0, "");
        RETRIEVAL.redeem(address(this), batch);
        RETRIEVAL.collect(address(this));
    }

    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return this.isValidSignature.selector;
    }
}

/// @notice What Mallory tries on payers, operators and the money of both.
contract RetrievalAttacksTest is RetrievalTest {
    /// A payer earmarks for two operators, promises each the whole ceiling with one session key, and is served twice. When vouchers on
    /// earmarks counted against the ceiling, the second to redeem got nothing, and the payer its earmark back.
    function test_ASessionKeysPromiseOnAnEarmarkIsFirm() external {
        _deposit(payer.addr, 200);
        _earmark(payer.addr, op, 100);
        _earmark(payer.addr, other, 100);
        _authorise(payer.addr, key.addr, 30 days, 100);
        _expectFor(other, _signed(key, _voucher(payer.addr, other, content, 100, 0)), IRetrieval.Outcome.Paid, 100);
        _expect(_byKey(100), IRetrieval.Outcome.Paid, 100);
        _checkLedgers();
    }

    /// Whoever steals a session key gets the ceiling of the free deposit, and earmarks for those they are for.
    function test_AStolenKeyReachesItsCeilingAndEarmarks() external {
        _deposit(payer.addr, 1000);
        _earmark(payer.addr, op, 300);
        _authorise(payer.addr, key.addr, 30 days, 50);
        address mallory = makeAddr("mallory");
        _expectFor(mallory, _signed(key, _voucher(payer.addr, mallory, content, 1000, 0)), IRetrieval.Outcome.Short, 50);
        _expect(_byKey(1000), IRetrieval.Outcome.Short, 300);
        assertEq(retrieval.account(payer.addr).balance, 650);
        assertEq(retrieval.account(payer.addr).earmarked, 0);
    }

    /// A key that begins anew makes what it signed before good again, within its new ceiling: a debt does not end with a key.
    function test_AnExpiredKeysVouchersAreGoodAgainWhenItBeginsAnew() external {
        _deposit(payer.addr, 1000);
        _authorise(payer.addr, key.addr, 1 days, 100);
        IRetrieval.SignedVoucher memory v = _byKey(70);
        vm.warp(block.timestamp + 1 days);
        _expect(v, IRetrieval.Outcome.KeyExpired, 0);
        _authorise(payer.addr, key.addr, 1 days, 30);
        _expect(v, IRetrieval.Outcome.Short, 30);
    }

    /// Revoked and authorised again before the thaw ends, a key goes on: nothing that it spent is forgotten.
    function test_ARevokedKeyThatIsAuthorisedAgainKeepsWhatItSpent() external {
        _deposit(payer.addr, 1000);
        _authorise(payer.addr, key.addr, 365 days, 100);
        _expect(_byKey(70), IRetrieval.Outcome.Paid, 70);
        vm.prank(payer.addr);
        retrieval.revoke(key.addr);
        _authorise(payer.addr, key.addr, 365 days, 100);
        vm.warp(block.timestamp + THAW);
        _expect(_byKey(200), IRetrieval.Outcome.Short, 30);
    }

    /// A payer that makes itself a session key binds and frees itself from nothing.
    function test_APayerIsNotBoundByAKeyOfItsOwn() external {
        _deposit(payer.addr, 1000);
        _authorise(payer.addr, payer.addr, 1 days, 10);
        _expect(_plain(600, 0), IRetrieval.Outcome.Paid, 600);
        vm.warp(block.timestamp + 1 days);
        _expect(_plain(1000, 0), IRetrieval.Outcome.Paid, 400);
    }

    /// An account with code (EIP-7702) still signs with its key; its code is not asked.
    function test_AKeyCountsMoreThanTheCodeOfItsAccount() external {
        _deposit(payer.addr, 1000);
        HostileWallet wallet = new HostileWallet(retrieval);
        vm.etch(payer.addr, abi.encodePacked(hex"ef0100", address(wallet)));
        wallet.set(HostileWallet.Way.BurnsGas);
        _expect(_plain(10, 0), IRetrieval.Outcome.Paid, 10);
    }

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

    /// A deposit counts before its money has moved; paid out meanwhile, it has not arrived.
    function test_RevertWhen_ADepositIsSpentBeforeItArrives() external {
        CallingToken token = new CallingToken();
        deployment.asset = address(token);
        Retrieval r = new Retrieval(deployment, TAKE_BPS, REFERENCE_PRICE);
        token.mint(payer.addr, 5000);
        vm.startPrank(payer.addr);
        token.approve(address(r), 5000);
        r.deposit(payer.addr, 5000);
        vm.stopPrank();
        Reentrant mallory = new Reentrant(r, content);
        token.mint(address(mallory), 1000);
        vm.expectRevert(abi.encodeWithSelector(Tokens.Tokens_NotExact.selector, 50, 1000));
        mallory.deposit(1000);
    }
}
