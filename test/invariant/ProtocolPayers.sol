// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IRetrieval} from "../../src/interfaces/IRetrieval.sol";
import {OwnedWallet} from "../doubles/Wallets.sol";
import {ProtocolKeepers} from "./ProtocolKeepers.sol";

/// @notice Payers among everybody else, with the operators' payout addresses as those they pay. RetrievalLedger knows every balance; here the
/// sums are looked at, beside whatever the others do.
abstract contract ProtocolPayers is ProtocolKeepers {
    uint256 internal constant PAYERS = 3;
    uint256 private constant MOST = 1e15; // asset wei

    Vm.Wallet[PAYERS] internal signers; // the last is the owner of a contract
    Vm.Wallet private key = vm.createWallet("session key");
    address[PAYERS] internal payers;

    function setUp() public virtual override {
        super.setUp();
        for (uint256 i; i < PAYERS; ++i) {
            signers[i] = vm.createWallet(string.concat("payer ", vm.toString(i)));
            payers[i] = i + 1 == PAYERS ? address(new OwnedWallet(signers[i].addr)) : signers[i].addr;
            _fund(payers[i]);
        }
    }

    // ---- Actions ----

    function deposit(uint256 r) public action {
        _movePayersMoney(_mix(r));
    }

    /// @dev Puts money in, moves it, takes it out.
    function _movePayersMoney(uint256 r) internal {
        (address who, address operator) = (payers[r % PAYERS], agents[uint32((r >> 8) % 4 + 1)].payout);
        uint96 amount = uint96((r >> 16) % MOST >> (r >> 160) % 12);
        uint256 what = (r >> 80) % 16;
        bytes memory call;
        if (what < 4) call = abi.encodeCall(retrieval.deposit, (payers[(r >> 88) % PAYERS], amount));
        else if (what < 7) call = abi.encodeCall(retrieval.earmark, (operator, amount));
        else if (what < 10) call = abi.encodeCall(retrieval.requestRelease, (operator, amount));
        else if (what < 13) call = abi.encodeCall(retrieval.requestWithdrawal, (amount));
        else if (what == 13) call = abi.encodeCall(retrieval.authorise, (key.addr, uint64(block.timestamp + amount % 1e7), amount));
        else if (what == 14) call = abi.encodeCall(retrieval.revoke, (key.addr));
        else call = abi.encodeCall(retrieval.payDirect, (operator, uint64((r >> 88) % 5), amount, uint64(r >> 96)));
        bytes32[16] memory names = [
            bytes32("deposit"),
            "deposit",
            "deposit",
            "deposit",
            "earmark",
            "earmark",
            "earmark",
            "requestRelease",
            "requestRelease",
            "requestRelease",
            "requestWithdrawal",
            "requestWithdrawal",
            "requestWithdrawal",
            "authorise",
            "revoke",
            "payDirect"
        ];
        _try(names[what], who, address(retrieval), call);
        if (what % 3 == 0) _takeOut(payers[(r >> 104) % PAYERS]);
    }

    /// @dev Whatever has thawed.
    function _takeOut(address who) private {
        for (uint32 op = 1; op <= 4; ++op) {
            if (retrieval.thawOf(who, agents[op].payout).until == 0) continue;
            _try("releaseEarmark", who, address(retrieval), abi.encodeCall(retrieval.release, (agents[op].payout)));
        }
        _try("payerWithdraw", who, address(retrieval), abi.encodeCall(retrieval.withdraw, (who)));
    }

    /// @dev H-RET-2: a batch goes through, whatever is in it.
    function redeem(uint256 r) public action {
        r = _mix(r);
        address operator = agents[uint32(r % 4 + 1)].payout;
        IRetrieval.SignedVoucher[] memory batch = new IRetrieval.SignedVoucher[](2);
        for (uint256 i; i < 2; ++i) {
            r = uint256(keccak256(abi.encode(r)));
            address who = payers[r % PAYERS];
            uint64 contentId = uint64((r >> 8) % 5); // 0 is none
            uint128 amount = uint128(retrieval.channel(who, operator, contentId).paid + (r >> 16) % MOST);
            IRetrieval.Voucher memory v = IRetrieval.Voucher(who, operator, contentId, amount, uint64(r >> 80));
            // One in eight is signed by somebody else.
            Vm.Wallet memory by = (r >> 144) % 8 == 0 ? signers[(r + 1) % PAYERS] : (r >> 144) % 8 < 3 ? key : signers[r % PAYERS];
            (uint8 sigV, bytes32 sigR, bytes32 sigS) = vm.sign(by, retrieval.hashOf(v));
            batch[i] = IRetrieval.SignedVoucher(who, contentId, amount, v.cumulativeBytes, abi.encodePacked(sigR, sigS, sigV));
        }
        bool ok = _try("redeem", anyone, address(retrieval), abi.encodeCall(retrieval.redeem, (operator, batch)));
        assertTrue(ok, "a batch never fails");
    }

    function collect(uint256 r) public action {
        r = _mix(r);
        if (r % 2 == 0) _must("sendTake", anyone, address(retrieval), abi.encodeCall(retrieval.sendTake, ()));
        else _try("collect", anyone, address(retrieval), abi.encodeCall(retrieval.collect, (agents[uint32((r >> 8) % 4 + 1)].payout)));
    }

    // ---- Steps ----

    /// @dev Every payer asks for all it has, every operator collects.
    function _payersLeave() internal {
        for (uint256 i; i < PAYERS; ++i) {
            vm.startPrank(payers[i]);
            for (uint32 op = 1; op <= 4; ++op) {
                retrieval.requestRelease(agents[op].payout, uint96(retrieval.earmarkOf(payers[i], agents[op].payout)));
            }
            vm.stopPrank();
        }
        vm.warp(block.timestamp + 2 * LENGTH);
        for (uint256 i; i < PAYERS; ++i) {
            vm.startPrank(payers[i]);
            for (uint32 op = 1; op <= 4; ++op) {
                if (retrieval.earmarkOf(payers[i], agents[op].payout) != 0) retrieval.release(agents[op].payout);
            }
            retrieval.requestWithdrawal(retrieval.account(payers[i]).balance);
            vm.stopPrank();
        }
        vm.warp(block.timestamp + 2 * LENGTH);
        for (uint256 i; i < PAYERS; ++i) {
            if (retrieval.account(payers[i]).balance == 0) continue;
            vm.prank(payers[i]);
            retrieval.withdraw(payers[i]);
        }
        for (uint32 op = 1; op <= 4; ++op) {
            if (retrieval.earnings(agents[op].payout).credit != 0) retrieval.collect(agents[op].payout);
        }
        retrieval.sendTake();
    }

    /// @dev Deposits, earmarks, credits and the take.
    function _payersMoney() internal view override returns (uint256 sum) {
        sum = retrieval.takeOwed();
        for (uint256 i; i < PAYERS; ++i) {
            IRetrieval.Account memory a = retrieval.account(payers[i]);
            uint256 earmarked;
            for (uint32 op = 1; op <= 4; ++op) {
                earmarked += retrieval.earmarkOf(payers[i], agents[op].payout);
            }
            assertEq(a.earmarked, earmarked, "earmarked = sum of earmarks");
            sum += a.balance + earmarked;
        }
        for (uint32 op = 1; op <= 4; ++op) {
            sum += retrieval.earnings(agents[op].payout).credit;
        }
    }
}
