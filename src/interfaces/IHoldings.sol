// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch, Round} from "../Types.sol";

/// @title Holdings
/// @notice Who holds what, the daily draw over it, and the tally of the rounds proven. Holds no money.
///
/// What an operator holds is, per end epoch, an append-only list of entries that share one line of chunks: entry i covers [start, start +
/// chunks). A draw picks a chunk of the operator's lines, then a word of that chunk; the prover names the entry as a hint, and
/// start <= x < start + chunks settles it in one read, whether the operator holds ten contents or ten thousand.
interface IHoldings {
    /// @notice One slot, as the draw sees it.
    struct Entry {
        // slot 0
        uint40 start; // first chunk in its line
        uint32 chunks;
        uint40 orderId;
        uint32 contentId;
        Round liveFrom;
        Round deadFrom; // 0: lives to the end of its line's epoch
        uint8 depth; // of the content's possession tree
        uint16 tailBlocks; // blocks in the last chunk, 1 to 512
        uint8 replica;
        bool audited; // an audit of it is open
    }

    /// @notice An operator's rounds in one epoch; bit i is round i of the epoch.
    struct Tally {
        // slot 0
        uint32 clean; // proven in full
        uint32 idle; // nothing was live
        uint48 lostHalves; // half-chunks of slots ended for loss: 2 a chunk on evidence, 1 a chunk reported (t)
        bool ejected; // everything was lost
        uint32 audits; // due in the epoch and not decided
    }

    struct Inventory {
        // slot 0
        Round changedIn; // round of the last change of the ring; draws of that round use the other one
        Epoch written; // epoch of the ring's last change
        Epoch deadWritten; // same of the dead ring; 0: nothing ever died
        Round liveSince; // start of the unbroken time with something live
        Epoch pendingFrom; // slots in the ring that are live from this epoch only
        uint24 pendingChunks;
        uint8 ring; // the one in force, 0 or 1
        Round stamp; // ejected in this round, and not all is unwound; 0 otherwise
        uint32 stampedChunks; // still to unwind
    }

    /// @notice One word to prove.
    struct Challenge {
        uint32 entry; // index in the line of `last`
        Epoch last; // the line
        uint32 contentId;
        uint40 orderId;
        uint8 replica;
        bool answer; // false: name the entry and go on with the next draw, for this one hit something that is not live
        bool passed; // nothing to prove for this challenge: the content was blocked in this round, or is the last draw's
        uint64 leaf; // word of the content's possession tree
    }

    event Proven(uint32 indexed operatorId, Round indexed round);
    event Ejected(uint32 indexed operatorId, Round round, uint256 chunks);
    event Unstamped(uint32 indexed operatorId);

    error Holdings_Unauthorized(address caller);
    error Holdings_NoSeed(Round round);
    error Holdings_NothingLive(uint32 operatorId, uint256 challenge);
    error Holdings_NothingHeld(uint32 operatorId, Round round);
    error Holdings_WrongEntry(uint256 challenge, uint256 chunk, uint256 entry);
    error Holdings_WrongProof(uint256 challenge, uint32 contentId, uint256 leaf);
    error Holdings_WrongProofLength(uint256 length, uint256 used);
    error Holdings_ContentHeld(uint32 operatorId, uint32 contentId, Epoch through);
    error Holdings_Stamped(uint32 operatorId, Round stamp);
    error Holdings_TooMuchLost(uint32 operatorId, uint256 lost, uint256 live);
    error Holdings_AuditPending(uint32 operatorId, Epoch last, uint32 entry);
    error Holdings_LineFull(uint32 operatorId, Epoch last);
    error Holdings_NotStamped(uint32 operatorId, Epoch last, uint32 entry);
    error Holdings_NotEjectable(uint32 operatorId, uint256 badInARow);

    /// @notice Proves K words drawn over all that the operator holds, from the seed of the round under way. All or nothing.
    /// @param proof For each draw in order, 4 bytes: the index of the entry drawn; then, unless that entry is not live or its content was
    /// blocked (in this round, or the draw is a challenge's last), the 32-byte word and its path, `depth` hashes of 32 bytes, leaf to root. `challenges` lists the draws.
    /// Requirements: caller is the operator's owner or prover (H-PROOF-4); the round has a seed; something is held; every path leads to its
    /// content's dataRoot (H-TREE-1) and the proof is used up exactly.
    function prove(uint32 operatorId, bytes calldata proof) external;

    /// @notice Reserves the right to hold a content's data: one copy an operator at a time.
    /// @param through The end epoch of the slot. @param from The epoch in which the slot starts.
    /// Requirements: caller is the Market; no slot with this dataRoot reaches into `from`; no ejection awaits unwinding, nor was there
    /// one in this epoch; what was lost in it, or of the next, chunks on evidence counted twice, is no more than what is live and these.
    function claimContent(uint32 operatorId, uint32 contentId, uint256 chunks, Epoch from, Epoch through) external;

    /// @notice Gives that right back. Requirements: caller is the Market.
    function unclaimContent(uint32 operatorId, uint32 contentId, Epoch from, Epoch through) external;

    /// @notice Appends a slot to the line of `last`, live from `liveFrom`, which is the next round or, for a renewal, the next epoch.
    /// Requirements: caller is the Market; no ejection awaits unwinding; the content is not stamped.
    /// @return index Its index in the line.
    function add(uint32 operatorId, uint32 contentId, uint40 orderId, uint8 replica, Round liveFrom, Epoch last)
        external
        returns (uint32 index);

    /// @notice Ends a slot early: dead from the next round, so the round under way samples what it did (H-PROOF-1).
    /// @param lostHalves 2 a chunk lost on evidence, 1 a chunk reported, counted in `countIn`.
    /// Requirements: caller is the Market.
    function end(uint32 operatorId, Epoch last, uint32 index, Epoch countIn, uint256 lostHalves) external;

    /// @notice Counts an audit of a slot due in an epoch, or takes it out: settling waits until none is left.
    /// Requirements: caller is the Audits.
    function noteAudit(uint32 operatorId, Epoch last, uint32 index, Epoch due, bool opened) external;

    /// @notice Stamps an operator after BAD_ROUNDS non-void rounds in a row without a clean one: all it holds is lost from the next round on.
    /// Requirements: caller is the Audits; not stamped already.
    function eject(uint32 operatorId) external returns (Round stamp);

    /// @notice Ends a slot under its operator's stamp or its content's, whichever came first. The last one lifts an operator's stamp. What was
    /// disproved while it was audited, and whose audit was not decided when the operator was ejected, is lost.
    /// Requirements: caller is the Market; the entry was there when the stamp was set, and its term not over; no audit of it is open, if its
    /// content was disproved and its operator not ejected.
    /// @return deadFrom The round after the stamp. @return lost Whether it was the operator's.
    function unwind(uint32 operatorId, Epoch last, uint32 index) external returns (Round deadFrom, bool lost);

    /// @notice Checks K words of one content drawn from `seed`: an activation or an audit. Reverts unless all are right.
    /// @return chunks The content's.
    function requireWords(uint32 contentId, bytes32 seed, bytes calldata proof) external view returns (uint256 chunks);

    /// @notice The K words that `requireWords` asks for.
    function wordsOf(uint32 contentId, bytes32 seed) external view returns (uint64[] memory leaves);

    /// @notice The draws of the round under way, in the order `prove` takes them. Empty: nothing held or no seed.
    function challenges(uint32 operatorId) external view returns (Challenge[] memory);

    function inventory(uint32 operatorId) external view returns (Inventory memory);

    function entry(uint32 operatorId, Epoch last, uint32 index) external view returns (Entry memory);

    function tally(uint32 operatorId, Epoch epoch) external view returns (Tally memory);

    /// @notice What settling an epoch needs: its tally, and the round of an ejection in it that is not unwound yet, or 0.
    function settling(uint32 operatorId, Epoch epoch) external view returns (Tally memory t, Round stamp);

    /// @notice Chunks live in the round under way and those dead in lines that have not ended.
    function chunksNow(uint32 operatorId) external view returns (uint256 live, uint256 dead);

    /// @notice Whether the operator proved `round` in full.
    function isClean(uint32 operatorId, Round round) external view returns (bool);

    /// @notice Non-void rounds in a row, up to the last one ended, without a clean one.
    function badInARow(uint32 operatorId) external view returns (uint256);
}
