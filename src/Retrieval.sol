// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {EfficientHashLib} from "solady/utils/EfficientHashLib.sol";
import {Deployment} from "./Deployment.sol";
import {ICatalog} from "./interfaces/ICatalog.sol";
import {IPool} from "./interfaces/IPool.sol";
import {IRetrieval} from "./interfaces/IRetrieval.sol";
import {Clock} from "./libraries/Clock.sol";
import {Erc1271} from "./libraries/Erc1271.sol";
import {Tokens} from "./libraries/Tokens.sol";
import {BPS, Epoch} from "./Types.sol";

/// @title Retrieval
/// @notice See IRetrieval. Governance sets take and reference price of coming epochs, the guardian pauses deposits; neither can touch a
/// balance, stop a redemption or a withdrawal, or change what a voucher pays.
contract Retrieval is IRetrieval, AccessManaged, Pausable, EIP712, Clock {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;
    using Checkpoints for Checkpoints.Trace224;

    uint16 public constant MAX_TAKE_BPS = 1000;
    /// @notice Asset wei a chunk.
    uint96 public constant MAX_REFERENCE_PRICE = 1e18;
    /// @notice Rounds that withdrawals, released earmarks and revoked keys stay redeemable.
    uint256 public constant THAW_ROUNDS = 2;
    /// @notice What a contract wallet may use to check a signature.
    uint256 public constant ERC1271_GAS = 100_000;

    bytes32 private constant VOUCHER_TYPEHASH =
        keccak256("Voucher(address payer,address operator,uint64 contentId,uint128 cumulativeAmount,uint64 cumulativeBytes)");
    uint256 private constant CHUNK_BYTES = 2 ** 23;
    /// @dev In place of an operator: the free deposit's thaw.
    address private constant FREE = address(0);

    /// @dev What one payer has with one operator.
    struct Line {
        uint256 earmark; // in asset wei
        mapping(uint64 contentId => Channel) channels;
    }

    IERC20 public immutable ASSET;
    ICatalog public immutable CATALOG;
    IPool public immutable POOL;

    // In one slot.
    uint128 public accounted;
    uint128 public takeOwed;

    mapping(uint64 contentId => uint256) public served;

    mapping(address payer => Account) private _accounts;
    mapping(address payer => mapping(address operator => Thaw)) private _thaws;
    mapping(address payer => mapping(address key => SessionKey)) private _keys;
    mapping(address operator => mapping(address payer => Line)) private _lines;
    mapping(address operator => Earnings) private _earnings;
    Checkpoints.Trace224 private _terms; // epoch => referencePrice << 16 | takeBps

    constructor(Deployment memory d, uint16 takeBps, uint96 referencePrice)
        AccessManaged(d.authority)
        EIP712("Holdfast Retrieval", "1")
        Clock(d.genesis, d.roundLength)
    {
        ASSET = IERC20(d.asset);
        CATALOG = ICatalog(d.catalog);
        POOL = IPool(d.pool);
        _setTerms(Epoch.wrap(1), takeBps, referencePrice);
    }

    // ---- Deposits ----

    function deposit(address to, uint96 amount) public whenNotPaused {
        _nonZero(to);
        _accounts[to].balance += amount;
        accounted += amount;
        emit Deposited(to, msg.sender, amount);
        Tokens.pull(ASSET, msg.sender, amount);
    }

    function depositWithPermit(address to, uint96 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        try IERC20Permit(address(ASSET)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        deposit(to, amount);
    }

    function requestWithdrawal(uint96 amount) external {
        uint64 until = _thaw(FREE, amount, _accounts[msg.sender].balance);
        emit WithdrawalRequested(msg.sender, amount, until);
    }

    function withdraw(address to) external returns (uint256 amount) {
        _nonZero(to);
        Account storage a = _accounts[msg.sender];
        amount = _thawed(FREE, a.balance);
        a.balance -= uint96(amount);
        accounted -= uint128(amount);
        emit Withdrawn(msg.sender, to, amount);
        ASSET.safeTransfer(to, amount);
    }

    // ---- Earmarks ----

    function earmark(address operator, uint96 amount) external {
        _nonZero(operator);
        Account storage a = _accounts[msg.sender];
        if (amount > a.balance) revert Retrieval_BalanceTooLow(a.balance, amount);
        (a.balance, a.earmarked) = (a.balance - amount, a.earmarked + amount);
        _lines[operator][msg.sender].earmark += amount;
        emit Earmarked(msg.sender, operator, amount);
    }

    function requestRelease(address operator, uint96 amount) external {
        _nonZero(operator);
        uint64 until = _thaw(operator, amount, _lines[operator][msg.sender].earmark);
        emit ReleaseRequested(msg.sender, operator, amount, until);
    }

    function release(address operator) external returns (uint256 amount) {
        _nonZero(operator);
        amount = _thawed(operator, _lines[operator][msg.sender].earmark);
        Account storage a = _accounts[msg.sender];
        (a.balance, a.earmarked) = (a.balance + uint96(amount), a.earmarked - uint96(amount));
        _lines[operator][msg.sender].earmark -= amount;
        emit Released(msg.sender, operator, amount);
    }

    // ---- Session keys ----

    function authorise(address key, uint64 expiry, uint96 ceiling) external {
        _nonZero(key);
        if (expiry <= block.timestamp) revert Retrieval_KeyExpiryPast(expiry);
        SessionKey storage k = _keys[msg.sender][key];
        uint96 spent;
        if (k.expiry > block.timestamp) {
            if (expiry < k.expiry || ceiling < k.ceiling) revert Retrieval_KeyNarrowed(key, k.expiry, k.ceiling);
            spent = k.spent;
        }
        (k.expiry, k.ceiling, k.spent) = (expiry, ceiling, spent);
        emit KeySet(msg.sender, key, expiry, ceiling);
    }

    function revoke(address key) external {
        SessionKey storage k = _keys[msg.sender][key];
        if (k.expiry <= block.timestamp) revert Retrieval_KeyNotLive(msg.sender, key);
        uint64 end = _thawEnd();
        if (end < k.expiry) k.expiry = end;
        emit KeySet(msg.sender, key, k.expiry, k.ceiling);
    }

    // ---- Payments ----

    function redeem(address operator, SignedVoucher[] calldata batch) external returns (uint256 amount, Outcome[] memory outcomes) {
        _nonZero(operator);
        (uint16 takeBps, uint96 price) = termsOf(currentEpoch());
        outcomes = new Outcome[](batch.length);
        mapping(address payer => Line) storage lines = _lines[operator];
        uint256 up;
        for (uint256 i; i < batch.length; ++i) {
            SignedVoucher calldata s = batch[i];
            Voucher memory v = Voucher(s.payer, operator, s.contentId, s.cumulativeAmount, s.cumulativeBytes);
            (Outcome outcome, uint256 paid, uint256 credited) = _redeem(lines[v.payer], v, s, price);
            if (outcome > Outcome.Short) emit Skipped(v.payer, operator, v.contentId, v.cumulativeAmount, outcome);
            outcomes[i] = outcome;
            amount += paid;
            up += credited;
        }
        if (amount != 0) _credit(operator, amount, up, takeBps);
    }

    function payDirect(address operator, uint64 contentId, uint96 amount, uint64 served_) external {
        _nonZero(operator);
        if (!_isContent(contentId)) revert Retrieval_UnknownContent(contentId);
        (uint16 takeBps, uint96 price) = termsOf(currentEpoch());
        Account storage a = _accounts[msg.sender];
        uint256 credited = _bytesFor(amount, served_, price, a.down);
        a.down += uint64(credited);
        served[contentId] += credited;
        accounted += amount;
        emit PaidDirect(msg.sender, operator, contentId, amount, credited);
        _credit(operator, amount, credited, takeBps);
        Tokens.pull(ASSET, msg.sender, amount);
    }

    function collect(address operator) external returns (uint256 amount) {
        Earnings storage e = _earnings[operator];
        amount = e.credit;
        if (amount == 0) revert Retrieval_NothingOwed(operator);
        e.credit = 0;
        accounted -= uint128(amount);
        emit Collected(operator, amount);
        ASSET.safeTransfer(operator, amount);
    }

    // ---- Treasury, governance, guardian ----

    function sendTake() external returns (uint256 amount) {
        amount = takeOwed;
        (accounted, takeOwed) = (accounted - uint128(amount), 0);
        emit TakeSent(amount);
        ASSET.safeTransfer(address(POOL), amount);
        POOL.creditTreasury(amount);
    }

    function setTerms(uint16 takeBps, uint96 referencePrice) external restricted {
        _setTerms(currentEpoch().addEpochs(1), takeBps, referencePrice);
    }

    function pause() external restricted {
        _pause();
    }

    function unpause() external restricted {
        _unpause();
    }

    // ---- Views ----

    function hashOf(Voucher calldata v) external view returns (bytes32) {
        return _hashOf(v);
    }

    function account(address payer) external view returns (Account memory) {
        return _accounts[payer];
    }

    function earmarkOf(address payer, address operator) external view returns (uint256) {
        return _lines[operator][payer].earmark;
    }

    function thawOf(address payer, address operator) external view returns (Thaw memory) {
        return _thaws[payer][operator];
    }

    function sessionKey(address payer, address key) external view returns (SessionKey memory) {
        return _keys[payer][key];
    }

    function channel(address payer, address operator, uint64 contentId) external view returns (Channel memory) {
        return _lines[operator][payer].channels[contentId];
    }

    function earnings(address operator) external view returns (Earnings memory) {
        return _earnings[operator];
    }

    function ratio(address who) external view returns (uint256 up, uint256 down) {
        return (_earnings[who].up, _accounts[who].down);
    }

    function termsOf(Epoch epoch) public view returns (uint16 takeBps, uint96 referencePrice) {
        uint224 packed = _terms.upperLookupRecent(Epoch.unwrap(epoch));
        return (uint16(packed), uint96(packed >> 16));
    }

    // ---- One voucher ----

    /// @dev Never reverts, whatever payer and voucher (H-RET-2), but for want of gas. A wallet that is asked in between is asked statically:
    /// what was read before is true after.
    function _redeem(Line storage line, Voucher memory v, SignedVoucher calldata s, uint256 price)
        private
        returns (Outcome outcome, uint256 amount, uint256 credited)
    {
        Channel memory c = line.channels[v.contentId];
        // What was a content once is one for ever: only a channel's first voucher asks.
        if (c.signed == 0 && !_isContent(v.contentId)) return (Outcome.UnknownContent, 0, 0);
        // No balance holds more: what is above cannot be paid anyway.
        uint256 signed = _min(v.cumulativeAmount, type(uint96).max);
        if (signed <= c.paid) return (Outcome.NothingNew, 0, 0);

        // Nothing wraps or is cut: what is paid is at most what is owed and what is there, and _bytesFor keeps both sums of bytes in 64 bits.
        unchecked {
            Account memory a = _accounts[v.payer];
            uint256 drawn = a.earmarked == 0 ? 0 : _min(signed - c.paid, line.earmark); // first from the earmark
            amount = drawn + _min(signed - c.paid - drawn, a.balance);
            if (amount == 0 && signed <= c.signed) return (Outcome.NoBalance, 0, 0);
            (outcome, amount) = _spend(v, s.signature, drawn, amount);
            if (outcome != Outcome.Paid) return (outcome, 0, 0);

            if (v.cumulativeBytes > c.bytes_) {
                credited = _bytesFor(amount, v.cumulativeBytes - c.bytes_, price, a.down);
                served[v.contentId] += credited;
            }
            (c.paid, c.bytes_) = (c.paid + uint96(amount), c.bytes_ + uint64(credited));
            if (signed > c.signed) c.signed = uint96(signed);
            if (signed > c.paid) outcome = Outcome.Short;
            (a.balance, a.earmarked) = (a.balance - uint96(amount - drawn), a.earmarked - uint96(drawn));
            a.down += uint64(credited);
            if (drawn != 0) line.earmark -= drawn;
            _write(line.channels[v.contentId], c, _accounts[v.payer], a);
            emit Redeemed(v.payer, v.operator, v.contentId, amount, c.signed - c.paid, credited);
        }
    }

    /// @dev Apart from the rest because on a short stack the compiler makes of each word's fields one write.
    function _write(Channel storage channel_, Channel memory c, Account storage account_, Account memory a) private {
        (channel_.paid, channel_.signed, channel_.bytes_) = (c.paid, c.signed, c.bytes_);
        (account_.balance, account_.earmarked, account_.down) = (a.balance, a.earmarked, a.down);
    }

    /// @dev Whether the signature is good, and for how much of `amount`. What is `drawn` from the earmark is bounded by that alone; the rest
    /// counts against the ceiling if a session key signed.
    ///
    /// ECDSA first, so that a contract's session keys are its own word, which it can take back only by a thaw; its ERC-1271 answer it can
    /// change at any moment.
    function _spend(Voucher memory v, bytes calldata signature, uint256 drawn, uint256 amount) private returns (Outcome, uint256) {
        bytes32 digest = _hashOf(v);
        (address signer, ECDSA.RecoverError err,) = ECDSA.tryRecoverCalldata(digest, signature);
        Outcome refused = Outcome.BadSignature;
        if (err == ECDSA.RecoverError.NoError) {
            if (signer == v.payer) return (Outcome.Paid, amount);
            SessionKey storage key = _keys[v.payer][signer];
            SessionKey memory k = key;
            if (k.expiry > block.timestamp) {
                if (drawn == 0 && k.spent == k.ceiling) return (Outcome.KeyExhausted, 0);
                // Nothing wraps: what was drawn is part of the amount, what was spent of the ceiling.
                unchecked {
                    uint256 free = _min(amount - drawn, k.ceiling - k.spent);
                    if (free != 0) key.spent = uint96(k.spent + free);
                    return (Outcome.Paid, drawn + free);
                }
            }
            if (k.expiry != 0) refused = Outcome.KeyExpired; // unless the payer is a contract that says yes all the same
        }
        bool valid = v.payer.code.length != 0 && Erc1271.isValid(v.payer, digest, signature, ERC1271_GAS);
        return valid ? (Outcome.Paid, amount) : (refused, 0);
    }

    // ---- Internals ----

    /// @dev Rounded down, and within 64 bits for a payer's sum: nobody is credited a byte that was not paid for.
    function _bytesFor(uint256 amount, uint256 claimed, uint256 price, uint256 down) private pure returns (uint256) {
        unchecked {
            uint256 paid = amount * CHUNK_BYTES / price; // 96 bits and 23; a price is not 0
            return _min(_min(claimed, paid), type(uint64).max - down);
        }
    }

    /// @dev The take is rounded up, over the batch: small pieces do not escape it.
    function _credit(address operator, uint256 amount, uint256 up, uint256 takeBps) private {
        uint256 take = Math.ceilDiv(amount * takeBps, BPS);
        Earnings storage e = _earnings[operator];
        // Both fit: they are part of `accounted`.
        (e.credit, e.up) = (e.credit + uint128(amount - take), e.up + up.toUint128());
        takeOwed += uint128(take);
        emit Credited(operator, amount, take);
    }

    function _thaw(address operator, uint96 amount, uint256 balance) private returns (uint64 until) {
        if (amount > balance) revert Retrieval_BalanceTooLow(balance, amount);
        if (amount != 0) until = _thawEnd();
        _thaws[msg.sender][operator] = Thaw({amount: amount, until: until});
    }

    function _thawed(address operator, uint256 balance) private returns (uint256) {
        Thaw memory t = _thaws[msg.sender][operator];
        if (t.until == 0) revert Retrieval_NothingThawing(msg.sender, operator);
        if (block.timestamp < t.until) revert Retrieval_Thawing(t.until);
        delete _thaws[msg.sender][operator];
        return _min(t.amount, balance);
    }

    function _thawEnd() private view returns (uint64) {
        return uint64(block.timestamp + THAW_ROUNDS * ROUND_LENGTH);
    }

    function _hashOf(Voucher memory v) private view returns (bytes32) {
        return _hashTypedDataV4(
            EfficientHashLib.hash(
                uint256(VOUCHER_TYPEHASH), uint160(v.payer), uint160(v.operator), v.contentId, v.cumulativeAmount, v.cumulativeBytes
            )
        );
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    function _isContent(uint256 contentId) private view returns (bool) {
        return contentId != 0 && contentId <= CATALOG.count();
    }

    function _nonZero(address a) private pure {
        if (a == address(0)) revert Retrieval_ZeroAddress();
    }

    function _setTerms(Epoch from, uint16 takeBps, uint96 referencePrice) private {
        if (takeBps > MAX_TAKE_BPS || referencePrice == 0 || referencePrice > MAX_REFERENCE_PRICE) {
            revert Retrieval_TermsOutOfBounds(takeBps, referencePrice);
        }
        _terms.push(Epoch.unwrap(from), uint224(referencePrice) << 16 | takeBps);
        emit TermsSet(from, takeBps, referencePrice);
    }
}
