// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch, Round} from "../Types.sol";

/// @title Catalog
/// @notice What a content is, and who vouches for it with a bond. Holds the publishers' bonds.
///
/// A content is a torrent's commitments. Its number and all that the commitments say never change. Who publishes it may: a publisher
/// stands for a content as long as its bond is here, and when the bond has gone home anyone may publish the same content again, under the
/// same number and with a bond of its own. Only bonded contents take new orders.
///
/// A content is taken out of service in one of two ways, and stays so. *Disproved*: anyone shows a block that its two trees disagree about
/// (H-TREE-2); the bond goes to whoever did and to the treasury. *Blocked*: the curator says why nobody should hold it. Either sets one
/// stamp: from the round after it nothing of the content is sampled, paid for or ordered, and `Market.unwind` moves the money slot by slot.
///
/// The first to publish need not be the author. Who copies a pending publication pays a bond, and the content is the same data under the
/// same number; what differs is the manifest, on which no reward depends.
///
/// Governance sets the bond asked of future publications. It cannot touch a bond that is here. The curator can only block.
interface ICatalog {
    /// @notice What fixes a content, byte for byte.
    struct Commitment {
        bytes32 infohash; // SHA-256 of the torrent's info dictionary (BEP 52)
        bytes32 filesRoot; // Merkle root of the file table
        bytes32 dataRoot; // root of the possession tree, over the 32-byte words of all blocks
        uint40 blocks; // of 16 KiB, every file starting a new one; 1 to MAX_BLOCKS
        uint32 fileCount; // files that are not empty; 1 to blocks
    }

    /// @notice What a publisher signs (EIP-712, domain "Holdfast Catalog", version "1").
    struct Manifest {
        address publisher; // signs (ERC-1271 if it is a contract) and owns the bond
        string name; // at most MAX_TEXT bytes, like every text below
        bytes32 infohash;
        bytes32 key; // keyOf(commitment): the signature covers every root
        uint64 series; // 0: the content belongs to no series
        uint32 version; // in the series, greater than its latest; without a series it means nothing
        string licence; // URI
        string[] sources; // where the .torrent and first peers are found: URIs, at most MAX_SOURCES
    }

    /// @notice What the chain remembers of a content. Infohash and filesRoot are in its `Published` event and fixed by its key.
    struct Content {
        // slot 0
        address publisher;
        uint32 fileCount;
        // slot 1
        bytes32 dataRoot;
        // slot 2: all that an order asks for
        uint96 bond; // asset wei held for the publisher; 0: withdrawn, the content takes no orders
        uint40 blocks; // of 16 KiB; 0: no such content
        Epoch lastEpoch; // last epoch that an order, or the publication itself, ties the bond to
        uint32 dataId; // the first content with this dataRoot, mostly itself
        Round stamp; // taken out of service in this round; 0: in service
        bool isBlocked;
        bool isDisproved;
    }

    /// @notice A file's row in the table under filesRoot; its leaf is the SHA-256 of these three words of 32 bytes.
    struct FileRow {
        bytes32 piecesRoot; // BEP 52
        uint40 firstBlock; // its first block's place in the content
        uint64 length; // bytes, not 0
    }

    /// @notice A block that a content's two trees disagree about.
    struct Disproof {
        Commitment commitment; // the content's
        FileRow row;
        uint32 rowIndex; // its place in the file table
        bytes32[] rowPath; // to filesRoot
        uint40 blockIndex; // in the file
        bytes data; // the block's bytes, a file's last block at its true length
        bytes32[] blockPath; // to the file's piecesRoot
        bytes32 wordsRoot; // what stands in the possession tree where the root over the block's 512 words should
        bytes32[] dataPath; // from there to dataRoot
    }

    /// @notice Versions of one data set.
    struct Series {
        address owner;
        uint32 head; // the version its owner stands for now; 0: none yet
        uint32 latest; // the greatest version ever published
    }

    /// @notice What an attester signs (EIP-712, same domain): "I hold this verdict about this content", or no longer do.
    struct Attestation {
        address attester; // ERC-1271 if it is a contract
        bytes32 key; // keyOf the content's commitment: a number may change with a reorganisation
        bytes32 verdict; // a word of at most 32 bytes: "verified", "malware-free"
        bool holds; // false takes it back
        uint64 signedAt; // Unix seconds; of two about the same, the later one stands
        string evidence; // URI, at most MAX_TEXT bytes
    }

    /// @notice An attester's last word.
    struct Verdict {
        uint64 signedAt; // 0: none
        bool holds;
    }

    /// @notice A content was published: for the first time, or again after its bond had been withdrawn.
    /// @param payer Who paid the bond. It belongs to `manifest.publisher`.
    /// @param bond Asset wei.
    event Published(
        uint32 indexed contentId,
        bytes32 indexed infohash,
        address indexed publisher,
        Commitment commitment,
        Manifest manifest,
        address payer,
        uint256 bond
    );

    /// @notice An order keeps the bond of `contentId` until BOND_THAW epochs after `lastEpoch`.
    event BondTied(uint32 indexed contentId, Epoch lastEpoch);

    event BondWithdrawn(uint32 indexed contentId, address indexed publisher, uint256 bond);

    /// @notice Block `blockIndex` of file `rowIndex` is not what the possession tree says. `reward` of the bond, in asset wei, went to
    /// `challenger`, the rest to the treasury. `stamp` is the round in which the content went out of service, by this or before.
    event Disproved(
        uint32 indexed contentId, address indexed challenger, Round stamp, uint32 rowIndex, uint40 blockIndex, uint256 reward, uint256 rest
    );

    event Blocked(uint32 indexed contentId, Round stamp, string reason);

    event SeriesCreated(uint64 indexed series, address indexed owner);

    /// @notice The head of a series is now `version`: a new one, or one that its owner went back to.
    event HeadMoved(uint64 indexed series, uint32 version, uint32 indexed contentId);

    event Attested(
        uint32 indexed contentId, address indexed attester, bytes32 indexed verdict, bool holds, uint64 signedAt, string evidence
    );

    event PublishBondSet(uint128 publishBond);

    error Catalog_Unauthorized(address caller);
    error Catalog_Unknown(uint32 contentId);
    error Catalog_Unbonded(uint32 contentId);
    error Catalog_AlreadyPublished(uint32 contentId);
    error Catalog_BlocksOutOfBounds(uint40 blocks, uint40 most);
    error Catalog_FileCountOutOfBounds(uint32 fileCount, uint40 blocks);
    error Catalog_ManifestMismatch(bytes32 infohash, bytes32 key);
    error Catalog_Stamped(uint32 contentId, Round stamp);
    error Catalog_NotItsCommitment(uint32 contentId);
    error Catalog_NotItsRow(uint32 rowIndex);
    error Catalog_NotItsBlock(uint32 rowIndex, uint40 blockIndex);
    error Catalog_NotItsWords(uint256 blockOfContent);
    error Catalog_Agreed(uint256 blockOfContent);
    error Catalog_AlreadyDisproved(uint32 contentId);
    error Catalog_NotSeriesOwner(uint64 series, address caller);
    error Catalog_NotNewer(uint64 series, uint32 version, uint32 latest);
    error Catalog_NoSuchVersion(uint64 series, uint32 version);
    error Catalog_BadTime(uint64 signedAt, uint64 last);
    error Catalog_TextTooLong(uint256 length, uint256 most);
    error Catalog_TooManySources(uint256 count, uint256 most);
    error Catalog_BadSignature(address signer);
    error Catalog_BondTied(uint32 contentId, Epoch until);
    error Catalog_PublishBondOutOfBounds(uint128 publishBond, uint128 most);

    /// @notice Publishes a content, with `publishBond` asset wei from the caller.
    ///
    /// Anyone may relay a signed manifest. The caller pays the bond, so that a manifest and an allowance in strange hands cost a publisher
    /// nothing; from then on it is the publisher's. A relayer settles that with the publisher beforehand.
    /// @param signature Of `hashOf(manifest)`, by `manifest.publisher`. It stays good: after a withdrawal it may publish the content again,
    /// at the expense of whoever relays it.
    ///
    /// Requirements:
    /// - the content is new, or its bond has been withdrawn; it was never disproved nor blocked
    /// - 1 <= blocks <= MAX_BLOCKS, 1 <= fileCount <= blocks
    /// - manifest.infohash and manifest.key are the commitment's
    /// - manifest.series is 0, or the publisher's, and manifest.version greater than any in it: it becomes its head. Or the content is that
    ///   version already: published again, it moves nothing
    /// - name, licence and each source have at most MAX_TEXT bytes; there are at most MAX_SOURCES sources
    /// - the signature is the publisher's
    /// - the asset arrives in full
    /// @return contentId From 1, in order of first publication.
    function publish(Manifest calldata manifest, Commitment calldata commitment, bytes calldata signature)
        external
        returns (uint32 contentId);

    /// @notice Ties the bond to an order that ends with `endEpoch`, a slot of which begins to live: opening one costs nothing, and neither does
    /// a reservation that lapses. An earlier end than one noted changes nothing.
    ///
    /// Requirements:
    /// - the caller is the Market
    /// - the content is known, bonded and not stamped
    function noteOrder(uint32 contentId, Epoch endEpoch) external;

    /// @notice Pays a content's bond back to its publisher, by anyone. The content takes no more orders until it is published again.
    ///
    /// Requirements:
    /// - the content is known and bonded
    /// - BOND_THAW epochs have passed since the end of the last one an order or the publication ties the bond to
    function withdrawBond(uint32 contentId) external;

    /// @notice Shows that a content's two trees disagree: a block stands under its file's piecesRoot, and its 512 words, the missing ones zero,
    /// are not those at its place under dataRoot (H-TREE-2). Half of the bond goes to the caller, rounded down, the rest to the treasury.
    /// @dev Whoever sees it pending can send the same: send it privately.
    ///
    /// Requirements:
    /// - the content is known, bonded and not disproved; it may be blocked
    /// - the commitment is the content's; every path has the length that the commitment gives it (H-TREE-1)
    function disprove(uint32 contentId, Disproof calldata proof) external;

    /// @notice Curator: takes a content out of service for good, with a reason of at most MAX_TEXT bytes. Its bond stays the publisher's.
    /// Requirements: the content is known and not stamped.
    function blockContent(uint32 contentId, string calldata reason) external;

    /// @notice Begins a series of versions; it is the caller's.
    function createSeries() external returns (uint64 series);

    /// @notice Makes a content that is published already, by whomever, the next version of a series, and its head.
    /// @param key keyOf its commitment: a number may change with a reorganisation.
    /// Requirements: caller is the owner; the content is known and not stamped; `version` is greater than any in the series.
    function addVersion(uint64 series, uint32 version, bytes32 key) external;

    /// @notice Moves the head of a series to any of its versions: forward, or back.
    /// Requirements: caller is the owner; the series has this version.
    function setHead(uint64 series, uint32 version) external;

    /// @notice Records what an attester signed about a content, by anyone. It has no power here: events and `verdictOf` are for readers.
    /// Requirements: the content is known; `signedAt` is not in the future and after the attester's last word on this verdict; evidence has at most
    /// MAX_TEXT bytes; the signature is the attester's.
    function attest(Attestation calldata attestation, bytes calldata signature) external;

    /// @notice Governance: the bond of future publications, in asset wei, 1 to MAX_PUBLISH_BOND.
    function setPublishBond(uint128 publishBond) external;

    /// @notice The bond asked of a publication now, in asset wei.
    function publishBond() external view returns (uint128);

    /// @notice Contents ever published: ids are 1 to count.
    function count() external view returns (uint32);

    /// @notice What a round's proof needs: the root of the possession tree, the round in which the content was taken out of service (0: it is
    /// in service) and whether the curator did. All zero for an unknown content.
    function sampled(uint32 contentId) external view returns (bytes32 dataRoot, Round stamp, bool isBlocked);

    /// @notice The first content with the same dataRoot, itself if there was none: who holds one has the bytes of the other. 0 if unknown.
    function dataId(uint32 contentId) external view returns (uint32);

    /// @notice A content's chunks. Reverts unless it is known, bonded and not stamped.
    function orderable(uint32 contentId) external view returns (uint32);

    /// @notice Chunks of 8 MiB that a content counts for: blocks / 512, rounded up, so that no content is held for nothing. 0 if unknown.
    function chunks(uint32 contentId) external view returns (uint32);

    /// @notice What holding a content begins with: its blocks of 16 KiB, which fix its possession tree's depth, and that tree's root.
    /// All zero for an unknown content.
    function tree(uint32 contentId) external view returns (uint40 blocks, bytes32 root);

    /// @notice All zero for an unknown content.
    function content(uint32 contentId) external view returns (Content memory);

    /// @notice The content with this key; 0: none.
    function contentOf(bytes32 key) external view returns (uint32 contentId);

    /// @notice keccak256(abi.encode(infohash, filesRoot, dataRoot, blocks, fileCount)): one content, one key.
    function keyOf(Commitment calldata commitment) external pure returns (bytes32);

    /// @notice The EIP-712 digest that the publisher signs.
    function hashOf(Manifest calldata manifest) external view returns (bytes32);

    /// @notice The EIP-712 digest that an attester signs.
    function hashOfAttestation(Attestation calldata attestation) external view returns (bytes32);

    /// @notice Series ever begun: ids are 1 to seriesCount.
    function seriesCount() external view returns (uint64);

    /// @notice All zero for an unknown series.
    function seriesOf(uint64 series) external view returns (Series memory);

    /// @notice The content of a version; 0: none.
    function versionOf(uint64 series, uint32 version) external view returns (uint32 contentId);

    /// @notice An attester's last word on a verdict about a content.
    function verdictOf(uint32 contentId, address attester, bytes32 verdict) external view returns (Verdict memory);

    /// @notice Sum of bonds held, in asset wei. The balance is at least that; what is above it is owed to nobody.
    function accounted() external view returns (uint256);
}
