// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch, Round} from "../Types.sol";

/// @title Oracle
/// @notice The committee of keepers and the medians of what they sampled in the swarm. Holds the keepers' bonds.
///
/// The seats of an epoch are those taken before it started, and nothing changes them after. Each keeper samples all epoch long, commits to
/// its values in round 0 of the next epoch, when nobody has shown any, and reveals them in round 1, page by page. From round 2 anyone
/// tallies: the values of one page of operators, the lower median of each, and who agreed with it. An epoch counts when more than two thirds
/// of its seats revealed all they committed to, an operator when more than half of those sampled it (H-ORC-1).
///
/// Page p holds operators p * PAGE + 1 to (p + 1) * PAGE, four bytes each: uptime and availability, big-endian uint16, in basis points plus 1.
/// A pair with a 0 or anything above 10001 in it says that the operator was not sampled, and so does a page that ends before it: a keeper
/// reveals as many pages, and as much of each, as it has something to say about. So how many operators there are, which anyone can change by
/// registering, decides nothing here.
///
/// A commitment is the head of a chain of hashes: `linkOf(keeper, epoch, p, values of p, link of p + 1)`, the last page linking to a salt. Each
/// page can thus be checked alone; the keeper's own address is in every link, so a copied commitment cannot be revealed (H-ORC-3). The salt is
/// 32 random bytes, new for each epoch: values are few enough to be guessed without it.
///
/// Governance admits and removes keepers and sets parameters, all from the next epoch on. It cannot write or alter a value, a median or a
/// score, nor take a bond: that takes a commitment not kept.
interface IOracle {
    struct Keeper {
        // slot 0
        uint96 bond; // asset wei held
        uint96 fullBond; // asset wei it must hold to commit, fixed when it joined; 0: not joined
        uint24 number; // of the keeper, from 1, in order of admission; 0: never admitted
        bool admitted;
        Epoch until; // first epoch without its seat; 0: not leaving
    }

    /// @notice A keeper's commitment for an epoch.
    struct Commitment {
        // slot 0
        bytes32 link; // what the next page must hash to
        // slot 1
        uint8 pages; // committed; 0: no commitment, or forfeited
        uint8 revealed; // pages revealed, from page 0 on
    }

    /// @notice What was revealed and tallied of an epoch.
    struct Session {
        // slot 0
        uint128 talliedPages; // bit mask
        uint16 revealers; // seats that revealed all they committed to, a bit mask
        uint8 pages; // most that one of those revealed
        bool counted; // more than two thirds of the seats did
        uint24 operators; // tallied in time to be scored
        // slot 1
        uint256 agreed; // on how many of those operators each seat did: nine numbers of 24 bits, seat 0 lowest
    }

    /// @notice Rules of scoring and forfeits, in basis points.
    struct Rules {
        uint16 toleranceBps; // a value agrees when it is within this of the median; 100 to 2000
        uint16 shareBps; // pay is earned by agreeing on at least this share of the operators scored; 5000 to 10000
        uint16 forfeitBps; // part of the full bond that a commitment not kept costs; 100 to 10000
    }

    event KeeperAdmitted(address indexed keeper, uint24 number);
    event KeeperRemoved(address indexed keeper);
    event KeeperJoined(address indexed keeper, Epoch from, uint256 bond);
    event KeeperResigned(address indexed keeper, Epoch until);
    event BondToppedUp(address indexed keeper, address payer, uint256 amount);
    event BondForfeited(address indexed keeper, Epoch indexed epoch, uint256 amount);
    event BondWithdrawn(address indexed keeper, uint256 amount);

    /// @notice A keeper committed, or replaced its commitment of the same round.
    event Committed(Epoch indexed epoch, address indexed keeper, bytes32 link, uint256 pages);

    /// @notice A keeper revealed a page.
    /// @param data The contract whose code, after its first byte, is the values.
    event Revealed(Epoch indexed epoch, address indexed keeper, uint256 page, address data);

    /// @notice A page was tallied.
    /// @param medians As stored, 8 operators a word.
    /// @param agreed As in Session, of this page alone.
    /// @param scored Whether it came in time to count for the keepers' scores.
    /// @param operators With a median in this page.
    event Tallied(Epoch indexed epoch, uint256 indexed page, uint256[] medians, uint256 agreed, uint256 operators, bool scored);

    event KeeperBondSet(uint96 keeperBond);
    event RulesSet(Epoch from, Rules rules);

    error Oracle_NotAdmitted(address keeper);
    error Oracle_AlreadyAdmitted(address keeper);
    error Oracle_AlreadyJoined(address keeper);
    error Oracle_NotJoined(address keeper);
    error Oracle_NotLeaving(address keeper);
    error Oracle_Leaving(address keeper, Epoch until);
    error Oracle_CommitteeFull(uint256 seats);
    error Oracle_NotSeated(address keeper, Epoch epoch);
    error Oracle_BondShort(address keeper, uint256 bond, uint256 fullBond);
    error Oracle_BondFull(address keeper);
    error Oracle_BondThawing(address keeper, Epoch until);
    error Oracle_WrongRound(Round current, Round wanted);
    error Oracle_TooEarly(Round current, Round from);
    error Oracle_PagesOutOfBounds(uint256 pages, uint256 most);
    error Oracle_NoCommitment(Epoch epoch, address keeper);
    error Oracle_AllRevealed(Epoch epoch, address keeper);
    error Oracle_WrongLength(uint256 length, uint256 most);
    error Oracle_WrongLink(bytes32 link, bytes32 committed);
    error Oracle_NotCounted(Epoch epoch, uint256 revealers, uint256 seats);
    error Oracle_NoSuchPage(uint256 page, uint256 pages);
    error Oracle_AlreadyTallied(Epoch epoch, uint256 page);
    error Oracle_NoSuchOperator(uint32 operatorId);
    error Oracle_NoSuchSeat(Epoch epoch, uint256 seat);
    error Oracle_KeeperBondOutOfBounds(uint96 keeperBond, uint96 most);
    error Oracle_RulesOutOfBounds(Rules rules);

    // ---- The committee ----

    /// @notice Governance: lets `keeper` join.
    /// Requirements: it is not admitted.
    function admit(address keeper) external;

    /// @notice Governance: takes the admission back; a seat stops from the next epoch, as if the keeper had resigned.
    /// Requirements: it is admitted.
    function remove(address keeper) external;

    /// @notice Takes a seat from the next epoch on (the first one, before the genesis) with `keeperBond` asset wei from the caller.
    ///
    /// Requirements:
    /// - the caller is admitted and holds no bond here, not even one that thaws
    /// - the committee of the next epoch has fewer than MAX_SEATS
    /// - the asset arrives in full
    function join() external;

    /// @notice Gives the caller's seat up from the next epoch on. What it owes the epoch under way and the one before stays owed.
    /// Requirements: the caller has joined and is not leaving.
    function resign() external;

    /// @notice Brings a keeper's bond back to its full bond after a forfeit, paid by the caller.
    ///
    /// Requirements:
    /// - the keeper has joined and its bond is short
    /// - the asset arrives in full
    function topUp(address keeper) external;

    /// @notice Pays a keeper's bond back to it, by anyone.
    /// Requirements: the keeper is leaving, and BOND_THAW epochs have passed since its seat stopped.
    function withdrawBond(address keeper) external;

    // ---- An epoch's values ----

    /// @notice Round 0 of the next epoch: commits the caller to its values of `epoch`. May be replaced until the round ends.
    /// @param link The head of its chain.
    /// @param pages How many pages are in the chain, 1 to MAX_PAGES.
    ///
    /// Requirements:
    /// - it is round 0 of the epoch after `epoch`
    /// - the caller has a seat in `epoch` and its bond is full
    /// - 1 <= pages <= MAX_PAGES
    function commit(Epoch epoch, bytes32 link, uint256 pages) external;

    /// @notice Round 1 of the next epoch: reveals the caller's next page of `epoch`.
    /// @param values 4 bytes an operator, at most PAGE of them.
    /// @param next Link of the next page, or the salt if this is the last one.
    ///
    /// Requirements:
    /// - it is round 1 of the epoch after `epoch`
    /// - the caller committed and has not revealed all of it
    /// - values have a length that is a multiple of 4 and at most 4 * PAGE, and hash to the link committed to
    function reveal(Epoch epoch, bytes calldata values, bytes32 next) external;

    /// @notice Takes the medians of one page of operators, by anyone, and scores the keepers up to the end of round 4.
    ///
    /// Requirements:
    /// - round 1 of the epoch after `epoch` is over
    /// - more than two thirds of the seats revealed all they committed to
    /// - one of those revealed this page, and it is not tallied yet
    function tally(Epoch epoch, uint256 page) external;

    /// @notice Takes forfeitBps of the full bond, or what is left of it, of a keeper that did not reveal all it committed to, for the treasury.
    /// By anyone, once.
    ///
    /// Requirements:
    /// - round 1 of the epoch after `epoch` is over
    /// - the keeper committed and did not reveal all of it, and has not forfeited for it
    function forfeit(Epoch epoch, address keeper) external;

    /// @notice Pays a keeper for its seat in a frozen epoch, once, by anyone, if it agreed with the medians.
    function payKeeper(Epoch epoch, uint256 seat) external returns (uint256 amount);

    // ---- Governance ----

    /// @notice Governance: the bond of keepers that join from now on, in asset wei, 1 to MAX_KEEPER_BOND.
    function setKeeperBond(uint96 keeperBond) external;

    /// @notice Governance: the rules for the next epoch and later ones.
    /// Requirements: each is within the bounds written beside it.
    function setRules(Rules calldata rules) external;

    // ---- Views ----

    /// @notice An operator's metrics for an epoch: its medians, or else its latest ones of up to CARRY epochs before.
    /// Requirements: operatorId is not 0.
    /// @return ready False while that depends on reveals or tallies that can still come: run `tally` for the operator's page of `epoch`,
    /// or of a counted epoch up to CARRY before it. What is ready never changes.
    /// @return present Whether there are metrics.
    /// @return uptimeBps 0 to 10000.
    /// @return availabilityBps 0 to 10000.
    function metrics(uint32 operatorId, Epoch epoch)
        external
        view
        returns (bool ready, bool present, uint16 uptimeBps, uint16 availabilityBps);

    /// @notice Who earned the oracle's pay of `epoch`, each a seat's part of it.
    /// Requirements: round 4 of the epoch after `epoch` is over, so that the answer is final.
    /// @return seats How many seats there were.
    /// @return earned Bit i: seat i agreed on enough of the operators that were scored.
    function scores(Epoch epoch) external view returns (uint256 seats, uint256 earned);

    /// @notice The keeper in seat `seat`, from 0, of an epoch not after the next one.
    /// Requirements: there is such a seat.
    function keeperAt(Epoch epoch, uint256 seat) external view returns (address);

    /// @notice The keepers of an epoch, by seat. For an epoch still to come, as things stand.
    function committee(Epoch epoch) external view returns (address[] memory);

    function keeper(address account) external view returns (Keeper memory);

    function commitment(Epoch epoch, address keeper) external view returns (Commitment memory);

    function session(Epoch epoch) external view returns (Session memory);

    /// @notice The rules that an epoch is scored by.
    function rulesOf(Epoch epoch) external view returns (Rules memory);

    /// @notice The bond asked of a keeper that joins now, in asset wei.
    function keeperBond() external view returns (uint96);

    /// @notice One link of a commitment's chain:
    /// keccak256(abi.encode(chain id, this contract, keeper, epoch, page, keccak256(values), next)).
    function linkOf(address keeper, Epoch epoch, uint256 page, bytes calldata values, bytes32 next) external view returns (bytes32);

    /// @notice Sum of bonds held, in asset wei. The balance is at least that; what is above it is owed to nobody.
    function accounted() external view returns (uint256);
}
