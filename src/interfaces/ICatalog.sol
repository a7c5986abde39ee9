// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch} from "../Types.sol";

/// @title Catalog
/// @notice What a content is, and who vouches for it with a bond. Holds the publishers' bonds.
///
/// A content is a torrent's commitments. Its number and all that the commitments say never change. Who publishes it may: a publisher
/// stands for a content as long as its bond is here, and when the bond has gone home anyone may publish the same content again, under the
/// same number and with a bond of its own. Only bonded contents take new orders.
///
/// The first to publish need not be the author. Who copies a pending publication pays a bond, and the content is the same data under the
/// same number; what differs is the manifest, on which no reward depends.
///
/// Governance sets the bond asked of future publications. It cannot touch a bond that is here, nor a content.
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
        uint32 version; // the publisher's own count of versions
        string licence; // URI
        string[] sources; // where the .torrent and first peers are found: URIs, at most MAX_SOURCES
    }

    /// @notice What the chain remembers of a content. Infohash and filesRoot are in its `Published` event and fixed by its key.
    struct Content {
        // slot 0
        address publisher;
        uint40 blocks; // of 16 KiB
        uint32 fileCount;
        // slot 1
        bytes32 dataRoot;
        // slot 2
        uint128 bond; // asset wei held for the publisher; 0: withdrawn, the content takes no orders
        Epoch lastEpoch; // last epoch that an order, or the publication itself, ties the bond to
        uint32 dataId; // the first content with this dataRoot, mostly itself
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

    event PublishBondSet(uint128 publishBond);

    error Catalog_Unauthorized(address caller);
    error Catalog_Unknown(uint32 contentId);
    error Catalog_Unbonded(uint32 contentId);
    error Catalog_AlreadyPublished(uint32 contentId);
    error Catalog_BlocksOutOfBounds(uint40 blocks, uint40 most);
    error Catalog_FileCountOutOfBounds(uint32 fileCount, uint40 blocks);
    error Catalog_ManifestMismatch(bytes32 infohash, bytes32 key);
    error Catalog_NoSuchSeries(uint64 series);
    error Catalog_TextTooLong(uint256 length, uint256 most);
    error Catalog_TooManySources(uint256 count, uint256 most);
    error Catalog_BadSignature(address publisher);
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
    /// - the content is new, or its bond has been withdrawn
    /// - 1 <= blocks <= MAX_BLOCKS, 1 <= fileCount <= blocks
    /// - manifest.infohash and manifest.key are the commitment's; manifest.series is 0
    /// - name, licence and each source have at most MAX_TEXT bytes; there are at most MAX_SOURCES sources
    /// - the signature is the publisher's
    /// - the asset arrives in full
    /// @return contentId From 1, in order of first publication.
    function publish(Manifest calldata manifest, Commitment calldata commitment, bytes calldata signature)
        external
        returns (uint32 contentId);

    /// @notice Ties the bond to an order that ends with `endEpoch` and that somebody has accepted: opening one costs nothing. An earlier end than one noted changes nothing.
    ///
    /// Requirements:
    /// - the caller is the Market
    /// - the content is known and bonded
    ///
    /// @return The content's chunks.
    function noteOrder(uint32 contentId, Epoch endEpoch) external returns (uint32);

    /// @notice Pays a content's bond back to its publisher, by anyone. The content takes no more orders until it is published again.
    ///
    /// Requirements:
    /// - the content is known and bonded
    /// - BOND_THAW epochs have passed since the end of the last one an order or the publication ties the bond to
    function withdrawBond(uint32 contentId) external;

    /// @notice Governance: the bond of future publications, in asset wei, 1 to MAX_PUBLISH_BOND.
    function setPublishBond(uint128 publishBond) external;

    /// @notice The bond asked of a publication now, in asset wei.
    function publishBond() external view returns (uint128);

    /// @notice Contents ever published: ids are 1 to count.
    function count() external view returns (uint32);

    /// @notice Root of a content's possession tree, in one storage read; 0 for an unknown content.
    function dataRoot(uint32 contentId) external view returns (bytes32);

    /// @notice The first content with the same dataRoot, itself if there was none: who holds one has the bytes of the other. 0 if unknown.
    function dataId(uint32 contentId) external view returns (uint32);

    /// @notice A content's chunks. Reverts unless it is known and bonded.
    function orderable(uint32 contentId) external view returns (uint32);

    /// @notice Chunks of 8 MiB that a content counts for: blocks / 512, rounded up, so that no content is held for nothing. 0 if unknown.
    function chunks(uint32 contentId) external view returns (uint32);

    /// @notice A content's blocks of 16 KiB, which fix its possession tree's depth, and that tree's root; 0 for an unknown content.
    function tree(uint32 contentId) external view returns (uint40 blocks, bytes32 root);

    /// @notice All zero for an unknown content.
    function content(uint32 contentId) external view returns (Content memory);

    /// @notice The content with this key; 0: none.
    function contentOf(bytes32 key) external view returns (uint32 contentId);

    /// @notice keccak256(abi.encode(infohash, filesRoot, dataRoot, blocks, fileCount)): one content, one key.
    function keyOf(Commitment calldata commitment) external pure returns (bytes32);

    /// @notice The EIP-712 digest that the publisher signs.
    function hashOf(Manifest calldata manifest) external view returns (bytes32);

    /// @notice Sum of bonds held, in asset wei. The balance is at least that; what is above it is owed to nobody.
    function accounted() external view returns (uint256);
}
