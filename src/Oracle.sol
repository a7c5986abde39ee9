// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {LibBit} from "solady/utils/LibBit.sol";
import {SSTORE2} from "solady/utils/SSTORE2.sol";

import {Deployment} from "./Deployment.sol";
import {IOracle} from "./interfaces/IOracle.sol";
import {IPool} from "./interfaces/IPool.sol";
import {Clock} from "./libraries/Clock.sol";
import {Medians} from "./libraries/Medians.sol";
import {SEATS, Seats} from "./libraries/Seats.sol";
import {Tokens} from "./libraries/Tokens.sol";
import {BPS, Epoch, Round} from "./Types.sol";

/// @title Oracle
/// @notice See IOracle. Governance chooses the keepers and the rules of coming epochs; it cannot write or alter a value, a median or a score,
/// nor take a bond.
contract Oracle is IOracle, AccessManaged, Clock {
    using SafeERC20 for IERC20;
    using Tokens for IERC20;
    using Checkpoints for Checkpoints.Trace224;
    using Seats for uint256;

    uint256 public constant MAX_SEATS = SEATS;
    /// @notice Operators in a page. A page of nine keepers takes about a third of what one transaction may use (snapshots/Oracle.json).
    uint256 public constant PAGE = 512;
    /// @notice Most pages, so that operators up to number 65536 can have metrics.
    uint256 public constant MAX_PAGES = 128;
    uint256 private constant WORDS = PAGE / Medians.PER_WORD; // of medians in a page
    /// @notice Epochs for which an operator's last median stands in for one it lacks.
    uint32 public constant CARRY = 3;
    /// @notice Epochs that a bond stays after its seat stopped.
    uint32 public constant BOND_THAW = 2;
    /// @notice Most that a bond may be set to, in asset wei.
    uint96 public constant MAX_KEEPER_BOND = 1e24;

    Epoch private constant NONE = Epoch.wrap(0);

    /// @dev Rounds of the next epoch: values are committed to in one, revealed in one, tallied from TALLY on, and scored before FINAL.
    uint32 private constant COMMIT = 0;
    uint32 private constant REVEAL = 1;
    uint32 private constant TALLY = 2;
    uint32 private constant FINAL = 5;

    IERC20 public immutable ASSET;
    IPool public immutable POOL;

    uint96 public keeperBond;
    uint256 public accounted;

    mapping(address account => Keeper) private _keepers;
    address[] private _numbered; // keeper n is at n - 1
    Checkpoints.Trace224 private _committees; // epoch => number of the keeper in each seat (Seats, 216 bits), without gaps
    Checkpoints.Trace224 private _rules; // epoch => toleranceBps << 32 | shareBps << 16 | forfeitBps

    mapping(Epoch epoch => Session) private _sessions;
    mapping(Epoch epoch => mapping(address keeper => Commitment)) private _commitments;
    mapping(Epoch epoch => mapping(uint256 page => mapping(uint256 seat => address data))) private _revealed; // SSTORE2
    mapping(Epoch epoch => mapping(uint256 word => uint256 pairs)) private _medians; // as in Medians

    constructor(Deployment memory d, uint96 keeperBond_, Rules memory rules) AccessManaged(d.authority) Clock(d.genesis, d.roundLength) {
        (ASSET, POOL) = (IERC20(d.asset), IPool(d.pool));
        _setKeeperBond(keeperBond_);
        _setRules(Epoch.wrap(1), rules);
    }

    // ---- The committee ----

    function admit(address account) external restricted {
        Keeper storage k = _keepers[account];
        if (k.admitted) revert Oracle_AlreadyAdmitted(account);
        k.admitted = true;
        if (k.number == 0) {
            _numbered.push(account);
            k.number = SafeCast.toUint24(_numbered.length);
        }
        emit KeeperAdmitted(account, k.number);
    }

    function remove(address account) external restricted {
        Keeper storage k = _keepers[account];
        if (!k.admitted) revert Oracle_NotAdmitted(account);
        k.admitted = false;
        emit KeeperRemoved(account);
        if (k.fullBond != 0 && k.until == NONE) _unseat(account, k);
    }

    function join() external {
        Keeper storage k = _keepers[msg.sender];
        if (!k.admitted) revert Oracle_NotAdmitted(msg.sender);
        if (k.fullBond != 0) revert Oracle_AlreadyJoined(msg.sender);
        uint256 seats = _committees.latest();
        uint256 seat = seats.count();
        if (seat == MAX_SEATS) revert Oracle_CommitteeFull(seat);

        Epoch from = _coming();
        uint96 bond = keeperBond;
        (k.bond, k.fullBond) = (bond, bond);
        _committees.push(Epoch.unwrap(from), uint224(seats.add(seat, k.number)));
        accounted += bond;
        emit KeeperJoined(msg.sender, from, bond);
        ASSET.pull(msg.sender, bond);
    }

    function resign() external {
        Keeper storage k = _keepers[msg.sender];
        if (k.fullBond == 0) revert Oracle_NotJoined(msg.sender);
        if (k.until != NONE) revert Oracle_Leaving(msg.sender, k.until);
        _unseat(msg.sender, k);
    }

    function topUp(address account) external {
        Keeper storage k = _keepers[account];
        if (k.fullBond == 0) revert Oracle_NotJoined(account);
        uint96 missing = k.fullBond - k.bond;
        if (missing == 0) revert Oracle_BondFull(account);
        k.bond = k.fullBond;
        accounted += missing;
        emit BondToppedUp(account, msg.sender, missing);
        ASSET.pull(msg.sender, missing);
    }

    function withdrawBond(address account) external {
        Keeper storage k = _keepers[account];
        if (k.until == NONE) revert Oracle_NotLeaving(account);
        Epoch until = k.until.addEpochs(BOND_THAW);
        if (currentEpoch() < until) revert Oracle_BondThawing(account, until);
        uint96 bond = k.bond;
        (k.bond, k.fullBond, k.until) = (0, 0, NONE);
        accounted -= bond;
        emit BondWithdrawn(account, bond);
        ASSET.safeTransfer(account, bond);
    }

    function _unseat(address account, Keeper storage k) private {
        uint256 seats = _committees.latest();
        Epoch until = _coming();
        k.until = until;
        _committees.push(Epoch.unwrap(until), uint224(seats.remove(seats.find(k.number))));
        emit KeeperResigned(account, until);
    }

    // ---- An epoch's values ----

    function commit(Epoch epoch, bytes32 link, uint256 pages) external {
        _requireRound(epoch, COMMIT);
        _seatOf(epoch, msg.sender);
        Keeper storage k = _keepers[msg.sender];
        if (k.bond < k.fullBond) revert Oracle_BondShort(msg.sender, k.bond, k.fullBond);
        if (pages == 0 || pages > MAX_PAGES) revert Oracle_PagesOutOfBounds(pages, MAX_PAGES);
        _commitments[epoch][msg.sender] = Commitment({link: link, pages: uint8(pages), revealed: 0});
        emit Committed(epoch, msg.sender, link, pages);
    }

    function reveal(Epoch epoch, bytes calldata values, bytes32 next) external {
        _requireRound(epoch, REVEAL);
        Commitment storage c = _commitments[epoch][msg.sender];
        (uint256 pages, uint256 page) = (c.pages, c.revealed);
        if (pages == 0) revert Oracle_NoCommitment(epoch, msg.sender);
        if (page == pages) revert Oracle_AllRevealed(epoch, msg.sender);
        if (values.length % 4 != 0 || values.length > 4 * PAGE) revert Oracle_WrongLength(values.length, 4 * PAGE);
        bytes32 link = linkOf(msg.sender, epoch, page, values, next);
        if (link != c.link) revert Oracle_WrongLink(link, c.link);

        (uint256 seat, uint256 seats) = _seatOf(epoch, msg.sender);
        address data = SSTORE2.write(values);
        _revealed[epoch][page][seat] = data;
        (c.link, c.revealed) = (next, uint8(page + 1));
        emit Revealed(epoch, msg.sender, page, data);
        if (page + 1 == pages) _finish(_sessions[epoch], seat, seats, pages);
    }

    function _finish(Session storage s, uint256 seat, uint256 seats, uint256 pages) private {
        uint256 revealers = s.revealers | 1 << seat;
        s.revealers = uint16(revealers);
        if (pages > s.pages) s.pages = uint8(pages);
        // The seats of an epoch are final when it starts, so this stays true.
        if (3 * LibBit.popCount(revealers) > 2 * seats) s.counted = true;
    }

    function tally(Epoch epoch, uint256 page) external {
        Round round = _requireFrom(epoch, TALLY);
        Session storage s = _sessions[epoch];
        uint256 revealers = LibBit.popCount(s.revealers);
        if (!s.counted) revert Oracle_NotCounted(epoch, revealers, _seatsOf(epoch).count());
        if (page >= s.pages) revert Oracle_NoSuchPage(page, s.pages);
        if (s.talliedPages >> page & 1 != 0) revert Oracle_AlreadyTallied(epoch, page);
        s.talliedPages |= uint128(1 << page);

        (uint256[] memory pairs, uint256 agreed, uint256 operators) =
            Medians.ofPage(_pages(epoch, page, s.revealers), revealers, rulesOf(epoch).toleranceBps);
        for (uint256 i; i < pairs.length; ++i) {
            if (pairs[i] != 0) _medians[epoch][page * WORDS + i] = pairs[i];
        }
        bool scored = round < epoch.addEpochs(1).first().addRounds(FINAL);
        // At most MAX_PAGES * PAGE = 2^16 in all, so that neither the count nor a lane of 24 bits overflows.
        if (scored) (s.operators, s.agreed) = (s.operators + uint24(operators), s.agreed + agreed);
        emit Tallied(epoch, page, pairs, agreed, operators, scored);
    }

    /// @dev One page of those that revealed everything, by seat; empty where a seat did not or has no such page.
    function _pages(Epoch epoch, uint256 page, uint256 revealers) private view returns (bytes[] memory pages) {
        pages = new bytes[](MAX_SEATS);
        for (uint256 seat; seat < MAX_SEATS; ++seat) {
            address data = _revealed[epoch][page][seat];
            if (revealers >> seat & 1 != 0 && data != address(0)) pages[seat] = SSTORE2.read(data);
        }
    }

    function forfeit(Epoch epoch, address account) external {
        _requireFrom(epoch, TALLY);
        Commitment storage c = _commitments[epoch][account];
        if (c.pages == 0) revert Oracle_NoCommitment(epoch, account);
        if (c.revealed == c.pages) revert Oracle_AllRevealed(epoch, account);
        delete _commitments[epoch][account];

        Keeper storage k = _keepers[account];
        // Rounded up, in the treasury's favour.
        uint256 part = Math.ceilDiv(uint256(k.fullBond) * rulesOf(epoch).forfeitBps, BPS);
        uint96 amount = uint96(Math.min(part, k.bond));
        k.bond -= amount;
        accounted -= amount;
        emit BondForfeited(account, epoch, amount);
        ASSET.safeTransfer(address(POOL), amount);
        POOL.creditTreasury(amount);
    }

    function payKeeper(Epoch epoch, uint256 seat) external returns (uint256 amount) {
        return POOL.payKeeper(epoch, seat, keeperAt(epoch, seat));
    }

    // ---- Governance ----

    function setKeeperBond(uint96 keeperBond_) external restricted {
        _setKeeperBond(keeperBond_);
    }

    function setRules(Rules calldata rules) external restricted {
        _setRules(_coming(), rules);
    }

    // ---- Views ----

    function metrics(uint32 operatorId, Epoch epoch)
        external
        view
        returns (bool ready, bool present, uint16 uptimeBps, uint16 availabilityBps)
    {
        if (operatorId == 0) revert Oracle_NoSuchOperator(operatorId);
        if (currentRound() < epoch.addEpochs(1).first().addRounds(TALLY)) return (false, false, 0, 0);
        (uint256 page, uint256 place) = ((operatorId - 1) / PAGE, (operatorId - 1) % PAGE);
        uint256 latest = Epoch.unwrap(epoch);
        // Down to CARRY epochs back, or to the first one.
        for (uint256 e = latest; e != 0 && e + CARRY >= latest; --e) {
            Session storage s = _sessions[Epoch.wrap(uint32(e))];
            (bool counted, uint256 pages, uint256 tallied) = (s.counted, s.pages, s.talliedPages);
            if (!counted || page >= pages) continue;
            if (tallied >> page & 1 == 0) return (false, false, 0, 0);
            uint256 word = _medians[Epoch.wrap(uint32(e))][page * WORDS + place / Medians.PER_WORD];
            uint256 pair = word >> place % Medians.PER_WORD * Medians.PAIR & 2 ** Medians.PAIR - 1;
            if (pair != 0) return (true, true, uint16(pair >> 16) - 1, uint16(pair) - 1);
        }
        return (true, false, 0, 0);
    }

    function scores(Epoch epoch) external view returns (uint256 seats, uint256 earned) {
        _requireFrom(epoch, FINAL);
        seats = _seatsOf(epoch).count();
        Session storage s = _sessions[epoch];
        (uint256 operators, uint256 agreed) = (s.operators, s.agreed);
        if (operators == 0) return (seats, 0);
        uint256 shareBps = rulesOf(epoch).shareBps;
        for (uint256 seat; seat < seats; ++seat) {
            if (agreed.get(seat) * BPS >= shareBps * operators) earned |= 1 << seat;
        }
    }

    function keeperAt(Epoch epoch, uint256 seat) public view returns (address) {
        uint256 seats = _seatsOf(epoch);
        if (seat >= seats.count()) revert Oracle_NoSuchSeat(epoch, seat);
        return _numbered[seats.get(seat) - 1];
    }

    function committee(Epoch epoch) external view returns (address[] memory keepers) {
        uint256 seats = _seatsOf(epoch);
        keepers = new address[](seats.count());
        for (uint256 seat; seat < keepers.length; ++seat) {
            keepers[seat] = _numbered[seats.get(seat) - 1];
        }
    }

    function keeper(address account) external view returns (Keeper memory) {
        return _keepers[account];
    }

    function commitment(Epoch epoch, address account) external view returns (Commitment memory) {
        return _commitments[epoch][account];
    }

    function session(Epoch epoch) external view returns (Session memory) {
        return _sessions[epoch];
    }

    function rulesOf(Epoch epoch) public view returns (Rules memory) {
        uint224 packed = _rules.upperLookupRecent(Epoch.unwrap(epoch));
        return Rules({toleranceBps: uint16(packed >> 32), shareBps: uint16(packed >> 16), forfeitBps: uint16(packed)});
    }

    function linkOf(address account, Epoch epoch, uint256 page, bytes calldata values, bytes32 next) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), account, epoch, page, keccak256(values), next));
    }

    // ---- Internals ----

    /// @dev The next epoch: the first one that anything decided now can reach. Before the genesis that is epoch 1.
    function _coming() private view returns (Epoch) {
        return block.timestamp < GENESIS ? Epoch.wrap(1) : currentEpoch().addEpochs(1);
    }

    function _seatsOf(Epoch epoch) private view returns (uint256) {
        return _committees.upperLookupRecent(Epoch.unwrap(epoch));
    }

    /// @dev A keeper's seat in an epoch, and how many there are.
    function _seatOf(Epoch epoch, address account) private view returns (uint256 seat, uint256 seats) {
        uint256 committee_ = _seatsOf(epoch);
        uint256 number = _keepers[account].number;
        (seat, seats) = (committee_.find(number), committee_.count());
        // Number 0, a stranger's, is what an empty seat holds.
        if (number == 0 || seat >= seats) revert Oracle_NotSeated(account, epoch);
    }

    /// @dev Reverts unless this is round `n` of the epoch after `epoch`.
    function _requireRound(Epoch epoch, uint32 n) private view {
        (Round round, Round wanted) = (currentRound(), epoch.addEpochs(1).first().addRounds(n));
        if (round != wanted) revert Oracle_WrongRound(round, wanted);
    }

    /// @dev Reverts before round `n` of the epoch after `epoch`.
    function _requireFrom(Epoch epoch, uint32 n) private view returns (Round round) {
        round = currentRound();
        Round from = epoch.addEpochs(1).first().addRounds(n);
        if (round < from) revert Oracle_TooEarly(round, from);
    }

    function _setKeeperBond(uint96 keeperBond_) private {
        if (keeperBond_ == 0 || keeperBond_ > MAX_KEEPER_BOND) revert Oracle_KeeperBondOutOfBounds(keeperBond_, MAX_KEEPER_BOND);
        keeperBond = keeperBond_;
        emit KeeperBondSet(keeperBond_);
    }

    function _setRules(Epoch from, Rules memory r) private {
        bool good = r.toleranceBps >= 100 && r.toleranceBps <= 2000 && r.shareBps >= 5000 && r.shareBps <= BPS && r.forfeitBps >= 100
            && r.forfeitBps <= BPS;
        if (!good) revert Oracle_RulesOutOfBounds(r);
        _rules.push(Epoch.unwrap(from), uint224(r.toleranceBps) << 32 | uint224(r.shareBps) << 16 | r.forfeitBps);
        emit RulesSet(from, r);
    }
}
