// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {stdError} from "forge-std/StdError.sol";

import {ICatalog} from "../../src/interfaces/ICatalog.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Tokens} from "../../src/libraries/Tokens.sol";
import {Epoch} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";
import {ITokenHook, UnrulyToken} from "../doubles/UnrulyToken.sol";
import {HostileWallet} from "../doubles/Wallets.sol";
import {TestToken} from "../utils/Tokens.sol";

/// @notice The asset calls sender and receiver, as ERC-777 does, and Mallory is one of them: in the middle of every payment it asks for the same
/// once more, and in the middle of every deposit it makes another. Or it is a contract wallet that is asked for its signature.
///
/// Bound: ledgers are written before anything is sent, so that what is asked for twice is there once; what comes in is compared with what was
/// to come, so that a deposit inside a deposit ends both; a wallet is asked statically, and what it says counts for itself alone.
contract ReentrancyTest is BaseTest, ITokenHook {
    uint32 private op;
    uint32 private gone; // has left and waits for its stake
    uint40 private order;
    uint32 private content;
    address private payer = makeAddr("payer");
    address private keeper = makeAddr("keeper");
    address private leaver = makeAddr("keeper that left");

    address private from;
    address private target;
    bytes private again;
    bool private inHook;
    uint256 private times; // the call inside went through

    function _newAsset() internal override returns (TestToken) {
        return new UnrulyToken(this);
    }

    /// @dev Everybody is owed something: fees, an audit's fee, bonds, stakes, deposits, credits, the treasury its shares.
    function setUp() public override {
        super.setUp();
        (op, gone) = (_register(1000), _register(10));
        address[3] memory funded = [payer, keeper, leaver];
        for (uint256 i; i < 3; ++i) {
            _fund(funded[i]);
        }
        address owner = _owner(gone);
        vm.prank(owner);
        operators.requestExit(gone);
        _seat(keeper);
        _seat(leaver);
        vm.prank(leaver);
        oracle.resign();
        content = _publish(ONE_CHUNK);
        uint32 idle = _publish(ONE_BLOCK);
        order = _open(content, 2, 1);
        _accept(order, 0, op);
        _nextSeeded();
        _activate(order, 0);
        _next();
        _audit(order, 0);
        _nextSeeded();
        _prove(op);
        _answer(order, 0);
        vm.startPrank(payer);
        retrieval.deposit(payer, 100);
        retrieval.requestWithdrawal(60);
        retrieval.payDirect(_payout(op), idle, 1000, 0);
        vm.stopPrank();
        _next();
        _proveToEnd(op);
        _settle(op, Epoch.wrap(1));
        _freeze(Epoch.wrap(1));
        _to(Epoch.wrap(9), 0);
    }

    function _seat(address who) private {
        vm.prank(governor);
        oracle.admit(who);
        vm.prank(who);
        oracle.join();
    }

    /// @dev From the token. Whatever the call inside does, the one around it goes on.
    function tokenMoves(address, address) external {
        if (inHook) return;
        inHook = true;
        vm.prank(from);
        (bool ok,) = target.call(again);
        if (ok) ++times;
        inHook = false;
    }

    function _attack(address from_, address target_, bytes memory call) private returns (bool ok, bytes memory result) {
        (from, target, again) = (from_, target_, call);
        UnrulyToken(address(asset)).setMood(UnrulyToken.Mood.Calling);
        vm.prank(from_);
        (ok, result) = target_.call(call);
        UnrulyToken(address(asset)).setMood(UnrulyToken.Mood.Calm);
    }

    /// @dev What is owed comes once, to the wei.
    function _takesOnce(string memory what, address from_, address target_, bytes memory call, address to, uint256 owed) private {
        assertGt(owed, 0, what);
        (uint256 before, uint256 there) = (asset.balanceOf(to), asset.balanceOf(target_));
        (bool ok,) = _attack(from_, target_, call);
        assertTrue(ok, what);
        assertEq(asset.balanceOf(to) - before, owed, what);
        if (target_ != address(operators)) assertEq(there - asset.balanceOf(target_), owed, what);
        _checkLedgers();
    }

    function test_WhatIsOwedIsPaidOnce() external {
        address pay = _payout(op);
        uint256 fees = pool.share(op, Epoch.wrap(1)).fees * 9500 / 10_000;
        bytes memory call = abi.encodeCall(operators.claim, (op, Epoch.wrap(1)));
        _takesOnce("claim", anyone, address(operators), call, pay, fees);
        call = abi.encodeCall(audits.withdraw, ());
        _takesOnce("audit fee", pay, address(audits), call, pay, AUDIT_FEE);
        call = abi.encodeCall(market.withdraw, (order, uploader));
        _takesOnce("deposit of an order", uploader, address(market), call, uploader, market.withdrawable(order));
        call = abi.encodeCall(catalog.withdrawBond, (content));
        _takesOnce("publisher's bond", anyone, address(catalog), call, publisher.addr, PUBLISH_BOND);
        call = abi.encodeCall(oracle.withdrawBond, (leaver));
        _takesOnce("keeper's bond", anyone, address(oracle), call, leaver, KEEPER_BOND);
        call = abi.encodeCall(operators.withdraw, (gone, anyone));
        _takesOnce("stake", _owner(gone), address(operators), call, anyone, 10 * uint256(STAKE));
        call = abi.encodeCall(retrieval.withdraw, (payer));
        _takesOnce("payer's deposit", payer, address(retrieval), call, payer, 60);
        call = abi.encodeCall(retrieval.collect, (pay));
        _takesOnce("operator's credit", anyone, address(retrieval), call, pay, 950);
        call = abi.encodeCall(retrieval.sendTake, ());
        _takesOnce("the take", anyone, address(retrieval), call, address(pool), 50);
        call = abi.encodeCall(pool.withdrawTreasury, ());
        _takesOnce("treasury", anyone, address(pool), call, treasury, pool.treasuryBalance());
    }

    /// A slash moves from Operators to Market to Pool: whoever is called on the way cannot have it twice.
    function test_ASlashIsTakenOnce() external {
        uint40 slot = _hold(op, _publish(ONE_CHUNK * 2), 1);
        (uint256 stake, uint256 treasury_) = (operators.operator(op).stake, pool.treasuryBalance());
        (bool ok,) = _attack(_prover(op), address(audits), abi.encodeCall(audits.reportLoss, (slot, 0)));
        assertTrue(ok);
        assertEq(times, 0, "the slot is gone before its stake moves");
        assertEq(stake - operators.operator(op).stake, STAKE);
        assertEq(pool.treasuryBalance() - treasury_, STAKE / 2);
        _checkLedgers();
    }

    /// H-ESC-1: no ledger counts the same tokens for two deposits.
    function test_ADepositInsideADepositEndsBoth() external {
        IMarket.Request memory r = _request(content, 1, 1);
        _refused(uploader, address(market), abi.encodeCall(market.open, (r, type(uint256).max)));
        _refused(_owner(op), address(operators), abi.encodeCall(operators.addStake, (op, 5)));
        _refused(_owner(op), address(operators), abi.encodeCall(operators.register, (5, anyone, anyone, "")));
        _refused(payer, address(retrieval), abi.encodeCall(retrieval.deposit, (payer, 5)));
        _refused(payer, address(retrieval), abi.encodeCall(retrieval.payDirect, (anyone, content, 5, 0)));
        // More goes out in the middle than comes in.
        (from, target, again) = (payer, address(retrieval), abi.encodeCall(retrieval.withdraw, (payer)));
        UnrulyToken(address(asset)).setMood(UnrulyToken.Mood.Calling);
        vm.expectRevert(stdError.arithmeticError);
        vm.prank(payer);
        retrieval.deposit(payer, 5);
    }

    function _refused(address from_, address target_, bytes memory call) private {
        uint256 before = asset.balanceOf(target_);
        (bool ok, bytes memory result) = _attack(from_, target_, call);
        assertFalse(ok);
        assertEq(bytes4(result), Tokens.Tokens_NotExact.selector);
        assertEq(asset.balanceOf(target_), before);
    }

    /// What can come in once only, an audit, a publication, a seat, comes in once: the call inside is refused, the one around it goes on.
    function test_WhatIsThereOnceComesInOnce() external {
        uint40 slot = _hold(op, _publish(ONE_CHUNK * 2), 1);
        (bool ok,) = _attack(auditor, address(audits), abi.encodeCall(audits.open, (slot, 0, AUDIT_FEE)));
        assertTrue(ok);
        uint32 next = catalog.count() + 1;
        ICatalog.Commitment memory c = _commitmentOf(next, ONE_BLOCK);
        (ICatalog.Manifest memory m, bytes memory signature) = _manifest(c);
        (ok,) = _attack(uploader, address(catalog), abi.encodeCall(catalog.publish, (m, c, signature)));
        assertTrue(ok);
        vm.prank(governor);
        oracle.admit(payer);
        (ok,) = _attack(payer, address(oracle), abi.encodeCall(oracle.join, ()));
        assertTrue(ok);
        assertEq(times, 0);
        assertEq(oracle.accounted(), 2 * uint256(KEEPER_BOND) + KEEPER_BOND);
        _checkLedgers();
    }

    /// A publisher that is a contract says yes, and tries to do something on the way: it is asked statically, and has not signed.
    function test_AWalletThatActsWhileItIsAskedHasNotSigned() external {
        HostileWallet wallet = new HostileWallet(retrieval);
        ICatalog.Commitment memory c = _commitmentOf(catalog.count() + 1, ONE_BLOCK);
        (ICatalog.Manifest memory m,) = _manifest(c);
        m.publisher = address(wallet);
        HostileWallet.Way[3] memory ways = [HostileWallet.Way.ChangesState, HostileWallet.Way.RedeemsAgain, HostileWallet.Way.Withdraws];
        for (uint256 i; i < 3; ++i) {
            wallet.set(ways[i]);
            vm.prank(uploader);
            vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_BadSignature.selector, address(wallet)));
            catalog.publish(m, c, "");
        }
        wallet.set(HostileWallet.Way.Yes);
        vm.prank(uploader);
        catalog.publish(m, c, "");
    }
}
