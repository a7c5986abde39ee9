// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Test, Vm} from "forge-std/Test.sol";

import {Catalog} from "../../src/Catalog.sol";
import {Deployment} from "../../src/Deployment.sol";
import {ICatalog} from "../../src/interfaces/ICatalog.sol";
import {Epoch, ROUNDS} from "../../src/Types.sol";
import {TestToken} from "../utils/Tokens.sol";

/// @notice A Catalog in its first epoch, a publisher and a relayer with money.
abstract contract CatalogTest is Test {
    uint64 internal constant GENESIS = 1_700_000_000;
    uint64 internal constant LENGTH = 1 days;
    uint128 internal constant BOND = 1e16;

    address internal admin = makeAddr("admin");
    address internal market = makeAddr("market");
    address internal relayer = makeAddr("relayer");
    Vm.Wallet internal publisher = vm.createWallet("publisher");
    Vm.Wallet internal rival = vm.createWallet("rival");
    TestToken internal token = new TestToken();
    Catalog internal catalog;

    function setUp() public virtual {
        vm.warp(GENESIS);
        catalog = _deploy(address(token), BOND);
        token.mint(relayer, 1000e18);
        vm.prank(relayer);
        token.approve(address(catalog), type(uint256).max);
    }

    function _deploy(address asset, uint128 bond) internal returns (Catalog) {
        Deployment memory d;
        (d.authority, d.asset, d.market) = (address(new AccessManager(admin)), asset, market);
        (d.genesis, d.roundLength) = (GENESIS, LENGTH);
        return new Catalog(d, bond);
    }

    /// @dev The nth content of this test.
    function _commitment(uint256 n) internal pure returns (ICatalog.Commitment memory) {
        return ICatalog.Commitment({
            infohash: keccak256(abi.encode("infohash", n)),
            filesRoot: keccak256(abi.encode("filesRoot", n)),
            dataRoot: keccak256(abi.encode("dataRoot", n)),
            blocks: uint40(1000 + n),
            fileCount: 3
        });
    }

    function _manifest(address by, ICatalog.Commitment memory c) internal view returns (ICatalog.Manifest memory) {
        string[] memory sources = new string[](2);
        sources[0] = "https://example.org/linux.torrent";
        sources[1] = "x.pe:203.0.113.5:6881";
        return ICatalog.Manifest({
            publisher: by,
            name: "linux.iso",
            infohash: c.infohash,
            key: catalog.keyOf(c),
            series: 0,
            version: 7,
            licence: "https://spdx.org/licenses/CC0-1.0",
            sources: sources
        });
    }

    function _sign(Vm.Wallet memory by, ICatalog.Manifest memory m) internal returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(by, catalog.hashOf(m));
        return abi.encodePacked(r, s, v);
    }

    function _publish(Vm.Wallet memory by, ICatalog.Commitment memory c) internal returns (uint32) {
        ICatalog.Manifest memory m = _manifest(by.addr, c);
        bytes memory signature = _sign(by, m);
        vm.prank(relayer);
        return catalog.publish(m, c, signature);
    }

    function _publish(uint256 n) internal returns (uint32) {
        return _publish(publisher, _commitment(n));
    }

    function _noteOrder(uint32 contentId, uint32 endEpoch) internal {
        vm.prank(market);
        catalog.noteOrder(contentId, Epoch.wrap(endEpoch));
    }

    function _toEpoch(uint32 epoch) internal {
        vm.warp(GENESIS + uint256(epoch - 1) * ROUNDS * LENGTH);
    }
}
