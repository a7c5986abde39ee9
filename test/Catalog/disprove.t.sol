// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICatalog} from "../../src/interfaces/ICatalog.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IPool} from "../../src/interfaces/IPool.sol";
import {Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";
import {Files} from "../utils/Files.sol";

/// H-TREE-2: whoever finds a block that a content's two trees disagree about gets half of the bond.
contract DisproveTest is BaseTest {
    uint256 private constant LIE = 2; // the block of the content that is another one in the possession tree

    bytes[] private files;
    ICatalog.FileRow[] private rows;
    bytes32[] private honest; // roots over the words of each block
    bytes32[] private told; // what the publisher put in their place
    uint32 private content;

    function setUp() public override {
        super.setUp();
        files.push(_bytes(2 * 16_384 + 700, 1)); // blocks 0 to 2
        files.push(_bytes(33, 2)); // block 3
        files.push(_bytes(16_384, 3)); // block 4
        ICatalog.FileRow[] memory table = Files.rows(files);
        for (uint256 i; i < table.length; ++i) {
            rows.push(table[i]);
        }
        honest = Files.subtrees(files);
        told = honest;
        told[LIE] = Files.words("what only the publisher knows");
        content = _publishAs(told);
    }

    function test_RevertWhen_TheContentIsUnknownOrUnbonded() external {
        ICatalog.Disproof memory p = _proof();
        _expect(99, p, abi.encodeWithSelector(ICatalog.Catalog_Unknown.selector, 99));
        _to(_epoch().addEpochs(3), 0);
        catalog.withdrawBond(content);
        _expect(content, p, abi.encodeWithSelector(ICatalog.Catalog_Unbonded.selector, content));
    }

    function test_RevertWhen_ItWasDisprovedAlready() external {
        ICatalog.Disproof memory p = _proof();
        catalog.disprove(content, p);
        _expect(content, p, abi.encodeWithSelector(ICatalog.Catalog_AlreadyDisproved.selector, content));
    }

    function test_RevertWhen_TheCommitmentIsAnothers() external {
        ICatalog.Disproof memory p = _proof();
        uint32 other = _publish(ONE_BLOCK);
        _expect(other, p, abi.encodeWithSelector(ICatalog.Catalog_NotItsCommitment.selector, other));
        p.commitment.filesRoot = bytes32(uint256(1));
        _expect(content, p, abi.encodeWithSelector(ICatalog.Catalog_NotItsCommitment.selector, content));
    }

    function test_RevertWhen_TheRowIsNotInTheTable() external {
        ICatalog.Disproof memory p = _proof();
        p.row.length += 1;
        _expect(content, p, abi.encodeWithSelector(ICatalog.Catalog_NotItsRow.selector, 0));
        p = _proof();
        p.rowIndex = 1;
        _expect(content, p, abi.encodeWithSelector(ICatalog.Catalog_NotItsRow.selector, 1));
        p = _proof();
        p.rowIndex = 3; // a padding leaf
        _expect(content, p, abi.encodeWithSelector(ICatalog.Catalog_NotItsRow.selector, 3));
        p = _proof();
        p.rowPath = new bytes32[](1);
        _expect(content, p, abi.encodeWithSelector(ICatalog.Catalog_NotItsRow.selector, 0));
    }

    function test_RevertWhen_TheBlockIsNotTheFiles() external {
        bytes memory expected = abi.encodeWithSelector(ICatalog.Catalog_NotItsBlock.selector, 0, LIE);
        ICatalog.Disproof memory p = _proof();
        p.data[5] ^= 0x01;
        _expect(content, p, expected);
        p = _proof();
        p.data = bytes.concat(p.data, hex"00"); // a tail is hashed at its true length
        _expect(content, p, expected);
        p = _proof();
        p.data = Files.slice(p.data, 0, p.data.length - 1);
        _expect(content, p, expected);
        p = _proof();
        p.blockPath = new bytes32[](3);
        _expect(content, p, expected);
        p = _proof();
        p.blockIndex = 3; // padding of the file's tree
        _expect(content, p, abi.encodeWithSelector(ICatalog.Catalog_NotItsBlock.selector, 0, 3));
    }

    function test_RevertWhen_ARowPlacesTheBlockBehindTheContent() external {
        rows[2].firstBlock = 5;
        uint32 bad = _publishAs(honest);
        ICatalog.Disproof memory p = _proofOf(2, 0, honest);
        _expect(bad, p, abi.encodeWithSelector(ICatalog.Catalog_NotItsBlock.selector, 2, 0));
    }

    function test_RevertWhen_TheWordsAreNotWhatTheTreeSays() external {
        ICatalog.Disproof memory p = _proof();
        p.wordsRoot = keccak256("something else");
        _expect(content, p, abi.encodeWithSelector(ICatalog.Catalog_NotItsWords.selector, LIE));
        p = _proof();
        p.dataPath = new bytes32[](4);
        _expect(content, p, abi.encodeWithSelector(ICatalog.Catalog_NotItsWords.selector, LIE));
    }

    function test_RevertWhen_BothTreesAgree() external {
        uint256 n;
        for (uint256 f; f < files.length; ++f) {
            for (uint256 b; b < Files.blocksOf(files[f]); ++b) {
                uint256 place = n++;
                if (place == LIE) continue;
                _expect(content, _proofOf(f, b, told), abi.encodeWithSelector(ICatalog.Catalog_Agreed.selector, place));
            }
        }
    }

    function test_SharesTheBondAndStampsTheContent() external {
        uint256 bond = PUBLISH_BOND + 1;
        vm.prank(governor);
        catalog.setPublishBond(uint128(bond));
        told[LIE] = Files.words("another lie");
        uint32 lie = _publishAs(told);
        _next();
        ICatalog.Disproof memory p = _proofOf(0, LIE, told);
        vm.expectEmit(address(catalog));
        emit ICatalog.Disproved(lie, anyone, Round.wrap(31), 0, uint40(LIE), bond / 2, bond / 2 + 1);
        vm.expectEmit(address(pool));
        emit IPool.TreasuryCredited(bond / 2 + 1);
        vm.prank(anyone);
        catalog.disprove(lie, p);

        assertEq(asset.balanceOf(anyone), bond / 2);
        assertEq(pool.treasuryBalance(), bond / 2 + 1);
        ICatalog.Content memory c = catalog.content(lie);
        assertEq(c.bond, 0);
        assertTrue(c.isDisproved);
        assertFalse(c.isBlocked);
        assertEq(Round.unwrap(c.stamp), Round.unwrap(_now()));
        assertEq(asset.balanceOf(address(catalog)), catalog.accounted());
        _checkLedgers();
    }

    function test_TakesNoMoreOrdersNorPublications() external {
        uint40 order = _open(content, 1, 1);
        uint32 op = _register(10);
        ICatalog.Disproof memory p = _proof();
        catalog.disprove(content, p);
        bytes memory expected = abi.encodeWithSelector(ICatalog.Catalog_AlreadyDisproved.selector, content);
        IMarket.Request memory again = _request(content, 1, 1);
        vm.expectRevert(expected);
        _open(again);
        vm.expectRevert(expected);
        _accept(order, 0, op);
        vm.expectRevert(expected);
        catalog.withdrawBond(content);
        ICatalog.Commitment memory c = _commitmentTo(told);
        ICatalog.Manifest memory m;
        (m.publisher, m.infohash, m.key) = (publisher.addr, c.infohash, catalog.keyOf(c));
        (uint8 v, bytes32 r, bytes32 t) = vm.sign(publisher, catalog.hashOf(m));
        Round stamp = _now();
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_Stamped.selector, content, stamp));
        vm.prank(uploader);
        catalog.publish(m, c, abi.encodePacked(r, t, v));
    }

    function test_OfABlockedContentTheFirstStampStays() external {
        vm.prank(curator);
        catalog.blockContent(content, "court order 17/2026");
        Round first = _now();
        _next();
        catalog.disprove(content, _proof());
        ICatalog.Content memory c = catalog.content(content);
        assertEq(Round.unwrap(c.stamp), Round.unwrap(first));
        assertTrue(c.isBlocked && c.isDisproved);
    }

    // ---- What is shown ----

    function _proof() private view returns (ICatalog.Disproof memory) {
        return _proofOf(0, LIE, told);
    }

    function _proofOf(uint256 file, uint256 index, bytes32[] memory tree) private view returns (ICatalog.Disproof memory p) {
        p.commitment = _commitmentTo(tree);
        p.row = rows[file];
        p.rowIndex = uint32(file);
        p.rowPath = Files.path(Files.rowLeaves(rows), file);
        p.blockIndex = uint40(index);
        p.data = Files.blockOf(files[file], index);
        p.blockPath = Files.path(Files.pieces(files[file]), index);
        uint256 place = Files.rows(files)[file].firstBlock + index;
        p.wordsRoot = tree[place];
        p.dataPath = Files.path(Files.withPadding(tree), place);
    }

    function _commitmentTo(bytes32[] memory tree) private view returns (ICatalog.Commitment memory) {
        return ICatalog.Commitment({
            infohash: keccak256("infohash"),
            filesRoot: Files.root(Files.rowLeaves(rows)),
            dataRoot: Files.dataRoot(tree),
            blocks: uint40(tree.length),
            fileCount: uint32(files.length)
        });
    }

    function _publishAs(bytes32[] memory tree) private returns (uint32) {
        return _publish(_commitmentTo(tree));
    }

    function _bytes(uint256 length, uint256 salt) private pure returns (bytes memory data) {
        data = new bytes(length);
        for (uint256 i; i < length; ++i) {
            data[i] = bytes1(uint8(1 + (i * (salt + 6) + i / 97) % 255));
        }
    }

    function _expect(uint32 contentId, ICatalog.Disproof memory p, bytes memory expected) private {
        vm.expectRevert(expected);
        catalog.disprove(contentId, p);
    }
}
