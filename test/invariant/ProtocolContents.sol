// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICatalog} from "../../src/interfaces/ICatalog.sol";
import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {Round} from "../../src/Types.sol";
import {UnrulyToken} from "../doubles/UnrulyToken.sol";
import {ProtocolPayers} from "./ProtocolPayers.sol";

/// @notice What there is to hold: publishers, owners of series, attesters, the curator, and whoever finds a liar out. What they say of
/// contents is kept beside the Catalog, word for word.
abstract contract ProtocolContents is ProtocolPayers {
    uint32 private constant CONTENTS = 16; // at most
    uint64 private constant SERIES = 4; // at most
    uint32 private constant VERSIONS = 12; // looked at

    struct Series {
        address owner;
        uint32 head;
        uint32 latest;
        mapping(uint32 version => uint32) contentOf;
    }

    Series[SERIES + 1] private series;
    mapping(uint32 contentId => mapping(address attester => mapping(bytes32 verdict => ICatalog.Verdict))) private verdicts;

    // ---- Publishers ----

    /// @dev Something new, or once more what is there: refused as long as its bond is. Half of the time as a version of a series.
    function publish(uint256 r) public action {
        r = _mix(r);
        uint32 id = catalog.count() + 1;
        ICatalog.Commitment memory c;
        if (id > CONTENTS || (r >> 8) % 4 == 0) c = published[id = _someContent(r >> 16)].commitment;
        else c = _newCommitment(id, [ONE_BLOCK, ONE_BLOCK, 513, ONE_CHUNK * 2][r % 4]);
        (uint64 s, uint32 version) = (r >> 24) % 2 == 0 ? (0, 1) : _someVersion(r >> 32);
        (ICatalog.Manifest memory m,) = _manifest(c);
        (m.series, m.version) = (s, version);
        (uint8 sigV, bytes32 sigR, bytes32 sigS) = vm.sign(publisher, catalog.hashOf(m));
        bytes memory call = abi.encodeCall(catalog.publish, (m, c, abi.encodePacked(sigR, sigS, sigV)));
        uint256 bond = catalog.publishBond();
        if (!_try("publish", uploader, address(catalog), call)) return;
        _keepTree(id, c.blocks);
        assertTrue(published[id].bond == 0 && published[id].stamp == 0, "what is bonded or stamped is not published again");
        (published[id].commitment, published[id].bond) = (c, bond);
        if (s != 0 && series[s].contentOf[version] != id) _add(s, version, id, publisher.addr);
    }

    /// @dev The first that can go home, from a random one on.
    function withdrawPublishersBond(uint256 r) public action {
        r = _mix(r);
        uint32 n = catalog.count();
        for (uint32 i; i < n; ++i) {
            uint32 id = uint32((r % n + i) % n + 1);
            if (!_try("withdrawPublishersBond", anyone, address(catalog), abi.encodeCall(catalog.withdrawBond, (id)))) continue;
            published[id].bond = 0;
            return;
        }
    }

    // ---- Series ----

    /// @dev Somebody begins one, adds a version to one, or moves its head.
    function moveSeries(uint256 r) public action {
        r = _mix(r);
        uint256 what = r % 8;
        address who = (r >> 8) % 4 == 0 ? anyone : publisher.addr;
        uint64 n = catalog.seriesCount();
        if (n < SERIES && (n == 0 || what == 0)) {
            _must("createSeries", who, address(catalog), abi.encodeCall(catalog.createSeries, ()));
            series[n + 1].owner = who;
            return;
        }
        (uint64 s, uint32 version) = _someVersion(r >> 16);
        uint32 id = _someContent(r >> 64);
        bool isOwner = who == series[s].owner;
        if (what < 4) {
            bool ok = _try(
                "addVersion",
                who,
                address(catalog),
                abi.encodeCall(catalog.addVersion, (s, version, catalog.keyOf(published[id].commitment)))
            );
            assertEq(ok, isOwner && published[id].stamp == 0 && version > series[s].latest, "only what is newer, by the owner");
            if (ok) _add(s, version, id, who);
        } else {
            bool ok = _try("setHead", who, address(catalog), abi.encodeCall(catalog.setHead, (s, version)));
            assertEq(ok, isOwner && series[s].contentOf[version] != 0, "to any version there is, by the owner");
            if (ok) series[s].head = version;
        }
    }

    function _add(uint64 s, uint32 version, uint32 contentId, address owner) private {
        assertTrue(owner == series[s].owner && version > series[s].latest, "versions rise, and are the owner's");
        series[s].contentOf[version] = contentId;
        (series[s].head, series[s].latest) = (version, version);
    }

    // ---- Attesters ----

    /// @dev An attester's last word on a verdict stands; neither an older one nor one of the future nor somebody else's replaces it.
    function attest(uint256 r) public action {
        r = _mix(r);
        uint32 id = uint32(r % 2 + 1); // about few, much is said
        (uint256 who, uint256 by) = ((r >> 32) % PAYERS, (r >> 40) % 8 == 0 ? (r >> 48) % PAYERS : (r >> 32) % PAYERS);
        ICatalog.Attestation memory a = ICatalog.Attestation({
            attester: payers[who],
            key: catalog.keyOf(published[id].commitment),
            verdict: _verdict(r >> 56),
            holds: (r >> 64) % 4 != 0,
            signedAt: uint64((r >> 72) % 8 == 0 ? block.timestamp + 1 : block.timestamp - (r >> 80) % 90 days),
            evidence: "https://example.org/report/7"
        });
        (uint8 sigV, bytes32 sigR, bytes32 sigS) = vm.sign(signers[by], catalog.hashOfAttestation(a));
        ICatalog.Verdict storage v = verdicts[id][a.attester][a.verdict];
        bytes memory call = abi.encodeCall(catalog.attest, (a, abi.encodePacked(sigR, sigS, sigV)));
        bool ok = _try("attest", anyone, address(catalog), call);
        assertEq(ok, who == by && a.signedAt <= block.timestamp && a.signedAt > v.signedAt, "the attester's, and newer");
        if (ok) (v.signedAt, v.holds) = (a.signedAt, a.holds);
    }

    // ---- Out of service ----

    /// @dev For good. Of the round under way it changes what is drawn in nothing but that nobody has to answer it (H-PROOF-1).
    function blockContent(uint256 r) public action {
        r = _mix(r);
        // There is always something to order.
        if (_countInService() < 4) return;
        uint32 id = _heldContent(r);
        uint32 n = operators.count();
        IHoldings.Challenge[][] memory drawn = new IHoldings.Challenge[][](n + 1);
        for (uint32 op = 1; op <= n; ++op) {
            if (agents[op].round == Round.unwrap(_now())) drawn[op] = holdings.challenges(op);
        }
        bool ok = _try("block", curator, address(catalog), abi.encodeCall(catalog.blockContent, (id, "court order 17/2026")));
        assertEq(ok, published[id].stamp == 0, "once");
        if (!ok) return;
        (published[id].stamp, published[id].isBlocked) = (Round.unwrap(_now()), true);
        for (uint32 op = 1; op <= n; ++op) {
            if (drawn[op].length == 0) continue;
            IHoldings.Challenge[] memory after_ = holdings.challenges(op);
            for (uint256 i; i < drawn[op].length; ++i) {
                IHoldings.Challenge memory c = drawn[op][i];
                if (c.contentId != id) continue;
                assertTrue(!after_[i].answer && (after_[i].passed || !c.answer), "what was to be answered has passed");
                (c.answer, c.passed, c.leaf) = (false, after_[i].passed, 0);
            }
            assertEq(keccak256(abi.encode(after_)), keccak256(abi.encode(drawn[op])), "the other draws are what they were");
            _note(op, after_);
        }
    }

    /// @dev H-TREE-2: of a lie, once, as long as its bond is there. One in four shows a block that is another one.
    function disprove(uint256 r) public action {
        r = _mix(r);
        (uint32 n, uint32 from) = (catalog.count(), _heldContent(r));
        for (uint32 i; i < n; ++i) {
            uint32 id = (from - 1 + i) % n + 1;
            if (published[id].commitment.blocks == ONE_BLOCK && !published[id].isDisproved && published[id].bond != 0) {
                return _disprove(id, (r >> 32) % 4 != 0);
            }
        }
    }

    function _disprove(uint32 id, bool rightly) private {
        ICatalog.Disproof memory p;
        (p.commitment, p.row, p.data) = (published[id].commitment, _lieRow(), rightly ? bytes("what is there") : bytes("what is not  "));
        p.wordsRoot = p.commitment.dataRoot;
        (uint256 bond, uint256 before, uint256 treasurys) = (published[id].bond, asset.balanceOf(anyone), pool.treasuryBalance());
        bool ok = _try("disprove", anyone, address(catalog), abi.encodeCall(catalog.disprove, (id, p)));
        if (token.mood() == UnrulyToken.Mood.Calm) assertEq(ok, rightly, "a lie, shown");
        if (!ok) return;
        (published[id].bond, published[id].isDisproved) = (0, true);
        if (published[id].stamp == 0) published[id].stamp = Round.unwrap(_now());
        if (token.mood() == UnrulyToken.Mood.Calling) return; // what it called back may have paid somebody
        assertEq(asset.balanceOf(anyone), before + bond / 2, "half of the bond");
        assertEq(pool.treasuryBalance(), treasurys + bond - bond / 2, "the other half");
    }

    // ---- Equalities ----

    /// @dev Contents, series and verdicts are what was said of them.
    function checkContents() external view {
        uint32 n = catalog.count();
        for (uint32 id = 1; id <= n; ++id) {
            (ICatalog.Content memory c, Published storage p) = (catalog.content(id), published[id]);
            assertEq(c.bond, p.bond, "bond");
            assertEq(Round.unwrap(c.stamp), p.stamp, "stamp");
            assertTrue(c.isBlocked == p.isBlocked && c.isDisproved == p.isDisproved, "blocked, disproved");
            assertTrue(c.dataRoot == p.commitment.dataRoot && c.blocks == p.commitment.blocks, "a content never changes");
            for (uint256 i; i < 2 * PAYERS; ++i) {
                (address attester, bytes32 verdict) = (payers[i / 2], _verdict(i));
                ICatalog.Verdict memory v = catalog.verdictOf(id, attester, verdict);
                ICatalog.Verdict storage said = verdicts[id][attester][verdict];
                assertTrue(v.signedAt == said.signedAt && v.holds == said.holds, "the last word");
            }
        }
        for (uint64 s = 1; s <= catalog.seriesCount(); ++s) {
            ICatalog.Series memory c = catalog.seriesOf(s);
            Series storage p = series[s];
            assertTrue(c.owner == p.owner && c.head == p.head && c.latest == p.latest, "series");
            for (uint32 version = 1; version <= VERSIONS; ++version) {
                assertEq(catalog.versionOf(s, version), p.contentOf[version], "version");
            }
        }
    }

    // ---- Choices ----

    function _countInService() private view returns (uint256 n) {
        for (uint32 id = 1; id <= catalog.count(); ++id) {
            if (published[id].stamp == 0 && published[id].bond != 0) ++n;
        }
    }

    function _someContent(uint256 r) private view returns (uint32) {
        return uint32(_pick(r, catalog.count()) + 1);
    }

    /// @dev Often one that somebody took lately.
    function _heldContent(uint256 r) private view returns (uint32) {
        return r % 4 == 0 || tenures.length == 0 ? _someContent(r >> 8) : _recent((r >> 8) % 8).contentId;
    }

    /// @dev One that a series may have, or the next. Of no series if there is none.
    function _someVersion(uint256 r) private view returns (uint64 s, uint32 version) {
        uint64 n = catalog.seriesCount();
        if (n == 0) return (0, 1);
        s = uint64(_pick(r, n) + 1);
        uint32 latest = series[s].latest;
        version = (r >> 8) % 2 == 0 || latest == 0 ? latest + 1 + uint32((r >> 16) % 2) : uint32(_pick(r >> 24, latest) + 1);
        if (version > VERSIONS) version = VERSIONS;
    }

    function _verdict(uint256 r) private pure returns (bytes32) {
        return r % 2 == 0 ? bytes32("verified") : bytes32("malware-free");
    }
}
