// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICatalog} from "../../src/interfaces/ICatalog.sol";
import {CatalogTest} from "./CatalogTest.sol";

contract SeriesTest is CatalogTest {
    uint64 private series;

    function setUp() public override {
        super.setUp();
        vm.prank(publisher.addr);
        series = catalog.createSeries();
    }

    function test_NumbersSeriesFromOne() external {
        assertEq(series, 1);
        assertEq(catalog.seriesOf(1).owner, publisher.addr);
        vm.expectEmit(address(catalog));
        emit ICatalog.SeriesCreated(2, rival.addr);
        vm.prank(rival.addr);
        assertEq(catalog.createSeries(), 2);
        assertEq(catalog.seriesCount(), 2);
        assertEq(catalog.seriesOf(3).owner, address(0));
    }

    function test_RevertWhen_TheVersionIsNotNewer() external {
        _version(1, 5);
        for (uint32 version; version < 6; version += 5) {
            (ICatalog.Manifest memory m, bytes memory signature) = _signed(2, version);
            vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_NotNewer.selector, series, version, 5));
            vm.prank(relayer);
            catalog.publish(m, _commitment(2), signature);
        }
    }

    function test_ANewVersionBecomesTheHead() external {
        _version(1, 1);
        vm.expectEmit(address(catalog));
        emit ICatalog.HeadMoved(series, 3, 2);
        _version(2, 3);
        ICatalog.Series memory s = catalog.seriesOf(series);
        assertEq(s.head, 3);
        assertEq(s.latest, 3);
        assertEq(catalog.versionOf(series, 1), 1);
        assertEq(catalog.versionOf(series, 2), 0);
        assertEq(catalog.versionOf(series, 3), 2);
    }

    /// The old signature may bring a content back, but not the head.
    function test_PublishingAgainMovesNothing() external {
        _version(1, 1);
        _version(2, 2);
        _toEpoch(4);
        catalog.withdrawBond(1);
        vm.recordLogs();
        _version(1, 1);
        assertEq(vm.getRecordedLogs().length, 2, "Published and the token's Transfer");
        assertEq(catalog.seriesOf(series).head, 2);
    }

    /// Who sees a version coming and publishes it first keeps it out of nobody's series.
    function test_AddsWhatSomebodyElsePublished() external {
        _version(1, 1);
        assertEq(_publish(rival, _commitment(2)), 2);
        bytes32 second = catalog.keyOf(_commitment(2));
        vm.startPrank(publisher.addr);
        vm.expectEmit(address(catalog));
        emit ICatalog.HeadMoved(series, 2, 2);
        catalog.addVersion(series, 2, second);
        assertEq(catalog.seriesOf(series).head, 2);
        assertEq(catalog.seriesOf(series).latest, 2);
        assertEq(catalog.versionOf(series, 2), 2);
    }

    function test_RevertWhen_WhatIsAddedMayNotBe() external {
        _version(1, 5);
        _publish(rival, _commitment(2));
        (bytes32 first, bytes32 second) = (catalog.keyOf(_commitment(1)), catalog.keyOf(_commitment(2)));
        bytes32 unknown = catalog.keyOf(_commitment(3));
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_NotSeriesOwner.selector, series, rival.addr));
        vm.prank(rival.addr);
        catalog.addVersion(series, 6, second);
        vm.startPrank(publisher.addr);
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_Unknown.selector, 0));
        catalog.addVersion(series, 6, unknown);
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_NotNewer.selector, series, 5, 5));
        catalog.addVersion(series, 5, first);
        vm.startPrank(admin);
        catalog.blockContent(2, "court order");
        vm.startPrank(publisher.addr);
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_Stamped.selector, 2, catalog.currentRound()));
        catalog.addVersion(series, 6, second);
    }

    /// Anybody may bring a content back under the version it is, and nothing moves by it.
    function test_AStrangersPublicationUnderItsVersionMovesNothing() external {
        _version(1, 1);
        _version(2, 2);
        _toEpoch(4);
        catalog.withdrawBond(1);
        ICatalog.Manifest memory m = _manifest(rival.addr, _commitment(1));
        (m.series, m.version) = (series, 3);
        bytes memory signature = _sign(rival, m);
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_NotSeriesOwner.selector, series, rival.addr));
        vm.prank(relayer);
        catalog.publish(m, _commitment(1), signature);
        m.version = 1;
        signature = _sign(rival, m);
        vm.prank(relayer);
        catalog.publish(m, _commitment(1), signature);
        assertEq(catalog.content(1).publisher, rival.addr);
        assertEq(catalog.seriesOf(series).head, 2);
        assertEq(catalog.seriesOf(series).latest, 2);
    }

    function test_RevertWhen_NotTheOwnerMovesTheHead() external {
        _version(1, 1);
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_NotSeriesOwner.selector, series, rival.addr));
        vm.prank(rival.addr);
        catalog.setHead(series, 1);
    }

    function test_RevertWhen_ThereIsNoSuchVersion() external {
        _version(1, 1);
        for (uint32 version; version < 4; version += 2) {
            vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_NoSuchVersion.selector, series, version));
            vm.prank(publisher.addr);
            catalog.setHead(series, version);
        }
    }

    function test_TheHeadGoesBackAndForward() external {
        _version(1, 1);
        _version(2, 2);
        for (uint32 version = 1; version < 3; ++version) {
            vm.expectEmit(address(catalog));
            emit ICatalog.HeadMoved(series, version, version);
            vm.prank(publisher.addr);
            catalog.setHead(series, version);
            assertEq(catalog.seriesOf(series).head, version);
        }
    }

    function test_TheNextVersionFollowsTheLatest() external {
        _version(1, 1);
        _version(2, 2);
        vm.prank(publisher.addr);
        catalog.setHead(series, 1);
        (ICatalog.Manifest memory m, bytes memory signature) = _signed(3, 2);
        vm.expectRevert(abi.encodeWithSelector(ICatalog.Catalog_NotNewer.selector, series, 2, 2));
        vm.prank(relayer);
        catalog.publish(m, _commitment(3), signature);
        _version(3, 3);
        assertEq(catalog.seriesOf(series).head, 3);
    }

    function _signed(uint256 n, uint32 version) private returns (ICatalog.Manifest memory m, bytes memory signature) {
        m = _manifest(publisher.addr, _commitment(n));
        (m.series, m.version) = (series, version);
        signature = _sign(publisher, m);
    }

    function _version(uint256 n, uint32 version) private {
        (ICatalog.Manifest memory m, bytes memory signature) = _signed(n, version);
        vm.prank(relayer);
        catalog.publish(m, _commitment(n), signature);
    }
}
