// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICatalog} from "../../src/interfaces/ICatalog.sol";
import {CatalogTest} from "./CatalogTest.sol";

contract AttestTest is CatalogTest {
    bytes32 private constant CLEAN = "malware-free";
    uint32 private content;

    function setUp() public override {
        super.setUp();
        content = _publish(1);
    }

    function test_RevertWhen_TheContentIsUnknown() external {
        ICatalog.Attestation memory a = _attestation();
        a.key = catalog.keyOf(_commitment(9));
        _expect(a, _signed(a), abi.encodeWithSelector(ICatalog.Catalog_Unknown.selector, 0));
    }

    function test_RevertWhen_TheEvidenceIsTooLong() external {
        ICatalog.Attestation memory a = _attestation();
        uint256 most = catalog.MAX_TEXT();
        a.evidence = string(new bytes(most + 1));
        _expect(a, _signed(a), abi.encodeWithSelector(ICatalog.Catalog_TextTooLong.selector, most + 1, most));
    }

    function test_RevertWhen_ItIsOfTheFuture() external {
        ICatalog.Attestation memory a = _attestation();
        a.signedAt += 1;
        _expect(a, _signed(a), abi.encodeWithSelector(ICatalog.Catalog_BadTime.selector, a.signedAt, 0));
        a.signedAt = 0;
        _expect(a, _signed(a), abi.encodeWithSelector(ICatalog.Catalog_BadTime.selector, 0, 0));
    }

    function test_RevertWhen_ItIsNotLaterThanTheLast() external {
        ICatalog.Attestation memory a = _attestation();
        bytes memory old = _signed(a);
        catalog.attest(a, old);
        _expect(a, old, abi.encodeWithSelector(ICatalog.Catalog_BadTime.selector, a.signedAt, a.signedAt));
    }

    function test_RevertWhen_TheSignatureIsNotTheAttesters() external {
        ICatalog.Attestation memory a = _attestation();
        bytes memory good = _signed(a);
        _publish(2);
        bytes memory expected = abi.encodeWithSelector(ICatalog.Catalog_BadSignature.selector, a.attester);
        a.key = catalog.keyOf(_commitment(2));
        _expect(a, good, expected);
        (a.key, a.verdict) = (catalog.keyOf(_commitment(1)), "verified");
        _expect(a, good, expected);
        (a.verdict, a.holds) = (CLEAN, false);
        _expect(a, good, expected);
        (a.holds, a.signedAt) = (true, a.signedAt - 1);
        _expect(a, good, expected);
        (a.signedAt, a.evidence) = (a.signedAt + 1, "https://example.org/other");
        _expect(a, good, expected);
        a = _attestation();
        a.attester = publisher.addr;
        _expect(a, good, abi.encodeWithSelector(ICatalog.Catalog_BadSignature.selector, publisher.addr));
    }

    function test_IsRememberedAndTakenBack() external {
        ICatalog.Attestation memory a = _attestation();
        vm.expectEmit(address(catalog));
        emit ICatalog.Attested(content, rival.addr, CLEAN, true, a.signedAt, a.evidence);
        catalog.attest(a, _signed(a));
        ICatalog.Verdict memory v = catalog.verdictOf(content, rival.addr, CLEAN);
        assertEq(v.signedAt, a.signedAt);
        assertTrue(v.holds);
        assertEq(catalog.verdictOf(content, rival.addr, "verified").signedAt, 0);
        assertEq(catalog.verdictOf(content, publisher.addr, CLEAN).signedAt, 0);

        vm.warp(block.timestamp + 1);
        (a.holds, a.signedAt) = (false, uint64(block.timestamp));
        catalog.attest(a, _signed(a));
        v = catalog.verdictOf(content, rival.addr, CLEAN);
        assertEq(v.signedAt, a.signedAt);
        assertFalse(v.holds);
    }

    function _attestation() private view returns (ICatalog.Attestation memory) {
        return ICatalog.Attestation({
            attester: rival.addr,
            key: catalog.keyOf(_commitment(1)),
            verdict: CLEAN,
            holds: true,
            signedAt: uint64(block.timestamp),
            evidence: "https://example.org/report/7"
        });
    }

    function _signed(ICatalog.Attestation memory a) private returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(rival, catalog.hashOfAttestation(a));
        return abi.encodePacked(r, s, v);
    }

    function _expect(ICatalog.Attestation memory a, bytes memory signature, bytes memory expected) private {
        vm.expectRevert(expected);
        catalog.attest(a, signature);
    }
}
