// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test, Vm} from "forge-std/Test.sol";

import {IRetrieval} from "../../src/interfaces/IRetrieval.sol";
import {OwnedWallet} from "../doubles/Wallets.sol";
import {RetrievalTest} from "../Retrieval/RetrievalTest.sol";

/// @notice Payers, operators, session keys and time in any order, beside a plain model of the rules: one number a balance, one a channel.
/// Every action is one that must succeed; a batch must do to each voucher what the model says.
contract RetrievalHandler is RetrievalTest {
    struct Plain {
        uint256 free;
        mapping(address operator => uint256) earmark;
        mapping(address key => uint256) expiry;
        mapping(address key => uint256) ceiling;
        mapping(address key => uint256) spent;
        mapping(address operator => mapping(uint64 contentId => uint256)) paid;
        mapping(address operator => mapping(uint64 contentId => uint256)) signed;
        mapping(address operator => mapping(uint64 contentId => uint256)) bytes_;
        uint256 down;
    }

    uint256 private constant MOST = 3e18;

    mapping(address payer => Plain) private _plain_;
    mapping(address operator => uint256) private _credit;
    uint256 private _take_;
    uint256 private _donated;
    /// @dev How often a voucher came to each outcome.
    uint256[8] public outcomes;

    Vm.Wallet[3] private _signers; // the third is the owner of a contract
    address[3] public payers;
    Vm.Wallet[2] private _keys;
    address[2] public operatorsOf;

    function setUp() public override {
        super.setUp();
        (_signers[0], _signers[1], _signers[2]) = (payer, rival, vm.createWallet("owner of a wallet"));
        payers = [payer.addr, rival.addr, address(new OwnedWallet(_signers[2].addr))];
        _fund(payers[2]);
        (_keys[0], _keys[1]) = (key, vm.createWallet("second session key"));
        operatorsOf = [op, other];
    }

    // ---- Payers ----

    function deposit(uint256 from, uint256 to, uint256 amount) external {
        amount = bound(amount, 0, MOST / 3);
        vm.prank(payers[from % 3]);
        retrieval.deposit(payers[to % 3], uint96(amount));
        _plain_[payers[to % 3]].free += amount;
    }

    function earmark(uint256 p, uint256 o, uint256 amount) external {
        (address who, address operator) = (payers[p % 3], operatorsOf[o % 2]);
        amount = bound(amount, 0, _plain_[who].free);
        _earmark(who, operator, uint96(amount));
        _plain_[who].free -= amount;
        _plain_[who].earmark[operator] += amount;
    }

    function requestRelease(uint256 p, uint256 o, uint256 amount) external {
        (address who, address operator) = (payers[p % 3], operatorsOf[o % 2]);
        vm.prank(who);
        retrieval.requestRelease(operator, uint96(bound(amount, 0, _plain_[who].earmark[operator])));
    }

    function release(uint256 p, uint256 o) external {
        (address who, address operator) = (payers[p % 3], operatorsOf[o % 2]);
        IRetrieval.Thaw memory t = retrieval.thawOf(who, operator);
        if (t.until == 0) return;
        if (t.until > block.timestamp) vm.warp(t.until);
        vm.prank(who);
        uint256 amount = retrieval.release(operator);
        assertLe(amount, t.amount);
        _plain_[who].earmark[operator] -= amount;
        _plain_[who].free += amount;
    }

    function requestWithdrawal(uint256 p, uint256 amount) external {
        vm.prank(payers[p % 3]);
        retrieval.requestWithdrawal(uint96(bound(amount, 0, _plain_[payers[p % 3]].free)));
    }

    function withdraw(uint256 p) external {
        address who = payers[p % 3];
        IRetrieval.Thaw memory t = retrieval.thawOf(who, address(0));
        if (t.until == 0) return;
        if (t.until > block.timestamp) vm.warp(t.until);
        vm.prank(who);
        uint256 amount = retrieval.withdraw(who);
        assertLe(amount, t.amount);
        _plain_[who].free -= amount;
    }

    /// @dev A live key is widened, another one starts anew.
    function authorise(uint256 p, uint256 k, uint256 lifetime, uint256 ceiling) external {
        (address who, address key_) = (payers[p % 3], _keys[k % 2].addr);
        Plain storage m = _plain_[who];
        uint256 expiry = block.timestamp + bound(lifetime, 1, 10 * LENGTH);
        ceiling = bound(ceiling, 0, MOST / 30);
        if (m.expiry[key_] > block.timestamp) {
            if (expiry < m.expiry[key_]) expiry = m.expiry[key_];
            if (ceiling < m.ceiling[key_]) ceiling = m.ceiling[key_];
        } else {
            m.spent[key_] = 0;
        }
        vm.prank(who);
        retrieval.authorise(key_, uint64(expiry), uint96(ceiling));
        (m.expiry[key_], m.ceiling[key_]) = (expiry, ceiling);
    }

    function revoke(uint256 p, uint256 k) external {
        (address who, address key_) = (payers[p % 3], _keys[k % 2].addr);
        Plain storage m = _plain_[who];
        if (m.expiry[key_] <= block.timestamp) return;
        vm.prank(who);
        retrieval.revoke(key_);
        if (block.timestamp + THAW < m.expiry[key_]) m.expiry[key_] = block.timestamp + THAW;
    }

    function payDirect(uint256 p, uint256 o, uint256 c, uint256 amount, uint64 bytes_) external {
        address operator = operatorsOf[o % 2];
        amount = bound(amount, 0, MOST);
        _plain_[payers[p % 3]].down += _bought(payers[p % 3], amount, bytes_);
        vm.prank(payers[p % 3]);
        retrieval.payDirect(operator, c % 2 == 0 ? content : content2, uint96(amount), bytes_);
        _credit[operator] += amount - _take(amount);
        _take_ += _take(amount);
    }

    // ---- Operators ----

    /// @dev Three vouchers in a batch, each of any payer, content and signer, some of them bad.
    function redeem(uint256 seed, uint256 o) external {
        address operator = operatorsOf[o % 2];
        IRetrieval.SignedVoucher[] memory batch = new IRetrieval.SignedVoucher[](3);
        IRetrieval.Outcome[] memory expected = new IRetrieval.Outcome[](3);
        uint256 sum;
        for (uint256 i; i < 3; ++i) {
            seed = uint256(keccak256(abi.encode(seed, i)));
            uint64 contentId = seed >> 8 & 7 == 0 ? 77 : seed >> 11 & 1 == 0 ? content : content2;
            uint128 amount = uint128(bound(seed >> 128, 0, MOST));
            IRetrieval.Voucher memory v = _voucher(payers[seed % 3], operator, contentId, amount, uint64(seed >> 20));
            uint256 signer = seed >> 16 & 7; // 0 to 3 the payer, 4 and 5 a session key, 6 another payer, 7 again a key
            Vm.Wallet memory by = signer < 4 ? _signers[seed % 3] : signer == 6 ? _signers[(seed + 1) % 3] : _keys[signer & 1];
            batch[i] = _signed(by, v);
            uint256 paid;
            (expected[i], paid) = _model(v, by.addr, signer < 4);
            sum += paid;
        }
        (uint256 got, IRetrieval.Outcome[] memory outcomes_) = retrieval.redeem(operator, batch);
        assertEq(got, sum, "what the model pays");
        for (uint256 i; i < 3; ++i) {
            assertEq(uint8(outcomes_[i]), uint8(expected[i]), "what the model says");
            ++outcomes[uint8(outcomes_[i])];
        }
        _credit[operator] += sum - _take(sum);
        _take_ += _take(sum);
    }

    function collect(uint256 o) external {
        address operator = operatorsOf[o % 2];
        if (_credit[operator] == 0) return;
        assertEq(retrieval.collect(operator), _credit[operator]);
        _credit[operator] = 0;
    }

    // ---- Others ----

    function sendTake() external {
        assertEq(retrieval.sendTake(), _take_);
        _take_ = 0;
    }

    function donate(uint256 amount) external {
        amount = bound(amount, 0, MOST);
        asset.mint(address(retrieval), amount);
        _donated += amount;
    }

    function pass(uint256 seconds_) external {
        vm.warp(block.timestamp + bound(seconds_, 1, 3 * LENGTH));
    }

    // ---- The model ----

    function _model(IRetrieval.Voucher memory v, address signer, bool byPayer) private returns (IRetrieval.Outcome, uint256 amount) {
        Plain storage m = _plain_[v.payer];
        (uint256 owed, uint256 paid) = (v.cumulativeAmount, m.paid[v.operator][v.contentId]);
        if (v.contentId == 77) return (IRetrieval.Outcome.UnknownContent, 0);
        if (owed <= paid) return (IRetrieval.Outcome.NothingNew, 0);
        amount = _least(owed - paid, m.free + m.earmark[v.operator]);
        if (amount == 0 && owed <= m.signed[v.operator][v.contentId]) return (IRetrieval.Outcome.NoBalance, 0);
        uint256 fromEarmark = _least(amount, m.earmark[v.operator]);
        if (!byPayer) {
            if (m.expiry[signer] == 0) return (IRetrieval.Outcome.BadSignature, 0);
            if (m.expiry[signer] <= block.timestamp) return (IRetrieval.Outcome.KeyExpired, 0);
            uint256 left = m.ceiling[signer] - m.spent[signer];
            if (left + fromEarmark == 0) return (IRetrieval.Outcome.KeyExhausted, 0);
            amount = _least(amount, fromEarmark + left);
            m.spent[signer] += amount - fromEarmark;
        }
        if (v.cumulativeBytes > m.bytes_[v.operator][v.contentId]) {
            uint256 bought = _bought(v.payer, amount, v.cumulativeBytes - m.bytes_[v.operator][v.contentId]);
            m.bytes_[v.operator][v.contentId] += bought;
            m.down += bought;
        }
        m.earmark[v.operator] -= fromEarmark;
        m.free -= amount - fromEarmark;
        m.paid[v.operator][v.contentId] += amount;
        if (owed > m.signed[v.operator][v.contentId]) m.signed[v.operator][v.contentId] = owed;
        return (paid + amount == owed ? IRetrieval.Outcome.Paid : IRetrieval.Outcome.Short, amount);
    }

    /// @dev Bytes at the reference price, rounded down, and of a payer 64 bits of them.
    function _bought(address who, uint256 amount, uint256 claimed) private view returns (uint256) {
        return _least(_least(claimed, amount * CHUNK_BYTES / REFERENCE_PRICE), type(uint64).max - _plain_[who].down);
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    // ---- What is compared ----

    /// @dev Every balance is the model's, their sum is what the contract accounts for, and a donation is nobody's.
    function checkLedgers() external view {
        uint256 sum = retrieval.takeOwed();
        assertEq(sum, _take_, "take");
        for (uint256 p; p < 3; ++p) {
            Plain storage m = _plain_[payers[p]];
            IRetrieval.Account memory a = retrieval.account(payers[p]);
            assertEq(a.balance, m.free, "free deposit");
            uint256 earmarked;
            for (uint256 o; o < 2; ++o) {
                assertEq(retrieval.earmarkOf(payers[p], operatorsOf[o]), m.earmark[operatorsOf[o]], "earmark");
                earmarked += m.earmark[operatorsOf[o]];
            }
            assertEq(a.earmarked, earmarked, "sum of earmarks");
            sum += a.balance + earmarked;
        }
        for (uint256 o; o < 2; ++o) {
            assertEq(retrieval.earnings(operatorsOf[o]).credit, _credit[operatorsOf[o]], "credit");
            sum += _credit[operatorsOf[o]];
        }
        assertEq(retrieval.accounted(), sum, "accounted");
        assertEq(asset.balanceOf(address(retrieval)), sum + _donated, "balance");
    }

    /// @dev What the model knows as paid and signed, it was told by redemptions that only ever raise it.
    function checkChannels() external view {
        for (uint256 p; p < 3; ++p) {
            Plain storage m = _plain_[payers[p]];
            for (uint256 o; o < 2; ++o) {
                for (uint64 c; c < 2; ++c) {
                    uint64 contentId = c == 0 ? content : content2;
                    IRetrieval.Channel memory ch = retrieval.channel(payers[p], operatorsOf[o], contentId);
                    assertEq(ch.paid, m.paid[operatorsOf[o]][contentId], "paid");
                    assertEq(ch.signed, m.signed[operatorsOf[o]][contentId], "signed");
                    assertLe(ch.paid, ch.signed, "never more than was signed");
                    assertEq(ch.bytes_, m.bytes_[operatorsOf[o]][contentId], "bytes");
                }
            }
            for (uint256 k; k < 2; ++k) {
                IRetrieval.SessionKey memory s = retrieval.sessionKey(payers[p], _keys[k].addr);
                assertEq(s.spent, m.spent[_keys[k].addr], "spent");
                assertLe(s.spent, s.ceiling, "never more than the ceiling");
            }
        }
    }

    /// @dev What went up came down, of some content.
    function checkBytes() external view {
        (uint256 up, uint256 down) = (0, 0);
        for (uint256 o; o < 2; ++o) {
            up += retrieval.earnings(operatorsOf[o]).up;
        }
        for (uint256 p; p < 3; ++p) {
            down += retrieval.account(payers[p]).down;
            assertEq(retrieval.account(payers[p]).down, _plain_[payers[p]].down, "bytes paid");
        }
        assertEq(up, down);
        assertEq(up, retrieval.served(content) + retrieval.served(content2));
    }
}

contract RetrievalLedgerTest is Test {
    RetrievalHandler internal handler;
    bytes4[] internal actions;

    function setUp() external {
        handler = new RetrievalHandler();
        handler.setUp();
        actions = new bytes4[](18);
        actions[0] = actions[1] = RetrievalHandler.deposit.selector;
        actions[2] = actions[3] = actions[4] = actions[5] = RetrievalHandler.redeem.selector;
        actions[6] = RetrievalHandler.earmark.selector;
        actions[7] = RetrievalHandler.requestRelease.selector;
        actions[8] = RetrievalHandler.release.selector;
        actions[9] = RetrievalHandler.requestWithdrawal.selector;
        actions[10] = RetrievalHandler.withdraw.selector;
        actions[11] = RetrievalHandler.authorise.selector;
        actions[12] = RetrievalHandler.revoke.selector;
        actions[13] = RetrievalHandler.payDirect.selector;
        actions[14] = RetrievalHandler.collect.selector;
        actions[15] = RetrievalHandler.sendTake.selector;
        actions[16] = RetrievalHandler.donate.selector;
        actions[17] = RetrievalHandler.pass.selector;
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: actions}));
    }

    /// H-RET-2: deposits + earmarks + credits + take = accounted, whatever was thawing, short or bad.
    function invariant_HRet2_LedgersAreSums() external view {
        handler.checkLedgers();
    }

    /// H-RET-1
    function invariant_HRet1_NoChannelPaysMoreThanWasSigned() external view {
        handler.checkChannels();
    }

    function invariant_BytesUpAreBytesDown() external view {
        handler.checkBytes();
    }

    /// The invariants say something only if everything happens: a long walk in which vouchers come to every outcome.
    function test_EverythingHappens() external {
        vm.pauseGasMetering();
        for (uint256 i; i < 1000; ++i) {
            bytes32[5] memory words;
            for (uint256 w; w < 5; ++w) {
                words[w] = keccak256(abi.encode(i, w));
            }
            words[4] &= bytes32(uint256(type(uint64).max));
            (bool done, bytes memory result) =
                address(handler).call(abi.encodePacked(actions[uint256(words[0] ^ words[1]) % actions.length], abi.encode(words)));
            assertTrue(done, string(result));
        }
        for (uint256 o; o < 8; ++o) {
            assertGt(handler.outcomes(o), 0, vm.toString(o));
        }
        handler.checkLedgers();
        handler.checkChannels();
        handler.checkBytes();
    }
}
