// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOracle} from "../../src/interfaces/IOracle.sol";
import {Epoch} from "../../src/Types.sol";
import {OracleTest} from "../Oracle/OracleTest.sol";

/// @notice Keepers, governance and time in any order. Every action is one that must succeed.
contract OracleHandler is OracleTest {
    uint256 public donated;
    uint256 public paidIn;
    uint256 public paidOut;
    uint256 public forfeited;

    /// @dev What was read in the epoch itself.
    mapping(uint32 epoch => bytes32) public committeeSeen;
    mapping(uint32 epoch => bytes32) public rulesSeen;

    function setUp() public override {
        super.setUp();
        _seat(4);
        paidIn = 4 * BOND;
        _toEpoch(1);
        _see();
    }

    function join(uint256 i) external {
        IOracle.Keeper memory k = oracle.keeper(_keeper(i));
        if (k.fullBond != 0 || oracle.committee(oracle.currentEpoch().addEpochs(1)).length == 9) return;
        paidIn += oracle.keeperBond();
        _join(_keeper(i));
    }

    function resign(uint256 i) external {
        IOracle.Keeper memory k = oracle.keeper(_keeper(i));
        if (k.fullBond != 0 && Epoch.unwrap(k.until) == 0) _resign(_keeper(i));
    }

    function remove(uint256 i) external {
        if (!oracle.keeper(_keeper(i)).admitted) return;
        vm.prank(admin);
        oracle.remove(_keeper(i));
    }

    function topUp(uint256 i, uint256 payer) external {
        IOracle.Keeper memory k = oracle.keeper(_keeper(i));
        if (k.bond == k.fullBond) return;
        paidIn += k.fullBond - k.bond;
        vm.prank(_keeper(payer));
        oracle.topUp(_keeper(i));
    }

    function withdrawBond(uint256 i) external {
        IOracle.Keeper memory k = oracle.keeper(_keeper(i));
        if (Epoch.unwrap(k.until) == 0 || oracle.currentEpoch() < k.until.addEpochs(2)) return;
        paidOut += k.bond;
        oracle.withdrawBond(_keeper(i));
    }

    /// @dev Some of the last epoch's keepers commit; each reveals all, or a page too few; the faults are charged.
    function report(uint256 who, uint256 honest) external {
        Epoch epoch = oracle.currentEpoch();
        _after(epoch, 0);
        address[] memory seated = oracle.committee(epoch);
        bytes[] memory pages = new bytes[](2);
        (pages[0], pages[1]) = (_uniform(3, 9000, 9000), _uniform(1, 5000, 5000));
        for (uint256 i; i < seated.length; ++i) {
            IOracle.Keeper memory k = oracle.keeper(seated[i]);
            if (who >> i & 1 == 1 && k.bond == k.fullBond) _commit(seated[i], epoch, pages);
        }
        _after(epoch, 1);
        for (uint256 i; i < seated.length; ++i) {
            if (oracle.commitment(epoch, seated[i]).pages != 0) _reveal(seated[i], epoch, pages, honest >> i & 1 == 1 ? 2 : 1);
        }
        _after(epoch, 2);
        if (oracle.session(epoch).counted) oracle.tally(epoch, 0);
        for (uint256 i; i < seated.length; ++i) {
            IOracle.Commitment memory c = oracle.commitment(epoch, seated[i]);
            if (c.revealed == c.pages) continue;
            uint256 bond = oracle.keeper(seated[i]).bond;
            oracle.forfeit(epoch, seated[i]);
            forfeited += bond - oracle.keeper(seated[i]).bond;
        }
        _see();
    }

    function setKeeperBond(uint96 bond) external {
        vm.prank(admin);
        oracle.setKeeperBond(uint96(bound(bond, 1, 20e18)));
    }

    function setRules(uint16 toleranceBps, uint16 shareBps, uint16 forfeitBps) external {
        vm.prank(admin);
        oracle.setRules(
            IOracle.Rules({
                toleranceBps: uint16(bound(toleranceBps, 100, 2000)),
                shareBps: uint16(bound(shareBps, 5000, 10_000)),
                forfeitBps: uint16(bound(forfeitBps, 100, 10_000))
            })
        );
    }

    function donate(uint256 amount) external {
        amount = bound(amount, 1, 1e18);
        donated += amount;
        token.mint(address(oracle), amount);
    }

    function pass(uint256 rounds) external {
        vm.warp(block.timestamp + bound(rounds, 1, 40) * LENGTH);
        _see();
    }

    // ---- What must hold ----

    function checkLedger() external view {
        uint256 bonds;
        for (uint256 i; i < keepers.length; ++i) {
            IOracle.Keeper memory k = oracle.keeper(keepers[i]);
            assertLe(k.bond, k.fullBond);
            bonds += k.bond;
        }
        assertEq(oracle.accounted(), bonds);
        assertEq(oracle.accounted() + paidOut + forfeited, paidIn);
        assertEq(token.balanceOf(address(oracle)), oracle.accounted() + donated);
        assertEq(pool.treasuryBalance(), forfeited);
        assertEq(token.balanceOf(address(pool)), forfeited);
    }

    /// @dev Of the epoch under way and those before it. Also: who sits next is who joined and is not leaving.
    function checkHistory() external view {
        uint32 current = Epoch.unwrap(oracle.currentEpoch());
        for (uint32 e = 1; e <= current; ++e) {
            if (committeeSeen[e] == 0) continue;
            assertEq(_committee(e), committeeSeen[e]);
            assertEq(_rulesHash(e), rulesSeen[e]);
        }
        uint256 joined;
        for (uint256 i; i < keepers.length; ++i) {
            IOracle.Keeper memory k = oracle.keeper(keepers[i]);
            if (k.fullBond != 0 && Epoch.unwrap(k.until) == 0) ++joined;
        }
        address[] memory next = oracle.committee(Epoch.wrap(current + 1));
        assertEq(next.length, joined);
        for (uint256 i; i < next.length; ++i) {
            IOracle.Keeper memory k = oracle.keeper(next[i]);
            assertTrue(k.admitted && k.fullBond != 0 && Epoch.unwrap(k.until) == 0);
            for (uint256 j; j < i; ++j) {
                assertNotEq(next[i], next[j]);
            }
        }
    }

    function _see() private {
        uint32 e = Epoch.unwrap(oracle.currentEpoch());
        if (committeeSeen[e] == 0) (committeeSeen[e], rulesSeen[e]) = (_committee(e), _rulesHash(e));
    }

    function _keeper(uint256 i) private view returns (address) {
        return keepers[i % keepers.length];
    }

    function _committee(uint32 e) private view returns (bytes32) {
        return keccak256(abi.encode(oracle.committee(Epoch.wrap(e))));
    }

    function _rulesHash(uint32 e) private view returns (bytes32) {
        return keccak256(abi.encode(oracle.rulesOf(Epoch.wrap(e))));
    }
}

contract OracleLedgerTest is OracleTest {
    OracleHandler internal handler;

    function setUp() public override {
        handler = new OracleHandler();
        handler.setUp();
        bytes4[] memory selectors = new bytes4[](10);
        selectors[0] = OracleHandler.join.selector;
        selectors[1] = OracleHandler.resign.selector;
        selectors[2] = OracleHandler.remove.selector;
        selectors[3] = OracleHandler.topUp.selector;
        selectors[4] = OracleHandler.withdrawBond.selector;
        selectors[5] = OracleHandler.report.selector;
        selectors[6] = OracleHandler.setKeeperBond.selector;
        selectors[7] = OracleHandler.setRules.selector;
        selectors[8] = OracleHandler.donate.selector;
        selectors[9] = OracleHandler.pass.selector;
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: selectors}));
    }

    /// What is accounted for is what is held for keepers; forfeits are the treasury's; a donation is nobody's.
    function invariant_AccountedIsTheSumOfBonds() external view {
        handler.checkLedger();
    }

    /// No change of committee or rules alters an epoch under way or ended.
    function invariant_HistoryStays() external view {
        handler.checkHistory();
    }
}
