// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";

import {IRetrieval} from "../../src/interfaces/IRetrieval.sol";
import {BaseTest} from "../Base.t.sol";
import {PermitToken, TestToken} from "../utils/Tokens.sol";

/// @notice Payers with money, session keys, operators' addresses and two contents.
abstract contract RetrievalTest is BaseTest {
    uint256 internal constant CHUNK_BYTES = 8 * 1024 * 1024;
    uint256 internal constant THAW = 2 * LENGTH;

    Vm.Wallet internal payer = vm.createWallet("payer");
    Vm.Wallet internal rival = vm.createWallet("rival payer");
    Vm.Wallet internal key = vm.createWallet("session key");
    address internal op = makeAddr("operator");
    address internal other = makeAddr("other operator");
    uint64 internal content;
    uint64 internal content2;

    function setUp() public virtual override {
        super.setUp();
        (content, content2) = (_publish(ONE_CHUNK), _publish(ONE_CHUNK));
        _fund(payer.addr);
        _fund(rival.addr);
    }

    function _newAsset() internal override returns (TestToken) {
        return new PermitToken();
    }

    function _deposit(address who, uint96 amount) internal {
        vm.prank(who);
        retrieval.deposit(who, amount);
    }

    function _earmark(address who, address operator, uint96 amount) internal {
        vm.prank(who);
        retrieval.earmark(operator, amount);
    }

    function _authorise(address who, address key_, uint256 lifetime, uint96 ceiling) internal {
        vm.prank(who);
        retrieval.authorise(key_, uint64(block.timestamp + lifetime), ceiling);
    }

    // ---- Vouchers ----

    function _voucher(address from, address to, uint64 contentId, uint128 amount, uint64 bytes_)
        internal
        pure
        returns (IRetrieval.Voucher memory)
    {
        return IRetrieval.Voucher({payer: from, operator: to, contentId: contentId, cumulativeAmount: amount, cumulativeBytes: bytes_});
    }

    function _signed(Vm.Wallet memory by, IRetrieval.Voucher memory v) internal returns (IRetrieval.SignedVoucher memory) {
        (uint8 sigV, bytes32 r, bytes32 s) = vm.sign(by, retrieval.hashOf(v));
        return _with(v, abi.encodePacked(r, s, sigV));
    }

    function _with(IRetrieval.Voucher memory v, bytes memory signature) internal pure returns (IRetrieval.SignedVoucher memory) {
        return IRetrieval.SignedVoucher(v.payer, v.contentId, v.cumulativeAmount, v.cumulativeBytes, signature);
    }

    /// @dev The payer's own voucher to `op` for `content`.
    function _plain(uint128 amount, uint64 bytes_) internal returns (IRetrieval.SignedVoucher memory) {
        return _signed(payer, _voucher(payer.addr, op, content, amount, bytes_));
    }

    /// @dev The same by the session key.
    function _byKey(uint128 amount) internal returns (IRetrieval.SignedVoucher memory) {
        return _signed(key, _voucher(payer.addr, op, content, amount, 0));
    }

    /// @dev By anyone.
    function _redeem(address operator, IRetrieval.SignedVoucher memory v) internal returns (IRetrieval.Outcome, uint256 amount) {
        IRetrieval.SignedVoucher[] memory batch = new IRetrieval.SignedVoucher[](1);
        batch[0] = v;
        IRetrieval.Outcome[] memory outcomes;
        vm.prank(anyone);
        (amount, outcomes) = retrieval.redeem(operator, batch);
        return (outcomes[0], amount);
    }

    function _expect(IRetrieval.SignedVoucher memory v, IRetrieval.Outcome outcome, uint256 amount) internal {
        _expectFor(op, v, outcome, amount);
    }

    /// @dev What is skipped says why in its event and changes nothing.
    function _expectFor(address operator, IRetrieval.SignedVoucher memory v, IRetrieval.Outcome outcome, uint256 amount) internal {
        bytes32 before = _state(operator, v);
        if (outcome > IRetrieval.Outcome.Short) {
            vm.expectEmit(address(retrieval));
            emit IRetrieval.Skipped(v.payer, operator, v.contentId, v.cumulativeAmount, outcome);
        }
        (IRetrieval.Outcome got, uint256 paid) = _redeem(operator, v);
        assertEq(uint8(got), uint8(outcome), "outcome");
        assertEq(paid, amount, "amount");
        if (outcome > IRetrieval.Outcome.Short) assertEq(_state(operator, v), before, "a skipped voucher changes nothing");
    }

    function _state(address operator, IRetrieval.SignedVoucher memory v) private view returns (bytes32) {
        return keccak256(
            abi.encode(
                retrieval.account(v.payer),
                retrieval.earmarkOf(v.payer, operator),
                retrieval.channel(v.payer, operator, v.contentId),
                retrieval.sessionKey(v.payer, key.addr),
                retrieval.earnings(operator),
                retrieval.takeOwed()
            )
        );
    }

    /// @dev Of what is paid, rounded up.
    function _take(uint256 amount) internal pure returns (uint256) {
        return (amount * TAKE_BPS + 9999) / 10_000;
    }
}
