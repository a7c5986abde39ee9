// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRetrieval} from "../../src/interfaces/IRetrieval.sol";
import {Erc1271} from "../../src/libraries/Erc1271.sol";
import {Retrieval} from "../../src/Retrieval.sol";
import {HostileWallet, OwnedWallet} from "../doubles/Wallets.sol";
import {RetrievalTest} from "./RetrievalTest.sol";

contract RedeemTest is RetrievalTest {
    uint96 private constant MONEY = 100e12; // a hundred chunks at the reference price

    function setUp() public override {
        super.setUp();
        _deposit(payer.addr, MONEY);
        _deposit(rival.addr, MONEY);
    }

    function test_RevertWhen_TheOperatorIsZero() external {
        vm.expectRevert(IRetrieval.Retrieval_ZeroAddress.selector);
        retrieval.redeem(address(0), new IRetrieval.SignedVoucher[](0));
    }

    function test_SkipsWhen_TheContentIsUnknown() external {
        _expect(_signed(payer, _voucher(payer.addr, op, 0, 1, 0)), IRetrieval.Outcome.UnknownContent, 0);
        _expect(_signed(payer, _voucher(payer.addr, op, content2 + 1, 1, 0)), IRetrieval.Outcome.UnknownContent, 0);
        // The number is not cut to the catalog's 32 bits.
        _expect(_signed(payer, _voucher(payer.addr, op, 2 ** 32 + 1, 1, 0)), IRetrieval.Outcome.UnknownContent, 0);
    }

    /// H-RET-1: a voucher pays once, an older one nothing, and a channel what it grew by.
    function test_HRet1_PaysTheGrowthOnce() external {
        IRetrieval.SignedVoucher memory first = _plain(10e12, 0);
        IRetrieval.SignedVoucher memory second = _plain(25e12, 0);
        vm.expectEmit(address(retrieval));
        emit IRetrieval.Redeemed(payer.addr, op, content, 10e12, 0, 0);
        vm.expectEmit(address(retrieval));
        emit IRetrieval.Credited(op, 10e12, 0.5e12);
        _expect(first, IRetrieval.Outcome.Paid, 10e12);
        _expect(first, IRetrieval.Outcome.NothingNew, 0);
        _expect(second, IRetrieval.Outcome.Paid, 15e12);
        _expect(first, IRetrieval.Outcome.NothingNew, 0);
        _expect(second, IRetrieval.Outcome.NothingNew, 0);
        _expect(_plain(0, 0), IRetrieval.Outcome.NothingNew, 0);
        assertEq(retrieval.channel(payer.addr, op, content).paid, 25e12);
        assertEq(retrieval.earnings(op).credit, 25e12 - 1.25e12);
        _checkLedgers();
    }

    /// What an earmark held when the channel has paid already is drawn for the growth alone, and leaves the free deposit as it is.
    function test_HRet1_DrawsTheGrowthFromTheEarmark() external {
        _earmark(payer.addr, op, 60e12);
        _expect(_plain(30e12, 0), IRetrieval.Outcome.Paid, 30e12);
        _expect(_plain(50e12, 0), IRetrieval.Outcome.Paid, 20e12);
        assertEq(retrieval.earmarkOf(payer.addr, op), 10e12);
        assertEq(retrieval.account(payer.addr).earmarked, 10e12);
        assertEq(retrieval.account(payer.addr).balance, MONEY - 60e12);
        _expect(_plain(75e12, 0), IRetrieval.Outcome.Paid, 25e12);
        assertEq(retrieval.earmarkOf(payer.addr, op), 0);
        assertEq(retrieval.account(payer.addr).balance, MONEY - 75e12);
        _checkLedgers();
    }

    /// In one batch with a voucher that is paid, what is skipped credits no byte.
    function test_HRet1_CreditsTheBytesOfWhatIsPaid() external {
        IRetrieval.SignedVoucher memory short = _signed(rival, _voucher(rival.addr, op, content, 2 * MONEY, 1));
        _expect(short, IRetrieval.Outcome.Short, MONEY);
        _expect(_plain(1e12, 5), IRetrieval.Outcome.Paid, 1e12);
        _authorise(payer.addr, key.addr, 1, 1e12);
        vm.warp(block.timestamp + 1);
        IRetrieval.SignedVoucher[] memory batch = new IRetrieval.SignedVoucher[](6);
        batch[0] = short; // nothing left
        batch[1] = _plain(1e12, 99); // nothing new
        batch[2] = _signed(payer, _voucher(payer.addr, op, content2 + 1, 1e12, 99)); // no content
        batch[3] = _signed(rival, _voucher(payer.addr, op, content, 3e12, 99)); // another's signature
        batch[4] = _signed(key, _voucher(payer.addr, op, content, 3e12, 99)); // a key that has expired
        batch[5] = _plain(2e12, 12);
        (uint256 amount, IRetrieval.Outcome[] memory outcomes) = retrieval.redeem(op, batch);
        assertEq(amount, 1e12);
        assertEq(uint8(outcomes[0]), uint8(IRetrieval.Outcome.NoBalance));
        assertEq(uint8(outcomes[1]), uint8(IRetrieval.Outcome.NothingNew));
        assertEq(uint8(outcomes[2]), uint8(IRetrieval.Outcome.UnknownContent));
        assertEq(uint8(outcomes[3]), uint8(IRetrieval.Outcome.BadSignature));
        assertEq(uint8(outcomes[4]), uint8(IRetrieval.Outcome.KeyExpired));
        assertEq(uint8(outcomes[5]), uint8(IRetrieval.Outcome.Paid));
        (uint256 up,) = retrieval.ratio(op);
        assertEq(up, 1 + 12);
        assertEq(retrieval.served(content), 1 + 12);
        (, uint256 down) = retrieval.ratio(payer.addr);
        assertEq(down, 12);
    }

    function test_SkipsWhen_NobodyWhoMaySigned() external {
        IRetrieval.SignedVoucher memory v = _signed(rival, _voucher(payer.addr, op, content, 1, 0));
        _expect(v, IRetrieval.Outcome.BadSignature, 0);
        v.signature = "";
        _expect(v, IRetrieval.Outcome.BadSignature, 0);
        v.signature = new bytes(65);
        _expect(v, IRetrieval.Outcome.BadSignature, 0);
        v.signature = new bytes(10_000);
        _expect(v, IRetrieval.Outcome.BadSignature, 0);
        v.payer = address(0); // what ecrecover says of nonsense
        v.signature = new bytes(65);
        _expect(v, IRetrieval.Outcome.BadSignature, 0);
    }

    /// The other half of a signature's curve is not a second signature (EIP-2).
    function test_SkipsWhen_TheSignatureIsMalleated() external {
        IRetrieval.Voucher memory v = _voucher(payer.addr, op, content, 1, 0);
        (uint8 sigV, bytes32 r, bytes32 s) = vm.sign(payer, retrieval.hashOf(v));
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        _expect(_with(v, abi.encodePacked(r, order - uint256(s), sigV ^ 7)), IRetrieval.Outcome.BadSignature, 0);
    }

    // ---- Replays ----

    function test_SkipsWhen_SignedForAnotherChain() external {
        IRetrieval.SignedVoucher memory v = _plain(10, 0);
        vm.chainId(block.chainid + 1);
        _expect(v, IRetrieval.Outcome.BadSignature, 0);
        _expect(_plain(10, 0), IRetrieval.Outcome.Paid, 10);
    }

    function test_SkipsWhen_SignedForAnotherContract() external {
        Retrieval twin = new Retrieval(deployment, TAKE_BPS, REFERENCE_PRICE);
        IRetrieval.SignedVoucher memory v = _plain(10, 0);
        vm.startPrank(payer.addr);
        asset.approve(address(twin), 100);
        twin.deposit(payer.addr, 100);
        vm.stopPrank();
        IRetrieval.SignedVoucher[] memory batch = new IRetrieval.SignedVoucher[](1);
        batch[0] = v;
        (uint256 amount, IRetrieval.Outcome[] memory outcomes) = twin.redeem(op, batch);
        assertEq(amount, 0);
        assertEq(uint8(outcomes[0]), uint8(IRetrieval.Outcome.BadSignature));
        _expect(v, IRetrieval.Outcome.Paid, 10);
    }

    function test_SkipsWhen_SignedForAnotherPayer() external {
        IRetrieval.SignedVoucher memory v = _plain(10, 0);
        v.payer = rival.addr;
        _expect(v, IRetrieval.Outcome.BadSignature, 0);
    }

    function test_SkipsWhen_SignedForAnotherOperator() external {
        _expectFor(other, _plain(10, 0), IRetrieval.Outcome.BadSignature, 0);
    }

    function test_SkipsWhen_SignedForAnotherContent() external {
        IRetrieval.SignedVoucher memory v = _plain(10, 0);
        v.contentId = content2;
        _expect(v, IRetrieval.Outcome.BadSignature, 0);
    }

    function test_SkipsWhen_SignedForAnotherAmountOrNumberOfBytes() external {
        IRetrieval.SignedVoucher memory v = _plain(10, 10);
        v.cumulativeAmount = 11;
        _expect(v, IRetrieval.Outcome.BadSignature, 0);
        v.cumulativeAmount = 9;
        _expect(v, IRetrieval.Outcome.BadSignature, 0);
        v.cumulativeAmount = 10;
        v.cumulativeBytes = 11;
        _expect(v, IRetrieval.Outcome.BadSignature, 0);
    }

    /// The digest is EIP-712's, as any wallet computes it.
    function test_TheDigestIsEip712s() external view {
        IRetrieval.Voucher memory v = _voucher(payer.addr, op, content, 10e12, 77);
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Holdfast Retrieval"),
                keccak256("1"),
                block.chainid,
                address(retrieval)
            )
        );
        bytes32 typehash =
            keccak256("Voucher(address payer,address operator,uint64 contentId,uint128 cumulativeAmount,uint64 cumulativeBytes)");
        bytes32 structHash = keccak256(abi.encode(typehash, v));
        assertEq(retrieval.hashOf(v), keccak256(abi.encodePacked(hex"1901", domain, structHash)));
    }

    // ---- Short balances ----

    function test_AShortBalancePaysWhatIsThereAndTheRestLater() external {
        IRetrieval.SignedVoucher memory v = _plain(MONEY + 30, 0);
        vm.expectEmit(address(retrieval));
        emit IRetrieval.Redeemed(payer.addr, op, content, MONEY, 30, 0);
        _expect(v, IRetrieval.Outcome.Short, MONEY);
        IRetrieval.Channel memory c = retrieval.channel(payer.addr, op, content);
        assertEq(c.signed - c.paid, 30, "on record");
        _expect(v, IRetrieval.Outcome.NoBalance, 0);

        // A voucher that says more puts that on record, too.
        _expect(_plain(MONEY + 40, 0), IRetrieval.Outcome.Short, 0);
        c = retrieval.channel(payer.addr, op, content);
        assertEq(c.signed - c.paid, 40);

        _deposit(payer.addr, 10);
        _expect(v, IRetrieval.Outcome.Short, 10);
        _deposit(payer.addr, 100);
        vm.expectEmit(address(retrieval));
        emit IRetrieval.Redeemed(payer.addr, op, content, 20, 10, 0);
        _expect(v, IRetrieval.Outcome.Paid, 20);
        _expect(v, IRetrieval.Outcome.NothingNew, 0);
        _checkLedgers();
    }

    /// A channel counts to 2^96; a promise of more is one of that.
    function test_AnAmountBeyondAllMoneyIsAPromiseOfAllMoney() external {
        _expect(_plain(type(uint128).max, type(uint64).max), IRetrieval.Outcome.Short, MONEY);
        assertEq(retrieval.channel(payer.addr, op, content).signed, type(uint96).max);
        _deposit(payer.addr, 1);
        _expect(_plain(type(uint128).max - 1, 0), IRetrieval.Outcome.Short, 1);
    }

    /// H-RET-2: of a batch with every failure in it, the good ones are paid, those after a bad one too.
    function test_HRet2_OneFailureBlocksNobody() external {
        _authorise(payer.addr, key.addr, 1 days, 5);
        HostileWallet wallet = new HostileWallet(retrieval);
        wallet.set(HostileWallet.Way.BurnsGas);
        IRetrieval.SignedVoucher[] memory batch = new IRetrieval.SignedVoucher[](9);
        batch[0] = _with(_voucher(address(wallet), op, content, 10, 0), "");
        batch[1] = _plain(10, 0);
        batch[2] = _plain(10, 0);
        batch[3] = _signed(rival, _voucher(payer.addr, op, content2, 10, 0));
        batch[4] = _signed(rival, _voucher(rival.addr, op, 99, 10, 0));
        batch[5] = _signed(key, _voucher(payer.addr, op, content2, 10, 0));
        batch[6] = _signed(key, _voucher(payer.addr, op, content2, 10, 0));
        batch[7] = _signed(rival, _voucher(rival.addr, op, content, MONEY + 1, 0));
        batch[8] = _signed(payer, _voucher(payer.addr, op, content2, 20, 0));
        (uint256 amount, IRetrieval.Outcome[] memory outcomes) = retrieval.redeem(op, batch);
        assertEq(amount, 10 + 5 + MONEY + 15);
        assertEq(uint8(outcomes[0]), uint8(IRetrieval.Outcome.BadSignature));
        assertEq(uint8(outcomes[1]), uint8(IRetrieval.Outcome.Paid));
        assertEq(uint8(outcomes[2]), uint8(IRetrieval.Outcome.NothingNew));
        assertEq(uint8(outcomes[3]), uint8(IRetrieval.Outcome.BadSignature));
        assertEq(uint8(outcomes[4]), uint8(IRetrieval.Outcome.UnknownContent));
        assertEq(uint8(outcomes[5]), uint8(IRetrieval.Outcome.Short));
        assertEq(uint8(outcomes[6]), uint8(IRetrieval.Outcome.KeyExhausted));
        assertEq(uint8(outcomes[7]), uint8(IRetrieval.Outcome.Short));
        assertEq(uint8(outcomes[8]), uint8(IRetrieval.Outcome.Paid));
        _checkLedgers();
    }

    // ---- Contracts as payers ----

    function test_AContractSignsByErc1271() external {
        OwnedWallet wallet = new OwnedWallet(rival.addr);
        vm.prank(payer.addr);
        retrieval.deposit(address(wallet), 100);
        IRetrieval.Voucher memory v = _voucher(address(wallet), op, content, 10, 0);
        _expect(_signed(payer, v), IRetrieval.Outcome.BadSignature, 0);
        _expect(_signed(rival, v), IRetrieval.Outcome.Paid, 10);
        // By a session key, too: what it authorised it takes back by a thaw only.
        _authorise(address(wallet), key.addr, 1 days, 100);
        _expect(_signed(key, _voucher(address(wallet), op, content, 20, 0)), IRetrieval.Outcome.Paid, 10);
    }

    /// H-RET-2: whatever a wallet does, it costs the others no more than ERC1271_GAS, and only the one right word is a yes.
    function test_HRet2_AHostileWalletIsSkippedAlone() external {
        HostileWallet wallet = new HostileWallet(retrieval);
        vm.prank(payer.addr);
        retrieval.deposit(address(wallet), 100);
        IRetrieval.SignedVoucher[] memory batch = new IRetrieval.SignedVoucher[](2);
        uint256 paid;
        for (uint8 way = 1; way <= uint8(type(HostileWallet.Way).max); ++way) {
            wallet.set(HostileWallet.Way(way));
            batch[0] = _with(_voucher(address(wallet), op, content, way, 0), "yes");
            batch[1] = _plain(way, 0);
            bool yes = HostileWallet.Way(way) == HostileWallet.Way.ReturnsMuch;
            uint256 gas = gasleft();
            (, IRetrieval.Outcome[] memory outcomes) = retrieval.redeem(op, batch);
            gas -= gasleft();
            if (yes) paid = way;
            assertEq(uint8(outcomes[0]), uint8(yes ? IRetrieval.Outcome.Paid : IRetrieval.Outcome.BadSignature), vm.toString(way));
            assertEq(uint8(outcomes[1]), uint8(IRetrieval.Outcome.Paid));
            assertLt(gas, retrieval.ERC1271_GAS() + 250_000);
        }
        wallet.set(HostileWallet.Way.Yes);
        _expect(_with(_voucher(address(wallet), op, content, 100, 0), "yes"), IRetrieval.Outcome.Paid, 100 - paid);
        assertEq(asset.balanceOf(address(wallet)), 0);
        _checkLedgers();
    }

    function _one(IRetrieval.SignedVoucher memory v) private pure returns (IRetrieval.SignedVoucher[] memory batch) {
        batch = new IRetrieval.SignedVoucher[](1);
        batch[0] = v;
    }

    /// An estimate that looks for the least gas with which the transaction goes through finds one with which the voucher is paid.
    function testFuzz_WithTooLittleGasNothingIsSkipped(uint256 gas) external {
        gas = bound(gas, 30_000, 400_000);
        OwnedWallet wallet = new OwnedWallet(rival.addr);
        vm.prank(payer.addr);
        retrieval.deposit(address(wallet), 100);
        IRetrieval.SignedVoucher[] memory batch = _one(_signed(rival, _voucher(address(wallet), op, content, 10, 0)));
        (bool done, bytes memory result) = address(retrieval).call{gas: gas}(abi.encodeCall(retrieval.redeem, (op, batch)));
        if (done) {
            (uint256 amount,) = abi.decode(result, (uint256, IRetrieval.Outcome[]));
            assertEq(amount, 10);
        } else if (result.length != 0) {
            assertEq(bytes4(result), Erc1271.Erc1271_TooLittleGas.selector);
        }
    }

    // ---- Take and bytes ----

    /// The take is rounded up, of the batch: no way of cutting payments escapes it.
    function testFuzz_HRet3_TheTakeIsNoLessInPieces(uint96 amount, uint8 pieces) external {
        amount = uint96(bound(amount, 1, MONEY));
        pieces = uint8(bound(pieces, 1, 20));
        for (uint128 i = 1; i <= pieces; ++i) {
            _redeem(op, _plain(amount * i / pieces, 0));
        }
        assertGe(retrieval.takeOwed(), _take(amount));
        assertEq(retrieval.takeOwed() + retrieval.earnings(op).credit, amount);
        assertLt(retrieval.earnings(op).credit, amount);
    }

    /// Ten chunks are paid for at the reference price: ten are credited of twenty claimed, and what is claimed of five.
    function test_BytesAreCreditedAsFarAsTheyArePaid() external {
        _expect(_plain(10e12, uint64(20 * CHUNK_BYTES)), IRetrieval.Outcome.Paid, 10e12);
        _checkBytes(10 * CHUNK_BYTES);
        // Whoever pays more later has the rest credited; who pays above the price no more than it got.
        _expect(_plain(25e12, uint64(22 * CHUNK_BYTES)), IRetrieval.Outcome.Paid, 15e12);
        _checkBytes(22 * CHUNK_BYTES);
        // A lower claim takes nothing away.
        _expect(_plain(26e12, 0), IRetrieval.Outcome.Paid, 1e12);
        _checkBytes(22 * CHUNK_BYTES);
        // Rounded down.
        uint128 lessThanAByte = 119_209; // 1e12 / 2^23, rounded down
        _expect(_plain(26e12 + lessThanAByte, type(uint64).max), IRetrieval.Outcome.Paid, lessThanAByte);
        _checkBytes(22 * CHUNK_BYTES);
    }

    /// With a price as low as it goes a payer's sum of bytes ends at 2^64, and payments do not.
    function test_HRet2_NoSumOfBytesBlocksAPayment() external {
        vm.prank(governor);
        retrieval.setTerms(TAKE_BPS, 1);
        _to(_epoch().addEpochs(1), 0);
        _expect(_plain(10e12, type(uint64).max), IRetrieval.Outcome.Paid, 10e12);
        _checkBytes(type(uint64).max);
        IRetrieval.SignedVoucher memory v = _signed(payer, _voucher(payer.addr, op, content2, 10e12, type(uint64).max));
        _expect(v, IRetrieval.Outcome.Paid, 10e12);
        _checkBytes(type(uint64).max);
        v = _signed(rival, _voucher(rival.addr, op, content, 10e12, type(uint64).max));
        _expect(v, IRetrieval.Outcome.Paid, 10e12);
        (uint256 up,) = retrieval.ratio(op);
        assertEq(up, 2 * uint256(type(uint64).max));
        assertEq(retrieval.served(content), 2 * uint256(type(uint64).max));
    }

    function _checkBytes(uint256 bytes_) private view {
        (uint256 up,) = retrieval.ratio(op);
        (, uint256 down) = retrieval.ratio(payer.addr);
        assertEq(up, bytes_, "up");
        assertEq(down, bytes_, "down");
        assertEq(retrieval.served(content), bytes_, "content");
        assertEq(retrieval.channel(payer.addr, op, content).bytes_, bytes_, "channel");
    }
}
