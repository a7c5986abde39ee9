// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {Deployment} from "./Deployment.sol";
import {ICatalog} from "./interfaces/ICatalog.sol";
import {Clock} from "./libraries/Clock.sol";
import {Tokens} from "./libraries/Tokens.sol";
import {CHUNK_BLOCKS, Epoch} from "./Types.sol";

/// @title Catalog
/// @notice See ICatalog. Governance sets the bond of future publications; it cannot touch a bond that is here, nor a content.
contract Catalog is ICatalog, AccessManaged, EIP712, Clock {
    using SafeERC20 for IERC20;
    using Tokens for IERC20;

    /// @notice Most blocks of one content: 1 PiB. Its chunks fit 32 bits.
    uint40 public constant MAX_BLOCKS = 2 ** 36;
    /// @notice Most bytes of a name, a licence or a source.
    uint256 public constant MAX_TEXT = 512;
    uint256 public constant MAX_SOURCES = 16;
    /// @notice Most that a bond may be set to, in asset wei.
    uint128 public constant MAX_PUBLISH_BOND = 1e24;
    /// @notice Epochs that a bond stays after the last one it is tied to.
    uint32 public constant BOND_THAW = 2;

    bytes32 private constant MANIFEST_TYPEHASH = keccak256(
        "Manifest(address publisher,string name,bytes32 infohash,bytes32 key,uint64 series,uint32 version,string licence,string[] sources)"
    );

    IERC20 public immutable ASSET;
    address public immutable MARKET;

    uint128 public publishBond;
    uint32 public count;
    uint256 public accounted;
    mapping(bytes32 key => uint32 contentId) public contentOf;

    mapping(uint32 contentId => Content) private _contents;
    mapping(bytes32 dataRoot => uint32 contentId) private _firstWith;

    constructor(Deployment memory d, uint128 publishBond_)
        AccessManaged(d.authority)
        EIP712("Holdfast Catalog", "1")
        Clock(d.genesis, d.roundLength)
    {
        (ASSET, MARKET) = (IERC20(d.asset), d.market);
        _setPublishBond(publishBond_);
    }

    // ---- Publishing ----

    function publish(Manifest calldata manifest, Commitment calldata commitment, bytes calldata signature)
        external
        returns (uint32 contentId)
    {
        _checkCommitment(commitment);
        bytes32 key = keyOf(commitment);
        if (manifest.infohash != commitment.infohash || manifest.key != key) {
            revert Catalog_ManifestMismatch(manifest.infohash, manifest.key);
        }
        if (manifest.series != 0) revert Catalog_NoSuchSeries(manifest.series);
        _checkTexts(manifest);
        if (!SignatureChecker.isValidSignatureNowCalldata(manifest.publisher, hashOf(manifest), signature)) {
            revert Catalog_BadSignature(manifest.publisher);
        }

        contentId = contentOf[key];
        if (contentId == 0) contentOf[key] = contentId = ++count;
        else if (_contents[contentId].bond != 0) revert Catalog_AlreadyPublished(contentId);
        if (_firstWith[commitment.dataRoot] == 0) _firstWith[commitment.dataRoot] = contentId;

        uint128 bond = publishBond;
        _contents[contentId] = Content({
            publisher: manifest.publisher,
            blocks: commitment.blocks,
            fileCount: commitment.fileCount,
            dataRoot: commitment.dataRoot,
            bond: bond,
            lastEpoch: currentEpoch(),
            dataId: _firstWith[commitment.dataRoot]
        });
        accounted += bond;
        emit Published(contentId, commitment.infohash, manifest.publisher, commitment, manifest, msg.sender, bond);
        ASSET.pull(msg.sender, bond);
    }

    function noteOrder(uint32 contentId, Epoch endEpoch) external returns (uint32) {
        if (msg.sender != MARKET) revert Catalog_Unauthorized(msg.sender);
        Content storage c = _bonded(contentId);
        if (endEpoch > c.lastEpoch) {
            c.lastEpoch = endEpoch;
            emit BondTied(contentId, endEpoch);
        }
        return chunks(contentId);
    }

    function withdrawBond(uint32 contentId) external {
        Content storage c = _bonded(contentId);
        Epoch until = c.lastEpoch.addEpochs(BOND_THAW + 1);
        if (currentEpoch() < until) revert Catalog_BondTied(contentId, until);
        (address publisher, uint128 bond) = (c.publisher, c.bond);
        c.bond = 0;
        accounted -= bond;
        emit BondWithdrawn(contentId, publisher, bond);
        ASSET.safeTransfer(publisher, bond);
    }

    // ---- Governance ----

    function setPublishBond(uint128 publishBond_) external restricted {
        _setPublishBond(publishBond_);
    }

    // ---- Views ----

    function dataRoot(uint32 contentId) external view returns (bytes32) {
        return _contents[contentId].dataRoot;
    }

    function dataId(uint32 contentId) external view returns (uint32) {
        return _contents[contentId].dataId;
    }

    function orderable(uint32 contentId) external view returns (uint32) {
        _bonded(contentId);
        return chunks(contentId);
    }

    function chunks(uint32 contentId) public view returns (uint32) {
        // At most MAX_BLOCKS / CHUNK_BLOCKS = 2^27.
        return uint32((_contents[contentId].blocks + CHUNK_BLOCKS - 1) / CHUNK_BLOCKS);
    }

    function tree(uint32 contentId) external view returns (uint40 blocks, bytes32 root) {
        Content storage c = _contents[contentId];
        return (c.blocks, c.dataRoot);
    }

    function content(uint32 contentId) external view returns (Content memory) {
        return _contents[contentId];
    }

    function keyOf(Commitment calldata c) public pure returns (bytes32) {
        return keccak256(abi.encode(c.infohash, c.filesRoot, c.dataRoot, c.blocks, c.fileCount));
    }

    function hashOf(Manifest calldata m) public view returns (bytes32) {
        bytes32[] memory sources = new bytes32[](m.sources.length);
        for (uint256 i; i < sources.length; ++i) {
            sources[i] = keccak256(bytes(m.sources[i]));
        }
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    MANIFEST_TYPEHASH,
                    m.publisher,
                    keccak256(bytes(m.name)),
                    m.infohash,
                    m.key,
                    m.series,
                    m.version,
                    keccak256(bytes(m.licence)),
                    keccak256(abi.encodePacked(sources))
                )
            )
        );
    }

    // ---- Internals ----

    function _bonded(uint32 contentId) private view returns (Content storage c) {
        c = _contents[contentId];
        if (c.bond != 0) return c;
        if (c.publisher == address(0)) revert Catalog_Unknown(contentId);
        revert Catalog_Unbonded(contentId);
    }

    function _checkCommitment(Commitment calldata c) private pure {
        if (c.blocks == 0 || c.blocks > MAX_BLOCKS) revert Catalog_BlocksOutOfBounds(c.blocks, MAX_BLOCKS);
        // Every file that is not empty starts a block of its own.
        if (c.fileCount == 0 || c.fileCount > c.blocks) revert Catalog_FileCountOutOfBounds(c.fileCount, c.blocks);
    }

    function _checkTexts(Manifest calldata m) private pure {
        _checkText(m.name);
        _checkText(m.licence);
        if (m.sources.length > MAX_SOURCES) revert Catalog_TooManySources(m.sources.length, MAX_SOURCES);
        for (uint256 i; i < m.sources.length; ++i) {
            _checkText(m.sources[i]);
        }
    }

    function _checkText(string calldata text) private pure {
        if (bytes(text).length > MAX_TEXT) revert Catalog_TextTooLong(bytes(text).length, MAX_TEXT);
    }

    function _setPublishBond(uint128 publishBond_) private {
        // A bond of zero would look like one that went home.
        if (publishBond_ == 0 || publishBond_ > MAX_PUBLISH_BOND) revert Catalog_PublishBondOutOfBounds(publishBond_, MAX_PUBLISH_BOND);
        publishBond = publishBond_;
        emit PublishBondSet(publishBond_);
    }
}
