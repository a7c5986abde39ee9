// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test, Vm} from "forge-std/Test.sol";

import {Deployer, Parameters} from "../script/Deployer.sol";
import {Audits} from "../src/Audits.sol";
import {Beacon} from "../src/Beacon.sol";
import {Catalog} from "../src/Catalog.sol";
import {Deployment} from "../src/Deployment.sol";
import {Holdings} from "../src/Holdings.sol";
import {ICatalog} from "../src/interfaces/ICatalog.sol";
import {IHoldings} from "../src/interfaces/IHoldings.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {IOracle} from "../src/interfaces/IOracle.sol";
import {Market} from "../src/Market.sol";
import {Operators} from "../src/Operators.sol";
import {Oracle} from "../src/Oracle.sol";
import {Pool} from "../src/Pool.sol";
import {Retrieval} from "../src/Retrieval.sol";
import {Settlement} from "../src/Settlement.sol";
import {Epoch, Round, ROUNDS, WAD} from "../src/Types.sol";
import {DataTree} from "./utils/DataTree.sol";
import {DrandSigner} from "./utils/DrandSigner.sol";
import {TestToken} from "./utils/Tokens.sol";

/// @notice The whole protocol as the script deploys it, on a drand network whose key the tests hold, and the verbs of everybody in it.
/// Nothing is mocked: seeds are BLS signatures, proofs are paths of real trees.
abstract contract BaseTest is Test, Deployer {
    using DataTree for DataTree.Tree;

    uint64 internal constant GENESIS = 1_700_000_000;
    uint64 internal constant LENGTH = 1 days;
    uint256 internal constant SECRET = 0xb4e55ed;

    uint64 internal constant STAKE = 3e13; // asset wei a chunk
    uint64 internal constant FEE = 333_333_333_333; // asset wei a chunk and round
    uint96 internal constant AUDIT_FEE = 1e15;
    uint128 internal constant PUBLISH_BOND = 1e16;
    uint96 internal constant KEEPER_BOND = 1e18;
    uint16 internal constant ORACLE_BPS = 200;
    uint16 internal constant TREASURY_BPS = 300;
    uint16 internal constant TAKE_BPS = 500;
    uint96 internal constant REFERENCE_PRICE = 1e12; // asset wei a chunk

    // Bounds of fuzzing.
    uint256 internal constant MOST_BLOCKS = 2 ** 22; // 64 GiB
    uint32 internal constant MOST_CAPACITY = 1_048_576; // chunks

    // Blocks of 16 KiB.
    uint40 internal constant ONE_BLOCK = 1;
    uint40 internal constant ONE_CHUNK = 512;
    uint40 internal constant MANY_CHUNKS = 51_201; // 100 chunks and a block: a rise of reputation counts in full
    uint40 internal constant GIB = 65_536;

    address internal governor = makeAddr("governor");
    address internal guardian = makeAddr("guardian");
    address internal curator = makeAddr("curator");
    address internal treasury = makeAddr("treasury");
    address internal uploader = makeAddr("uploader");
    address internal auditor = makeAddr("auditor");
    address internal anyone = makeAddr("anyone");
    Vm.Wallet internal publisher = vm.createWallet("publisher");

    TestToken internal asset;
    Deployment internal deployment;
    Beacon internal beacon;
    Catalog internal catalog;
    Pool internal pool;
    Operators internal operators;
    Oracle internal oracle;
    Holdings internal holdings;
    Market internal market;
    Audits internal audits;
    Settlement internal settlement;
    Retrieval internal retrieval;
    /// @dev Of the contents published, so that a proof takes no hashing.
    mapping(uint32 contentId => DataTree.Tree) private _trees;

    function setUp() public virtual {
        vm.warp(GENESIS);
        asset = _newAsset();
        (Deployment memory d,) = _deploy(_parameters(), address(this));
        deployment = d;
        (beacon, catalog, pool) = (Beacon(d.beacon), Catalog(d.catalog), Pool(d.pool));
        (operators, oracle, holdings) = (Operators(d.operators), Oracle(d.oracle), Holdings(d.holdings));
        (market, audits, settlement) = (Market(d.market), Audits(d.audits), Settlement(d.settlement));
        retrieval = Retrieval(d.retrieval);
        _fund(uploader);
        _fund(auditor);
    }

    function _newAsset() internal virtual returns (TestToken) {
        return new TestToken();
    }

    function _parameters() internal view virtual returns (Parameters memory p) {
        (p.asset, p.genesis, p.roundLength) = (address(asset), GENESIS, LENGTH);
        (p.beaconDelay, p.beaconKey) = (10 minutes, DrandSigner.publicKey(SECRET));
        (p.beaconGenesis, p.beaconPeriod) = (GENESIS - 3_000_002, 3);
        (p.publishBond, p.keeperBond, p.auditFee) = (PUBLISH_BOND, KEEPER_BOND, AUDIT_FEE);
        (p.stakePerChunk, p.feePerChunkRound, p.slashBps) = (STAKE, FEE, 10_000);
        p.oracleRules = IOracle.Rules({toleranceBps: 500, shareBps: 8000, forfeitBps: 2500});
        (p.treasury, p.oracleBps, p.treasuryBps) = (treasury, ORACLE_BPS, TREASURY_BPS);
        (p.takeBps, p.referencePrice) = (TAKE_BPS, REFERENCE_PRICE);
        (p.governor, p.guardian, p.curator) = (governor, guardian, curator);
    }

    /// @dev Money, and an approval for everything that takes some.
    function _fund(address who) internal {
        asset.mint(who, 1e30);
        vm.startPrank(who);
        asset.approve(address(catalog), type(uint256).max);
        asset.approve(address(operators), type(uint256).max);
        asset.approve(address(oracle), type(uint256).max);
        asset.approve(address(market), type(uint256).max);
        asset.approve(address(audits), type(uint256).max);
        asset.approve(address(retrieval), type(uint256).max);
        vm.stopPrank();
    }

    // ---- Time ----

    function _now() internal view returns (Round) {
        return market.currentRound();
    }

    function _epoch() internal view returns (Epoch) {
        return market.currentEpoch();
    }

    function _to(Round round) internal {
        vm.warp(market.startOf(round));
    }

    /// @dev To the start of round `n` of an epoch.
    function _to(Epoch epoch, uint32 n) internal {
        _to(epoch.first().addRounds(n));
    }

    /// @dev To the start of the next round. The one left behind is void unless it was seeded.
    function _next() internal {
        _to(_now().addRounds(1));
    }

    /// @dev Seeds the round under way.
    function _seed() internal {
        Round round = _now();
        (uint256 opens,) = beacon.window(round);
        if (block.timestamp < opens) vm.warp(opens);
        beacon.submit(round, DrandSigner.sign(SECRET, beacon.drandRoundFor(round)));
    }

    /// @dev To the next round, with its seed.
    function _nextSeeded() internal {
        _next();
        _seed();
    }

    // ---- Contents ----

    /// @dev The words of a content follow from its number of blocks and its own number alone.
    function _treeOf(uint32 contentId, uint256 blocks) internal pure returns (DataTree.Tree memory) {
        return DataTree.build(keccak256(abi.encode("words", contentId)), blocks);
    }

    function _publish(uint40 blocks) internal returns (uint32 contentId) {
        contentId = catalog.count() + 1;
        assertEq(_publish(_commitmentOf(contentId, blocks)), contentId);
    }

    function _publish(ICatalog.Commitment memory c) internal returns (uint32 contentId) {
        (ICatalog.Manifest memory m, bytes memory signature) = _manifest(c);
        vm.prank(uploader);
        contentId = catalog.publish(m, c, signature);
        _keepTree(contentId, c.blocks);
    }

    function _commitmentOf(uint32 contentId, uint40 blocks) internal pure returns (ICatalog.Commitment memory) {
        return ICatalog.Commitment({
            infohash: keccak256(abi.encode("infohash", contentId)),
            filesRoot: keccak256(abi.encode("filesRoot", contentId)),
            dataRoot: _treeOf(contentId, blocks).root(),
            blocks: blocks,
            fileCount: 1
        });
    }

    /// @dev Signed by the publisher.
    function _manifest(ICatalog.Commitment memory c) internal returns (ICatalog.Manifest memory m, bytes memory signature) {
        m = ICatalog.Manifest({
            publisher: publisher.addr,
            name: "linux.iso",
            infohash: c.infohash,
            key: catalog.keyOf(c),
            series: 0,
            version: 1,
            licence: "https://spdx.org/licenses/CC0-1.0",
            sources: new string[](0)
        });
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(publisher, catalog.hashOf(m));
        signature = abi.encodePacked(r, s, v);
    }

    function _keepTree(uint32 contentId, uint40 blocks) internal {
        if (_trees[contentId].words == 0) _trees[contentId] = _treeOf(contentId, blocks);
    }

    function _chunks(uint32 contentId) internal view returns (uint256) {
        return catalog.chunks(contentId);
    }

    /// @dev A word of a content published and its path.
    function _wordOf(uint32 contentId, uint256 leaf) internal view returns (bytes memory) {
        return _trees[contentId].openKept(leaf);
    }

    /// @dev K words of one content and their paths.
    function _words(uint32 contentId, bytes32 seed) internal view returns (bytes memory proof) {
        uint64[] memory leaves = holdings.wordsOf(contentId, seed);
        for (uint256 k; k < leaves.length; ++k) {
            proof = bytes.concat(proof, _wordOf(contentId, leaves[k]));
        }
    }

    // ---- Operators ----

    function _owner(uint32 operatorId) internal returns (address) {
        return makeAddr(string.concat("owner ", vm.toString(operatorId)));
    }

    function _prover(uint32 operatorId) internal returns (address) {
        return makeAddr(string.concat("prover ", vm.toString(operatorId)));
    }

    function _payout(uint32 operatorId) internal returns (address) {
        return makeAddr(string.concat("payout ", vm.toString(operatorId)));
    }

    function _register(uint32 capacityChunks) internal returns (uint32 operatorId) {
        operatorId = operators.count() + 1;
        (address owner, address prover, address payout) = (_owner(operatorId), _prover(operatorId), _payout(operatorId));
        _fund(owner);
        vm.startPrank(owner);
        assertEq(operators.register(capacityChunks, payout, prover, "198.51.100.7:6881"), operatorId);
        operators.setKeys(operatorId, owner, prover, capacityChunks, payout);
        vm.stopPrank();
    }

    function _reputation(uint32 operatorId) internal view returns (uint256 reputation) {
        (reputation,) = operators.standing(operatorId);
    }

    // ---- Orders ----

    /// @dev Starts with the epoch under way.
    function _request(uint32 contentId, uint8 replicas, uint8 epochs) internal view returns (IMarket.Request memory r) {
        (r.contentId, r.replicas, r.startEpoch, r.epochs) = (contentId, replicas, _epoch(), epochs);
    }

    function _open(IMarket.Request memory r) internal returns (uint40) {
        vm.prank(uploader);
        return market.open(r, type(uint256).max);
    }

    function _open(uint32 contentId, uint8 replicas, uint8 epochs) internal returns (uint40) {
        return _open(_request(contentId, replicas, epochs));
    }

    function _accept(uint40 orderId, uint8 replica, uint32 operatorId) internal {
        vm.prank(_prover(operatorId));
        market.accept(orderId, replica, operatorId);
    }

    function _activate(uint40 orderId, uint8 replica) internal {
        bytes memory proof = _words(market.order(orderId).contentId, market.activationSeed(orderId, replica));
        vm.prank(_prover(market.slot(orderId, replica).operatorId));
        market.activate(orderId, replica, proof);
    }

    /// @dev An order of one replica from this epoch on, held by `operatorId`: accepted now, activated in the next round, live in the one
    /// after it, to whose start this goes.
    function _hold(uint32 operatorId, uint32 contentId, uint8 epochs) internal returns (uint40 orderId) {
        orderId = _open(contentId, 1, epochs);
        _accept(orderId, 0, operatorId);
        _nextSeeded();
        _activate(orderId, 0);
        _next();
    }

    // ---- Proofs ----

    /// @dev What `operatorId` has to send for the round under way: the hints of all draws, and words where there is something to answer.
    function _proof(uint32 operatorId) internal view returns (bytes memory) {
        return _proofOf(holdings.challenges(operatorId));
    }

    function _proofOf(IHoldings.Challenge[] memory drawn) internal view returns (bytes memory proof) {
        uint256 from;
        for (uint256 i; i < drawn.length; ++i) {
            if (!drawn[i].answer && i + 1 != drawn.length) continue;
            proof = bytes.concat(proof, _hints(drawn, from, i + 1));
            if (drawn[i].answer) proof = bytes.concat(proof, _wordOf(drawn[i].contentId, drawn[i].leaf));
            from = i + 1;
        }
    }

    function _hints(IHoldings.Challenge[] memory drawn, uint256 from, uint256 to) private pure returns (bytes memory hints) {
        hints = new bytes(4 * (to - from));
        for (uint256 i; i < hints.length; ++i) {
            hints[i] = bytes4(drawn[from + i / 4].entry)[i % 4];
        }
    }

    function _prove(uint32 operatorId) internal {
        bytes memory proof = _proof(operatorId);
        vm.prank(_prover(operatorId));
        holdings.prove(operatorId, proof);
    }

    /// @dev Seeds and proves every round of the epoch under way from this one on; ends at the start of the next epoch.
    function _proveToEnd(uint32 operatorId) internal {
        Epoch epoch = _epoch();
        while (_epoch() == epoch) {
            _seed();
            _prove(operatorId);
            _next();
        }
    }

    /// @dev Seeds every round from this one until `until` and proves none.
    function _idleTo(Round until) internal {
        while (_now() < until) {
            _seed();
            _next();
        }
    }

    // ---- Audits ----

    function _audit(uint40 orderId, uint8 replica) internal {
        vm.prank(auditor);
        audits.open(orderId, replica, AUDIT_FEE);
    }

    function _answer(uint40 orderId, uint8 replica) internal {
        bytes memory proof = _words(market.order(orderId).contentId, audits.auditSeed(orderId, replica));
        vm.prank(_prover(audits.audit(orderId, replica).operatorId));
        audits.answer(orderId, replica, proof);
    }

    function _reportLoss(uint40 orderId, uint8 replica) internal {
        vm.prank(_prover(market.slot(orderId, replica).operatorId));
        audits.reportLoss(orderId, replica);
    }

    // ---- Settling ----

    /// @dev Goes to the round in which an epoch can be settled, and settles it for one operator.
    function _settle(uint32 operatorId, Epoch epoch) internal {
        if (_now() < epoch.addEpochs(1).first().addRounds(2)) _to(epoch.addEpochs(1), 2);
        settlement.settle(operatorId, epoch);
    }

    function _freeze(Epoch epoch) internal {
        if (_now() < epoch.addEpochs(1).first().addRounds(5)) _to(epoch.addEpochs(1), 5);
        settlement.freeze(epoch);
    }

    // ---- Equalities of the ledgers (H-ESC-1) ----

    /// @dev Of the contracts that hold money, where nobody donated any: what they account for is what they have.
    function _checkLedgers() internal view {
        assertEq(asset.balanceOf(address(market)), market.accounted(), "market");
        assertEq(asset.balanceOf(address(pool)), pool.accounted(), "pool");
        assertEq(asset.balanceOf(address(operators)), operators.accounted(), "operators");
        assertEq(asset.balanceOf(address(audits)), audits.accounted(), "audits");
        assertEq(asset.balanceOf(address(retrieval)), retrieval.accounted(), "retrieval");
        uint256 deposits;
        for (uint40 id = 1; id <= market.count(); ++id) {
            deposits += market.order(id).balance;
        }
        assertEq(market.accounted(), deposits + pool.scheduled(), "deposits + scheduled");
    }
}
