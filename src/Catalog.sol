// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {MerkleBlocks} from "../lib/bep52/MerkleBlocks.sol";
import {MerkleWords} from "../lib/bep52/MerkleWords.sol";
import {Deployment} from "./Deployment.sol";
import {ICatalog} from "./interfaces/ICatalog.sol";
import {IPool} from "./interfaces/IPool.sol";
import {Clock} from "./libraries/Clock.sol";
import {Tokens} from "./libraries/Tokens.sol";
import {CHUNK_BLOCKS, Epoch, Round} from "./Types.sol";

/// @title Catalog
/// @notice See ICatalog. Governance sets the bond of future publications, the curator blocks; neither can touch a bond that is here.
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

    bytes32 private constant ATTESTATION_TYPEHASH =
        keccak256("Attestation(address attester,bytes32 key,bytes32 verdict,bool holds,uint64 signedAt,string evidence)");

    IERC20 public immutable ASSET;
    IPool public immutable POOL;
    address public immutable MARKET;

    uint128 public publishBond;
    uint32 public count;
    uint64 public seriesCount;
    uint256 public accounted;
    mapping(bytes32 key => uint32 contentId) public contentOf;

    mapping(uint32 contentId => Content) private _contents;
    mapping(bytes32 dataRoot => uint32 contentId) private _firstWith;
    mapping(uint64 series => Series) private _series;
    mapping(uint64 series => mapping(uint32 version => uint32 contentId)) public versionOf;
    mapping(uint32 contentId => mapping(address attester => mapping(bytes32 verdict => Verdict))) private _verdicts;

    constructor(Deployment memory d, uint128 publishBond_)
        AccessManaged(d.authority)
        EIP712("Holdfast Catalog", "1")
        Clock(d.genesis, d.roundLength)
    {
        (ASSET, POOL, MARKET) = (IERC20(d.asset), IPool(d.pool), d.market);
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
        _checkTexts(manifest);
        _checkSignature(manifest.publisher, hashOf(manifest), signature);

        contentId = contentOf[key];
        if (contentId == 0) contentOf[key] = contentId = ++count;
        else if (_contents[contentId].bond != 0) revert Catalog_AlreadyPublished(contentId);
        _requireInService(contentId);
        if (_firstWith[commitment.dataRoot] == 0) _firstWith[commitment.dataRoot] = contentId;
        if (manifest.series != 0 && versionOf[manifest.series][manifest.version] != contentId) {
            _addVersion(manifest.series, manifest.version, manifest.publisher, contentId);
        }

        uint128 bond = publishBond;
        _contents[contentId] = Content({
            publisher: manifest.publisher,
            blocks: commitment.blocks,
            fileCount: commitment.fileCount,
            dataRoot: commitment.dataRoot,
            bond: uint96(bond), // at most MAX_PUBLISH_BOND
            lastEpoch: currentEpoch(),
            dataId: _firstWith[commitment.dataRoot],
            stamp: Round.wrap(0),
            isBlocked: false,
            isDisproved: false
        });
        accounted += bond;
        emit Published(contentId, commitment.infohash, manifest.publisher, commitment, manifest, msg.sender, bond);
        ASSET.pull(msg.sender, bond);
    }

    function noteOrder(uint32 contentId, Epoch endEpoch) external {
        if (msg.sender != MARKET) revert Catalog_Unauthorized(msg.sender);
        Content storage c = _bonded(contentId);
        _requireInService(contentId);
        if (endEpoch > c.lastEpoch) {
            c.lastEpoch = endEpoch;
            emit BondTied(contentId, endEpoch);
        }
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

    // ---- Out of service ----

    function disprove(uint32 contentId, Disproof calldata proof) external {
        Content storage c = _bonded(contentId);
        _requireDisagreement(contentId, c, proof);
        uint128 bond = c.bond;
        (c.bond, c.isDisproved) = (0, true);
        if (Round.unwrap(c.stamp) == 0) c.stamp = currentRound();
        accounted -= bond;
        uint256 reward = bond / 2; // the odd wei to the treasury
        emit Disproved(contentId, msg.sender, c.stamp, proof.rowIndex, proof.blockIndex, reward, bond - reward);
        ASSET.safeTransfer(msg.sender, reward);
        ASSET.safeTransfer(address(POOL), bond - reward);
        POOL.creditTreasury(bond - reward);
    }

    function blockContent(uint32 contentId, string calldata reason) external restricted {
        Content storage c = _known(contentId);
        _requireInService(contentId);
        _checkText(reason);
        (c.stamp, c.isBlocked) = (currentRound(), true);
        emit Blocked(contentId, c.stamp, reason);
    }

    /// @dev From the top down: the row under filesRoot, the block under the row's piecesRoot, what stands for it under dataRoot.
    function _requireDisagreement(uint32 contentId, Content storage c, Disproof calldata p) private view {
        if (contentOf[keyOf(p.commitment)] != contentId) revert Catalog_NotItsCommitment(contentId);

        bytes32 row = sha256(abi.encode(p.row));
        uint256 depth = MerkleBlocks.depthOf(c.fileCount);
        if (p.rowIndex >= c.fileCount || !MerkleWords.verifyWord(p.commitment.filesRoot, row, p.rowIndex, depth, p.rowPath)) {
            revert Catalog_NotItsRow(p.rowIndex);
        }

        uint256 start = uint256(p.blockIndex) * MerkleBlocks.BLOCK;
        uint256 place = uint256(p.row.firstBlock) + p.blockIndex;
        if (start >= p.row.length || p.data.length != Math.min(p.row.length - start, MerkleBlocks.BLOCK) || place >= c.blocks) {
            revert Catalog_NotItsBlock(p.rowIndex, p.blockIndex);
        }
        depth = MerkleBlocks.depthOf(Math.ceilDiv(p.row.length, MerkleBlocks.BLOCK));
        if (!MerkleWords.verifyWord(p.row.piecesRoot, MerkleBlocks.leafOf(p.data), p.blockIndex, depth, p.blockPath)) {
            revert Catalog_NotItsBlock(p.rowIndex, p.blockIndex);
        }

        if (!MerkleWords.verifyWord(c.dataRoot, p.wordsRoot, place, MerkleBlocks.depthOf(c.blocks), p.dataPath)) {
            revert Catalog_NotItsWords(place);
        }
        if (MerkleBlocks.wordsRoot(p.data) == p.wordsRoot) revert Catalog_Agreed(place);
    }

    // ---- Series ----

    function createSeries() external returns (uint64 series) {
        series = ++seriesCount;
        _series[series].owner = msg.sender;
        emit SeriesCreated(series, msg.sender);
    }

    function addVersion(uint64 series, uint32 version, bytes32 key) external {
        uint32 contentId = contentOf[key];
        _known(contentId);
        _requireInService(contentId);
        _addVersion(series, version, msg.sender, contentId);
    }

    function setHead(uint64 series, uint32 version) external {
        Series storage s = _series[series];
        if (msg.sender != s.owner) revert Catalog_NotSeriesOwner(series, msg.sender);
        uint32 contentId = versionOf[series][version];
        if (contentId == 0) revert Catalog_NoSuchVersion(series, version);
        s.head = version;
        emit HeadMoved(series, version, contentId);
    }

    function _addVersion(uint64 series, uint32 version, address owner, uint32 contentId) private {
        Series storage s = _series[series];
        if (owner != s.owner) revert Catalog_NotSeriesOwner(series, owner);
        if (version <= s.latest) revert Catalog_NotNewer(series, version, s.latest);
        versionOf[series][version] = contentId;
        (s.head, s.latest) = (version, version);
        emit HeadMoved(series, version, contentId);
    }

    // ---- Attestations ----

    function attest(Attestation calldata a, bytes calldata signature) external {
        uint32 contentId = contentOf[a.key];
        _known(contentId);
        _checkText(a.evidence);
        Verdict storage v = _verdicts[contentId][a.attester][a.verdict];
        if (a.signedAt > block.timestamp || a.signedAt <= v.signedAt) revert Catalog_BadTime(a.signedAt, v.signedAt);
        _checkSignature(a.attester, hashOfAttestation(a), signature);
        (v.signedAt, v.holds) = (a.signedAt, a.holds);
        emit Attested(contentId, a.attester, a.verdict, a.holds, a.signedAt, a.evidence);
    }

    // ---- Governance ----

    function setPublishBond(uint128 publishBond_) external restricted {
        _setPublishBond(publishBond_);
    }

    // ---- Views ----

    function sampled(uint32 contentId) external view returns (bytes32 dataRoot, Round stamp, bool isBlocked) {
        Content storage c = _contents[contentId];
        return (c.dataRoot, c.stamp, c.isBlocked);
    }

    function dataId(uint32 contentId) external view returns (uint32) {
        return _contents[contentId].dataId;
    }

    function orderable(uint32 contentId) external view returns (uint32) {
        _bonded(contentId);
        _requireInService(contentId);
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

    function seriesOf(uint64 series) external view returns (Series memory) {
        return _series[series];
    }

    function verdictOf(uint32 contentId, address attester, bytes32 verdict) external view returns (Verdict memory) {
        return _verdicts[contentId][attester][verdict];
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

    function hashOfAttestation(Attestation calldata a) public view returns (bytes32) {
        bytes32 evidence = keccak256(bytes(a.evidence));
        return _hashTypedDataV4(keccak256(abi.encode(ATTESTATION_TYPEHASH, a.attester, a.key, a.verdict, a.holds, a.signedAt, evidence)));
    }

    // ---- Internals ----

    function _known(uint32 contentId) private view returns (Content storage c) {
        c = _contents[contentId];
        if (c.blocks == 0) revert Catalog_Unknown(contentId);
    }

    function _bonded(uint32 contentId) private view returns (Content storage c) {
        c = _known(contentId);
        if (c.isDisproved) revert Catalog_AlreadyDisproved(contentId);
        if (c.bond == 0) revert Catalog_Unbonded(contentId);
    }

    function _requireInService(uint32 contentId) private view {
        Round stamp = _contents[contentId].stamp;
        if (Round.unwrap(stamp) != 0) revert Catalog_Stamped(contentId, stamp);
    }

    function _checkSignature(address signer, bytes32 digest, bytes calldata signature) private view {
        if (!SignatureChecker.isValidSignatureNowCalldata(signer, digest, signature)) revert Catalog_BadSignature(signer);
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
